"""One total deadline and one byte budget, whatever a peer does."""

import asyncio
import ssl
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from check.memory import growth
from check.services import dripping, flooding, saying, serving, silent
from lightproof.check.wire import Budget, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Target
from peers.certificates import Certificates


def wire_to(port: int, **budget: float) -> Wire:
    return Wire(
        Target("127.0.0.1", port),
        detector="test",
        now=lambda: datetime.now(UTC),
        budget=Budget(**budget),  # type: ignore[arg-type]
    )


async def test_a_peer_that_drips_does_not_outlive_the_total_deadline() -> None:
    async with serving(dripping(b"a", every_s=0.02)) as port:
        wire = wire_to(port, total_s=0.4)
        began = time.monotonic()
        with pytest.raises(ProtocolViolation, match="deadline"):
            async with wire.connect() as stream:
                await stream.receive_line(limit=1_000_000)
        assert time.monotonic() - began < 1.4


async def test_the_deadline_is_that_of_all_connections_together() -> None:
    async with serving(silent) as port:
        wire = wire_to(port, total_s=0.4)
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(ProtocolViolation, match="deadline"):
                async with wire.connect() as stream:
                    await stream.receive()
        assert time.monotonic() - began < 1.4


async def test_a_peer_that_floods_is_left_at_the_byte_budget() -> None:
    async with serving(flooding) as port:
        wire = wire_to(port, bytes_in=200_000)
        with pytest.raises(ProtocolViolation, match="byte-budget"):
            async with wire.connect() as stream:
                while await stream.receive():
                    pass
        assert wire.bytes_in <= 200_000 + 65_536


async def test_nothing_is_sent_past_the_outgoing_budget() -> None:
    async with serving(silent) as port:
        wire = wire_to(port, bytes_out=10)
        with pytest.raises(ProtocolViolation, match="byte-budget"):
            async with wire.connect() as stream:
                await stream.send(b"12345678901")
        assert wire.bytes_out == 0


async def test_a_line_without_end_is_refused_at_its_limit() -> None:
    async with serving(flooding) as port:
        with pytest.raises(ProtocolViolation, match="line-too-long"):
            async with wire_to(port).connect() as stream:
                await stream.receive_exactly(20)
                await stream.receive_line(limit=5)


async def test_lines_and_counts_may_be_mixed() -> None:
    async with serving(saying(b"first\r\nsecond\nrest", on_request=False)) as port:
        async with wire_to(port).connect() as stream:
            assert await stream.receive_line() == b"first"
            assert await stream.receive_exactly(3) == b"sec"
            assert await stream.receive_line() == b"ond"
            assert await stream.receive() == b"rest"


async def test_a_peer_that_closes_early_is_told_apart() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ab")
        await writer.drain()

    async with serving(hang_up) as port:
        with pytest.raises(ProtocolViolation, match="closed-early"):
            async with wire_to(port).connect() as stream:
                await stream.receive_exactly(3)


async def test_connections_are_counted() -> None:
    async with serving(silent) as port:
        wire = wire_to(port, connections=2)
        for _ in range(2):
            async with wire.connect():
                pass
        with pytest.raises(ProtocolViolation, match="connection-budget"):
            async with wire.connect():
                pass


async def test_datagrams_from_another_address_are_dropped() -> None:
    loop = asyncio.get_running_loop()

    class Responder(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.transport.sendto(b"answer:" + data, addr)  # type: ignore[attr-defined]

    transport, _ = await loop.create_datagram_endpoint(Responder, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        answers = await wire_to(port).ask_datagram(b"question", wait_s=0.6, answers=1)
        assert answers == (b"answer:question",)
    finally:
        transport.close()


async def test_a_datagram_nobody_answers_ends_in_time() -> None:
    began = time.monotonic()
    assert await wire_to(9).ask_datagram(b"?", wait_s=0.4) == ()
    assert time.monotonic() - began < 1.4


async def test_what_was_aborted_is_not_closed_again(certificates: Certificates) -> None:
    # Before CPython 3.11.4 the transport of TLS raises AttributeError when it is: every TLS detector failed there.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
    async with server:
        wire = wire_to(server.sockets[0].getsockname()[1])
        async with wire.connect(tls=True) as stream:
            stream.abort()
            transport = stream._writer.transport  # pyright: ignore[reportPrivateUsage]
            transport.close = lambda: pytest.fail("closed again")  # type: ignore[method-assign]


async def test_what_the_peer_ended_is_not_closed_again(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        wire = wire_to(server.sockets[0].getsockname()[1])
        async with wire.connect(tls=True) as stream:
            assert await stream.receive() == b""
            transport = stream._writer.transport  # pyright: ignore[reportPrivateUsage]
            transport.close = lambda: pytest.fail("closed again")  # type: ignore[method-assign]


async def test_many_connections_inside_tls_take_little_memory(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
    async with server, AsyncExitStack() as streams:
        wire = wire_to(server.sockets[0].getsockname()[1], connections=80)
        await streams.enter_async_context(wire.connect(tls=True))  # what is loaded once
        with growth() as grown:
            for _ in range(64):
                await streams.enter_async_context(wire.connect(tls=True))
    assert grown.mb < 16, "both sides are in this process"
