"""Known vulnerabilities of imaging software, from a dated table: what a product and version make possible.

A version is a hint and never a proof: distributions repair without changing the number, and a banner can say anything.
"""

import datetime
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from pydantic import Field, model_validator

from lightproof.check import tables
from lightproof.evidence.records import Severity

Status = Literal["confirmed", "possible"]


class _Row(tables.Sourced):
    """Holds when `first` <= version, and version <= `last` or version < `fixed`; `always` holds for every version."""

    ids: tuple[str, ...] = Field(min_length=1)
    products: tuple[str, ...] = Field(min_length=1)
    first: str = ""
    last: str = ""
    fixed: str = ""
    always: bool = False
    seen_by: str = Field(min_length=3)
    summary: str = Field(min_length=5)
    severity: Severity
    status: Status

    @model_validator(mode="after")
    def _has_an_end(self) -> "_Row":
        if sum(map(bool, (self.last, self.fixed, self.always))) != 1:
            raise ValueError("exactly one of last, fixed and always")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """One vulnerability that a version makes possible."""

    id: str
    severity: Severity
    summary: str
    fixed: str | None
    """The first version without it, where known."""
    status: Status
    source: str
    date: datetime.date


_VERSION: Final = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,5}")
_GRAVEST_FIRST: Final = tuple(Severity)


def match(product: str, version: str | None) -> tuple[Vulnerability, ...]:
    """What this version of this product may be vulnerable to, gravest first.

    Words around the numbers do not count: `1.12.10-dirty`, `3.6.7+deb12u4` and `mainline-2.1` are 1.12.10, 3.6.7, 2.1.
    Without a version only what holds for every version matches.
    """
    number = comparable(version) if version is not None else None
    found = [
        Vulnerability(
            id=identifier,
            severity=row.severity,
            summary=row.summary,
            fixed=row.fixed or None,
            status=row.status,
            source=row.source,
            date=row.date,
        )
        for row in _table().get(product.lower(), ())
        if row.always or (number is not None and _within(number, row))
        for identifier in row.ids
    ]
    return tuple(sorted(found, key=lambda v: (_GRAVEST_FIRST.index(v.severity), v.id)))


def comparable(version: str) -> tuple[int, ...] | None:
    """The numbers of a version without trailing zeros, so that 1.12 is 1.12.0; None when it has none."""
    found = _VERSION.search(version[:64])
    if found is None:
        return None
    numbers = [int(part) for part in found.group().split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _within(number: tuple[int, ...], row: _Row) -> bool:
    first, last, fixed = (comparable(end) for end in (row.first, row.last, row.fixed))
    return (first is None or number >= first) and (last is None or number <= last) and (fixed is None or number < fixed)


@cache
def _table() -> Mapping[str, tuple[_Row, ...]]:
    file = files("lightproof.check") / "vulnerabilities.toml"
    found: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in tables.rows(file, tables.read(file), "vulnerability", _Row):
        for product in row.products:
            found[product.lower()].append(row)
    return {product: tuple(rows) for product, rows in found.items()}
