"""A deadline as a calendar file (iCalendar, RFC 5545) with its alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """An instant to be met."""

    uid: str
    """Stays the same when the deadline is written again, so that calendars replace it."""
    title: str
    description: str
    at: datetime
    alarms_before: Sequence[timedelta]


def ics(deadline: Deadline, *, made: datetime) -> bytes:
    """The deadline as a calendar of one event, in UTC."""
    calendar: Any = icalendar.Calendar()
    calendar.add("prodid", "-//lightproof//lightproof//")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    event: Any = icalendar.Event()
    event.add("uid", deadline.uid)
    event.add("dtstamp", made.astimezone(UTC))
    event.add("dtstart", deadline.at.astimezone(UTC))
    event.add("summary", deadline.title)
    event.add("description", deadline.description)
    for before in deadline.alarms_before:
        alarm: Any = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("trigger", -before)
        alarm.add("description", deadline.title)
        event.add_component(alarm)
    calendar.add_component(event)
    return calendar.to_ical()
