"""Whatever an internet box says, it is read at its own address, under limits, and never taken for "no forward"."""

import asyncio
import contextlib
import gzip
import os
import socket
import subprocess
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from check.hostile_services import ENTITY_BOMB, INJECTION
from check.internet_boxes import (
    DEVICE,
    WAN_IP,
    Heard,
    a_box,
    answer_with,
    description,
    executed,
    failed,
    http,
    mapping,
    searchable,
    soap_of,
)
from check.services import Behaviour, dripping, flooding, saying, serving, silent
from check.visiting import facts_of, signals_of, visit
from lightproof.check.detectors import upnp_igd
from lightproof.check.detectors.upnp_igd import DETECTOR
from lightproof.check.engine import Visit
from lightproof.check.protocols.upnp import SEARCHES, SSDP_GROUP
from lightproof.check.wire import Budget
from lightproof.evidence.records import Facts, Target
from peers.networks import inside
from peers.processes import program

PATIENT = Budget(total_s=12)
HASTY = Budget(total_s=1.5)


async def asked(port: int, budget: Budget = PATIENT) -> Visit:
    return await visit(Target("127.0.0.1", port, "udp"), detectors=[DETECTOR], budget=budget)


def reasons(found: Visit) -> list[str]:
    return [u.reason for u in found.unchecked if u.detector == "upnp_igd"]


def mappings(found: Visit) -> list[dict[str, object]]:
    return [dict(o.details) for o in found.observations if o.signal == "igd-port-mapping"]


@pytest.mark.parametrize("location", ["http://127.255.255.254:9/desc.xml", "file:///etc/passwd"])
async def test_a_description_elsewhere_is_told_and_never_fetched(location: str) -> None:
    heard = Heard()
    async with searchable(lambda _: [answer_with(location)], heard) as port:
        found = await asked(port)
    assert [o.signal for o in found.observations] == ["igd-location-elsewhere"]
    assert facts_of(found, "upnp-igd") == Facts(reachable=True)
    assert "location-elsewhere" in reasons(found)


@pytest.mark.parametrize("control", ["http://127.255.255.254:9/ctl", "//evil.example/ctl", "http://127.0.0.1:9/ctl"])
async def test_a_control_elsewhere_is_told_and_never_called(control: str) -> None:
    heard = Heard()
    async with a_box(description(control=control), heard=heard) as port:
        found = await asked(port)
    assert signals_of(found) == {"igd-present", "igd-location-elsewhere"}
    assert heard.requests == ["GET /desc.xml"]
    assert reasons(found) == ["location-elsewhere"]


async def test_a_base_elsewhere_leads_nowhere_either() -> None:
    heard = Heard()
    page = description(control="ctl", url_base="<URLBase>http://127.255.255.254:9/</URLBase>")
    async with a_box(page, heard=heard) as port:
        found = await asked(port)
    assert "igd-location-elsewhere" in signals_of(found)
    assert heard.requests == ["GET /desc.xml"]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (ENTITY_BOMB, "not-xml"),
        (b"<a>" * 9_000 + b"</a>" * 9_000, "xml-limit"),
        (b"<a>" * 100_000, "description-unreadable"),
        (b"<r>" + b"x" * 10_000_000 + b"</r>", "description-unreadable"),
    ],
    ids=["entities", "deep", "deeper", "long"],
)
async def test_a_description_that_is_none_is_unchecked(page: bytes, reason: str) -> None:
    tracemalloc.start()
    async with a_box(page) as port:
        found = await asked(port)
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.observations == ()
    assert reasons(found) == [reason]
    assert peak < 16_000_000 + len(page)


GZIPPED = gzip.compress(bytes(10_000_000))


@pytest.mark.parametrize(
    ("web", "expected"),
    [
        (silent, {"deadline"}),
        (dripping(b"HTTP/1.1 200 OK\r\nX: y"), {"deadline"}),
        (flooding, {"not-http", "connection-reset"}),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n" + b"<r>" * 100), {"deadline"}),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), {"description-unreadable"}),
        (
            saying(b"HTTP/1.1 302 F\r\nLocation: http://127.255.255.254:9/\r\nContent-Length: 0\r\n\r\n"),
            {"description-unreadable"},
        ),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED),
            {"packed-answer"},
        ),
    ],
    ids=["silent", "drip", "flood", "endless", "redirect", "redirect elsewhere", "gzip"],
)
async def test_a_web_server_that_misbehaves_is_left_in_time(web: Behaviour, expected: set[str]) -> None:
    began = time.monotonic()
    async with a_box(web) as port:
        found = await asked(port, HASTY)
    assert time.monotonic() - began < 6
    assert found.observations == ()
    assert reasons(found)
    assert set(reasons(found)) <= expected


