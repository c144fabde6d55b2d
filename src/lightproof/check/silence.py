"""What a run has to say of those who were not heard: silence proves nothing, so it is told as unchecked.

A port that stays silent on a machine that answers otherwise is ordinary (a filter), and so is an address of a range
where nobody lives. A machine that somebody named is there, so its silence is told; and so is that of a whole run.
An internet box may speak neither UPnP nor NAT-PMP, and is asked for nothing else: where somebody named it, that it told
nothing of its forwards is told.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from lightproof.check.journal import Learnt
from lightproof.check.plan import Plan
from lightproof.check.sweeping.hearing import Hearing
from lightproof.evidence.records import Target, Unchecked

BOX_SILENT: Final = "box-silent"
"""Reason of Unchecked: a box that somebody named did not answer, so that nobody knows what it forwards."""


def unheard(plan: Plan, hearing: Hearing) -> tuple[Unchecked, ...]:
    """One entry for each named machine that was not heard; one for the run when nobody was, and nobody was named."""
    found = tuple(_named(hearing))
    if not found and hearing.nobody and hearing.silence is not None:
        return (Unchecked(target=plan.space[0], detector="sweep", reason=hearing.silence),)
    return found


def silent_boxes(plan: Plan, visited: Mapping[Target, Learnt]) -> Iterator[Unchecked]:
    """One entry for each question to a named box that left all its questions unanswered."""
    told = {box.address for box in plan.boxes if visited.get(box) != ((), ())}
    for box in plan.boxes:
        if box.address in plan.named_boxes and box.address not in told:
            yield Unchecked(target=box, detector="visit", reason=BOX_SILENT)


def _named(hearing: Hearing) -> Iterator[Unchecked]:
    for address, (how, port) in sorted(hearing.unheard.items()):
        if address not in hearing.machines:
            yield Unchecked(target=Target(address, port), detector="sweep", reason=how)
