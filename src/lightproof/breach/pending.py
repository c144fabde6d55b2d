"""The authorities that are still to be told of a breach, each by its own deadline. Pure.

Everything that waits for a notification asks here: the alerts, the row of the register, the file's first page, the end
of the file. Telling one authority never ends the clock of another.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from lightproof.breach.clock import clock_under
from lightproof.breach.incident import Incident
from lightproof.law.regimes import shipped
from lightproof.locale import gettext as _

FOLLOW_UP: Final = timedelta(hours=72)
"""After a notice that left questions open; the CNIL once advised a complement within 72 hours of the first."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A notice that left questions open: they follow without undue further delay (Art. 33(4))."""

    law: str
    authority: str
    still_open: tuple[str, ...]
    """Keys of the questions."""
    since: datetime
    remind_at: datetime
    """When to look again: a reminder of this project, the law sets no limit."""
    words: str


def follow_ups(told: Incident) -> tuple[FollowUp, ...]:
    """The last notice of each law that left questions open, the oldest first; none once closed."""
    if told.closed_at is not None:
        return ()
    last = {filed.regime: filed for filed in told.notifications}.values()
    found = [
        FollowUp(
            law=filed.regime,
            authority=filed.authority,
            still_open=filed.still_open,
            since=filed.filed_at,
            remind_at=filed.filed_at + FOLLOW_UP,
            words=_("without undue further delay"),
        )
        for filed in last
        if filed.still_open
    ]
    return tuple(sorted(found, key=lambda one: one.since))


def next_deadline(told: Incident) -> datetime | None:
    """The nearest deadline that is pending; None without one."""
    return next((duty.deadline for duty in pending(told)), None)


def _pending(told: Incident, law: str) -> Pending:
    known = shipped(law)
    if known is None:
        return Pending(law=law, authority=law, channel="", deadline=None)
    return Pending(
        law=law,
        authority=str(known.authority.name),
        channel=str(known.authority.channel),
        deadline=clock_under(told.facts, known).deadline,
    )
