"""A proxy that records every byte between us and a peer: what was said is judged by what went over the wire."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from check.services import serving


@dataclass
class Recording:
    """Both directions of all connections, in the order they came."""

    port: int = 0
    sent: bytearray = field(default_factory=bytearray)
    """By us."""
    received: bytearray = field(default_factory=bytearray)
    """By us."""
    connections: int = 0


@asynccontextmanager
async def recording(peer_port: int) -> AsyncGenerator[Recording]:
    """Stands in front of the peer on this loopback port."""
    record = Recording()

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray) -> None:
        while data := await source.read(65_536):
            kept += data
            sink.write(data)
            await sink.drain()
        sink.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record.connections += 1
        peer_reader, peer_writer = await asyncio.open_connection("127.0.0.1", peer_port)
        try:
            await asyncio.gather(copy(reader, peer_writer, record.sent), copy(peer_reader, writer, record.received))
        finally:
            peer_writer.transport.abort()

    async with serving(forward) as record.port:
        yield record
