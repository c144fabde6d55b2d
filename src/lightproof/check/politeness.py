"""How hard a check may press: connections at once and a second, for one address, one neighbourhood and in all.

A medical device may hang when several strangers call at once, so the default for other people's machines is one
connection at a time and two a second; a person's own machine may be asked faster.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Limits towards one kind of address. Rates are connections started a second."""

    at_once: int
    per_second: float


OWN_MACHINE = Manners(at_once=8, per_second=500)
PRIVATE_NETWORK = Manners(at_once=1, per_second=20)
ANYONE_ELSE = Manners(at_once=1, per_second=2)
NEIGHBOURHOOD_PER_SECOND = 10
"""For public addresses: what one /24 (IPv6: /56) may get together."""

_REMEMBERED = 4_096


def manners_towards(address: str) -> Manners:
    """What an address may be asked to bear: loopback most, private networks less, the rest of the world least."""
    parsed = ip_address(address)
    if parsed.is_loopback:
        return OWN_MACHINE
    return PRIVATE_NETWORK if parsed.is_private else ANYONE_ELSE


def neighbourhood_of(address: str) -> str | None:
    """The /24 or /56 of a public address; None for the others."""
    parsed = ip_address(address)
    if parsed.is_private or parsed.is_loopback:
        return None
    return str(ip_network((address, 24 if parsed.version == 4 else 56), strict=False))


@dataclass(slots=True)
class _Host:
    slots: asyncio.Semaphore
    next_start: float = 0.0
    users: int = field(default=0)


class Politeness:
    """Admits connections in turn. One object a check; safe for any number of tasks of one event loop."""

    def __init__(
        self, *, clock: Callable[[], float], total_per_second: float, own: frozenset[str] = frozenset()
    ) -> None:
        self._clock = clock
        self._total_interval = 1 / total_per_second
        self._next_start = 0.0
        self._own = own
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self._neighbourhoods: OrderedDict[str, float] = OrderedDict()

    @asynccontextmanager
    async def connection(self, address: str) -> AsyncGenerator[None]:
        """Waits until a connection to `address` may start; holds its place until the block ends."""
        manners = OWN_MACHINE if address in self._own else manners_towards(address)
        host = self._host(address, manners)
        host.users += 1
        try:
            async with host.slots:
                await self._wait(host, address, manners)
                yield
        finally:
            host.users -= 1

    async def _wait(self, host: _Host, address: str, manners: Manners) -> None:
        now = self._clock()
        start = max(now, host.next_start, self._next_start)
        if (neighbourhood := neighbourhood_of(address)) is not None:
            start = max(start, self._neighbourhoods.get(neighbourhood, 0.0))
            self._neighbourhoods[neighbourhood] = start + 1 / NEIGHBOURHOOD_PER_SECOND
            self._neighbourhoods.move_to_end(neighbourhood)
            if len(self._neighbourhoods) > _REMEMBERED:
                self._neighbourhoods.popitem(last=False)
        host.next_start = start + 1 / manners.per_second
        # One slot of the total each, counted from now: a host that must wait does not hold up the others.
        self._next_start = max(now, self._next_start) + self._total_interval
        if start > now:
            await asyncio.sleep(start - now)

    def _host(self, address: str, manners: Manners) -> _Host:
        host = self._hosts.get(address)
        if host is None:
            host = self._hosts[address] = _Host(asyncio.Semaphore(manners.at_once))
            if len(self._hosts) > _REMEMBERED:
                idle = next((a for a, h in self._hosts.items() if not h.users and h.next_start < self._clock()), None)
                if idle is not None:
                    del self._hosts[idle]
        return host
