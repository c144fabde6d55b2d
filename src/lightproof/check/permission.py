"""How long a run may go on, and what it has left to do when it may not."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from lightproof.check.plan import Plan
from lightproof.check.scope import still_allowed
from lightproof.check.sweeping.sweep import untried
from lightproof.evidence.records import Unchecked

Ended = Callable[[], str | None]
"""Says why nothing more may be sent, once that is so: a reason of Unchecked."""

MOST_LISTED: Final = 65_536
"""Targets that a report lists as not tried."""


def permission(plan: Plan, now: Callable[[], datetime]) -> Ended:
    """Asked before whatever is sent: the plan was allowed for a time, which may end while it is carried out."""
    return lambda: None if still_allowed(plan.scope, now()) else "scope-expired"


def not_swept(plan: Plan, swept: Sequence[tuple[int, int]], reason: str) -> Iterator[Unchecked]:
    """The targets whose positions are not among those swept (ascending half-open ranges), as far as they are listed."""
    for target in islice(untried(plan.space, plan.seed, swept), MOST_LISTED):
        yield Unchecked(target=target, detector="sweep", reason=reason)
