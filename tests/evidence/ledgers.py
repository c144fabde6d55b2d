"""Ledgers for tests: a clock that a test moves, and one of everything that a ledger can hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lightproof.evidence.checkpoint import Signer
from lightproof.evidence.entries import Entry
from lightproof.evidence.instants import Instant
from lightproof.evidence.ledger import Ledger
from lightproof.storage.migrate import open_database

KEY = bytes(range(32))
SIGNER = Signer(bytes(range(32, 64)))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class MovedClock:
    """Both clocks; a second passes with each reading."""

    now: Instant = field(default_factory=lambda: Instant(NOON, "a" * 16, 10**9))

    def __call__(self) -> Instant:
        self.passes(timedelta(seconds=1))
        return self.now

    def passes(self, time: timedelta) -> None:
        """Time passes."""
        self.is_set(time)
        self.now = replace(self.now, monotonic_ns=self.now.monotonic_ns + time // timedelta(microseconds=1) * 1_000)

    def is_set(self, by: timedelta) -> None:
        """Somebody moves the wall clock."""
        self.now = replace(self.now, wall=self.now.wall + by)


@contextmanager
def a_ledger(folder: Path, clock: MovedClock | None = None) -> Iterator[Ledger]:
    """The ledger in this folder."""
    with open_database(folder / "lightproof.db", KEY) as database:
        yield Ledger(database, SIGNER, clock or MovedClock())


def note(ledger: Ledger, *texts: str, subject: str = "check") -> list[Entry]:
    """One transaction with an entry for each text."""
    with ledger.writing() as writing:
        return [writing.append("test.noted", subject, {"text": text}, principal="tester") for text in texts]


def fill(ledger: Ledger, clock: MovedClock) -> None:
    """One of everything that a ledger can hold, in 23 entries."""
    note(ledger, "a")
    note(ledger, *"bcdefg")
    with ledger.writing() as writing:
        digest = writing.attach(b"report " * 100, "application/json")
        writing.append("check.finished", "check", {"report_sha256": digest}, principal="tester")
    for text in "hijkl":
        note(ledger, text, subject=f"breach/B-2026-{text}")
    clock.is_set(timedelta(hours=-3))
    note(ledger, "after the clock was moved", "m")
    ledger.stamp(ledger.size(), b"a time stamp", NOON)
    with ledger.writing() as writing:
        writing.attach(b"to be forgotten", "text/plain")
        writing.attach(b"kept as well", "text/plain")
        writing.append("test.noted", "check", {}, principal="tester")
        writing.attach(b"kept as well", "text/plain")
        writing.append("test.noted", "check", {}, principal="tester")
    ledger.erase([3, 4, 17], "kept for as long as it was needed", principal="tester")
    note(ledger, *"nop")
