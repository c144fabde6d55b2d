"""Every hostile behaviour, visited with every detector: one bounded visit, nothing executed, nothing followed."""

import asyncio
import contextlib
import time
from dataclasses import asdict

import pytest

from check.hostile_services import BEHAVIOURS
from check.services import serving
from check.visiting import visit
from lightproof.check.wire import Budget
from lightproof.evidence.records import Target

DEADLINE_S = 4.0
VISIT_S = 9.0


@pytest.mark.parametrize("name", BEHAVIOURS)
async def test_a_hostile_service_gets_a_bounded_visit(name: str) -> None:
    async with serving(BEHAVIOURS[name]) as port:
        began = time.monotonic()
        seen = await visit(Target("127.0.0.1", port), budget=Budget(total_s=DEADLINE_S), visit_s=VISIT_S)
        elapsed = time.monotonic() - began
    assert elapsed <= VISIT_S + 1
    assert all(entry.reason != "detector-fault" for entry in seen.unchecked), seen.unchecked
    told = repr([asdict(observation) for observation in seen.observations])
    assert len(told) < 100_000
    assert all(control not in told for control in (r"\x1b", r"\x07", r"\u202e", "CANARY"))


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
