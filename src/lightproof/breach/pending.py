"""The authorities that are still to be told of a breach, each by its own deadline. Pure.

Everything that waits for a notification asks here: the alerts, the row of the register, the file's first page, the end
of the file. Telling one authority never ends the clock of another.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lightproof.breach.clock import clock_under
from lightproof.breach.incident import Incident
from lightproof.law.regimes import shipped

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One authority that is still to be told."""

    law: str
    """Id of the regime: `gdpr/fr`."""
    authority: str
    """Its name; the law's id where that law is not shipped any more."""
    channel: str
    """Where it takes notices, in the current language."""
    deadline: datetime | None
    """In UTC; None before awareness, or where the law sets no period."""


def pending(told: Incident) -> tuple[Pending, ...]:
    """What is pending under each law, the nearest deadline first and those without one last; none once closed."""
    duties = [_pending(told, law) for law in told.untold]
    return tuple(sorted(duties, key=lambda duty: (duty.deadline or _NEVER, duty.law)))


def next_deadline(told: Incident) -> datetime | None:
    """The nearest deadline that is pending; None without one."""
    return next((duty.deadline for duty in pending(told)), None)


def _pending(told: Incident, law: str) -> Pending:
    known = shipped(law)
    if known is None:
        return Pending(law=law, authority=law, channel="", deadline=None)
    return Pending(
        law=law,
        authority=known.authority.name,
        channel=str(known.authority.channel),
        deadline=clock_under(told.facts, known).deadline,
    )
