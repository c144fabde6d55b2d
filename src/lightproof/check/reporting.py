"""From what a run saw to its report, with what the plan says about it; and who hears meanwhile how far it has come."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from lightproof import __version__
from lightproof.check.findings import report
from lightproof.check.plan import Plan
from lightproof.check.rules import rulebook
from lightproof.evidence.records import ExposureReport, Observation, Unchecked

if TYPE_CHECKING:
    from lightproof.check.engine import Visit


class Watcher(Protocol):
    """Hears how far a run has come."""

    def swept(self, done: int, total: int, answering: int) -> None:
        """So many targets were tried, and so many answer."""
        ...

    def visited(self, visit: "Visit", done: int, total: int) -> None:
        """One more of the services that answer was looked at."""
        ...


def reported(
    plan: Plan,
    observations: Iterable[Observation],
    unchecked: Iterable[Unchecked],
    *,
    started: datetime,
    finished: datetime,
) -> ExposureReport:
    """The graded report of a run of the plan."""
    return report(
        observations,
        unchecked,
        book=rulebook(),
        lightproof=__version__,
        targets=plan.targets,
        started=started,
        finished=finished,
        scope=plan.scope,
        vantage=plan.vantage,
        processes=plan.processes,
        own_addresses=plan.own_addresses,
    )
