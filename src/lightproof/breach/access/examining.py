"""Logs of one breach in, what they prove out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final, cast

from lightproof.breach.access.conclusion import Conclusion, conclusion, first_taken, summary
from lightproof.breach.access.log_lines import Address
from lightproof.breach.access.reading import LogFile, log_file
from lightproof.breach.access.tally import INSIDE, Exposure, Network, Place, Tally
from lightproof.breach.facts import Access
from lightproof.breach.incident import Incident
from lightproof.evidence.records import Service
from lightproof.evidence.runs import Run

_BEFORE_EVERY_LOG: Final = datetime(1970, 1, 2, tzinfo=UTC)
_Placed = tuple[str, int, str]
"""Address, port, transport."""


@dataclass(frozen=True, slots=True)
class NamedLog:
    """A log as a person names it: the file, and the port of the service whose log it is."""

    path: Path
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """What the logs gave: the answer, what is kept of it, and the digests of the files."""

    conclusion: Conclusion
    kept: dict[str, object]
    digests: tuple[str, ...]
    first_taken: datetime | None

    def changes(self, told: Incident, entry: int) -> dict[str, object]:
        """The facts that change with it, as JSON values: none while the logs prove nothing.

        What was proved, another log's silence does not undo; the same logs read again can (an address that turned out
        to be the practice's own), in favour or against.
        """
        access = self.conclusion.access
        before = {ref for ref in told.facts.shown("access") if ref.startswith("entry ")}
        undone = bool(before) and before <= {f"entry {reading}" for reading in told.read_again}
        if access is not Access.PROVED and told.proved_by is not None:
            return {}
        if access is Access.UNKNOWN:
            return {"access": str(access)} if undone else {}
        if access is Access.PROVED_NONE and told.facts.access is Access.PROVED and not undone:
            return {}
        shown = [f"entry {entry}", *(f"sha256:{digest}" for digest in self.digests)][:20]
        changes: dict[str, object] = {"access": str(access)}
        evidence: dict[str, object] = {"access": shown}
        if access is Access.PROVED:
            changes["confidentiality"] = "established"
            evidence["confidentiality"] = shown
            started = told.facts.started_at
            if self.first_taken is not None and (started is None or self.first_taken < started):
                changes["started_at"] = self.first_taken.isoformat()
                evidence["started_at"] = shown
        return {**changes, "evidence": evidence}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReader:
    """How the logs of one breach are read."""

    own: tuple[Network, ...] = ()
    """The practice's addresses as a person named them; none: those that no stranger on the internet has."""
    hashed: Callable[[Address], str]
    zone: tzinfo
    """Of the logs that name none."""

    def examined(self, logs: Sequence[NamedLog], exposure: Exposure) -> Examined:
        """Reads these logs for one exposure. Raises UsageRefused for a file that cannot be read."""
        tally = Tally(exposure=exposure, own=self.own or INSIDE, hashed=self.hashed)
        files = [self._added(log, tally) for log in logs]
        unreadable = sum(file.unreadable for file in files)
        concluded = conclusion(tally, unreadable=unreadable, own_named=bool(self.own))
        return Examined(
            concluded,
            {
                "logs": [_kept(file, log.port) for file, log in zip(files, logs, strict=True)],
                **summary(tally, concluded),
                # As they were named, public ones too: the answer rests on this word, and whoever doubts it must be
                # able to read it. They are the practice's own, which the check's report holds as well; no visitor's.
                "own": [str(network) for network in self.own],
            },
            tuple(file.sha256 for file in files),
            first_taken(tally),
        )

    def _added(self, log: NamedLog, tally: Tally) -> LogFile:
        file = log_file(log.path)
        for line in file.read(self.zone):
            tally.add(line, log.port)
        return file


def _kept(file: LogFile, port: int | None) -> dict[str, object]:
    return {
        "sha256": file.sha256,
        "octets": file.octets,
        "lines": file.lines,
        "unreadable": file.unreadable,
        "kinds": sorted(file.kinds),
        "port": port,
    }


def exposure_of(told: Incident, services: Sequence[Service], runs: Sequence[Run], now: datetime) -> Exposure:
    """What the logs of this breach are read for. `services`: those that it was opened from; `runs`: every check."""
    places = tuple(Place(service=s.service, address=s.address, port=s.port) for s in services)
    placed = [(s.address, s.port, s.transport) for s in services]
    begin = _begin(told, placed, runs)
    return Exposure(
        begin=begin or _BEFORE_EVERY_LOG,
        begin_known=begin is not None,
        end=_end(told, placed, runs, now),
        ongoing=told.facts.ended_at is None,
        places=places,
        checks=tuple((run.started, run.finished) for run in runs),
    )


def _begin(told: Incident, places: Sequence[_Placed], runs: Sequence[Run]) -> datetime | None:
    """Since when at the latest: as a person stated, or since the last check that found every place closed.

    A word alone narrows nothing: the earliest of what was stated and what was ever shown.
    """
    by_person = told.source.kind == "report" or any(one.name == "started_at" and one.reason for one in told.stated)
    closed = [_last_closed(runs, place) for place in places]
    known = [at for at in closed if at is not None]
    since_closed = min(known) if known and len(known) == len(closed) else None
    if not by_person or told.facts.started_at is None:
        return since_closed
    measured = (at for at in (since_closed, *_ever_shown(told, "started_at")) if at is not None)
    return min((told.facts.started_at, *measured))


def _end(told: Incident, places: Sequence[_Placed], runs: Sequence[Run], now: datetime) -> datetime:
    """Until when: the latest of what was stated, what was ever shown, and the last check that still found it open."""
    if told.facts.ended_at is None:
        return now
    still_open = (run.finished for run in runs if any(run.shows(place) for place in places))
    return max((told.facts.ended_at, *_ever_shown(told, "ended_at"), *still_open))


def _ever_shown(told: Incident, name: str) -> Iterator[datetime]:
    """Every instant that evidence showed for this fact, also where somebody stated another one since."""
    for step in told.steps:
        if step.what in ("opened", "corrected"):
            facts = cast("Mapping[str, Any]", step.payload["facts"])
            if facts.get(name) and name in (facts.get("evidence") or {}):
                yield datetime.fromisoformat(facts[name])


def _last_closed(runs: Sequence[Run], place: _Placed) -> datetime | None:
    """The end of the last check that looked at this place and found it closed, before the first that found it open."""
    showing = next((run for run in runs if run.shows(place)), None)
    if showing is None:
        return None
    before = [run.finished for run in runs if run.finished <= showing.started and run.covers(place, showing)]
    return max(before, default=None)
