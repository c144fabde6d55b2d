"""The client's side of the rsync daemon protocol, as far as listing needs it.

We call ourselves protocol 29: the list of files of that age is a plain sequence of entries that can be read under
limits and left at any point (rsync's flist.c, `recv_file_entry`). Names are counted as they are read and kept no longer
than the next entry needs them. No file is ever asked for.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from lightproof.check.protocols.dicom_files import is_dicom_name
from lightproof.check.wire import Stream, Wire
from lightproof.errors import ProtocolViolation

_GREETING: Final = b"@RSYNCD: "
_OURS: Final = b"@RSYNCD: 29\n"
_LINE_BYTES: Final = 1_024
_LINES: Final = 512
_MODULES: Final = 128

_DATA: Final = 7
"""Tag of data among multiplexed messages (MPLEX_BASE); others are texts and errors."""
_SAME_MODE, _EXTENDED, _SAME_NAME, _LONG_NAME, _SAME_TIME = 0x02, 0x04, 0x20, 0x40, 0x80
_LONGEST_NAME: Final = 4_096
_ENTRIES: Final = 2_000
_KIND, _REGULAR = 0o170000, 0o100000


class Admission(Enum):
    """What the daemon says when a module is named."""

    OPEN = auto()
    AUTHENTICATION_REQUIRED = auto()
    DENIED = auto()


@dataclass(frozen=True, slots=True)
class Counted:
    """What a module holds, as far as it was listed."""

    entries: int
    dicom_files: int
    complete: bool


async def greet(stream: Stream) -> str:
    """Greets; the version of the protocol the daemon names. Raises ProtocolViolation when it is no rsync daemon."""
    line = await stream.receive_line(_LINE_BYTES)
    version = line.removeprefix(_GREETING).split(b" ")[0]
    if not line.startswith(_GREETING) or not version.replace(b".", b"").isdigit() or len(version) > 8:
        raise ProtocolViolation("rsync-greeting")
    await stream.send(_OURS)
    return version.decode()


async def modules(stream: Stream) -> tuple[bytes, ...] | None:
    """The modules the daemon lists, without their comments; None when it refuses to answer us."""
    await stream.send(b"\n")
    found: list[bytes] = []
    for _ in range(_LINES):
        line = await stream.receive_line(_LINE_BYTES)
        if line.startswith(b"@RSYNCD: EXIT"):
            return tuple(found)
        if line.startswith(b"@ERROR"):
            return None
        # What precedes is the message of the day; a module is padded and followed by a tab and a comment.
        name, tab, _ = line.partition(b"\t")
        if tab and name.strip() and len(found) < _MODULES:
            found.append(name.rstrip(b" "))
    raise ProtocolViolation("rsync-list-too-long")


async def enter(stream: Stream, module: bytes) -> Admission:
    """Names a module. Raises ProtocolViolation when the daemon says none of the three things it can say."""
    await stream.send(module + b"\n")
    for _ in range(_LINES):
        line = await stream.receive_line(_LINE_BYTES)
        if line.startswith(b"@RSYNCD: OK"):
            return Admission.OPEN
        if line.startswith(b"@RSYNCD: AUTHREQD"):
            return Admission.AUTHENTICATION_REQUIRED
        if line.startswith(b"@ERROR"):
            return Admission.DENIED
    raise ProtocolViolation("rsync-list-too-long")


async def count_files(wire: Wire, stream: Stream, module: bytes) -> Counted | None:
    """Asks for the list of files of a module that was entered, and leaves when it has seen enough.

    None when the daemon lists nothing (it may not read there). Raises ProtocolViolation for what is no list.
    """
    await stream.send(b"--server\n--sender\n-r\n.\n" + module + b"/\n\n")
    await stream.receive_exactly(4)  # the seed of checksums
    await stream.send(bytes(4))  # no filters
    data = _Demultiplexed(stream)
    entries = files = 0
    name, mode = b"", 0
    while entries < _ENTRIES and wire.bytes_in < wire.budget.bytes_in // 2:
        flags = await data.byte()
        if flags == 0:
            failed = await data.integer() != 0
            # Of a folder that it may not read, the daemon lists the folder itself.
            return None if failed and entries <= 1 else Counted(entries, files, complete=not failed)
        if flags & _EXTENDED:
            await data.exactly(1)
        shared = await data.byte() if flags & _SAME_NAME else 0
        length = await data.integer() if flags & _LONG_NAME else await data.byte()
        if shared > len(name) or not 0 < shared + length <= _LONGEST_NAME:
            raise ProtocolViolation("rsync-listing")
        name = name[:shared] + await data.exactly(length)
        if await data.integer() == 0xFFFF_FFFF:
            await data.exactly(8)
        if not flags & _SAME_TIME:
            await data.exactly(4)
        if not flags & _SAME_MODE:
            mode = await data.integer()
        entries += 1
        if mode & _KIND == _REGULAR and is_dicom_name(name.rpartition(b"/")[2].decode("utf-8", "replace")):
            files += 1
    return Counted(entries, files, complete=False)


class _Demultiplexed:
    """The data among the messages a daemon multiplexes (io.c, `read_a_msg`)."""

    def __init__(self, stream: Stream) -> None:
        self._pieces = _pieces(stream)
        self._pending = bytearray()

    async def exactly(self, count: int) -> bytes:
        while len(self._pending) < count:
            self._pending += await anext(self._pieces)
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    async def byte(self) -> int:
        return (await self.exactly(1))[0]

    async def integer(self) -> int:
        return int.from_bytes(await self.exactly(4), "little")


async def _pieces(stream: Stream) -> AsyncGenerator[bytes]:
    while True:
        head = int.from_bytes(await stream.receive_exactly(4), "little")
        piece = await stream.receive_exactly(head & 0xFF_FFFF)
        if head >> 24 == _DATA:
            yield piece
        elif head >> 24 < _DATA:
            raise ProtocolViolation("rsync-listing")
