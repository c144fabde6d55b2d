"""The 72 hours: elapsed, in UTC, whatever the calendar does."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightproof.breach.clock import clock, clock_under, operational, reg1182
from lightproof.breach.facts import BreachFacts
from lightproof.errors import UsageRefused
from lightproof.law.regimes import regime

VECTORS = json.loads((Path(__file__).parent / "vectors" / "clock.json").read_text())["vectors"]
ZONES = [ZoneInfo(name) for name in ("Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")]
AWARE = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_both_readings_of_the_period(vector: dict[str, str]) -> None:
    aware = datetime.fromisoformat(vector["aware"])
    assert operational(aware) == datetime.fromisoformat(vector["operational"])
    assert reg1182(aware) == datetime.fromisoformat(vector["reg1182"])


INSTANTS = st.datetimes(
    datetime(2018, 5, 25),  # noqa: DTZ001
    datetime(2060, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from(ZONES),
    allow_imaginary=False,
)


@given(INSTANTS)
@settings(max_examples=3 * settings.default.max_examples)  # a year has two hours that matter
def test_72_hours_are_elapsed_whatever_summer_time_does(aware: datetime) -> None:
    deadline = operational(aware)
    assert (deadline - aware.astimezone(UTC)).total_seconds() == 72 * 3600
    informative = reg1182(aware)
    assert deadline < informative <= deadline + timedelta(hours=1)
    assert informative.astimezone(aware.tzinfo).minute % 30 == 0


def test_an_instant_without_zone_is_refused_by_its_field() -> None:
    with pytest.raises(UsageRefused, match="aware_at"):
        operational(datetime(2026, 11, 23, 10))  # noqa: DTZ001


@pytest.mark.parametrize(("hours", "words"), [(24, ""), (25, "say why"), (48, "say why"), (49, "must be short")])
def test_awareness_that_trails_the_first_sign_is_told(hours: int, words: str) -> None:
    told = clock(BreachFacts(hint_at=AWARE - timedelta(hours=hours), aware_at=AWARE)).warnings
    assert [words in one for one in told] == ([True] if words else [])


def test_an_older_internal_message_is_told() -> None:
    told = clock(BreachFacts(aware_at=AWARE, internal_messages_at=(AWARE - timedelta(days=900),)))
    assert "AZOP" in told.warnings[0]


def test_a_clock_that_was_moved_is_told() -> None:
    facts = BreachFacts(aware_at=AWARE)
    assert not clock(facts, drifts=[timedelta(seconds=1)]).warnings
    assert "moved" in clock(facts, drifts=[timedelta(hours=-1)]).warnings[0]


def test_late_begins_after_the_last_instant() -> None:
    runs = clock(BreachFacts(aware_at=AWARE))
    assert runs.deadline is not None
    assert not runs.late(runs.deadline)
    assert runs.late(runs.deadline + timedelta(microseconds=1))
    assert runs.left(AWARE) == timedelta(hours=72)


def test_without_awareness_there_is_no_deadline() -> None:
    assert clock(BreachFacts()).deadline is None


def test_days_run_from_the_first_sign_that_should_have_told() -> None:
    facts = BreachFacts(aware_at=AWARE, hint_at=AWARE - timedelta(days=3))
    assert clock_under(facts, regime("hipaa/us")).deadline == AWARE + timedelta(days=57)
    assert clock_under(BreachFacts(aware_at=AWARE), regime("hipaa/us")).deadline == AWARE + timedelta(days=60)


def test_a_law_without_a_period_has_no_deadline_and_still_warns() -> None:
    facts = BreachFacts(aware_at=AWARE, hint_at=AWARE - timedelta(days=3))
    runs = clock_under(facts, regime("ch/ch"))
    assert (runs.aware_at, runs.deadline, runs.informative) == (AWARE, None, None)
    assert runs.warnings
    assert clock_under(facts, regime("gdpr/fr")) == clock(facts)
