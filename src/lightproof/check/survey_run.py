"""A whole survey: one sweep that only says what speaks DICOM.

It loads none of the detectors: a first look at very large ranges should cost little more than the sweep itself.
"""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from lightproof.check.fingerprints import dicom_product
from lightproof.check.journal import Done, Journal, journal_of
from lightproof.check.permission import not_swept, permission
from lightproof.check.plan import Plan
from lightproof.check.protocols.discretion import own_name, printable
from lightproof.check.silence import unheard
from lightproof.check.sweeping.survey import Sighting, survey
from lightproof.check.watching import Look, Span, Watcher
from lightproof.evidence.records import Facts, Observation, Target, Unchecked


@contextmanager
def opened(
    plan: Plan, *, journal: Path, resume: bool = False, clock: Callable[[], datetime] | None = None
) -> Generator[Look]:
    """Takes the journal, and gives what says which targets speak DICOM, in one sweep: a first look at large ranges.

    No query is sent, so no service is called open; a check of what was found tells the rest. It ends with the
    permission to check, and tells what it did not try. The journal is as that of a check. Raises UsageRefused when it
    is of another plan, of a check, or in use.
    """
    now = clock or (lambda: datetime.now(UTC))
    with journal_of(journal, f"survey {plan.digest}", resume=resume, started=now().isoformat()) as (kept, done):
        yield partial(_carry_out, plan, kept, done, now)


def _carry_out(plan: Plan, kept: Journal, done: Done, now: Callable[[], datetime], watcher: Watcher) -> Span:
    ended = permission(plan, now)
    for observations, unchecked in done.visited.values():
        watcher.learnt(observations, unchecked)
    total, found = len(plan.space), len(done.visited)
    tried = sum(stop - start for start, stop in done.swept)
    sweep = survey(
        plan.space,
        seed=plan.seed,
        limits=plan.limits,
        done=done.swept,
        stop=lambda: ended() is not None,
        watched=plan.machines,
        unanswered=watcher.tried,
    )
    with closing(sweep):
        for batch in sweep:
            watcher.tried(batch.done)
            told = [(seen.target, (_observed(seen, now()),), _left_open(seen)) for seen in batch.sightings]
            told += [(target, (), (_unchecked(target, "not-tried"),)) for target in batch.not_tried]
            for target, observations, unchecked in told:
                if target not in done.visited:  # told by a run that was killed before it could write the next line
                    kept.visited(target, observations, unchecked)
                    watcher.learnt(observations, unchecked)
            kept.swept(batch.done, (), batch.hearing)
            done.sweep(batch.done, batch.hearing)
            found += len(batch.sightings)
            tried += sum(batch.counts.values())
            watcher.swept(tried, total, found)
    watcher.learnt((), unheard(plan, done.hearing))
    if (reason := ended()) is None:
        kept.complete()
    else:
        watcher.learnt((), tuple(not_swept(plan, done.swept, reason)))
    return done.span(now())


def _left_open(seen: Sighting) -> tuple[Unchecked, ...]:
    """A service that ended without a word is found, and nothing about it is known: that is never read as safe.

    One that aborted spoke DICOM, which is all that a survey asks.
    """
    return (_unchecked(seen.target, "closed-early"),) if seen.word == "ended-in-silence" else ()


def _unchecked(target: Target, reason: str) -> Unchecked:
    return Unchecked(target=target, detector="survey", reason=reason)


_SIGNALS: Final = {
    "accepted": "dicom-association-accepted",
    "rejected": "dicom-association-rejected",
    "aborted": "dicom-aborted",
    "certificate-demanded": "dicom-tls-mutual",
    "ended-in-silence": "dicom-tls-ended",
}
_PROTECTIONS: Final = {"certificate-demanded": ("tls", "mutual-tls")}


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
        protections=_PROTECTIONS.get(seen.word, ("tls",) if seen.service == "dicom-tls" else ()),
        details={"presumed": seen.presumed, **_implementation(seen)},
    )


def _implementation(seen: Sighting) -> dict[str, str]:
    """What an accept says of its sender, as a check keeps it; empty what it leaves out."""
    told = seen.recognition
    if seen.word != "accepted" or told is None:
        return {}
    return {
        "implementation_class_uid": printable(told.implementation_class_uid or ""),
        "implementation_version_name": own_name(told.implementation_version_name or ""),
    }
