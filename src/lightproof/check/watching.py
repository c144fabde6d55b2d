"""How a run is heard while it goes on: what it sends and learns, how far it has come, when it began and ended."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from lightproof.evidence.records import Observation, Probe, Unchecked


class Watcher(Protocol):
    """Hears what a run does and learns, and how far it has come."""

    def swept(self, done: int, total: int, answering: int) -> None:
        """So many targets were tried, and so many answer."""
        ...

    def tried(self, positions: Sequence[tuple[int, int]]) -> None:
        """The targets at these positions of the plan's order were called: half-open ranges, ascending."""
        ...

    def visited(self, done: int, total: int) -> None:
        """So many of the services that answer were looked at."""
        ...

    def probed(self, probe: Probe) -> None:
        """This was sent."""
        ...

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        """What was seen, each record once."""
        ...


class Span(NamedTuple):
    """When a run began and ended, and whether there was anybody."""

    started: datetime
    finished: datetime
    answered: bool = True
    """False when calls were placed and not one target picked up or refused."""


Look = Callable[[Watcher], Span]
"""Carries a plan out and tells all of it to a watcher."""

Opening = Callable[[], AbstractContextManager[Look]]
"""Opens all that a run writes to, and closes it in the end: what it gives can be carried out where nothing more may be
opened for writing (sandbox.py)."""


def at_once(opening: Opening) -> Look:
    """Opens and carries out in one step, where nothing is given up between the two."""

    def look(watcher: Watcher) -> Span:
        with opening() as carry_out:
            return carry_out(watcher)

    return look
