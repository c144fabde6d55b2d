"""A whole check, from plan to report: sweep, visit what answers, keep a journal.

The plan says all that a run depends on; two runs of the same plan may share a journal, so the second goes on where the
first was stopped.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from lightproof import __version__
from lightproof.check import journal as journals
from lightproof.check.detectors import all_detectors
from lightproof.check.engine import Engine, Visit
from lightproof.check.findings import report
from lightproof.check.fingerprints import dicom_product
from lightproof.check.journal import Done, Journal
from lightproof.check.plan import Plan
from lightproof.check.politeness import Politeness
from lightproof.check.rules import rulebook
from lightproof.check.sweeping.questions import PICKS_UP
from lightproof.check.sweeping.survey import Sighting, survey
from lightproof.check.sweeping.sweep import Sweep
from lightproof.check.wire import Budget
from lightproof.evidence.records import ExposureReport, Facts, Observation, Unchecked

_VISIT_S: Final = 45.0
_COUNTING_VISIT_S: Final = 240.0
COUNTING_BUDGET: Final = Budget(total_s=120, bytes_in=64 * 1024 * 1024)
"""What counting with consent may take: 100,000 studies are about 20 MB."""


class Watcher(Protocol):
    """Hears how far a run has come."""

    def swept(self, done: int, total: int, answering: int) -> None:
        """So many targets were tried, and so many answer."""
        ...

    def visited(self, visit: Visit, done: int, total: int) -> None:
        """One more of the services that answer was looked at."""
        ...


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
    return _reported(
        plan,
        (observation for visit in visits for observation in visit.observations),
        (entry for visit in visits for entry in visit.unchecked),
        started=datetime.fromisoformat(done.started),
        finished=now(),
    )


def perform_survey(plan: Plan, watcher: Watcher, *, clock: Callable[[], datetime] | None = None) -> ExposureReport:
    """Only says which targets speak DICOM, in one sweep: the first look at very large ranges.

    No query is sent, so no service is called open; `perform` on what was found tells the rest.
    """
    now = clock or (lambda: datetime.now(UTC))
    started, total, tried = now(), len(plan.space), 0
    observations: list[Observation] = []
    unchecked: list[Unchecked] = []
    for batch in survey(plan.space, seed=plan.seed, limits=plan.limits):
        observations += (_observed(seen, now()) for seen in batch.sightings)
        unchecked += (Unchecked(target=target, detector="survey", reason="not-tried") for target in batch.not_tried)
        tried += sum(batch.counts.values())
        watcher.swept(tried, total, len(observations))
    return _reported(plan, observations, unchecked, started=started, finished=now())


_SIGNALS: Final = {
    "accepted": "dicom-association-accepted",
    "rejected": "dicom-association-rejected",
    "aborted": "dicom-aborted",
    "certificate-demanded": "dicom-tls-mutual",
}


def _observed(seen: Sighting, at: datetime) -> Observation:
    told = seen.recognition
    product = (
        dicom_product(told.implementation_class_uid or "", told.implementation_version_name or "") if told else None
    )
    return Observation(
        at=at,
        detector="survey",
        target=seen.target,
        service=seen.service,
        signal=_SIGNALS[seen.word],
        facts=Facts(reachable=True),
        product=product[0] if product else None,
        version=product[1] if product else None,
        protections=("tls", "mutual-tls") if seen.presumed else ("tls",) if seen.service == "dicom-tls" else (),
        details={"presumed": seen.presumed},
    )


def _reported(
    plan: Plan,
    observations: Iterable[Observation],
    unchecked: Iterable[Unchecked],
    *,
    started: datetime,
    finished: datetime,
) -> ExposureReport:
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
