"""A whole survey, from plan to report: one sweep that only says what speaks DICOM.

It loads none of the detectors: a first look at very large ranges should cost little more than the sweep itself.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from lightproof.check.fingerprints import dicom_product
from lightproof.check.plan import Plan
from lightproof.check.reporting import Watcher, reported
from lightproof.check.sweeping.survey import Sighting, survey
from lightproof.evidence.records import ExposureReport, Facts, Observation, Unchecked


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
    return reported(plan, observations, unchecked, started=started, finished=now())


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
