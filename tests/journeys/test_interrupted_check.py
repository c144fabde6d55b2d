"""Ctrl-C is the kill switch: a check ends within a second, in whatever it is, and calls nobody afterwards."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ENDS_WITHIN_S = 1.0
NETWORK = "127.99.7"
MACHINES = 64


@dataclass
class Fleet:
    """When somebody called, and when a caller said something."""

    port: int = 0
    calls: list[float] = field(default_factory=list)
    words: list[float] = field(default_factory=list)


@asynccontextmanager
async def slow_fleet() -> AsyncGenerator[Fleet]:
    """Machines that accept every call, and answer whatever is said with HTTP 404, after a while."""
    fleet = Fleet()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fleet.calls.append(time.monotonic())
        with suppress(OSError):
            while await reader.read(65_536):
                fleet.words.append(time.monotonic())
                await asyncio.sleep(0.3)
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        writer.transport.abort()

    async with AsyncExitStack() as stack:
        for number in range(1, MACHINES + 1):
            server = await asyncio.start_server(converse, f"{NETWORK}.{number}", fleet.port)
            fleet.port = server.sockets[0].getsockname()[1]
            await stack.enter_async_context(server)
        yield fleet


def sweeping(fleet: Fleet) -> bool:
    return len(fleet.calls) >= 5


def visiting(fleet: Fleet) -> bool:
    return len(fleet.words) >= 100


@pytest.mark.parametrize(
    ("options", "in_the_middle"),
    [(("--rate", "20"), sweeping), (("--rate", "20", "--survey"), sweeping), (("--rate", "2000"), visiting)],
    ids=["sweep", "survey", "visits"],
)
async def test_an_interrupted_check_ends_within_a_second_and_calls_nobody_more(
    options: tuple[str, ...], in_the_middle: Callable[[Fleet], bool], tmp_path: Path
) -> None:
    async with slow_fleet() as fleet:
        check = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lightproof", "check", f"{NETWORK}.1-{MACHINES}", "--ports", str(fleet.port)),
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LIGHTPROOF_HOME": str(tmp_path), "LIGHTPROOF_LANG": "en"},
        )
        async with asyncio.timeout(60):
            while not in_the_middle(fleet):
                assert check.returncode is None
                await asyncio.sleep(0.01)
        interrupted = time.monotonic()
        check.send_signal(signal.SIGINT)
        out, err = await check.communicate()
        ended = time.monotonic()
        await asyncio.sleep(1.5)
    assert (check.returncode, out) == (130, b"")
    assert "Interrupted" in err.decode()
    assert "--resume" in err.decode()
    assert ended - interrupted < ENDS_WITHIN_S
    assert max(fleet.calls + fleet.words) <= ended
