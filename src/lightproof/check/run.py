"""A whole check: sweep, visit what answers, keep a journal.

The plan says all that a run depends on; two runs of the same plan may share a journal, so the second goes on where the
first was stopped.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from lightproof.check.closed_forwards import closed_forwards
from lightproof.check.detectors import all_detectors
from lightproof.check.engine import Engine
from lightproof.check.journal import Done, Journal, journal_of
from lightproof.check.permission import Ended, not_swept, permission
from lightproof.check.plan import Plan
from lightproof.check.politeness import Politeness
from lightproof.check.silence import silent_boxes, unheard
from lightproof.check.sweeping.questions import PICKS_UP
from lightproof.check.sweeping.sweep import Sweep
from lightproof.check.watching import Look, Span, Watcher
from lightproof.check.wire import Budget
from lightproof.evidence.records import Target, Unchecked

_VISIT_S: Final = 45.0


@contextmanager
def opened(
    plan: Plan, *, journal: Path, resume: bool = False, clock: Callable[[], datetime] | None = None
) -> Generator[Look]:
    """Takes the journal, and gives what carries the plan out with no other file to write to, and tells all it learns.

    What is done goes to `journal`, which is left behind only when the run is stopped; with `resume` it is read first,
    and what it holds is told again. When the permission to check ends, nothing more is sent, and what was left to do is
    told as unchecked. Raises UsageRefused when the journal is of another plan or in use.
    """
    now = clock or (lambda: datetime.now(UTC))
    with journal_of(journal, plan.digest, resume=resume, started=now().isoformat()) as (kept, done):
        yield partial(_carry_out, plan, kept, done, now)


def _carry_out(plan: Plan, kept: Journal, done: Done, now: Callable[[], datetime], watcher: Watcher) -> Span:
    ended = permission(plan, now)
    for observations, unchecked in done.visited.values():
        watcher.learnt(observations, unchecked)
    _sweep(plan, done, kept, watcher, ended)
    watcher.learnt((), unheard(plan, done.hearing))
    visited = asyncio.run(_visit(plan, done, kept, watcher, now=now, ended=ended))
    watcher.learnt((), tuple(silent_boxes(plan, done.visited)))
    if ended() is None:
        told = (seen for box in plan.boxes for seen in done.visited.get(box, ((), ()))[0])
        closed = closed_forwards(
            plan, told, done.answering, admission=_politeness(plan), now=now, probed=watcher.probed, ended=ended
        )
        watcher.learnt(asyncio.run(closed), ())
    if (reason := ended()) is None:
        kept.complete()
    else:
        watcher.learnt((), tuple(_left(plan, done, visited, reason)))
    return done.span(now())


def _sweep(plan: Plan, done: Done, kept: Journal, watcher: Watcher, ended: Ended) -> None:
    """Finds what answers; adds it to `done` and to the journal, batch by batch."""
    total = len(plan.space)
    tried = sum(stop - start for start, stop in done.swept)
    sweep = Sweep(
        space=plan.space,
        question=PICKS_UP,
        seed=plan.seed,
        limits=plan.limits,
        stop=lambda: ended() is not None,
        watched=plan.machines,
        unanswered=watcher.tried,
    )
    with closing(sweep.run(done.swept)) as batches:
        for batch in batches:
            # What this machine failed to call is visited too: the visit says why it could not be checked.
            answering = [answer.target for answer in batch.answers]
            done.answering.update(dict.fromkeys(answering))
            watcher.tried(batch.done)
            kept.swept(batch.done, answering, batch.hearing)
            done.sweep(batch.done, batch.hearing)
            tried += batch.targets
            watcher.swept(tried, total, len(done.answering))


def _politeness(plan: Plan) -> Politeness:
    return Politeness(clock=time.monotonic, total_per_second=plan.rate, own=plan.own_addresses)


def _left(plan: Plan, done: Done, visited: Collection[Target], reason: str) -> Iterator[Unchecked]:
    """What was not looked at when nothing more might be sent; visits that were cut short say so themselves."""
    yield from (
        Unchecked(target=target, detector="visit", reason=reason)
        for target in (*plan.boxes, *done.answering)
        if target not in visited
    )
    yield from not_swept(plan, done.swept, reason)


async def _visit(
    plan: Plan, done: Done, kept: Journal, watcher: Watcher, *, now: Callable[[], datetime], ended: Ended
) -> Collection[Target]:
    """Looks at what answers and at the boxes, but at nothing that the journal has already; gives all that was."""
    visited = set(done.visited)
    waiting = [target for target in (*plan.boxes, *sorted(done.answering)) if target not in visited]
    total = len(visited) + len(waiting)
    engine = Engine(
        detectors=all_detectors(),
        admission=_politeness(plan),
        now=now,
        names=plan.names,
        consent=replace(plan.consent, key=secrets.token_bytes(32)),
        budget=Budget(),
        visit_s=_VISIT_S,
        probed=watcher.probed,
        ended=ended,
    )
    async with aclosing(engine.run(waiting)) as seen:
        async for visit in seen:
            if ended() is None:  # what was cut short is done again when the run is resumed under a new permission
                kept.visited(visit.target, visit.observations, visit.unchecked)
            visited.add(visit.target)
            if visit.target.transport == "udp":  # of boxes more is said once all visits are done
                done.visited[visit.target] = visit.observations, visit.unchecked
            watcher.learnt(visit.observations, visit.unchecked)
            watcher.visited(len(visited), total)
    return visited
