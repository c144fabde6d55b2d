"""What the process apart says, line by line, held against what a run of its plan can say.

Whoever took that process over can lie about what it saw: that is its work. Rules of this file, so that it does no more:
- words of ours have the form of words, and every other text is one that outputs escape: no terminal is written to;
- nothing is told of a target that the plan does not hold;
- as much is told as a run can tell: each position once, no more conversations than the plan's rate allows in the time
  since it began, observations as far as a ledger keeps them. A flood would fill the memory, and the disk for good.
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from lightproof.check.journal import OBSERVATIONS, UNCHECKED
from lightproof.check.sweeping.order import LARGEST
from lightproof.check.watching import Span, Watcher
from lightproof.documents.text import spelled_out, visible_lines
from lightproof.errors import LightproofError
from lightproof.evidence.records import Observation, Probe, Target, Unchecked
from lightproof.evidence.sending import MOST_PORTS

LONGEST_LINE: Final = 16 << 20
"""What one visit tells takes a few hundred kilobytes at most."""
_MOST_LEARNT: Final = 128 << 20
"""Bytes of observations: a report of more is not kept in a ledger."""
_AT_ONCE: Final = 1_000
"""Conversations that may have been told before the rate counts: visits end together."""
_LARGEST_NUMBER: Final = 2**53 - 1
_EXIT_CODES: Final = range(1, 126)
_WORD: Final = re.compile(r"[a-z][a-z0-9_-]{0,79}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PROBE: Final = TypeAdapter(Probe)
_POSITIONS: Final = TypeAdapter(tuple[tuple[NonNegativeInt, NonNegativeInt], ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a run can tell at most."""

    positions: int = LARGEST
    """How many targets it sweeps."""
    rate: float = float(LARGEST)
    """Conversations begun a second."""
    includes: Callable[[Target], bool] = lambda _target: True
    """Whether a target is the plan's."""


class Unbelievable(ValueError):
    """No run of this plan says so."""


class Fault(Exception):
    """The process apart says that it failed; `str` tells how, for --debug."""


class Hearsay:
    """Passes on what is said, as far as it can be believed."""

    def __init__(self, watcher: Watcher, bounds: Bounds, clock: Callable[[], float] = time.monotonic) -> None:
        self._watcher = watcher
        self._bounds = bounds
        self._clock = clock
        self._began = clock()
        self._positions = 0
        self._probes = 0
        self._learnt_bytes = 0

    def take(self, line: bytes) -> Span | None:
        """Passes one line on; gives the span of the run once it is done.

        Raises Unbelievable, Fault, and LightproofError for what is meant for a person.
        """
        try:
            return self._take(line)
        except (ValueError, RecursionError, ValidationError) as error:
            raise Unbelievable from error

    def _take(self, line: bytes) -> Span | None:
        said: dict[str, Any] = json.loads(line, parse_constant=_no_number)
        match said:
            case {"swept": [int(done), int(total), int(answering)]}:
                _believe(max(done, total, answering) <= _LARGEST_NUMBER)
                self._watcher.swept(done, total, answering)
            case {"tried": positions}:
                self._tried(_POSITIONS.validate_python(positions, strict=False))
            case {"probed": probe}:
                self._probed(_PROBE.validate_python(probe, strict=False))
            case {"visited": [int(done), int(total)]}:
                _believe(max(done, total) <= _LARGEST_NUMBER)
                self._watcher.visited(done, total)
            case {"observations": observations, "unchecked": unchecked}:
                self._learnt_bytes += len(line)
                _believe(self._learnt_bytes <= _MOST_LEARNT)
                self._learnt(
                    OBSERVATIONS.validate_python(observations, strict=False),
                    UNCHECKED.validate_python(unchecked, strict=False),
                )
            case {"span": [str(started), str(finished), bool(answered)]}:
                span = Span(datetime.fromisoformat(started), datetime.fromisoformat(finished), answered)
                _believe(span.started.tzinfo and span.finished.tzinfo)
                return span
            case {"refused": [str(error_id), str(cause), str(fix)], "exit_code": int(exit_code)}:
                _believe(_WORD.fullmatch(error_id) and exit_code in _EXIT_CODES)
                error = LightproofError(error_id, spelled_out(cause), spelled_out(fix))
                error.exit_code = exit_code
                raise error
            case {"fault": str(kind), "frames": str(frames)}:
                raise Fault(visible_lines(f"{kind}\n{frames}"))
            case _:
                raise Unbelievable
        return None

    def _tried(self, positions: tuple[tuple[int, int], ...]) -> None:
        _believe(all(start < stop <= self._bounds.positions for start, stop in positions))
        self._positions += sum(stop - start for start, stop in positions)
        _believe(self._positions <= self._bounds.positions)
        self._watcher.tried(positions)

    def _probed(self, probe: Probe) -> None:
        self._probes += 1
        _believe(self._probes <= _AT_ONCE + self._bounds.rate * (self._clock() - self._began))
        _believe(probe.at.tzinfo and _WORD.fullmatch(probe.detector) and _SHA256.fullmatch(probe.sha256))
        _believe(1 <= len(set(probe.ports)) == len(probe.ports) <= min(MOST_PORTS, probe.connections))
        _believe(probe.connections <= _LARGEST_NUMBER and 0 <= probe.bytes_out <= _LARGEST_NUMBER)
        _believe(all(0 < port < 65_536 for port in probe.ports))
        self._believe_targets((probe.target,))
        self._watcher.probed(probe)

    def _learnt(self, observations: tuple[Observation, ...], unchecked: tuple[Unchecked, ...]) -> None:
        for seen in observations:
            _believe(seen.at.tzinfo and all(map(_WORD.fullmatch, (seen.detector, seen.service, seen.signal))))
            _believe(all(map(_WORD.fullmatch, seen.protections)))
            _believe(all(0 <= count <= _LARGEST_NUMBER for count in seen.counts.values()))
        for entry in unchecked:
            _believe(_WORD.fullmatch(entry.detector) and _WORD.fullmatch(entry.reason))
        self._believe_targets(told.target for told in (*observations, *unchecked))
        self._watcher.learnt(observations, unchecked)

    def _believe_targets(self, targets: Iterable[Target]) -> None:
        _believe(all(map(self._bounds.includes, targets)))


def _believe(holds: object) -> None:
    if not holds:
        raise Unbelievable


def _no_number(_text: str) -> NoReturn:
    raise Unbelievable
