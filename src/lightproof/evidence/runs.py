"""Checks as entries of the ledger: what was about to be tried on whose authority, what was sent, what was found.

The first entry of a run is written before the first packet, with all its targets as an attachment. Others follow while
it goes on, and tell what was sent to whom. The last one holds the letter, each exposed service and the digest of the
whole report, which is kept beside it; a run that was killed has none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from lightproof.evidence.entries import Entry
from lightproof.evidence.records import ExposureReport, Grade, Probe, ScopeRecord, Service, Target

SUBJECT: Final = "check"
STARTED: Final = "check.started"
FINISHED: Final = "check.finished"
PROBED: Final = "check.probed"
"""What was sent since the entry of the run before."""
ALERT: Final = "check.alert"
"""A run found something open to strangers where no run had before."""
_LISTED: Final = 1_000
"""Exposed services that an entry names; the attachment holds all of them."""
_DESCRIBED: Final = 20_000
"""Characters of the targets' description that an entry holds."""
MOST_POSITIONS: Final = 4_000
"""Ranges of positions that an entry tells."""
MOST_PROBES: Final = 300
"""Probes that an entry tells: with as many ports as one can have (MOST_PORTS), and all positions, they fit an entry."""
MOST_PORTS: Final = 32
"""Of one probe: FTP's data has a port of its own for each connection."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What was about to be tried, as the first entry of a run tells it."""

    entry: int
    at: datetime
    by: str
    scope: ScopeRecord
    targets_sha256: str
    """Of the attachment that names each target."""
    seed: int
    """Of the order in which they are tried."""
    survey: bool
    """Whether only DICOM was asked for; else, whether somebody picks up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What was sent during a while of a run, as an entry tells it."""

    run: int
    """The run's first entry."""
    at: datetime
    tried: tuple[tuple[int, int], ...]
    """Positions in the order of the run's targets that were called by the sweep: half-open ranges."""
    probes: tuple[Probe, ...]


def started(
    *,
    at: datetime,
    plan: str,
    targets: int,
    described: str,
    targets_sha256: str,
    seed: int,
    survey: bool,
    machine: Iterable[str],
    scope: ScopeRecord,
    counts: bool,
) -> dict[str, object]:
    """What the first entry of a run says."""
    return {
        "at": _instant(at),
        "plan": plan,
        "targets": targets,
        "described": described[:_DESCRIBED],
        "targets_sha256": targets_sha256,
        "seed": seed,
        "survey": survey,
        "machine": sorted(machine),
        "counts": counts,
        "scope": {
            "basis": scope.basis,
            "controller": scope.controller,
            "authoriser": scope.authoriser,
            "reference": scope.reference,
            "starts": _instant(scope.starts) if scope.starts else None,
            "expires": _instant(scope.expires) if scope.expires else None,
        },
    }


def beginning_of(entry: Entry) -> Beginning | None:
    """How a run began; None for one whose entry does not name its targets one by one, as earlier versions wrote it."""
    said = cast("Mapping[str, Any]", entry.payload)
    if "targets_sha256" not in said:
        return None
    return Beginning(
        entry=entry.index,
        at=datetime.fromisoformat(said["at"]),
        by=entry.principal,
        scope=_scope(said["scope"]),
        targets_sha256=said["targets_sha256"],
        seed=said["seed"],
        survey=said["survey"],
    )


def _scope(said: Mapping[str, Any]) -> ScopeRecord:
    instants = {name: datetime.fromisoformat(said[name]) if said.get(name) else None for name in ("starts", "expires")}
    return ScopeRecord(
        basis=said["basis"],
        controller=said["controller"],
        authoriser=said["authoriser"],
        reference=said["reference"],
        **instants,
    )


def probed(run: int, tried: Sequence[tuple[int, int]], probes: Sequence[Probe]) -> Iterator[dict[str, object]]:
    """What the entries say that tell what was sent since the last one; as many as it takes."""
    most = max(-(-len(tried) // MOST_POSITIONS), -(-len(probes) // MOST_PROBES))
    for nth in range(most):
        yield {
            "run": run,
            "tried": [list(found) for found in tried[nth * MOST_POSITIONS :][:MOST_POSITIONS]],
            "probes": [_probe_line(probe) for probe in probes[nth * MOST_PROBES :][:MOST_PROBES]],
        }


def sent_of(entry: Entry) -> Sent:
    """What this entry says was sent."""
    said = cast("Mapping[str, Any]", entry.payload)
    return Sent(
        run=said["run"],
        at=entry.at,
        tried=tuple((first, stop) for first, stop in said["tried"]),
        probes=tuple(
            Probe(
                at=datetime.fromisoformat(at),
                target=Target(address, port, transport),
                detector=detector,
                ports=tuple(ports),
                connections=connections,
                bytes_out=bytes_out,
                sha256=digest,
            )
            for at, address, port, transport, detector, ports, connections, bytes_out, digest in said["probes"]
        ),
    )


def _probe_line(probe: Probe) -> list[object]:
    target = probe.target
    return [
        _instant(probe.at), target.address, target.port, target.transport,
        probe.detector, list(probe.ports), probe.connections, probe.bytes_out, probe.sha256,
    ]  # fmt: skip


def finished(report: ExposureReport, *, plan: str, machine: Iterable[str], report_sha256: str) -> dict[str, object]:
    """What the second entry of a run says."""
    exposed = [service for service in report.services if service.grade >= Grade.OPEN]
    return {
        "started": _instant(report.started),
        "finished": _instant(report.finished),
        "plan": plan,
        "machine": sorted(machine),
        "letter": report.letter,
        "targets": report.targets,
        "unchecked": len(report.unchecked),
        "findings": len(report.findings),
        "exposed": [_line(service) for service in exposed[:_LISTED]],
        "exposed_in_all": len(exposed),
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


def newly_exposed(run: Run, earlier: Iterable[Run]) -> tuple[Exposed, ...]:
    """What this run shows open to strangers and the last run that looked there did not; all of it in a first run."""
    before: Run | None = None
    for other in earlier:
        if other.entry < run.entry and (other.plan == run.plan or set(other.machine) & set(run.machine)):
            before = other
    if before is None:
        return run.exposed
    return tuple(found for found in run.exposed if not before.shows(found.place))


def alert(run: Run, exposed: Iterable[Exposed]) -> dict[str, object]:
    """What the entry of an alert says."""
    return {
        "event": "newly-exposed",
        "run": run.entry,
        "exposed": [
            [found.address, found.port, found.transport, found.service, found.grade.value] for found in exposed
        ],
    }


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


def _line(service: Service) -> list[str | int]:
    return [service.address, service.port, service.transport, service.service, service.grade.value]


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
