"""Records as lines of JSON, one a record, as they come: for a pipe that does not wait for the end of a check.

Each line is ASCII and says its `kind`; the last one is the `summary`, without which the stream was cut short.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter

from lightproof.documents.json import compact
from lightproof.evidence.records import ExposureReport, Finding, Observation, Service, Unchecked

Record = Observation | Service | Finding | Unchecked


def line(record: Record) -> bytes:
    """One record as one line."""
    return _line(type(record).__name__.lower(), record)


def lines(report: ExposureReport) -> Iterator[bytes]:
    """A finished report: observations, what was not checked, and the conclusion."""
    for records in (report.observations, report.unchecked):
        yield from map(line, records)
    yield from conclusion(report)


def conclusion(report: ExposureReport) -> Iterator[bytes]:
    """What is known only at the end, for whoever was told the rest as it came: services, findings, the summary."""
    for records in (report.services, report.findings):
        yield from map(line, records)
    yield _line("summary", replace(report, observations=(), services=(), findings=(), unchecked=()))


def _line(kind: str, record: Record | ExposureReport) -> bytes:
    values = _adapter(type(record)).dump_python(record, mode="json")
    return (compact({"kind": kind, **values}) + "\n").encode("ascii")


@cache
def _adapter(record_type: type[Record | ExposureReport]) -> TypeAdapter[Record | ExposureReport]:
    return TypeAdapter(record_type)
