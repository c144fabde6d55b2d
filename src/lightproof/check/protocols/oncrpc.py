"""ONC RPC over TCP (RFC 5531), with XDR (RFC 4506) read under limits: enough for four calls that only ask.

A record's declared length is believed up to a cap; whatever does not fit is a ProtocolViolation("rpc-answer").
"""

import struct
from collections.abc import Iterator
from typing import Final

from lightproof.check.wire import Stream
from lightproof.errors import ProtocolViolation

_LAST_FRAGMENT: Final = 0x8000_0000
_LARGEST_RECORD: Final = 64 * 1024
_FRAGMENTS: Final = 64
_CALL, _REPLY = 0, 1
_ACCEPTED, _SUCCESS = 0, 0
_LONGEST_OPAQUE: Final = 1_024
_TCP: Final = 6

_PORTMAPPER: Final = (100_000, 2)
_GETPORT: Final = 3
_MOUNT: Final = 100_005
_NFS: Final = 100_003
_NULL: Final = 0
_EXPORT: Final = 5
_MOST_EXPORTS: Final = 256
_MOST_GROUPS: Final = 2_048


class Xdr:
    """Reads values one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def integer(self) -> int:
        """An unsigned int, 4 bytes."""
        if self._at + 4 > len(self._data):
            raise ProtocolViolation("rpc-answer")
        (value,) = struct.unpack_from(">I", self._data, self._at)
        self._at += 4
        return value

    def opaque(self) -> bytes:
        """Variable-length opaque data or a string."""
        length = self.integer()
        if length > _LONGEST_OPAQUE or self._at + length > len(self._data):
            raise ProtocolViolation("rpc-answer")
        value = self._data[self._at : self._at + length]
        self._at += length + -length % 4
        return value

    def linked(self, most: int) -> Iterator[None]:
        """Once for every element of a linked list (optional data, RFC 4506 section 4.19)."""
        for _ in range(most):
            if self.integer() == 0:
                return
            yield
        raise ProtocolViolation("rpc-answer")


async def call(
    stream: Stream, program: int, version: int, procedure: int, arguments: bytes = b"", *, number: int = 1
) -> Xdr | None:
    """The results of one call without credentials (AUTH_NONE); None when the server does not accept it."""
    body = struct.pack(">IIIIIIIIII", number, _CALL, 2, program, version, procedure, 0, 0, 0, 0) + arguments
    await stream.send(struct.pack(">I", _LAST_FRAGMENT | len(body)) + body)
    reply = Xdr(await _record(stream))
    if reply.integer() != number or reply.integer() != _REPLY:
        raise ProtocolViolation("rpc-answer")
    if reply.integer() != _ACCEPTED:
        return None
    reply.integer()
    reply.opaque()  # the verifier
    return reply if reply.integer() == _SUCCESS else None


async def _record(stream: Stream) -> bytes:
    """One record of fragments (RFC 5531 section 11)."""
    record = b""
    for _ in range(_FRAGMENTS):
        head = int.from_bytes(await stream.receive_exactly(4))
        length = head & ~_LAST_FRAGMENT
        if len(record) + length > _LARGEST_RECORD:
            raise ProtocolViolation("rpc-answer")
        record += await stream.receive_exactly(length)
        if head & _LAST_FRAGMENT:
            return record
    raise ProtocolViolation("rpc-answer")


async def serves_nfs(stream: Stream, version: int, *, number: int) -> bool:
    """Whether the port serves this version of NFS: its procedure NULL does nothing (RFC 1813 and 7530)."""
    return await call(stream, _NFS, version, _NULL, number=number) is not None


async def serves_mount(stream: Stream, version: int, *, number: int) -> bool:
    """Whether the port serves this version of the mount service: NULL again (RFC 1813 section 5.2.0)."""
    return await call(stream, _MOUNT, version, _NULL, number=number) is not None


async def mount_port(stream: Stream, version: int, *, number: int) -> int | None:
    """The TCP port of the mount service (RFC 1833 section 3.2), 0 when there is none; None when it was not told."""
    wanted = struct.pack(">IIII", _MOUNT, version, _TCP, 0)
    answer = await call(stream, *_PORTMAPPER, _GETPORT, wanted, number=number)
    return None if answer is None else answer.integer()


async def exports(stream: Stream, version: int, *, number: int = 1) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """Directories and to whom they are given (RFC 1813 section 5.2.5); None when the server refuses to tell."""
    answer = await call(stream, _MOUNT, version, _EXPORT, number=number)
    if answer is None:
        return None
    found: list[tuple[str, tuple[str, ...]]] = []
    groups_left = _MOST_GROUPS
    for _ in answer.linked(_MOST_EXPORTS):
        path = answer.opaque().decode("utf-8", "replace")
        groups = tuple(answer.opaque().decode("utf-8", "replace") for _ in answer.linked(groups_left))
        groups_left -= len(groups)
        found.append((path, groups))
    return tuple(found)
