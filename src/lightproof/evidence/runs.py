"""Checks as entries of the ledger: what was found. What was sent is told in sending.py.

The last entry of a run holds the letter, each exposed service and the digest of the whole report, which is kept beside
it; a run that was killed has none. An alert may follow it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from lightproof.evidence.entries import Entry, rfc3339
from lightproof.evidence.records import ExposureReport, Grade

SUBJECT: Final = "check"
FINISHED: Final = "check.finished"
ALERT: Final = "check.alert"
"""A run found something open to strangers where no run had before."""
_LISTED: Final = 1_000
"""Exposed services that an entry names; the attachment holds all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """One service that gave strangers more than it should."""

    address: str
    port: int
    transport: str
    service: str
    grade: Grade

    @property
    def place(self) -> tuple[str, int, str]:
        """Where it is, whatever it speaks."""
        return self.address, self.port, self.transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished check, as the ledger tells it."""

    entry: int
    started: datetime
    finished: datetime
    letter: str
    plan: str
    """Digest of the plan: equal for the same targets."""
    machine: tuple[str, ...]
    """Addresses of the machine that was checked whole; empty for a check of named targets."""
    exposed: tuple[Exposed, ...]
    every_exposed: bool
    """False when there were more of them than the entry names."""
    report_sha256: str

    def shows(self, place: tuple[str, int, str]) -> bool:
        """Whether this run found something open to strangers there."""
        return any(found.place == place for found in self.exposed)

    def covers(self, place: tuple[str, int, str], like: "Run") -> bool:
        """Whether this run looked there too: the same targets as `like`, or the whole machine that has the address."""
        return self.every_exposed and (self.plan == like.plan or place[0] in self.machine)


def finished(report: ExposureReport, *, plan: str, machine: Iterable[str], report_sha256: str) -> dict[str, object]:
    """What the last entry of a run says."""
    exposed = exposed_in(report)
    return {
        "started": rfc3339(report.started),
        "finished": rfc3339(report.finished),
        "plan": plan,
        "machine": sorted(machine),
        "letter": report.letter,
        "targets": report.targets,
        "unchecked": len(report.unchecked),
        "findings": len(report.findings),
        **_listed(exposed),
        "evidence_sha256": report.evidence_sha256,
        "report_sha256": report_sha256,
    }


def runs(entries: Iterable[Entry]) -> tuple[Run, ...]:
    """The finished runs among these entries, in their order."""
    return tuple(run_of(entry) for entry in entries if entry.kind == FINISHED)


def run_of(entry: Entry) -> Run:
    """The finished run that this entry tells."""
    said = cast("Mapping[str, Any]", entry.payload)
    listed = said["exposed"]
    return Run(
        entry=entry.index,
        started=datetime.fromisoformat(said["started"]),
        finished=datetime.fromisoformat(said["finished"]),
        letter=said["letter"],
        plan=said["plan"],
        machine=tuple(said["machine"]),
        exposed=tuple(
            Exposed(address=address, port=port, transport=transport, service=service, grade=Grade(grade))
            for address, port, transport, service, grade in listed
        ),
        every_exposed=len(listed) == said["exposed_in_all"],
        report_sha256=said["report_sha256"],
    )


def exposed_in(report: ExposureReport) -> tuple[Exposed, ...]:
    """All that a run found open to strangers, however many: more than its entry names."""
    return tuple(
        Exposed(address=s.address, port=s.port, transport=s.transport, service=s.service, grade=s.grade)
        for s in report.services
        if s.grade >= Grade.OPEN
    )


def last_that_looked(earlier: Iterable[Run], *, plan: str, machine: Iterable[str]) -> Run | None:
    """The last of these runs that looked at the same targets, or at the same machine; None when none did."""
    own = set(machine)
    return next((run for run in reversed(tuple(earlier)) if run.plan == plan or own & set(run.machine)), None)


def newly_exposed(exposed: Iterable[Exposed], before: Iterable[Exposed]) -> tuple[Exposed, ...]:
    """What is open to strangers where nothing was. Both must be whole: what an entry left out would seem new."""
    known = {found.place for found in before}
    return tuple(found for found in exposed if found.place not in known)


def alert(run: Run, exposed: Sequence[Exposed]) -> dict[str, object]:
    """What the entry of an alert says."""
    return {"event": "newly-exposed", "run": run.entry, **_listed(exposed)}


def period(runs: Iterable[Run], place: tuple[str, int, str]) -> tuple[datetime | None, datetime | None]:
    """Between which instants runs show something open to strangers at a place.

    The first is when it was first seen: it may have been so for longer. The second is the start of the first later run
    that looked there again and found nothing; None while the last run that looked still found it.
    """
    first: datetime | None = None
    end: datetime | None = None
    showing: Run | None = None
    for run in runs:
        if run.shows(place):
            first, end, showing = first or run.started, None, run
        elif showing is not None and end is None and run.covers(place, showing):
            end = run.started
    return first, end


def _listed(exposed: Sequence[Exposed]) -> dict[str, object]:
    """As many as an entry can name, and how many there are."""
    lines = [[e.address, e.port, e.transport, e.service, e.grade.value] for e in exposed[:_LISTED]]
    return {"exposed": lines, "exposed_in_all": len(exposed)}
