"""From what a run sees to its report, with what the plan says about it; and who hears meanwhile how far it has come."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lightproof import __version__
from lightproof.check.findings import report
from lightproof.check.plan import Plan
from lightproof.check.rules import rulebook
from lightproof.evidence.records import ExposureReport, Observation, Unchecked


class Watcher(Protocol):
    """Hears what a run learns, and how far it has come."""

    def swept(self, done: int, total: int, answering: int) -> None:
        """So many targets were tried, and so many answer."""
        ...

    def visited(self, done: int, total: int) -> None:
        """So many of the services that answer were looked at."""
        ...

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        """What was seen, each record once."""
        ...


class Span(NamedTuple):
    """When a run began and ended."""

    started: datetime
    finished: datetime


Look = Callable[[Watcher], Span]
"""Carries a plan out and tells all of it to a watcher."""


def perform(plan: Plan, look: Look, watcher: Watcher) -> ExposureReport:
    """Carries the plan out and gives its graded report. Raises what `look` raises."""
    seen = _Collected(watcher)
    span = look(seen)
    return report(
        seen.observations,
        seen.unchecked,
        book=rulebook(),
        lightproof=__version__,
        targets=plan.targets,
        started=span.started,
        finished=span.finished,
        scope=plan.scope,
        vantage=plan.vantage,
        processes=plan.processes,
        own_addresses=plan.own_addresses,
    )


class _Collected:
    """Keeps what is learnt, and passes everything on."""

    def __init__(self, watcher: Watcher) -> None:
        self.swept = watcher.swept
        self.visited = watcher.visited
        self._learnt = watcher.learnt
        self.observations: list[Observation] = []
        self.unchecked: list[Unchecked] = []

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        self.observations += observations
        self.unchecked += unchecked
        self._learnt(observations, unchecked)
