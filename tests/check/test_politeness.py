"""Nobody is pressed harder than stated."""

import asyncio
import time

from lightproof.check.politeness import ANYONE_ELSE, PRIVATE_NETWORK, Politeness, manners_towards, neighbourhood_of


def test_manners_follow_the_address() -> None:
    assert manners_towards("10.1.2.3") is PRIVATE_NETWORK
    assert manners_towards("fd00::1") is PRIVATE_NETWORK
    assert manners_towards("8.8.8.8") is ANYONE_ELSE


def test_only_public_addresses_have_a_neighbourhood() -> None:
    assert neighbourhood_of("8.8.8.8") == "8.8.8.0/24"
    assert neighbourhood_of("2001:4860:4860::8888") == "2001:4860:4860::/56"
    assert neighbourhood_of("192.168.1.1") is None


async def most_at_once(politeness: Politeness, address: str, tries: int, hold_s: float = 0.01) -> int:
    now = most = 0

    async def connect() -> None:
        nonlocal now, most
        async with politeness.connection(address):
            now += 1
            most = max(most, now)
            await asyncio.sleep(hold_s)
            now -= 1

    await asyncio.gather(*(connect() for _ in range(tries)))
    return most


async def test_a_private_host_gets_one_connection_at_a_time() -> None:
    politeness = Politeness(clock=time.monotonic, total_per_second=10_000)
    assert await most_at_once(politeness, "192.168.1.9", 4) == 1


async def test_ones_own_address_may_be_pressed_harder() -> None:
    politeness = Politeness(clock=time.monotonic, total_per_second=10_000, own=frozenset({"192.168.1.9"}))
    assert await most_at_once(politeness, "192.168.1.9", 20) > 1


async def test_connections_to_one_host_keep_their_distance() -> None:
    politeness = Politeness(clock=time.monotonic, total_per_second=10_000)
    began = time.monotonic()
    await most_at_once(politeness, "192.168.1.9", 5, hold_s=0)
    assert time.monotonic() - began >= 4 / PRIVATE_NETWORK.per_second


async def test_the_total_rate_holds_over_all_hosts() -> None:
    politeness = Politeness(clock=time.monotonic, total_per_second=100)
    began = time.monotonic()

    async def connect(last: int) -> None:
        async with politeness.connection(f"192.168.1.{last}"):
            pass

    await asyncio.gather(*(connect(last) for last in range(1, 31)))
    assert time.monotonic() - began >= 29 / 100


async def test_memory_of_hosts_is_bounded() -> None:
    politeness = Politeness(clock=time.monotonic, total_per_second=1e9, own=frozenset())
    for number in range(6_000):
        async with politeness.connection(f"127.{number >> 8 & 255}.{number & 255}.1"):
            pass
    assert len(politeness._hosts) <= 5_000