async def test_text_of_a_box_is_cut_and_printable() -> None:
    hostile = INJECTION.replace("\x1b", "").replace("\x07", "").replace("<", "&lt;").replace("\u202e", "&#x202e;")
    box = a_box(description(name=hostile * 9), soap_of([mapping(80, "192.168.1.9", 80, label=hostile * 9)]))
    async with box as port:
        found = await asked(port)
    (told,) = mappings(found)
    assert str(told["description"]).isprintable()
    assert len(str(told["description"])) <= 60
    (present,) = (o for o in found.observations if o.signal == "igd-present")
    assert present.product is not None
    assert present.product.isprintable()
    assert len(present.product) <= 64


async def test_mappings_that_never_end_are_told_once_and_unchecked() -> None:
    def endless(action: str, request: str) -> tuple[int, str]:
        return executed(action, mapping(104, "192.168.1.20", 104))

    heard = Heard()
    async with a_box(soap=endless, heard=heard) as port:
        found = await asked(port)
    assert len(mappings(found)) == 1
    assert reasons(found) == ["mappings-endless"]
    assert heard.requests.count("GetGenericPortMappingEntry") == 256


async def test_a_full_list_is_told_whole() -> None:
    many = [mapping(n, f"192.168.1.{n % 250}", n) for n in range(1, 256)]
    async with a_box(soap=soap_of(many)) as port:
        found = await asked(port)
    assert len(mappings(found)) == 255
    assert reasons(found) == []


@pytest.mark.parametrize("end", [713, 714, 402])
async def test_boxes_end_their_lists_in_their_own_ways(end: int) -> None:
    async with a_box(soap=soap_of([mapping(104, "192.168.1.20", 11112)], end=end)) as port:
        found = await asked(port)
    assert signals_of(found) == {"igd-present", "igd-port-mapping"}
    assert reasons(found) == []


@pytest.mark.parametrize("refusal", [401, 402, 501, 606])
async def test_a_list_that_is_refused_is_not_an_empty_one(refusal: int) -> None:
    async with a_box(soap=soap_of([], end=refusal)) as port:
        found = await asked(port)
    assert signals_of(found) == {"igd-present"}
    assert reasons(found) == ["mappings-refused"]


async def test_a_box_that_demands_identity_is_not_open() -> None:
    async with a_box(soap=lambda action, request: (401, "")) as port:
        found = await asked(port)
    assert facts_of(found, "upnp-igd") == Facts(reachable=True)
    assert reasons(found) == ["mappings-refused"]


async def test_numbers_that_are_none_are_not_guessed() -> None:
    absurd = [
        mapping("-1", "192.168.1.20", "99999"),
        mapping("٣", "evil.example\n", "0x50", enabled="perhaps", NewProtocol="SCTP", NewLeaseDuration="9" * 5_000),
    ]
    async with a_box(soap=soap_of(absurd)) as port:
        found = await asked(port)
    first, second = mappings(found)
    assert (first["external_port"], first["internal_port"]) == (None, None)
    assert second == {
        "external_port": None,
        "protocol": None,
        "internal_address": "evil.example",
        "internal_port": None,
        "description": None,
        "enabled": None,
        "lease_s": None,
        "remote_host": None,
    }


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        (mapping(0, "192.168.1.20", 0), "every-port"),
        (mapping(5000, "192.168.1.20", 5000, label="DMZ host"), "called-dmz"),
        (mapping(5000, "192.168.1.20", 5000, label="Hôte exposé"), "called-dmz"),
        (mapping(0, "192.168.1.20", 0, enabled="0"), None),
        (mapping(5000, "192.168.1.20", 5000, label="admz"), None),
    ],
)
async def test_a_mapping_of_everything_hints_at_a_dmz(entry: str, hint: str | None) -> None:
    async with a_box(soap=soap_of([entry])) as port:
        found = await asked(port)
    hints = [o.details for o in found.observations if o.signal == "dmz-suspected"]
    assert hints == ([] if hint is None else [{"internal_address": "192.168.1.20", "hint": hint}])


@pytest.mark.parametrize(
    ("external", "address", "kind"),
    [
        ("81.2.69.142", "81.2.69.142", "public"),
        ("192.168.0.12", "192.168.0.12", "private"),
        ("100.64.3.9", "100.64.3.9", "private"),
        ("0.0.0.0", None, "none"),
        ("", None, "none"),
        ("nonsense", None, "none"),
    ],
)
async def test_the_external_address_is_public_private_or_none(external: str, address: str | None, kind: str) -> None:
    async with a_box(soap=soap_of([], external=external)) as port:
        found = await asked(port)
    (present,) = (o for o in found.observations if o.signal == "igd-present")
    assert (present.details["external_address"], present.details["external"]) == (address, kind)


