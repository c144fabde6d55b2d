"""Sixty services that try to send a visitor elsewhere; in a network of its own, where what leaves is counted.

    unshare --net python lures.py

Prints one JSON object: how many lures, packets that left this machine, connections to a place on it that nobody named;
and the same counters after a deliberate step outside, which shows that they count.
"""

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from check.hostile_services import http, per_request, saying
from lightproof.check.consent import Consent
from lightproof.check.detectors import all_detectors
from lightproof.check.engine import Engine
from lightproof.check.wire import Budget, Unhurried
from lightproof.evidence.records import Target

OUTSIDE = "10.1.2.3"
NOWHERE = "127.255.255.254"
"""On this machine, and in nobody's scope."""
INTERFACE = "lure0"

REDIRECTS = ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect")
PLACES = (
    f"http://{OUTSIDE}/",
    f"//{OUTSIDE}/studies",
    "http://169.254.169.254/latest/meta-data/",
    "http://167838211/",
    "http://[::ffff:10.1.2.3]/",
    "http://[64:ff9b::a01:203]/",
    f"http://{NOWHERE}/",
    "file:///etc/passwd",
    "gopher://10.1.2.3:70/",
)
PASSIVE = (
    f"227 Entering Passive Mode ({OUTSIDE.replace('.', ',')},0,80)",
    f"227 Entering Passive Mode ({NOWHERE.replace('.', ',')},0,80)",
    "227 Entering Passive Mode (169,254,169,254,0,80)",
    f"229 Entering Extended Passive Mode (|1|{OUTSIDE}|80|)",
)
LOCATIONS = (
    f"http://{OUTSIDE}/d.xml",
    f"http://{NOWHERE}:80/d.xml",
    "http://[::ffff:10.1.2.3]/d.xml",
    "http://167838211/d.xml",
    "file:///etc/passwd",
    "https://10.1.2.3/d.xml",
)
_IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
VIEWER = "window.config = {dataSources: [{configuration: {qidoRoot: '%s', wadoRoot: '%s'}}]};"


def ftp(passive: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """An FTP server that lets everyone in and sends their data connections elsewhere."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 FTP\r\n")
        while line := await reader.readline():
            word = line.strip().upper().partition(b" ")[0]
            answers = {b"USER": "230 in", b"EPSV": passive, b"PASV": passive, b"LIST": "150 ok", b"MLSD": "150 ok"}
            writer.write(answers.get(word, "200 ok").encode() + b"\r\n")
            await writer.drain()

    return behave


class Box(asyncio.DatagramProtocol):
    """An internet box that says it is described elsewhere."""

    def __init__(self, location: str) -> None:
        self._location = location

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = f"HTTP/1.1 200 OK\r\nLOCATION: {self._location}\r\nST: {_IGD}\r\nUSN: uuid:1::{_IGD}\r\nEXT:\r\n\r\n"
        self._transport.sendto(answer.encode(), addr)  # type: ignore[attr-defined]


def lay_out() -> None:
    """Loopback, and an interface through which everything else would leave."""
    for command in (
        "link set lo up",
        f"link add {INTERFACE} type veth peer name lure1",
        f"link set {INTERFACE} arp off",
        f"addr add 10.99.0.1/24 dev {INTERFACE}",
        "link set lure1 up",
        f"link set {INTERFACE} up",
        f"route add default dev {INTERFACE}",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    rules = "add table ip lures\nadd chain ip lures out { type filter hook output priority 0; }\n"
    rules += f'add rule ip lures out oifname "{INTERFACE}" counter\n'
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def left_this_machine() -> int:
    """IPv4 packets sent through the interface (IPv6 speaks by itself when an interface comes up)."""
    counted = subprocess.run(["nft", "list", "chain", "ip", "lures", "out"], check=True, capture_output=True, text=True)
    return int(counted.stdout.partition("packets ")[2].split()[0])


async def main() -> None:
    """Serves the lures, visits each as a check does, and prints what was counted."""
    lay_out()
    visitors = 0

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visitors
        visitors += 1
        writer.close()

    await asyncio.start_server(note, NOWHERE, 80)
    services = [(80, per_request(http(status=status, Location=place))) for status in REDIRECTS for place in PLACES]
    services += [(80, per_request(http((VIEWER % (place, place)).encode()))) for place in PLACES[:5]]
    services += [(21, ftp(passive)) for passive in PASSIVE]
    services += [(21, saying(b"220 FTP\r\n230 in\r\n" + PASSIVE[0].encode() + b"\r\n", unasked=True))]
    targets: list[Target] = []
    for number, (port, behave) in enumerate(services, start=1):
        targets.append(Target(f"127.66.0.{number}", port))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behave: object = behave) -> None:
            with contextlib.suppress(OSError):
                await behave(reader, writer)  # type: ignore[operator]
            writer.transport.abort()

        await asyncio.start_server(serve, targets[-1].address, port)
    for number, location in enumerate(LOCATIONS, start=1):
        targets.append(Target(f"127.66.1.{number}", 1900, "udp"))
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda location=location: Box(location), local_addr=(targets[-1].address, 1900)
        )
    engine = Engine(
        detectors=all_detectors(),
        admission=Unhurried(),
        now=lambda: datetime.now(UTC),
        consent=Consent(),
        budget=Budget(total_s=4),
        visit_s=20,
    )
    observed = [visit async for visit in engine.run(targets)]
    packets, met = left_this_machine(), visitors
    with socket.socket() as probe:
        probe.settimeout(0.3)
        with contextlib.suppress(OSError):
            probe.connect((OUTSIDE, 80))
    reader, writer = await asyncio.open_connection(NOWHERE, 80)
    await reader.read()
    writer.close()
    print(
        json.dumps(
            {
                "lures": len(targets),
                "visits": len(observed),
                "packets_outside": packets,
                "visitors_elsewhere": met,
                "packets_after_a_step_outside": left_this_machine(),
                "visitors_after_a_step": visitors,
            }
        )
    )


if __name__ == "__main__":
    assert Path("/proc/self/ns/net").exists()
    asyncio.run(main())
