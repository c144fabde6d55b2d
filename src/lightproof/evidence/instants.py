"""When something was written, and whether the clock that says so can be believed.

A wall clock can be set; the time since the machine started cannot. An instant carries both, so that a clock that was
moved between two entries shows, whoever moved it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

TOLERANCE: Final = timedelta(seconds=2)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts while the machine sleeps, where the system has such a clock (Linux)."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of both clocks."""

    wall: datetime
    """UTC."""
    boot: str
    """Which start of which machine the other clock counts from; empty when the system does not tell."""
    monotonic_ns: int
    """Nanoseconds since that start."""

    def __post_init__(self) -> None:
        if self.wall.utcoffset() != timedelta(0):
            raise ValueError("an instant is in UTC")


Clock = Callable[[], Instant]


def system_clock() -> Instant:
    """Now."""
    return Instant(datetime.now(UTC), _boot(), time.clock_gettime_ns(_SINCE_BOOT))


def jump(previous: Instant, now: Instant, *, tolerance: timedelta = TOLERANCE) -> timedelta | None:
    """By how much the wall clock was moved between two readings; None when by no more than `tolerance`.

    Within one start of the machine both clocks must have advanced alike. Across a restart only a clock that went
    backwards can be told from time that passed. A clock that went backwards was moved, whatever the other one says.
    """
    moved = now.wall - previous.wall
    if now.boot and now.boot == previous.boot:
        apart = moved - timedelta(microseconds=(now.monotonic_ns - previous.monotonic_ns) // 1_000)
        if abs(apart) > tolerance:
            return apart
    return moved if moved < -tolerance else None


@cache
def _boot() -> str:
    """A digest: the identifier itself would tie exports of one machine to everything else that quotes it."""
    try:
        return sha256(b"lightproof boot " + _BOOT_ID.read_bytes().strip()).hexdigest()[:16]
    except OSError:
        return ""