async def test_a_list_in_one_piece_adds_what_the_index_left_out() -> None:
    version_2 = WAN_IP.replace(":1", ":2")
    hidden = (
        "<p:PortMappingList xmlns:p='urn:schemas-upnp-org:gw:WANIPConnection'><p:PortMappingEntry>"
        "<p:NewRemoteHost></p:NewRemoteHost><p:NewExternalPort>11112</p:NewExternalPort><p:NewProtocol>TCP</p:NewProtocol>"
        "<p:NewInternalPort>104</p:NewInternalPort><p:NewInternalClient>192.168.1.20</p:NewInternalClient>"
        "<p:NewEnabled>1</p:NewEnabled><p:NewDescription>PACS</p:NewDescription><p:NewLeaseTime>60</p:NewLeaseTime>"
        "</p:PortMappingEntry></p:PortMappingList>"
    )

    def soap(action: str, request: str) -> tuple[int, str]:
        if action != "GetListOfPortMappings":
            return soap_of([mapping(80, "192.168.1.9", 80)])(action, request)
        if "<NewProtocol>UDP" in request:
            return failed(730)
        return executed(action, f"<NewPortListing><![CDATA[{hidden}]]></NewPortListing>")

    page = description(device=DEVICE.replace(":1", ":2"), service=version_2)
    async with a_box(page, soap) as port:
        found = await asked(port)
    assert [m["external_port"] for m in mappings(found)] == [80, 11112]
    assert mappings(found)[1]["description"] == "PACS"
    assert reasons(found) == []


async def test_a_box_that_answers_from_another_port_is_heard() -> None:
    async with a_box(other_port=True) as port:
        found = await asked(port)
    assert "igd-mappings-none" in signals_of(found)


async def test_a_box_that_answers_for_its_root_alone_is_found() -> None:
    async with a_box(answers_to="upnp:rootdevice") as port:
        found = await asked(port)
    assert "igd-mappings-none" in signals_of(found)


async def test_a_box_beside_another_device_is_found_whichever_answers_first() -> None:
    heard = Heard()
    player = http(description(device="urn:schemas-upnp-org:device:MediaServer:1"), soap_of([]), heard)
    async with serving(player) as other, serving(http(description(), soap_of([]), heard)) as box:
        answers = [answer_with(f"http://127.0.0.1:{port}/desc.xml") for port in (other, box)]
        async with searchable(lambda _: answers, heard) as port:
            found = await asked(port)
    assert "igd-mappings-none" in signals_of(found)
    assert reasons(found) == []


async def test_another_device_is_no_box() -> None:
    heard = Heard()
    async with a_box(description(device="urn:schemas-upnp-org:device:MediaServer:1"), heard=heard) as port:
        found = await asked(port)
    assert found.observations == ()
    assert reasons(found) == []
    assert heard.requests == ["GET /desc.xml"]


async def test_what_is_no_answer_to_a_search_says_nothing() -> None:
    heard = Heard()
    async with searchable(lambda _: [b"\xff" * 2_000], heard) as port:
        found = await asked(port)
    assert found.observations == ()
    assert reasons(found) == []
    assert tuple(dict.fromkeys(heard.searches)) == SEARCHES  # all of them, at once


async def test_only_reading_requests_reach_a_box() -> None:
    heard = Heard()
    async with a_box(soap=soap_of([mapping(104, "192.168.1.20", 104)]), heard=heard) as port:
        await asked(port)
    assert set(heard.requests) == {
        "GET /desc.xml",
        "GetStatusInfo",
        "GetExternalIPAddress",
        "GetGenericPortMappingEntry",
    }


_LINK = """
set -e
ip link set lo up
ip link add inside type veth peer name inside-end
ip link set inside-end up
ip address add 192.168.77.1/24 dev inside
ip link set inside up multicast on
echo ready
exec sleep 120
"""
BOX = "192.168.77.1"


@pytest.fixture
def link() -> Iterator[int]:
    """A network of its own, in which this machine's own box is at BOX; gives a process that holds it."""
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("a network of one's own needs root")
    isolated = [program("unshare"), "--net", "sh", "-c", _LINK]
    with subprocess.Popen(isolated, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("gateways", "source", "found"),
    [((BOX,), BOX, True), ((BOX,), "127.0.0.1", False), ((), BOX, False)],
    ids=["our box", "somebody else on the link", "not our box"],
)
def test_a_box_that_hears_only_what_is_said_to_all_is_found_where_it_is_our_own(
    link: int, gateways: tuple[str, ...], source: str, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upnp_igd, "default_gateways", lambda: gateways)

    async def look() -> Visit:
        ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ears.bind((SSDP_GROUP, 1900))  # and not to BOX: a search that is sent there finds nobody
        membership = socket.inet_aton(SSDP_GROUP) + socket.inet_aton(BOX)
        ears.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        ears.setblocking(False)
        mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        mouth.bind((source, 0))
        loop = asyncio.get_running_loop()

        async def answer() -> None:
            while True:
                _, caller = await loop.sock_recvfrom(ears, 2_048)
                said = answer_with(f"http://{BOX}:5000/desc.xml")
                with contextlib.suppress(OSError):
                    mouth.sendto(said, caller)

        answering = asyncio.create_task(answer())
        try:
            return await visit(Target(BOX, 1900, "udp"), detectors=[DETECTOR], budget=PATIENT)
        finally:
            answering.cancel()
            ears.close()
            mouth.close()

    seen = inside(link, look)
    assert [entry.reason for entry in seen.unchecked] == (["connection-refused"] if found else [])
