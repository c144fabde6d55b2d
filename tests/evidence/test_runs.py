"""Checks as the ledger tells them, whatever their size."""

from check.observing import query_open, reported
from lightproof.evidence import runs
from lightproof.evidence.records import ExposureReport, Target


def open_on(count: int) -> ExposureReport:
    return reported([query_open(Target(f"192.0.{n >> 8}.{n & 255}", 11112)) for n in range(count)])


def test_what_an_entry_has_no_room_for_is_counted() -> None:
    said = runs.finished(open_on(1_200), plan="p", machine=(), report_sha256="")
    assert isinstance(said["exposed"], list)
    assert (len(said["exposed"]), said["exposed_in_all"]) == (1_000, 1_200)  # type: ignore[reportUnknownArgumentType]


def test_only_what_was_not_open_before_is_newly_exposed() -> None:
    before, after = runs.exposed_in(open_on(1_200)), runs.exposed_in(open_on(1_201))
    assert [found.address for found in runs.newly_exposed(after, before)] == ["192.0.4.176"]
    assert runs.newly_exposed(before, after) == ()
