"""A whole practice with every detector: 254 addresses x 60 ports, from the command a person runs to its JSON.

The practice lives on 127.30.0.0/24: an open archive with its web server and FTP, devices that know their callers,
workstations, printers, a NAS, and a few machines that accept and stay silent or drip. The rest is closed.
"""

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from multiprocessing.synchronize import Event

from lightproof.check.detectors import default_ports
from lightproof.demo import archive, files, http_server, web
from measuring import table, write

NETWORK = "127.30.0"
ADDRESSES = 254
PORTS = 60
GOAL_S = 60.0


def ports() -> list[int]:
    """The default ports and as many others as make 60."""
    chosen = list(default_ports())
    others = (port for port in range(20_000, 20_100) if port not in chosen)
    return sorted([*chosen, *(next(others) for _ in range(PORTS - len(chosen)))])


async def _greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    await reader.read(1024)
    writer.close()


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass
    writer.close()


async def _drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(1)


def _printer(_request: http_server.Request) -> http_server.Answer:
    return http_server.Answer(body=b"<title>Printer</title>Ready")


async def _live(ready: Event, stop: Event) -> None:
    # Visitors that leave early are what happens in a check: nothing to report.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    async with AsyncExitStack() as stack:
        for last in (10, 11):
            await archive.serve(f"{NETWORK}.{last}", 11112, guarded=False)
            await http_server.serve(f"{NETWORK}.{last}", 8042, web.answer_openly, server_name=web.SERVER_NAME)
        await files.start(stack, f"{NETWORK}.10", guarded=False)
        for last in range(20, 28):
            await archive.serve(f"{NETWORK}.{last}", 104, guarded=True)
        for last in range(30, 40):
            await http_server.serve(f"{NETWORK}.{last}", 80, _printer, server_name="printer")
            await asyncio.start_server(_greets, f"{NETWORK}.{last}", 8080)
        for last in range(50, 55):
            await asyncio.start_server(_silent, f"{NETWORK}.{last}", 11112)
            await asyncio.start_server(_drips, f"{NETWORK}.{last}", 8000)
        ready.set()
        await asyncio.to_thread(stop.wait)


def _practice(ready: Event, stop: Event) -> None:
    asyncio.run(_live(ready, stop))


def measured() -> tuple[float, dict[str, object]]:
    """Seconds from command to result, and the report."""
    arguments = [f"{NETWORK}.1-{ADDRESSES}", "--ports", ",".join(map(str, ports())), "--json", "--no-box"]
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "lightproof", "check", *arguments],
            capture_output=True,
            env={**os.environ, "LIGHTPROOF_HOME": home},
            timeout=300,
            check=False,
        )
        elapsed = time.monotonic() - began
    if done.returncode not in (0, 3, 4):
        raise SystemExit(done.stderr.decode())
    return elapsed, json.loads(done.stdout)


def main() -> int:
    """Prints the time and what was found; 1 when the goal was missed."""
    ready, stop = multiprocessing.Event(), multiprocessing.Event()
    practice = multiprocessing.Process(target=_practice, args=(ready, stop), daemon=True)
    practice.start()
    try:
        ready.wait(30)
        elapsed, report = measured()
    finally:
        stop.set()
        practice.join(10)
    services = report["services"]
    assert isinstance(services, list)
    unchecked = report["unchecked"]
    assert isinstance(unchecked, list)
    exposed = sum(service["facts"]["open"] is True for service in services)
    figures = {
        "targets": report["targets"],
        "seconds": round(elapsed, 1),
        "goal_seconds": GOAL_S,
        "services": len(services),
        "open": exposed,
        "not_checked": len(unchecked),
        "letter": report["letter"],
    }
    table([("figure", "value"), *figures.items()])
    write("practice", figures)
    return 0 if elapsed <= GOAL_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
