"""Whose turn it is: one connection at a time to a host, and so many a second, without holding up the other hosts.

A medical device may hang when several strangers call at once. A call that nobody picked up within half a second no
longer counts: a machine that does not answer is not burdened, and a dark network would take hours otherwise.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from heapq import heappop, heappush
from itertools import chain
from math import inf
from typing import Final, Generic, TypeVar

from lightproof.check.addresses import LOOPBACK, PRIVATE, range_of

J = TypeVar("J")

Pace = Callable[[str], float | None]
"""How many connections a second an address may get; None for as many as come."""

_UNANSWERED_S: Final = 0.5
_PRIVATE_PER_SECOND: Final = 20.0
_ANYONE_PER_SECOND: Final = 2.0
_NEIGHBOURHOOD_PER_SECOND: Final = 10.0
"""For public addresses: what one /24 (IPv6: /56) may get together."""
_REMEMBERED: Final = 65_536


def unhurried_outside(address: str) -> float | None:
    """No limit for loopback; 20 connections a second for a private address, two for anyone else."""
    return None if address.startswith("127.") or address == "::1" else _outside(address)


@lru_cache(_REMEMBERED)
def _outside(address: str) -> float:
    one = range_of(address)
    return _PRIVATE_PER_SECOND if any(one in block for block in PRIVATE) else _ANYONE_PER_SECOND


@lru_cache(_REMEMBERED)
def neighbourhood_of(address: str) -> tuple[int, int] | None:
    """Names the /24 or /56 of a public address; None for the others."""
    one = range_of(address)
    if any(one in block for block in (*LOOPBACK, *PRIVATE)):
        return None
    return one.version, one.first >> (8 if one.version == 4 else 72)


class Turns(Generic[J]):
    """Jobs that wait for their host's turn. A call is known by its number, which the caller never uses twice."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._free_at: dict[str, float] = {}
        self._neighbours_at: dict[tuple[int, int], float] = {}
        self.callers: dict[str, tuple[int, float]] = {}
        """The last call to each host that is shown manners, and when its next may start."""
        self._waiting: dict[str, deque[J]] = {}
        self._calendar: list[tuple[float, str]] = []
        self._booked: dict[str, float] = {}
        """The one entry of the calendar that counts for a host."""
        self.waiting = 0
        """How many jobs wait."""

    def take(self, host: str, job: J, call: int, now: float) -> bool:
        """Whether `call` may start now; if not, `job` waits and `due` will name it."""
        pace = self._pace(host)
        if pace is None:
            return True
        if host in self._waiting or self._callable_at(host) > now:
            self._wait(host, job)
            return False
        self._begin(host, call, pace, now)
        return True

    def _wait(self, host: str, job: J) -> None:
        jobs = self._waiting.get(host)
        if jobs is None:
            jobs = self._waiting[host] = deque()
            self._book(host)
        jobs.append(job)
        self.waiting += 1

    def _book(self, host: str) -> None:
        """Notes when the host is free; a busy one is noted when its call ends."""
        if (at := self._callable_at(host)) < inf:
            self._booked[host] = at
            heappush(self._calendar, (at, host))

    def _callable_at(self, host: str) -> float:
        """When neither the host nor its neighbourhood has had too much."""
        neighbourhood = neighbourhood_of(host)
        free_at = self._free_at.get(host, 0.0)
        return free_at if neighbourhood is None else max(free_at, self._neighbours_at.get(neighbourhood, 0.0))

    def _begin(self, host: str, call: int, pace: float, now: float) -> None:
        self.callers[host] = call, now + 1 / pace
        self._free_at[host] = now + max(1 / pace, _UNANSWERED_S)
        if (neighbourhood := neighbourhood_of(host)) is not None:
            self._neighbours_at[neighbourhood] = now + 1 / _NEIGHBOURHOOD_PER_SECOND
        if len(self._free_at) > _REMEMBERED:
            self._forget(now)

    def _forget(self, now: float) -> None:
        for host in [host for host, at in self._free_at.items() if at <= now and host not in self._waiting]:
            del self._free_at[host]
            del self.callers[host]
        for neighbourhood in [n for n, at in self._neighbours_at.items() if at <= now]:
            del self._neighbours_at[neighbourhood]

    def connected(self, host: str, call: int) -> None:
        """The call was picked up: the host is busy until it has ended."""
        if self.callers.get(host, (None,))[0] == call:
            self._free_at[host] = inf

    def ended(self, host: str, call: int) -> None:
        """The call is over, however it went."""
        caller, next_at = self.callers.get(host, (None, 0.0))
        if caller == call:
            self._free_at[host] = next_at
            if host in self._waiting:
                self._book(host)

    def due(self, call: int, now: float) -> J | None:
        """A job whose host is free now, with its turn taken for `call`; None when there is none."""
        while self._calendar and self._calendar[0][0] <= now:
            at, host = heappop(self._calendar)
            if self._booked.get(host) != at:
                continue
            del self._booked[host]
            if self._callable_at(host) > now:
                self._book(host)
                continue
            jobs = self._waiting[host]
            job = jobs.popleft()
            self.waiting -= 1
            self._begin(host, call, self._pace(host) or inf, now)
            if jobs:
                self._book(host)
            else:
                del self._waiting[host]
            return job
        return None

    def jobs(self) -> Iterator[J]:
        """All that wait."""
        return chain.from_iterable(self._waiting.values())

    @property
    def next_due(self) -> float | None:
        """When some host may be free next; None when no job waits for a time."""
        return self._calendar[0][0] if self._calendar else None
