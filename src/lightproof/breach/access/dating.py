"""Which instant a line of a log means: the year that it leaves out, the time zone that it leaves out. Pure.

Logs without a year (syslog, Orthanc) are read twice: their lines are in order, so a date that goes back from December
to January is a new year, and the last line was written in the year in which the file was last written.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from lightproof.breach.access.log_lines import YEARLESS, LogLine

_NEW_YEAR: Final = timedelta(days=183)
_AHEAD: Final = timedelta(days=1)
"""How far a log's clock may run ahead of the clock of the file."""


@dataclass(slots=True)
class Years:
    """The years of lines that name none; every such line of the log is shown to it once, in order, by `follow`."""

    turns: int = 0
    last: datetime | None = None

    def follow(self, line: LogLine) -> None:
        """The next line of the log."""
        if _yearless(line):
            if self.last is not None and self.last - line.at > _NEW_YEAR:
                self.turns += 1
            self.last = line.at

    def first(self, written: datetime, zone: tzinfo) -> int:
        """The year of the first of these lines, for a file last written at `written` (with time zone)."""
        local = written.astimezone(zone).replace(tzinfo=None)
        if self.last is None:
            return local.year
        ahead = _in_year(self.last, local.year) > local + _AHEAD
        return local.year - ahead - self.turns


def dated(lines: Iterable[LogLine], year: int, zone: tzinfo) -> Iterator[LogLine]:
    """The same lines with their instants in UTC; `year` is that of the first line that names none."""
    last: datetime | None = None
    for line in lines:
        at = line.at
        if _yearless(line):
            if last is not None and last - at > _NEW_YEAR:
                year += 1
            last, at = at, _in_year(at, year)
        yield replace(line, at=(at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC))


def _yearless(line: LogLine) -> bool:
    return line.at.tzinfo is None and line.at.year == YEARLESS


def _in_year(at: datetime, year: int) -> datetime:
    try:
        return at.replace(year=year)
    except ValueError:  # 29 February of a year that has none: the log's clock was wrong by a year
        return at.replace(year=year, day=28)
