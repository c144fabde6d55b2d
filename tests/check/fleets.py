"""Many endpoints in a process of their own, which also tells when each was called: as no visitor can tell of itself.

    python SCRIPT FIRST COUNT PORT        # endpoint n is 127.9.(n >> 8).(n & 255)

Says `ready` when all listen; answers a line on its stdin with a line of JSON, the calls so far; ends with its stdin.
"""

import asyncio
import contextlib
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent.parent
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def address(number: int) -> str:
    """Where endpoint `number` of a fleet is."""
    return f"127.9.{number >> 8}.{number & 255}"


@dataclass(frozen=True)
class Endpoint:
    """How one endpoint behaves, in clear or inside TLS."""

    behave: Behaviour
    tls: Callable[[], ssl.SSLContext] | None = None


@dataclass(frozen=True)
class Call:
    """One connection, as the endpoint saw it (seconds of the machine's monotonic clock)."""

    opened: float
    closed: float | None
    """When the visitor left; None while it is there."""
    heard: int
    """Bytes that it said."""


class _Spoken(asyncio.StreamReaderProtocol):
    """Notes what the visitor says and when it leaves, whatever the behaviour does meanwhile."""

    def __init__(self, call: list[float | None], reader: asyncio.StreamReader, behave: Behaviour) -> None:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await behave(reader, writer)
            except Exception:  # noqa: BLE001 - a hostile service that stumbles is one more hostile behaviour
                pass
            finally:
                writer.transport.abort()

        super().__init__(reader, converse)
        self._call = call

    def data_received(self, data: bytes) -> None:
        self._call[2] = (self._call[2] or 0) + len(data)
        super().data_received(data)

    def eof_received(self) -> bool | None:
        self._leave()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if self._call[1] is None:
            self._call[1] = time.monotonic()


async def _listen(place: tuple[str, int], endpoint: Endpoint, calls: list[list[float | None]]) -> None:
    loop = asyncio.get_running_loop()
    context = endpoint.tls() if endpoint.tls is not None else None
    listener = socket.create_server(place, backlog=64)
    listener.setblocking(False)

    async def take(sock: socket.socket) -> None:
        call: list[float | None] = [time.monotonic(), None, 0]
        calls.append(call)
        reader = asyncio.StreamReader(limit=65_536)
        try:
            await loop.connect_accepted_socket(lambda: _Spoken(call, reader, endpoint.behave), sock, ssl=context)
        except OSError:  # no handshake
            call[1] = call[1] or time.monotonic()

    taking: set[asyncio.Task[None]] = set()
    while True:
        sock, _ = await loop.sock_accept(listener)
        task = asyncio.create_task(take(sock))
        taking.add(task)
        task.add_done_callback(taking.discard)


async def _fleet(choose: Callable[[int], Endpoint], first: int, count: int, port: int) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    calls: dict[str, list[list[float | None]]] = {address(number): [] for number in range(first, first + count)}
    listening = [
        asyncio.create_task(_listen((address(number), port), choose(number), calls[address(number)]))
        for number in range(first, first + count)
    ]
    await asyncio.sleep(0)
    if failed := [task for task in listening if task.done()]:
        failed[0].result()
    lags = [0.0]
    ticking = asyncio.create_task(_tick(lags))
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps({"calls": calls, "lag_s": max(lags)}), flush=True)
    ticking.cancel()
    os._exit(0)  # floods do not end by themselves


async def _tick(lags: list[float]) -> None:
    """Keeps how late this process ever was to act."""
    while True:
        due = time.monotonic() + 0.05
        await asyncio.sleep(0.05)
        lags[0] = max(lags[0], time.monotonic() - due)


def main(choose: Callable[[int], Endpoint]) -> None:
    """Runs a fleet: `choose` gives endpoint n its behaviour."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_fleet(choose, *map(int, sys.argv[1:4])))


class Fleet:
    """A fleet that runs now."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lag_s = 0.0
        """How late it was at most, until it was last asked for its calls, to see what had happened."""

    def calls(self) -> Mapping[str, list[Call]]:
        """The calls so far, by address."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("tell\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        self.lag_s = told["lag_s"]
        return {place: [Call(*call) for call in calls] for place, calls in told["calls"].items()}


@contextmanager
def fleet(program: str, first: int, count: int, port: int, *, before: Sequence[str] = ()) -> Iterator[Fleet]:
    """Endpoints `first` to `first + count`, as `program` (a script of this folder) has them behave.

    `before`: words that run it in a network where nobody calls but the visitor whose calls are counted.
    """
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [*before, sys.executable, str(TESTS / "check" / program), str(first), str(count), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths, "TMPDIR": folder},
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Fleet(process)
        finally:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.communicate()
