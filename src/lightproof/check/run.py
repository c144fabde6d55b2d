"""A whole check, from plan to report: sweep, visit what answers, keep a journal.

The plan says all that a run depends on; two runs of the same plan may share a journal, so the second goes on where the
first was stopped.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lightproof.check import journal as journals
from lightproof.check.detectors import all_detectors
from lightproof.check.engine import Engine, Visit
from lightproof.check.journal import Done, Journal
from lightproof.check.plan import Plan
from lightproof.check.politeness import Politeness
from lightproof.check.reporting import Watcher, reported
from lightproof.check.sweeping.questions import PICKS_UP
from lightproof.check.sweeping.sweep import Sweep
from lightproof.check.wire import Budget
from lightproof.evidence.records import ExposureReport

_VISIT_S: Final = 45.0
_COUNTING_VISIT_S: Final = 240.0
COUNTING_BUDGET: Final = Budget(total_s=120, bytes_in=64 * 1024 * 1024)
"""What counting with consent may take: 100,000 studies are about 20 MB."""


def perform(
    plan: Plan, watcher: Watcher, *, journal: Path, resume: bool = False, clock: Callable[[], datetime] | None = None
) -> ExposureReport:
    """Carries the plan out and returns its report.

    What is done goes to `journal`, which is left behind only when the run is stopped; with `resume` it is read first.
    Raises UsageRefused when the journal is of another plan or in use.
    """
    now = clock or (lambda: datetime.now(UTC))
    done = journals.read(journal, plan.digest) if resume and journal.exists() else journals.Done()
    if not done.started:
        journal.unlink(missing_ok=True)
    with Journal(journal) as kept:
        if not done.started:
            done.started = now().isoformat()
            kept.begin(plan.digest, done.started)
        _sweep(plan, done, kept, watcher)
        visits = asyncio.run(_visit(plan, done, kept, watcher, now))
    journal.unlink(missing_ok=True)
    return reported(
        plan,
        (observation for visit in visits for observation in visit.observations),
        (entry for visit in visits for entry in visit.unchecked),
        started=datetime.fromisoformat(done.started),
        finished=now(),
    )


def _sweep(plan: Plan, done: Done, kept: Journal, watcher: Watcher) -> None:
    """Finds what answers; adds it to `done` and to the journal, batch by batch."""
    total = len(plan.space)
    tried = sum(stop - start for start, stop in done.swept)
    sweep = Sweep(space=plan.space, question=PICKS_UP, seed=plan.seed, limits=plan.limits)
    for batch in sweep.run(done.swept):
        # What this machine failed to call is visited too: the visit says why it could not be checked.
        answering = [answer.target for answer in batch.answers]
        done.answering.update(dict.fromkeys(answering))
        kept.swept(batch.done, answering)
        tried += batch.targets
        watcher.swept(tried, total, len(done.answering))


async def _visit(plan: Plan, done: Done, kept: Journal, watcher: Watcher, now: Callable[[], datetime]) -> list[Visit]:
    """Looks at what answers and at the boxes, but at nothing that the journal has already."""
    visits = [Visit(target=t, observations=o, unchecked=u) for t, (o, u) in done.visited.items()]
    waiting = [target for target in (*plan.boxes, *sorted(done.answering)) if target not in done.visited]
    total = len(visits) + len(waiting)
    engine = Engine(
        detectors=all_detectors(),
        admission=Politeness(clock=time.monotonic, total_per_second=plan.rate, own=plan.own_addresses),
        now=now,
        consent=replace(plan.consent, key=secrets.token_bytes(32)),
        budget=COUNTING_BUDGET if plan.consent.count else Budget(),
        visit_s=_COUNTING_VISIT_S if plan.consent.count else _VISIT_S,
    )
    async with aclosing(engine.run(waiting)) as seen:
        async for visit in seen:
            kept.visited(visit.target, visit.observations, visit.unchecked)
            visits.append(visit)
            watcher.visited(visit, len(visits), total)
    return visits
