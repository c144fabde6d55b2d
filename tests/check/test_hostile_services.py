"""Every hostile behaviour, visited with every detector: one bounded visit, nothing executed, nothing followed.

The services run in a process of their own, so that what is measured here is the visitor alone.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict

import pytest

from check.bombs import BOMBS
from check.fleets import address, fleet
from check.hostile_services import BEHAVIOURS, HOSTILE
from check.memory import growth
from check.services import serving
from check.visiting import NOW, visit
from lightproof.check.consent import Consent
from lightproof.check.engine import Engine, Visit
from lightproof.check.wire import Budget
from lightproof.evidence.records import Target
from peers.processes import free_port

DEADLINE_S = 4.0
VISIT_S = 9.0
GROWTH_MB = 20
"""More than this no service may make a visitor hold."""
FIRST = 60_000
NAMES = tuple(HOSTILE)
BATCHES = tuple(NAMES[at : at + 11] for at in range(0, len(NAMES), 11))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of the hostile endpoints, one a behaviour."""
    # Behaviour n is at the endpoint whose number is n modulo theirs.
    chosen = free_port()
    with fleet("hostile_services.py", FIRST - FIRST % len(NAMES), len(NAMES), chosen):
        yield chosen


def hostile_address(name: str) -> str:
    return address(FIRST - FIRST % len(NAMES) + NAMES.index(name))


async def visited(*targets: Target) -> Sequence[Visit]:
    """All at once, each within its deadline, all in little memory: so each of them in less."""
    await visit(Target("127.0.0.1", 9))  # what is loaded once is not a service's doing

    async def one(target: Target) -> Visit:
        began = time.monotonic()
        seen = await visit(target, budget=Budget(total_s=DEADLINE_S), visit_s=VISIT_S)
        assert time.monotonic() - began <= VISIT_S + 1, target
        return seen

    with growth() as grown:
        seen = await asyncio.gather(*map(one, targets))
    assert grown.mb < GROWTH_MB
    return seen


@pytest.mark.parametrize("names", BATCHES, ids=[f"{names[0]} to {names[-1]}" for names in BATCHES])
async def test_a_hostile_service_gets_a_bounded_visit(names: Sequence[str], port: int) -> None:
    for seen in await visited(*(Target(hostile_address(name), port) for name in names)):
        assert all(entry.reason != "detector-fault" for entry in seen.unchecked), seen.unchecked
        told = repr([asdict(observation) for observation in seen.observations])
        assert len(told) < 100_000
        assert all(control not in told for control in (r"\x1b", r"\x07", r"\u202e", "CANARY"))


@pytest.mark.soak
@pytest.mark.parametrize("number", range(len(BOMBS)), ids=tuple(BOMBS))
async def test_a_bomb_of_ten_gigabytes_does_not_go_off(number: int) -> None:
    port = free_port()
    with fleet("large_bombs.py", number, 1, port):
        await visited(Target(address(number), port))


async def test_no_lure_is_followed() -> None:
    visitors = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visitors
        visitors += 1

    elsewhere = await asyncio.start_server(count, "127.255.255.254", 9)
    try:
        for name in ("redirect-elsewhere", "ftp-elsewhere"):
            async with serving(BEHAVIOURS[name]) as port:
                with contextlib.suppress(TimeoutError):
                    await visit(Target("127.0.0.1", port), budget=Budget(total_s=DEADLINE_S), visit_s=VISIT_S)
    finally:
        elsewhere.close()
    assert visitors == 0


class Stumbling:
    """An admission that has a fault of its own."""

    @asynccontextmanager
    async def connection(self, address: str) -> AsyncGenerator[None]:
        raise ValueError(address)
        yield


async def test_a_fault_of_ours_on_one_target_is_recorded_and_ends_no_run() -> None:
    engine = Engine(
        detectors=(), admission=Stumbling(), now=lambda: NOW, consent=Consent(), budget=Budget(total_s=DEADLINE_S)
    )
    async with aclosing(engine.run([Target("127.0.0.1", 9), Target("127.0.0.1", 10)])) as visits:
        seen = [visit async for visit in visits]
    assert [entry.reason for visit in seen for entry in visit.unchecked] == ["detector-fault", "detector-fault"]
