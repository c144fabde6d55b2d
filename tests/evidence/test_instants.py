from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lightproof.evidence.instants import Instant, jump, system_clock

BEFORE = Instant(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "a" * 16, 1_000_000_000)


def later(wall: timedelta, monotonic: timedelta, boot: str = "a" * 16) -> Instant:
    return Instant(BEFORE.wall + wall, boot, BEFORE.monotonic_ns + int(monotonic.total_seconds() * 1e9))


HOUR = timedelta(hours=1)


@pytest.mark.parametrize("moved", [HOUR, -HOUR, timedelta(days=3652), timedelta(days=-3652), timedelta(seconds=2.5)])
def test_a_clock_that_was_moved_shows(moved: timedelta) -> None:
    assert jump(BEFORE, later(HOUR + moved, HOUR)) == moved


def test_a_clock_that_is_frozen_or_runs_too_fast_shows() -> None:
    assert jump(BEFORE, later(timedelta(0), HOUR)) == -HOUR
    assert jump(BEFORE, later(100 * HOUR, HOUR)) == 99 * HOUR


@pytest.mark.parametrize("slip", [timedelta(seconds=2), timedelta(seconds=-2), timedelta(0)])
def test_a_clock_that_is_kept_in_time_does_not(slip: timedelta) -> None:
    assert jump(BEFORE, later(HOUR + slip, HOUR)) is None


def test_after_a_restart_only_a_clock_that_went_back_shows() -> None:
    assert jump(BEFORE, later(-HOUR, -HOUR, boot="b" * 16)) == -HOUR
    assert jump(BEFORE, later(100 * HOUR, -HOUR, boot="b" * 16)) is None


def test_without_the_name_of_the_start_nothing_is_concluded_from_the_other_clock() -> None:
    unknown = replace(BEFORE, boot="")
    assert jump(unknown, replace(later(HOUR, timedelta(0)), boot="")) is None


def test_the_systems_clocks_agree_with_themselves() -> None:
    first, second = system_clock(), system_clock()
    assert jump(first, second) is None
    assert first.monotonic_ns <= second.monotonic_ns
    assert first.boot == second.boot


def test_an_instant_has_a_zone_and_it_is_utc() -> None:
    with pytest.raises(ValueError, match="UTC"):
        Instant(datetime(2026, 3, 29), "", 0)  # noqa: DTZ001


def test_going_back_is_a_jump_even_when_both_clocks_go_back() -> None:
    assert jump(BEFORE, later(-HOUR, -HOUR)) == -HOUR
