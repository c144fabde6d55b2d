"""Duties of other laws that run beside a breach, each with its own clock: a check-list, and no judgement. Pure.

Whether such a law applies is for a person to say; what was done is recorded among the facts, as another body that was
told (`other_bodies`), under the key of the duty as its role.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from lightproof.breach.incident import Incident
from lightproof.law.regimes import OtherClock, Status, shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do."""

    words: str
    deadline: datetime | None
    """In UTC; None before awareness, or where the law says without delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One duty, in the current language."""

    key: str
    """Role to give in `other_bodies` once it is done: `cert-sante`."""
    words: str
    period: str
    steps: tuple[Step, ...]
    source: str
    status: Status
    """How far the source was verified."""
    told_at: datetime | None = None
    """When that body was told, as the facts say."""
    done: bool = False


def beside(told: Incident) -> tuple[Beside, ...]:
    """The check-list of a breach, in the order of its laws; a duty that several name is there once."""
    laws = [known for known in map(shipped, told.laws) if known is not None]
    every = {other.key: other for other in chain.from_iterable(law.others for law in laws)}
    return tuple(_beside(told, other) for other in every.values())


def _beside(told: Incident, other: OtherClock) -> Beside:
    bodies = [body for body in told.facts.other_bodies if other.key in (body.role.casefold(), body.name.casefold())]
    instants = [body.informed_at for body in bodies if body.informed_at is not None]
    aware = told.facts.aware_at
    return Beside(
        key=other.key,
        words=str(other.words),
        period=str(other.period),
        steps=tuple(
            Step(
                words=str(step.words),
                deadline=aware.astimezone(UTC) + timedelta(hours=step.hours) if aware and step.hours else None,
            )
            for step in other.steps
        ),
        source=other.source,
        status=other.status,
        told_at=min(instants, default=None),
        done=bool(bodies),
    )
