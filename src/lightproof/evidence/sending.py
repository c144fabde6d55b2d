"""Checks as entries of the ledger: what was about to be tried, on whose authority, and what was sent to whom.

The first entry of a run is written before the first packet, with all its targets as an attachment. Others follow while
it goes on, and tell what was sent since the one before. What came of it is told in runs.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from lightproof.evidence.entries import Entry, rfc3339
from lightproof.evidence.records import Probe, ScopeRecord, Target

STARTED: Final = "check.started"
PROBED: Final = "check.probed"
MOST_POSITIONS: Final = 4_000
"""Ranges of positions that an entry tells."""
MOST_PROBES: Final = 300
"""Probes that an entry tells: with as many ports as one can have (MOST_PORTS), and all positions, they fit an entry."""
MOST_PORTS: Final = 32
"""Of one probe: FTP's data has a port of its own for each connection."""
_DESCRIBED: Final = 20_000
"""Characters of the targets' description that an entry holds."""


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
        "at": rfc3339(at),
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
            "starts": rfc3339(scope.starts) if scope.starts else None,
            "expires": rfc3339(scope.expires) if scope.expires else None,
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
        rfc3339(probe.at), target.address, target.port, target.transport,
        probe.detector, list(probe.ports), probe.connections, probe.bytes_out, probe.sha256,
    ]  # fmt: skip
