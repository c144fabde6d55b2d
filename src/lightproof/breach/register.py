"""The register of Art. 33(5): one row a breach, so that a list is quick however long it is.

Rules of this file:
- a row is drawn from the breach's entries and says nothing that they do not, whatever the settings are today:
  `verified` draws each again and compares;
- rows that still wait for a notification come first, by their deadline; then the others, newest first.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from lightproof.breach.incident import SUBJECT, Incident, Status, incident
from lightproof.breach.pending import next_deadline
from lightproof.evidence.entries import Entry, rfc3339
from lightproof.evidence.ledger import Writing
from lightproof.storage.tables import breach


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row, as lists show it. Instants are RFC 3339 in UTC; empty where there is none."""

    id: str
    opened_at: str
    aware_at: str
    deadline: str
    status: str
    severity: str
    """Level of the gravest assessment (ENISA)."""
    title: str
    regime: str
    updated_entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows are wanted."""

    status: str | None = None
    year: int | None = None
    late_at: datetime | None = None
    """Only those whose deadline passed before this instant without a notification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows, and how many there are in all."""

    lines: tuple[Line, ...]
    total: int


def line_of(told: Incident) -> Line:
    """The row of a breach; its deadline is the nearest of those still pending."""
    facts, deadline = told.facts, next_deadline(told)
    return Line(
        id=told.id,
        opened_at=rfc3339(told.opened_at),
        aware_at=rfc3339(facts.aware_at) if facts.aware_at else "",
        deadline=rfc3339(deadline) if deadline else "",
        status=told.status.value,
        severity=_gravest(told),
        title=facts.title,
        regime=",".join(sorted(told.assessments)),
        updated_entry=told.last.entry,
    )


def put(connection: Connection, line: Line) -> None:
    """Writes a row, in place of the one of the same breach."""
    values = {**asdict(line), "row_sha": sha256_of(line)}
    statement = insert(breach).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def drop(connection: Connection, number: str) -> None:
    """Takes a row away: its breach was erased from the ledger in the same transaction."""
    connection.execute(delete(breach).where(breach.c.id == number))


def next_number(writing: Writing, year: int) -> str:
    """The number of the next breach of a year: `B-2026-0001`, for the transaction that opens it.

    A number is never given twice: rows of erased breaches are gone, but the ledger still counts that they were opened.
    """
    prefix = f"B-{year}-"
    # Numbers beyond 9,999 are longer: the longest is the last, then the greatest of that length.
    last = writing.connection.execute(
        select(breach.c.id)
        .where(breach.c.id.startswith(prefix))
        .order_by(func.length(breach.c.id).desc(), breach.c.id.desc())
        .limit(1)
    ).scalar()
    highest = int(last.removeprefix(prefix)) if last else 0
    return f"{prefix}{max(highest, writing.written('breach.opened', year)) + 1:04d}"


def page(connection: Connection, wanted: Filter, *, limit: int, start: int = 0) -> Page:
    """Some rows in the order of the register."""
    where = _where(wanted)
    order = (breach.c.deadline == "", breach.c.deadline, breach.c.opened_at.desc(), breach.c.id.desc())
    # Whole rows are read for one page alone: to sort those of a hundred thousand takes twice as long.
    shown = select(breach.c.id).where(where).order_by(*order).limit(limit).offset(start)
    rows = connection.execute(select(breach).where(breach.c.id.in_(shown)).order_by(*order))
    total = connection.execute(select(func.count()).select_from(breach).where(where)).scalar_one()
    return Page(lines=tuple(_line(row) for row in rows), total=total)


def waiting(connection: Connection) -> tuple[Line, ...]:
    """Every row that still waits for a notification, by its deadline."""
    rows = connection.execute(select(breach).where(breach.c.deadline != "").order_by(breach.c.deadline))
    return tuple(_line(row) for row in rows)


def unclosed(connection: Connection) -> frozenset[str]:
    """Numbers of the breaches that are not closed."""
    return frozenset(connection.execute(select(breach.c.id).where(breach.c.status != Status.CLOSED.value)).scalars())


def verified(connection: Connection, entries: Iterable[Entry]) -> tuple[str, ...]:
    """Numbers of the breaches whose row is not the one that their entries draw, or is missing, or is too many.

    `entries` are all those of breaches, in the order of the ledger.
    """
    told = {each.id: each for each in incidents(entries)}
    rows = {row.id: row for row in connection.execute(select(breach))}
    wrong = set(told) ^ set(rows)
    for number in set(told) & set(rows):
        expected, row = line_of(told[number]), rows[number]
        if _line(row) != expected or row.row_sha != sha256_of(expected):
            wrong.add(number)
    return tuple(sorted(wrong))


def incidents(entries: Iterable[Entry]) -> Iterator[Incident]:
    """Every breach that these entries tell."""
    mine = [entry for entry in entries if entry.subject.startswith(SUBJECT)]
    mine.sort(key=lambda entry: (entry.subject, entry.index))
    for _subject, group in groupby(mine, key=lambda entry: entry.subject):
        yield incident(list(group))


def sha256_of(line: Line) -> str:
    """Digest of a row in canonical JSON."""
    return hashlib.sha256(json.dumps(asdict(line), sort_keys=True).encode()).hexdigest()


def _where(wanted: Filter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [breach.c.id.startswith("B-")]
    if wanted.status is not None:
        conditions.append(breach.c.status == wanted.status)
    if wanted.year is not None:
        conditions.append(breach.c.id.startswith(f"B-{wanted.year}-"))
    if wanted.late_at is not None:
        conditions += [breach.c.deadline != "", breach.c.deadline < rfc3339(wanted.late_at)]
    return and_(*conditions)


def _line(row: Row[Any]) -> Line:
    return Line(**{name: getattr(row, name) for name in Line.__dataclass_fields__})


_LEVELS: Final[Sequence[str]] = ("", "low", "medium", "high", "very high")


def _gravest(told: Incident) -> str:
    levels = [str(payload.get("level", "")) for payload in told.assessments.values()]
    return max(levels, key=lambda level: _LEVELS.index(level) if level in _LEVELS else 0, default="")
