"""Traps that try to send a visitor elsewhere; in a network of its own, where what leaves and what is asked is counted.

    unshare --net --mount python lures.py

The real command line visits them. Prints one JSON object: how many traps, which were not visited; packets of IPv4 and
of IPv6 that left this machine, visitors to places on it that nobody named, names that were looked up; and the same
counters after a deliberate step outside, which shows that they count.
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from check.hostile_services import http, per_request, saying
from check.internet_boxes import Heard, description, mapping, soap_of
from check.internet_boxes import http as box_web
from peers.folders import public_folder
from peers.samba import running_samba

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OUTSIDE, OUTSIDE_6 = "10.1.2.3", "2001:db8::1"
NOWHERE, NOWHERE_6 = "127.255.255.254", "fd66::ffff"
"""On this machine, and in nobody's scope."""
INTERFACE = "lure0"
SMB = "127.0.0.1:445"
"""A real server whose shares are said to be elsewhere (DFS)."""
ZONE = "lure.internal"
"""Plainly local: a public name may not lead inside at all."""
REBINDING = f"rebinding.{ZONE}"
IN_SCOPE = "127.66.2.1"
"""What that name means the first time it is looked up; afterwards it means NOWHERE."""

PLACES = (
    f"http://{OUTSIDE}/",
    f"//{OUTSIDE}/studies",
    f"\\\\{OUTSIDE}\\studies",
    "http://169.254.169.254/latest/meta-data/",
    "http://167838211/",
    "http://0x0a010203/",
    "http://012.01.02.03/",
    "http://10.66051/",
    "http://１０.１.２.３/",
    f"http://127.66.0.1@{OUTSIDE}/",
    f"http://127.66.0.1:80\\@{OUTSIDE}/",
    f"http://{OUTSIDE}#@127.66.0.1/",
    f"http://[::ffff:{OUTSIDE}]/",
    f"http://[::{OUTSIDE}]/",
    "http://[64:ff9b::a01:203]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a01:203::1]/",
    f"http://[{OUTSIDE_6}]/",
    "http://[fe80::1%25lure0]/",
    f"http://elsewhere.{ZONE}/",
    f"http://10-1-2-3.{ZONE}/",
    f"https://elsewhere.{ZONE}:8443/studies",
    "http://localhost/",
    f"http://{NOWHERE}/",
    "http://2147483646/",
    f"http://[::ffff:{NOWHERE}]/",
    f"http://[{NOWHERE_6}]/",
    "file:///etc/passwd",
    "gopher://10.1.2.3:70/",
    f"ftp://elsewhere.{ZONE}/images/",
    "dict://10.1.2.3:2628/",
)
REDIRECTS = ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect")
IN_A_PAGE = (f"http://{OUTSIDE}", f"http://[{OUTSIDE_6}]", f"http://elsewhere.{ZONE}", f"http://{NOWHERE}")
"""Of every kind one, for what takes a place elsewhere than in a redirect."""
PASSIVE = (
    f"227 Entering Passive Mode ({OUTSIDE.replace('.', ',')},4,80)",
    f"227 Entering Passive Mode ({NOWHERE.replace('.', ',')},4,80)",
    "227 Entering Passive Mode (169,254,169,254,4,80)",
    f"229 Entering Extended Passive Mode (|1|{OUTSIDE}|1104|)",
    f"229 Entering Extended Passive Mode (|2|{OUTSIDE_6}|1104|)",
    f"229 Entering Extended Passive Mode (|3|elsewhere.{ZONE}|1104|)",
)
LOCATIONS = (
    f"http://{OUTSIDE}/d.xml",
    f"http://{NOWHERE}:80/d.xml",
    f"http://[::ffff:{OUTSIDE}]/d.xml",
    f"http://[{OUTSIDE_6}]/d.xml",
    "http://167838211/d.xml",
    f"http://elsewhere.{ZONE}/d.xml",
    f"http://127.66.1.7@{OUTSIDE}/d.xml",
    "file:///etc/passwd",
    f"https://{OUTSIDE}/d.xml",
)
_IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
_SEARCHED = "HTTP/1.1 200 OK\r\nLOCATION: {location}\r\nST: {igd}\r\nUSN: uuid:1::{igd}\r\nEXT:\r\n\r\n"


