"""miniupnpd in a network namespace of the test's own: a real internet box, on a street that leads nowhere.

The machine itself is left as it is: interfaces, addresses, firewall tables and the daemon exist in the namespace alone,
and end with it. `Box.visited` runs a coroutine in there, in a thread that never comes back out.
"""

import asyncio
import ctypes
import itertools
import os
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from peers.processes import program

INSIDE = "192.168.77.1"
OUTSIDE = "81.2.69.142"
"""Public, so that the box knows an external address; nothing is ever sent there: the wire ends in the namespace."""
_READY_S = 15.0
_CLONE_NEWNET = 0x4000_0000
_numbers = itertools.count()

_CHAINS = """
table inet filter {
  chain forward { type filter hook forward priority 0; jump miniupnpd; }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Box:
    """An internet box that runs now; `address` is its inside one, within `namespace`."""

    namespace: str
    address: str = INSIDE
    external_address: str = OUTSIDE

    def forward(self, outside: int, inside: int, *, protocol: str = "TCP", label: str = "", address: str = "") -> None:
        """Has the box forward a port, as any program inside can."""
        named = ("-e", label) if label else ()
        asked = ("-a", address or self.address, str(inside), str(outside), protocol)
        done = self._run(program("upnpc"), "-m", self.address, *named, *asked)
        assert "is redirected to internal" in done, done

    def visited(self, visit: Callable[[], Awaitable[T]]) -> T:
        """What a coroutine finds when it runs inside."""
        results: list[T] = []
        failures: list[BaseException] = []

        def inside() -> None:
            try:
                with Path("/var/run/netns", self.namespace).open("rb") as namespace:
                    # os.setns came with Python 3.12
                    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                results.append(asyncio.run(_awaited(visit)))
            except BaseException as failure:  # raised again where the test waits
                failures.append(failure)

        thread = threading.Thread(target=inside, daemon=True)
        thread.start()
        thread.join(60)
        if failures:
            raise failures[0]
        assert results, "the visit did not end"
        return results[0]

    def _run(self, *command: str) -> str:
        return _run("ip", "netns", "exec", self.namespace, *command)


@contextmanager
def running_miniupnpd(folder: Path, settings: Sequence[str] = (), *, options: Sequence[str] = ()) -> Iterator[Box]:
    """An internet box with UPnP and NAT-PMP; `settings` are lines of miniupnpd.conf on top of that."""
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("a network namespace needs root")
    daemon = program("miniupnpd")
    program("nft")
    namespace = f"lightproof-{os.getpid()}-{next(_numbers)}"
    with ExitStack() as stack:
        _run("ip", "netns", "add", namespace)
        stack.callback(_run, "ip", "netns", "delete", namespace)
        box = Box(namespace)
        _wire_up(namespace)
        chains = folder / "chains.nft"
        chains.write_text(_CHAINS)
        _run("ip", "netns", "exec", namespace, program("nft"), "-f", str(chains))
        lines = (
            "ext_ifname=outside",
            "listening_ip=inside",
            "http_port=0",
            "enable_upnp=yes",
            "enable_natpmp=yes",
            "secure_mode=no",
            "ipv6_disable=yes",
            "uuid=00000000-0000-4000-8000-000000000001",
            "allow 0-65535 0.0.0.0/0 0-65535",
            *settings,
        )
        configuration = folder / "miniupnpd.conf"
        configuration.write_text("\n".join(lines) + "\n")
        log = folder / "miniupnpd.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, daemon, "-d", "-f", configuration, "-P", folder / "pid", *options],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        stack.callback(_stop, process)
        _await_listening(process, log)
        yield box


async def _awaited(visit: Callable[[], Awaitable[T]]) -> T:
    return await visit()


def _wire_up(namespace: str) -> None:
    def ip(*words: str) -> None:
        _run("ip", "-n", namespace, *words)

    ip("link", "set", "lo", "up")
    for side, address in (("inside", INSIDE), ("outside", OUTSIDE)):
        ip("link", "add", side, "type", "veth", "peer", "name", f"{side}-end")
        ip("address", "add", f"{address}/24", "dev", side)
        ip("link", "set", side, "up")
        ip("link", "set", f"{side}-end", "up")
    ip("route", "add", "default", "dev", "outside")


def _await_listening(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        if "Listening for NAT-PMP" in (said := log.read_text(errors="replace")) or "nothing to do" in said:
            return
        time.sleep(0.05)
    pytest.fail(f"miniupnpd did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)


def _run(name: str, *arguments: str) -> str:
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{name} {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout
