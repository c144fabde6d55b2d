"""From what a run sees to its report, with what the plan says about it."""

from collections.abc import Sequence

from lightproof import __version__
from lightproof.check.findings import report
from lightproof.check.plan import Plan
from lightproof.check.rules import rulebook
from lightproof.check.watching import Look, Watcher
from lightproof.evidence.records import ExposureReport, Observation, Unchecked


def perform(plan: Plan, look: Look, watcher: Watcher, *, survey: bool = False) -> ExposureReport:
    """Carries the plan out and gives its graded report; a `survey` asked nothing. Raises what `look` raises."""
    seen = _Collected(watcher)
    span = look(seen)
    made = report(
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
        answered=span.answered,
        counting=plan.consent.count,
        survey=survey,
    )
    told = set(seen.unchecked)
    watcher.learnt((), [entry for entry in made.unchecked if entry not in told])  # where the box's forwards lead
    return made


class _Collected:
    """Keeps what is learnt, and passes everything on."""

    def __init__(self, watcher: Watcher) -> None:
        self.swept = watcher.swept
        self.visited = watcher.visited
        self.tried = watcher.tried
        self.probed = watcher.probed
        self._learnt = watcher.learnt
        self.observations: list[Observation] = []
        self.unchecked: list[Unchecked] = []

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        self.observations += observations
        self.unchecked += unchecked
        self._learnt(observations, unchecked)