def _pages(place: str) -> Iterator[bytes]:
    """Answers that name a place otherwise than by a redirect."""
    html = {"Content_Type": "text/html"}
    viewer = "window.config = {dataSources: [{configuration: {qidoRoot: '%s/rs', wadoRoot: '%s/rs'}}]};"
    yield http((viewer % (place, place)).encode(), Content_Type="application/javascript")
    yield http(
        f'<html><title>Index of /</title><a href="{place}/dicom/">dicom/</a><a href="{place}/a.dcm">a</a>'.encode(),
        **html,
    )
    yield http(f'<html><meta http-equiv="refresh" content="0;url={place}/"><base href="{place}/">'.encode(), **html)
    yield http(b"x", Refresh=f"0; url={place}/", Content_Location=f"{place}/", Link=f"<{place}/>; rel=preload")
    yield http(
        f'<multistatus xmlns="DAV:"><response><href>{place}/dav/</href></response></multistatus>'.encode(),
        status="207 Multi-Status", Content_Type="text/xml", DAV="1, 2",
    )  # fmt: skip
    yield http(
        f"<Error><Code>TemporaryRedirect</Code><Endpoint>{place}</Endpoint></Error>".encode(),
        status="307 Temporary Redirect", Location=f"{place}/dicom", Content_Type="application/xml",
    )  # fmt: skip
    yield http(status="401 Unauthorized", WWW_Authenticate=f'Bearer realm="{place}/token",service="dicom"')


