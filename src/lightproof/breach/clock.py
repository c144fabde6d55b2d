"""The clock of Art. 33: pure arithmetic on instants.

Rules of this file:
- a period in hours is elapsed time, in UTC: neither summer time nor nights nor holidays move it (Regulation (EEC,
  Euratom) 1182/71, Art. 3(3), 3(4));
- of the two readings of the period the one that acts is the earlier; the other is shown for information;
- awareness that trails the first sign is shown: whoever reads the file later will ask why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from lightproof.breach.facts import BreachFacts, refused
from lightproof.law.regimes import Regime
from lightproof.locale import gettext as _

SLOW: Final = timedelta(hours=24)
VERY_SLOW: Final = timedelta(hours=48)
"""Between a first sign and awareness: a rule of this project, the law gives no figure."""
DRIFT: Final = timedelta(seconds=2)
"""A wall clock that left the monotonic one by more than this has jumped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The instants of one breach under one period, in UTC."""

    aware_at: datetime | None
    deadline: datetime | None
    """Awareness and the period of the law, elapsed: the reading to act on. None before awareness, or without period."""
    informative: datetime | None
    """The other reading of a period in hours, where the hour of the event is not counted."""
    warnings: tuple[str, ...] = ()

    def left(self, now: datetime) -> timedelta | None:
        """Time until the deadline, negative once it has passed; None without one."""
        return None if self.deadline is None else self.deadline - now

    def late(self, filed_at: datetime) -> bool:
        """Whether a notice at this instant needs reasons for its delay."""
        return self.deadline is not None and filed_at > self.deadline


def clock(facts: BreachFacts, hours: int = 72, *, drifts: Sequence[timedelta] = ()) -> Clock:
    """The clock of these facts under a period in hours.

    `drifts`: how far the wall clock left the monotonic one, as the ledger noticed.
    """
    runs = _without_deadline(facts, drifts)
    if facts.aware_at is None:
        return runs
    return replace(runs, deadline=operational(facts.aware_at, hours), informative=reg1182(facts.aware_at, hours))


def clock_under(facts: BreachFacts, regime: Regime, *, drifts: Sequence[timedelta] = ()) -> Clock:
    """The clock of these facts under the period within which this regime wants the authority told.

    A period in calendar days counts as elapsed time from the first instant that can count as discovery: what should
    have been known counts (45 CFR 164.404(a)(2)), and so the deadline is never later than the law's. A regime that
    says “as soon as possible” has no deadline.
    """
    telling = regime.telling("authority")
    period = telling.period if telling else None
    if period is not None and period.hours is not None:
        return clock(facts, period.hours, drifts=drifts)
    runs = _without_deadline(facts, drifts)
    if period is None or period.days is None or facts.aware_at is None:
        return runs
    discovered = min(facts.aware_at, facts.hint_at or facts.aware_at) if period.since == "discovery" else facts.aware_at
    return replace(runs, deadline=_zoned(discovered).astimezone(UTC) + timedelta(days=period.days))


def _without_deadline(facts: BreachFacts, drifts: Sequence[timedelta]) -> Clock:
    aware_at = facts.aware_at.astimezone(UTC) if facts.aware_at is not None else None
    warnings = (*_trailing(facts), *_known_before(facts), *_handed_over(facts), *_jumped(drifts))
    return Clock(aware_at=aware_at, deadline=None, informative=None, warnings=warnings)


def operational(aware_at: datetime, hours: int = 72) -> datetime:
    """So many hours elapsed since awareness (Art. 33(1)), in UTC. Raises UsageRefused without a time zone."""
    return _zoned(aware_at).astimezone(UTC) + timedelta(hours=hours)


def reg1182(aware_at: datetime, hours: int = 72) -> datetime:
    """From the next full hour of the place (Regulation 1182/71, Art. 3(1), 3(2)(a)), in UTC.

    Raises UsageRefused without a time zone.
    """
    at = _zoned(aware_at)
    # Taken off in UTC: a place whose summer time is half an hour has hours that begin twice.
    into_the_hour = timedelta(minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
    return at.astimezone(UTC) - into_the_hour + timedelta(hours=hours + 1)


def _zoned(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise refused("aware_at", _("the time zone is missing: write 2026-11-23T10:00:00+01:00"))
    return at


def _trailing(facts: BreachFacts) -> list[str]:
    if facts.hint_at is None or facts.aware_at is None:
        return []
    trail = facts.aware_at - facts.hint_at
    hours = int(trail / timedelta(hours=1))
    if trail > VERY_SLOW:
        return [
            _(
                "Awareness comes {hours} hours after the first sign: an investigation before awareness must be short "
                "(Guidelines 9/2022). Say in the file what was done in between, or correct the instant."
            ).format(hours=hours)
        ]
    if trail > SLOW:
        return [_("Awareness comes {hours} hours after the first sign: say why in the file.").format(hours=hours)]
    return []


def _known_before(facts: BreachFacts) -> list[str]:
    aware = facts.aware_at
    if aware is None or not any(message < aware for message in facts.internal_messages_at):
        return []
    return [
        _(
            "A message inside the organisation is older than the awareness stated: it proves knowledge "
            "(AZOP, 13 September 2024). The clock may have started with it."
        )
    ]


def _handed_over(facts: BreachFacts) -> list[str]:
    """What a processor's notice means for the controller's clock (Guidelines 9/2022), and whether it kept its time."""
    said: list[str] = []
    for body in facts.others:
        if body.informed_at is None:
            continue
        if facts.aware_at is not None and body.informed_at < facts.aware_at:
            text = _(
                "{name} told you before the awareness stated: a controller is aware once its processor has told it "
                "(Guidelines 9/2022). The clock may have started then."
            )
            said.append(text.format(name=body.name))
        took = body.informed_at - body.aware_at if body.aware_at is not None else None
        if took is not None and body.window_hours is not None and took > timedelta(hours=body.window_hours):
            text = _("{name} took {hours} hours to tell you; the contract gives it {window} (Article 33(2)).")
            hours = int(took / timedelta(hours=1))
            said.append(text.format(name=body.name, hours=hours, window=body.window_hours))
    return said


def _jumped(drifts: Sequence[timedelta]) -> list[str]:
    if not any(abs(drift) > DRIFT for drift in drifts):
        return []
    return [
        _(
            "The clock of this machine was moved while the file was open. The order of the steps is that of the "
            "ledger; check the instants against another clock."
        )
    ]
