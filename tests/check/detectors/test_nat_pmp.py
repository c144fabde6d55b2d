"""A real internet box (miniupnpd) that lets any machine inside open it is told; one that does not is silent."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from check.visiting import facts_of, signals_of, visit
from lightproof.check.detectors.nat_pmp import DETECTOR
from lightproof.check.engine import Visit
from lightproof.evidence.records import Facts, Target
from peers.miniupnpd import InternetBox


def asked_inside(box: InternetBox) -> Visit:
    return box.inside(lambda: visit(Target(box.address, 5351, "udp")))


def test_a_box_that_takes_orders_by_both_protocols_says_so(internet_box: Callable[..., InternetBox]) -> None:
    found = asked_inside(internet_box())
    assert signals_of(found) == {"nat-pmp-present", "pcp-present"}
    assert facts_of(found, "nat-pmp") == facts_of(found, "pcp") == Facts(reachable=True)
    assert found.unchecked == ()
    told = next(o for o in found.observations if o.service == "nat-pmp")
    assert told.details == {"result": 0, "external_address": "81.2.69.142", "external": "public"}


def test_a_box_that_takes_no_orders_is_silent(internet_box: Callable[..., InternetBox]) -> None:
    found = asked_inside(internet_box(nat_pmp=False))
    assert found.observations == ()
    assert found.unchecked == ()


@asynccontextmanager
async def answering(answer: bytes, asked: list[bytes]) -> AsyncGenerator[int]:
    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            asked.append(data)
            self.transport.sendto(answer, addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def told_by(answer: bytes) -> Visit:
    async with answering(answer, []) as port:
        return await visit(Target("127.0.0.1", port, "udp"), detectors=[DETECTOR])


REFUSED = bytes((0, 128, 0, 2)) + bytes(8)
"""Result 2: not authorised (RFC 6886 section 3.5)."""


async def test_a_box_that_refuses_still_speaks() -> None:
    (told,) = (await told_by(REFUSED)).observations
    assert told.details == {"result": 2, "external_address": None, "external": "none"}


@pytest.mark.parametrize(
    "answer",
    [
        b"\0",
        bytes(12),
        REFUSED[:-1],
        REFUSED + b"\0",
        bytes((2, 128)),
        bytes((2, 0)) + bytes(22),
        bytes((1, 128)) + bytes(22),
        bytes((2, 128)) + bytes(1_099),
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\xff" * 60_000,
    ],
    ids=range(10),
)
async def test_other_answers_say_nothing(answer: bytes) -> None:
    found = await told_by(answer)
    assert found.observations == ()
    assert found.unchecked == ()


async def test_a_box_that_knows_only_the_older_protocol_is_told_once() -> None:
    found = await told_by(bytes((0, 128, 0, 1)) + bytes(8))
    assert [o.signal for o in found.observations] == ["nat-pmp-present"]


async def test_only_two_questions_are_asked_and_neither_asks_for_a_mapping() -> None:
    asked: list[bytes] = []
    async with answering(REFUSED, asked) as port:
        await visit(Target("127.0.0.1", port, "udp"), detectors=[DETECTOR])
    assert asked == [bytes(2), bytes((2, 0)) + bytes(22)]