def _ftp(passive: str) -> Behaviour:
    """An FTP server that lets everyone in and sends their data connections elsewhere."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 FTP\r\n")
        while line := await reader.readline():
            word = line.strip().upper().partition(b" ")[0]
            answers = {b"USER": "230 in", b"EPSV": passive, b"PASV": passive, b"LIST": "150 ok", b"MLSD": "150 ok"}
            writer.write(answers.get(word, "200 ok").encode() + b"\r\n")
            await writer.drain()

    return behave


def _traps() -> Iterator[tuple[int, Behaviour]]:
    """Each with the port it wants."""
    for number, place in enumerate(PLACES):
        status = REDIRECTS[number % len(REDIRECTS)]
        yield 80, per_request(http(status=status, Location=_as_header(place)))
    for place in IN_A_PAGE:
        for page in _pages(place):
            yield 80, per_request(page)
    for passive in PASSIVE:
        yield 21, _ftp(passive)
    yield 21, saying(b"220 FTP\r\n230 in\r\n" + PASSIVE[0].encode() + b"\r\n", unasked=True)
    yield 873, saying(f"@RSYNCD: 31.0\n@ERROR: moved to rsync://elsewhere.{ZONE}/images\n".encode(), unasked=True)


def _as_header(place: str) -> str:
    """As a server would send it that does not care what bytes stand in a header."""
    return place.encode().decode("latin-1")


def _certificate(folder: Path) -> ssl.SSLContext:
    """A server's certificate that names places for revocation, for its issuer and for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"elsewhere.{ZONE}")])
    there = x509.UniformResourceIdentifier(f"http://elsewhere.{ZONE}/")
    outside = x509.UniformResourceIdentifier(f"http://{OUTSIDE}/")
    access = [
        x509.AccessDescription(x509.AuthorityInformationAccessOID.OCSP, there),
        x509.AccessDescription(x509.AuthorityInformationAccessOID.CA_ISSUERS, outside),
    ]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(
            x509.CRLDistributionPoints([x509.DistributionPoint([outside, there], None, None, None)]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "lure.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


class Box(asyncio.DatagramProtocol):
    """An internet box that says where it is described."""

    def __init__(self, location: str, touched: Callable[[], None]) -> None:
        self._answer = _SEARCHED.format(location=location, igd=_IGD).encode()
        self._touched = touched

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._touched()
        self._transport.sendto(self._answer, addr)  # type: ignore[attr-defined]


class Resolver(asyncio.DatagramProtocol):
    """Answers every name of every zone, and keeps which were asked. One changes its meaning after the first time."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels: list[str] = []
        at = 12
        while length := data[at]:
            labels.append(data[at + 1 : at + 1 + length].decode("latin-1"))
            at += 1 + length
        question, kind = data[12 : at + 5], int.from_bytes(data[at + 1 : at + 3], "big")
        name = ".".join(labels).lower()
        first = f"{name} {kind}" not in self.asked
        self.asked.append(f"{name} {kind}")
        meant: bytes | None = None
        if kind == 1:
            meant = socket.inet_aton(IN_SCOPE if name == REBINDING and first else NOWHERE)
        elif kind == 28 and not (name == REBINDING and first):
            meant = socket.inet_pton(socket.AF_INET6, NOWHERE_6)
        record = b"" if meant is None else b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(meant)) + meant
        head = data[:2] + struct.pack(">HHHHH", 0x8180, 1, meant is not None, 0, 0)
        self._transport.sendto(head + question + record, addr)  # type: ignore[attr-defined]


def lay_out(folder: Path) -> None:
    """Loopback with addresses of both kinds, an interface through which all else would leave, and our own resolver."""
    Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
    for command in (
        "link set lo up",
        f"link add {INTERFACE} type veth peer name lure1",
        f"link set {INTERFACE} arp off",
        f"addr add 10.99.0.1/24 dev {INTERFACE}",
        "link set lure1 up",
        f"link set {INTERFACE} up",
        f"addr add fd99::1/64 dev {INTERFACE} nodad",
        f"route add default dev {INTERFACE}",
        f"-6 route add default dev {INTERFACE}",
        "-6 route add local fd66::/64 dev lo",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    # IPv6 speaks by itself when an interface comes up (neighbours, groups): what a program sends is TCP or UDP.
    rules = (
        "add table inet lures\nadd counter inet lures v4\nadd counter inet lures v6\n"
        "add chain inet lures out { type filter hook output priority 0; }\n"
        f'add rule inet lures out oifname "{INTERFACE}" meta nfproto ipv4 counter name v4\n'
        f'add rule inet lures out oifname "{INTERFACE}" meta nfproto ipv6 meta l4proto {{ tcp, udp }} counter name v6\n'
    )
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    for name, content in (
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
        ("hosts", f"127.0.0.1 localhost {socket.gethostname()}\n"),
    ):
        (folder / name).write_text(content)
        subprocess.run(["mount", "--bind", folder / name, Path("/etc", name).resolve()], check=True)


def left_this_machine() -> dict[str, int]:
    """Packets sent through the interface, by family."""
    listed = subprocess.run(["nft", "-j", "list", "counters"], check=True, capture_output=True, text=True).stdout
    counters = [entry["counter"] for entry in json.loads(listed)["nftables"] if "counter" in entry]
    return {counter["name"]: counter["packets"] for counter in counters}


def listening(address: str, port: int) -> socket.socket:
    """Also on an address that no interface has."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
    sock.bind((address, port))
    return sock


class House:
    """The traps, and who came where."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.boxes: list[str] = []
        self.touched: set[str] = set()
        self.elsewhere = 0

    async def trap(
        self, address: str, port: int, behave: Behaviour, *, tls: ssl.SSLContext | None = None, name: str = ""
    ) -> None:
        """One service that is in the scope, under its address or the name by which it is asked for."""
        shown = name or (f"[{address}]" if ":" in address else address)
        target = f"{shown}:{port}"
        self.targets.append(target)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.touched.add(target)
            with contextlib.suppress(OSError):
                await behave(reader, writer)
            writer.transport.abort()

        await asyncio.start_server(serve, sock=listening(address, port), ssl=tls)

    async def outside(self, address: str, port: int) -> None:
        """A place on this machine that nobody named."""

        async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.elsewhere += 1
            writer.close()

        await asyncio.start_server(note, sock=listening(address, port))

    async def box(self, number: int, location: str) -> None:
        """A box whose LOCATION is `location`."""
        target = f"127.66.1.{number}:1900"
        self.boxes.append(target)
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Box(location, lambda: self.touched.add(target)), local_addr=(f"127.66.1.{number}", 1900)
        )


async def furnish(house: House, folder: Path) -> None:
    """Every trap of this file."""
    for port in (80, 443, 1104, 8080, 8443):
        await house.outside(NOWHERE, port)
        await house.outside(NOWHERE_6, port)
    for number, (port, behave) in enumerate(_traps(), start=1):
        await house.trap(f"127.66.0.{number}", port, behave)
    # The same from addresses of IPv6, as those name their places.
    for number, place in enumerate((*IN_A_PAGE, f"http://[{NOWHERE_6}]/", "http://[fe80::1]/"), start=1):
        await house.trap(f"fd66::{number:x}", 80, per_request(http(status="302 Found", Location=place)))
    await house.trap("fd66::21", 21, _ftp(PASSIVE[4]))
    await house.trap("127.66.3.1", 80, per_request(http(status="302 Found", Location="http://127.66.3.1:9/")))
    await house.outside("127.66.3.1", 9)
    await house.trap("127.66.3.2", 443, per_request(http(b"x")), tls=_certificate(folder))
    await house.trap(IN_SCOPE, 80, per_request(http(b"x")), name=REBINDING)
    for number, location in enumerate(LOCATIONS, start=1):
        await house.box(number, location)
    # Boxes that describe themselves where they may, and send the actions elsewhere.
    heard = Heard()
    for number, place in enumerate(IN_A_PAGE, start=len(LOCATIONS) + 1):
        control = number % 2
        page = description(control=f"{place}/ctl") if control else description(url_base=f"<URLBase>{place}/</URLBase>")
        web = box_web(page, soap_of([mapping(80, OUTSIDE, 80)]), heard)
        await asyncio.start_server(web, f"127.66.1.{number}", 5000)
        await house.box(number, f"http://127.66.1.{number}:5000/desc.xml")


async def visited(house: House, folder: Path) -> dict[str, Any]:
    """The report of a check of all of them, under proxies that nobody may use either."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"), f"http://{OUTSIDE}:3128")
    boxes = [word for box in house.boxes for word in ("--box", box)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lightproof", "check", *house.targets, *boxes, "--json"),
        env={**os.environ, **proxies, "LIGHTPROOF_HOME": str(folder / "home")},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode in (3, 4)
    return json.loads(out)


async def main() -> None:
    """Serves the traps, has them visited, and prints what was counted."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lay_out(folder)
        house, resolver = House(), Resolver()
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: resolver, local_addr=("127.0.0.1", 53))
        await furnish(house, folder)
        referring = {"path": "%(root)s", "guest ok": "yes", "msdfs root": "yes"}
        shares = {
            "IMAGES": {**referring, "msdfs proxy": f"\\{OUTSIDE}\\images"},
            "DICOM": {**referring, "msdfs proxy": f"\\elsewhere.{ZONE}\\images"},
        }
        public = stack.enter_context(public_folder())
        stack.enter_context(running_samba(public, shares, {"host msdfs": "yes"}, port=445))
        house.targets.append(SMB)
        before, asked_before = left_this_machine(), len(resolver.asked)
        report = await visited(house, folder)
        if any(service["service"] == "smb" for service in report["services"]):
            house.touched.add(SMB)
        packets, met = left_this_machine(), house.elsewhere
        asked = resolver.asked[asked_before:]
        await step_outside()
        print(
            json.dumps(
                {
                    "traps": len(house.targets) + len(house.boxes),
                    "not_visited": sorted({*house.targets, *house.boxes} - house.touched),
                    "packets": {family: packets[family] - before[family] for family in packets},
                    "visitors_elsewhere": met,
                    "looked_up": sorted(asked),
                    "after_a_step": {
                        "packets": {family: n - packets[family] for family, n in left_this_machine().items()},
                        "visitors_elsewhere": house.elsewhere - met,
                        "looked_up": len(resolver.asked) - asked_before - len(asked),
                    },
                }
            )
        )


async def step_outside() -> None:
    """What no check may do, done by hand: each counter must move."""
    for family, address in ((socket.AF_INET, OUTSIDE), (socket.AF_INET6, OUTSIDE_6)):
        with socket.socket(family) as probe:
            probe.setblocking(False)
            probe.connect_ex((address, 80))
    for address in (NOWHERE, NOWHERE_6):
        reader, writer = await asyncio.open_connection(address, 80)
        await reader.read()
        writer.close()
    await asyncio.to_thread(socket.getaddrinfo, f"elsewhere.{ZONE}", 80)


if __name__ == "__main__":
    asyncio.run(main())
