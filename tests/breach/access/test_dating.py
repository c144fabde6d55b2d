"""Years and zones that logs leave out."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lightproof.breach.access.dating import Years, dated
from lightproof.breach.access.log_lines import YEARLESS, LogLine

PARIS = ZoneInfo("Europe/Paris")


def lines(*instants: datetime) -> list[LogLine]:
    return [LogLine(at=at.replace(year=YEARLESS, tzinfo=None), kind="text") for at in instants]


def read(logged: list[LogLine], written: datetime, zone: tzinfo = UTC) -> list[datetime]:
    years = Years()
    for line in logged:
        years.follow(line)
    return [line.at for line in dated(logged, years.first(written, zone), zone)]


def test_a_log_over_new_year_is_put_in_two_years() -> None:
    instants = [datetime(2025, 12, 31, 23, 59, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)]
    assert read(lines(*instants), datetime(2026, 1, 1, 0, 2, tzinfo=UTC)) == instants


def test_a_log_copied_long_after_is_of_the_year_of_its_file() -> None:
    instants = [datetime(2024, 2, 29, 10, tzinfo=UTC), datetime(2024, 11, 23, tzinfo=UTC)]
    assert read(lines(*instants), datetime(2024, 11, 23, 1, tzinfo=UTC)) == instants


def test_an_autumn_date_in_a_file_of_spring_is_of_the_year_before() -> None:
    (at,) = read(lines(datetime(2025, 11, 23, tzinfo=UTC)), datetime(2026, 3, 1, tzinfo=UTC))
    assert at.year == 2025


def test_the_zone_of_a_line_is_kept_and_a_missing_one_is_the_machines() -> None:
    own = LogLine(at=datetime(2026, 7, 1, 10, tzinfo=UTC), kind="combined")
    none = LogLine(at=datetime(2026, 7, 1, 10), kind="vsftpd")  # noqa: DTZ001
    assert [line.at.hour for line in dated([own, none], 2026, PARIS)] == [10, 8]


@given(st.lists(st.integers(0, 150), min_size=1, max_size=40), st.integers(0, 3_000))
def test_years_are_found_whatever_the_gaps(days: list[int], start: int) -> None:
    instants, at = [], datetime(2016, 1, 1, 12, tzinfo=UTC) + timedelta(days=start)
    for step in days:
        at += timedelta(days=step)
        instants.append(at)
    assert read(lines(*instants), at) == instants
