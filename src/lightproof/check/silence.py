"""What a run has to say of those who were not heard: silence proves nothing, so it is told as unchecked.

A port that stays silent on a machine that answers otherwise is ordinary (a filter), and so is an address of a range
where nobody lives. A machine that somebody named is there, so its silence is told; and so is that of a whole run.
"""

from collections.abc import Iterator

from lightproof.check.plan import Plan
from lightproof.check.sweeping.hearing import Hearing
from lightproof.evidence.records import Target, Unchecked


def unheard(plan: Plan, hearing: Hearing) -> tuple[Unchecked, ...]:
    """One entry for each named machine that was not heard; one for the run when nobody was, and nobody was named."""
    found = tuple(_named(hearing))
    if not found and hearing.nobody and hearing.silence is not None:
        return (Unchecked(target=plan.space[0], detector="sweep", reason=hearing.silence),)
    return found


def _named(hearing: Hearing) -> Iterator[Unchecked]:
    for address, (how, port) in sorted(hearing.unheard.items()):
        if address not in hearing.machines:
            yield Unchecked(target=Target(address, port), detector="sweep", reason=how)
