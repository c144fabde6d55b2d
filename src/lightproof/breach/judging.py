"""Judging a breach under the regimes that apply to it, and recording the judgement where it is new."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from lightproof.breach.clock import Clock, clock_under
from lightproof.breach.incident import GRAVITY, Choice, Duty, Incident, Status
from lightproof.breach.procedure import Procedure
from lightproof.breach.triage import assess, recorded, substance
from lightproof.evidence.ledger import Ledger
from lightproof.law.regimes import regime

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def assess_and_record(procedure: Procedure, told: Incident, regimes: Sequence[str]) -> Incident:
    """Judges the breach by each regime that was the law on the day of awareness; by all of them where none was.

    An entry is written where it says something else than the last one.

    Raises UsageRefused for a regime that is not shipped.
    """
    day = (told.facts.aware_at or told.opened_at).date()
    laws = [regime(name) for name in regimes]
    for law in [law for law in laws if law.state == "proposed" or law.applies_on(day)] or laws:
        name, said = law.id, recorded(assess(told.facts, law))
        if told.status is not Status.CLOSED and substance(said) != substance(told.assessments.get(name)):
            told = procedure.assessed(told.id, said)
    return told


def proposed(told: Incident, duty: Duty, laws: Sequence[str] = ()) -> Choice:
    """What the recorded assessments propose about a duty: yes as soon as one law that judges (or of `laws`) says so."""
    choices: list[Choice] = [
        cast("Choice", answer["choice"])
        for law in laws or told.laws
        for answer in told.assessments.get(law, {}).get("answers", ())
        if answer["duty"] == duty
    ]
    return max(choices, key=lambda choice: GRAVITY[choice]) if choices else "undetermined"


def kept_years(told: Incident) -> int | None:
    """How long its laws want a closed breach kept, the longest; None where one of them sets no end."""
    years = [regime(law).retention.years for law in told.laws]
    return None if None in years else max(year for year in years if year is not None)


def clock_of(told: Incident, regimes: Sequence[str], drifts: Sequence[timedelta] = ()) -> Clock:
    """The clock of a breach under these regimes: the one that runs out first."""
    clocks = [clock_under(told.facts, regime(name), drifts=drifts) for name in regimes]
    return min(clocks, key=lambda one: one.deadline or _NEVER)


def drifts_of(ledger: Ledger, told: Incident) -> tuple[timedelta, ...]:
    """How far the wall clock was moved since the breach was opened, as the ledger noticed it."""
    jumps = ledger.entries(kind="clock.jumped", after=told.steps[0].entry)
    return tuple(timedelta(microseconds=cast("int", jump.payload.get("moved_by_us", 0))) for jump in jumps)
