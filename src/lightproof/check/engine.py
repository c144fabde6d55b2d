"""Sends detectors to the targets that answer: under limits, many at a time, each target's whole visit bounded.

The engine decides when, never what: it knows no protocol. Whatever a peer or a detector does wrong becomes a record
that this target could not be checked; a run always ends.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from lightproof.check.consent import Consent
from lightproof.check.detectors import UNIDENTIFIED, WEB, Detector, Speech
from lightproof.check.identify import Heard, answers_dicom, identify
from lightproof.check.wire import Admission, Budget, Wire, told
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Observation, Probe, Target, Unchecked

_log = logging.getLogger(__name__)

_UPNP_PORT = 1900
_BUSY = "server-busy"
IDENTIFY_BUDGET = Budget(total_s=25, bytes_in=64 * 1024, bytes_out=4 * 1024, connections=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """All that was learnt about one target."""

    target: Target
    observations: tuple[Observation, ...]
    unchecked: tuple[Unchecked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What visits have in common. `admission` holds the manners, `now` the clock on the wall."""

    detectors: Sequence[Detector]
    admission: Admission
    now: Callable[[], datetime]
    consent: Consent
    budget: Budget
    """Of one detector on one target."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """What addresses were called by whoever named them."""
    visit_s: float = 45.0
    """Of all detectors together on one target, asked as one host, counting and guessing apart; what is left to do then
    is recorded as unchecked."""
    visits_at_once: int = 64
    probed: Callable[[Probe], None] = lambda _probe: None
    """Is told all that was sent, job by job."""
    ended: Callable[[], str | None] = lambda: None
    """Why nothing more may be sent, once that is so: no visit begins after that, and none that goes on sends a byte."""

    async def run(self, targets: Iterable[Target]) -> AsyncGenerator[Visit]:
        """Visits every target, at most `visits_at_once` together; yields each visit as it ends.

        A visit during which nothing more might be sent says so, whatever its detectors made of it.
        """
        waiting = iter(targets)
        running: set[asyncio.Task[Visit]] = set()
        try:
            while True:
                while len(running) < self.visits_at_once and self.ended() is None:
                    if (target := next(waiting, None)) is None:
                        break
                    running.add(asyncio.create_task(self.visit(target)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield self._cut_short(task.result())
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _cut_short(self, seen: Visit) -> Visit:
        if (reason := self.ended()) is None:
            return seen
        entry = Unchecked(target=seen.target, detector="visit", reason=reason)
        return replace(seen, unchecked=(*seen.unchecked, entry))

    async def visit(self, target: Target) -> Visit:
        """Finds out what one target speaks and runs the detectors that understand it, one after the other.

        A web server gives each name another site, and whoever knows the address alone another still: a target that was
        called by names is asked as each of them, then by its address.
        """
        ends = asyncio.get_running_loop().time() + self.visit_s
        if target.transport == "udp":
            boxes = [d for d in self.detectors if d.transport == "udp"]
            # A box that someone named with a port of its own is asked for what it forwards.
            forwards = [d for d in boxes if d.expects(_UPNP_PORT)] or boxes
            chosen = [d for d in boxes if d.expects(target.port)] or forwards
            return await self._run(chosen, target, Heard(Speech.OTHER), ends)
        listening = [d for d in self.detectors if d.transport == "tcp"]
        # A file share or an HL7 port may take words of another protocol badly: where one is expected, it goes first.
        expected = [d for d in listening if d.expects(target.port)]
        first = await self._run(expected, target, Heard(Speech.SILENT), ends)
        if first.observations:
            presumed = all(d.or_dicom for d in expected) and all(o.details.get("presumed") for o in first.observations)
            return await self._visit_as_dicom(first, listening, ends) if presumed else first
        visits: list[Visit] = []
        for name in (*self.names.get(target.address, ()), None):
            heard, seen = await self._visit_as(name, ends, first, listening)
            if name is None and visits and heard.speech in UNIDENTIFIED:
                break  # it does not speak to those who know no name: nothing is missed
            visits.append(seen)
            if not _heeds_names(heard):
                break
            ends = asyncio.get_running_loop().time() + self.visit_s
        return Visit(
            target=target,
            observations=tuple(observation for seen in visits for observation in seen.observations),
            unchecked=tuple(dict.fromkeys(entry for seen in visits for entry in seen.unchecked)),
        )

    async def _visit_as_dicom(self, first: Visit, detectors: Sequence[Detector], ends: float) -> Visit:
        """What an archive says that sits on a port where something else was presumed; `first` when there is none."""
        target = first.target
        try:
            with self._wire(target, "identify", IDENTIFY_BUDGET, ends) as wire:
                if not await answers_dicom(wire):
                    return first
        except Exception as error:  # noqa: BLE001 - one service must not end the check of all others
            return replace(first, unchecked=(*first.unchecked, _unchecked(target, "identify", error)))
        heard = Heard(Speech.DICOM)
        return await self._run([d for d in detectors if heard.speech in d.speech], target, heard, ends)

    async def _visit_as(
        self, name: str | None, ends: float, first: Visit, detectors: Sequence[Detector]
    ) -> tuple[Heard, Visit]:
        """What a target that was visited in vain by the detectors of its port says when it is asked as one host."""
        target = first.target
        try:
            with self._wire(target, "identify", IDENTIFY_BUDGET, ends, name=name) as wire:
                heard = await identify(wire)
        except Exception as error:  # noqa: BLE001 - as above
            failed = _unchecked(target, "identify", error)
            return Heard(Speech.SILENT), replace(first, unchecked=(*first.unchecked, failed))
        if heard.speech in UNIDENTIFIED:
            if heard.beyond_belief:
                reason = "length-beyond-belief"
            elif heard.speech is Speech.SILENT:
                reason = "silent"
            else:
                return heard, first
            unknown = Unchecked(target=target, detector="identify", reason=reason)
            return heard, first if first.unchecked else replace(first, unchecked=(unknown,))
        chosen = [d for d in detectors if heard.speech in d.speech]
        return heard, await self._run(chosen, target, heard, ends, name=name if _heeds_names(heard) else None)

    async def _run(
        self, detectors: Sequence[Detector], target: Target, heard: Heard, ends: float, *, name: str | None = None
    ) -> Visit:
        observations: list[Observation] = []
        unchecked: list[Unchecked] = []
        busy = heard.busy
        if busy:
            unchecked.append(Unchecked(target=target, detector="identify", reason=_BUSY))
        for detector in detectors:
            if busy and detector.speech & WEB:  # it asked to be left alone, and that is meant for all of us
                continue
            began = asyncio.get_running_loop().time()
            counting = detector.counting if self.consent.count else None
            budget = counting or replace(detector.budget or self.budget, total_s=self.budget.total_s)
            guesses = len(self.consent.called_aes) if detector.guess_s else 0
            budget = replace(
                budget,
                total_s=budget.total_s + guesses * detector.guess_s,
                connections=budget.connections + guesses,
            )
            consented = counting or guesses
            must_end = began + budget.total_s if consented else ends
            with self._wire(target, detector.name, budget, must_end, heard=heard, name=name) as wire:
                failure = await self._detect(detector, wire, observations)
            if consented:  # what the owner consented to takes no time from the others
                ends += asyncio.get_running_loop().time() - began
            if failure is not None:
                unchecked.append(failure)
                busy = busy or failure.reason == _BUSY
        return Visit(target=target, observations=tuple(observations), unchecked=tuple(unchecked))

    async def _detect(self, detector: Detector, wire: Wire, observations: list[Observation]) -> Unchecked | None:
        try:
            async for observation in detector.detect(wire):
                observations.append(observation)
        except Exception as error:  # noqa: BLE001 - nor a detector's fault the check of a hospital
            return _unchecked(wire.target, detector.name, error)
        return None

    @contextmanager
    def _wire(
        self,
        target: Target,
        detector: str,
        budget: Budget,
        ends: float,
        *,
        heard: Heard | None = None,
        name: str | None = None,
    ) -> Generator[Wire]:
        """A wire for one job; what it sent is told, however the job ends."""
        left_s = ends - asyncio.get_running_loop().time()
        wire = Wire(
            target,
            detector=detector,
            now=self.now,
            budget=replace(budget, total_s=max(0.0, min(budget.total_s, left_s))),
            admission=self.admission,
            tls=heard is not None and heard.tls,
            name=name,
            consent=self.consent,
            ended=self.ended,
        )
        with told(wire, self.probed):
            yield wire


def _heeds_names(heard: Heard) -> bool:
    """Whether a port may answer otherwise to another name: in TLS, in HTTP, and where it said nothing yet."""
    return heard.tls or heard.speech is Speech.HTTP or heard.speech in UNIDENTIFIED


def _unchecked(target: Target, detector: str, error: Exception) -> Unchecked:
    match error:
        case ProtocolViolation():
            reason = error.reason
        case ConnectionRefusedError():
            reason = "connection-refused"
        case ConnectionResetError() | BrokenPipeError():
            reason = "connection-reset"
        case OSError():
            reason = "unreachable"
        case _:
            reason = "detector-fault"
            _log.debug("detector %s failed with %s", detector, type(error).__name__)
    return Unchecked(target=target, detector=detector, reason=reason)
