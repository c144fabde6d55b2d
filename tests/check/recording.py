"""A proxy that records every byte between us and a peer: what was said is judged by what went over the wire."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from check.services import serving
from lightproof.check.wire import Stream

_HELD_BYTES = 1_024
"""What the proxy lets lie between the peer and us: what is recorded as received, we were about to read."""


@dataclass
class Recording:
    """Both directions of all connections, in the order they came."""

    port: int = 0
    sent: bytearray = field(default_factory=bytearray)
    """By us."""
    received: bytearray = field(default_factory=bytearray)
    """By us, or on its way to us when we left: our system took it or would have."""
    conversations: list[bytearray] = field(default_factory=list[bytearray])
    """What we sent, by connection."""
    answers: list[bytearray] = field(default_factory=list[bytearray])
    """What came back, by connection."""

    @property
    def connections(self) -> int:
        """How many there were."""
        return len(self.conversations)

    @property
    def lengths(self) -> list[tuple[int, int]]:
        """Bytes sent and received of each connection."""
        return [(len(said), len(heard)) for said, heard in zip(self.conversations, self.answers, strict=True)]


@asynccontextmanager
async def recording(
    peer_port: int, *, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Recording]:
    """Stands in front of the peer on this loopback port, on a free one unless told.

    With `tls` it ends the visitor's TLS, and goes on to the peer in clear: so that what was said can be read.
    """
    record = Recording()

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *kept: bytearray) -> None:
        sink.transport.set_write_buffer_limits(0)
        while data := await source.read(_HELD_BYTES):
            sink.write(data)
            await sink.drain()
            for one in kept:
                one.extend(data)
        sink.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said, heard = bytearray(), bytearray()
        record.conversations.append(said)
        record.answers.append(heard)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _HELD_BYTES)
        peer_reader, peer_writer = await asyncio.open_connection("127.0.0.1", peer_port, limit=_HELD_BYTES)
        try:
            await asyncio.gather(
                copy(reader, peer_writer, record.sent, said), copy(peer_reader, writer, record.received, heard)
            )
        finally:
            peer_writer.transport.abort()

    async with serving(forward, tls=tls, address=address, port=port) as record.port:
        yield record


@contextmanager
def bytes_read() -> Iterator[bytearray]:
    """All that is taken off any connection of ours while the block lasts: what stays in the system's buffers is not."""
    read = bytearray()
    receive = Stream.receive

    async def noting(self: Stream, at_most: int = 65_536) -> bytes:
        data = await receive(self, at_most)
        read.extend(data)
        return data

    Stream.receive = noting
    try:
        yield read
    finally:
        Stream.receive = receive


_PATIENT_GROUP = struct.pack("<H", 0x0010)
_LONGEST_VALUE = 4_096
_LONG_FORM = (b"OB", b"OD", b"OF", b"OL", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT")
_VR = re.compile(rb"[A-Z]{2}")
_IN_JSON = re.compile(rb'"0010[0-9A-Fa-f]{4}"\s*:\s*\{[^{}\[]*"Value"\s*:\s*\[\s*([^\]\s][^\]]{0,200})')
_IN_XML = re.compile(rb'tag="0010[0-9A-Fa-f]{4}"[^>]*>\s*(<[^>]+>[^<]{0,200})')


def patient_values(data: bytes) -> list[bytes]:
    """Values of (0010,xxxx) that are not empty, or the beginnings of such, anywhere in `data`.

    Any element of the group, in implicit and explicit VR little endian at every offset (PS3.5 section 7.1), and in the
    JSON and XML of DICOMweb (PS3.18 annex F, PS3.19 annex A).
    """
    values = [found[1] for pattern in (_IN_JSON, _IN_XML) for found in pattern.finditer(data)]
    at = data.find(_PATIENT_GROUP)
    while at >= 0:
        for start, length in _lengths(data, at):
            if 0 < length <= _LONGEST_VALUE and (value := data[start : start + length]):
                values.append(value)
        at = data.find(_PATIENT_GROUP, at + 1)
    return values


def _lengths(data: bytes, at: int) -> list[tuple[int, int]]:
    """Where a value would start and how long it would be, if there were an element at `at`."""
    vr = data[at + 4 : at + 6]
    if _VR.fullmatch(vr):
        if vr in _LONG_FORM:
            return [(at + 12, int.from_bytes(data[at + 8 : at + 12], "little"))]
        return [(at + 8, int.from_bytes(data[at + 6 : at + 8], "little"))]
    return [(at + 8, int.from_bytes(data[at + 4 : at + 8], "little"))] if len(data) > at + 8 else []
