"""The client's side of FTP (RFC 959, 2428, 3659), as far as reading directories needs it.

Rules: no command that writes exists here; a data connection goes to the target's own address whatever the server says
(only the port is believed, and never a privileged one); replies and listings are read under limits; names read from a
listing are for walking only.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from lightproof.check.protocols.dicom_files import is_dicom_name
from lightproof.check.wire import Stream, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Proof

_REPLY_LINES: Final = 128
_LINE_BYTES: Final = 2_048
_LISTING_BYTES: Final = 128 * 1024
_DIRECTORIES_KEPT: Final = 16
_UNPRIVILEGED: Final = range(1_024, 65_536)
_PASV_PORT: Final = re.compile(r"\b\d{1,3},\d{1,3},\d{1,3},\d{1,3},(\d{1,3}),(\d{1,3})\b")
_EPSV_PORT: Final = re.compile(r"\((.)\1\1(\d{1,5})\1\)")
_UNIX_ENTRY: Final = re.compile(
    r"([-dl])[-rwxsStTlL]{9}\S? +\S+ +(?:\S+ +){1,2}(\d+) +(?:\w{3} +\d{1,2}|\d{1,2} +\w{3}) +[\d:]{4,5} (.+)"
)
_UNIX_KINDS: Final = {"-": "file", "d": "dir"}
_SIZE: Final = re.compile(r"\d{1,15}", re.ASCII)
_DOS_ENTRY: Final = re.compile(r"\d\d-\d\d-\d\d(?:\d\d)?\s+\d\d:\d\d(?:[AP]M)?\s+(<DIR>|\d+)\s+(.+)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer: its code, and its text, which is never shown to anyone."""

    code: int
    text: str
    length: int

    @property
    def completed(self) -> bool:
        """2xx: done as asked."""
        return self.code // 100 == 2

    @property
    def preliminary(self) -> bool:
        """1xx: the transfer begins."""
        return self.code // 100 == 1

    def proof(self, request: str) -> Proof:
        """What was asked and what kind of answer came."""
        return Proof(
            request=request,
            request_sha256=sha256(f"{request}\r\n".encode()).hexdigest(),
            response="FTP reply",
            status=str(self.code),
            length=self.length,
        )


@dataclass(slots=True)
class Listing:
    """What one directory holds: DICOM files counted, the first one's name to prove with, some directories to go on."""

    started: Reply
    dicom_files: int = 0
    sample: "Entry | None" = None
    directories: tuple[str, ...] = ()
    complete: bool = True
    """Read to its end, and no directory forgotten."""

    def add(self, entry: "Entry") -> None:
        """Takes one entry into account and forgets it."""
        if entry.is_directory:
            if len(self.directories) < _DIRECTORIES_KEPT:
                self.directories += (entry.name,)
            else:
                self.complete = False
        elif is_dicom_name(entry.name):
            self.dicom_files += 1
            self.sample = self.sample or entry


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing."""

    name: str
    is_directory: bool
    size_bytes: int | None = None


def read_entry(line: str, *, facts: bool) -> Entry | None:
    """One line of MLSD (`facts`; RFC 3659 section 7) or of LIST as Unix and Windows servers write it; else None. Pure.

    Names that could not be sent back as they are (control characters, Telnet's 255) are no names.
    """
    if facts:
        listed, _, name = line.partition(" ")
        told = {key: value for key, _, value in (fact.partition("=") for fact in listed.lower().split(";"))}
        kind, size = told.get("type", ""), told.get("size", "")
    elif unix := _UNIX_ENTRY.fullmatch(line):
        kind, size, name = _UNIX_KINDS.get(unix[1], ""), unix[2], unix[3]
    elif dos := _DOS_ENTRY.fullmatch(line):
        kind, size, name = ("dir" if dos[1] == "<DIR>" else "file"), dos[1], dos[2]
    else:
        return None
    sendable = all(" " <= c <= "\xfe" and c != "\x7f" for c in name)
    if kind not in ("dir", "file") or not sendable or name in ("", ".", "..") or "/" in name:
        return None
    return Entry(name, kind == "dir", int(size) if _SIZE.fullmatch(size) else None)


class FtpSession:
    """One control connection, and the data connections it opens."""

    def __init__(self, wire: Wire, control: Stream) -> None:
        self._wire = wire
        self._control = control
        self._extended = True

    async def reply(self) -> Reply:
        """The next answer (RFC 959 section 4.2). Raises ProtocolViolation when it is none, or has no end."""
        text: list[str] = []
        code = b""
        length = 0
        for _ in range(_REPLY_LINES):
            line = await self._control.receive_line(_LINE_BYTES)
            length += len(line)
            if not code:
                code = line[:3]
                if not (code.isdigit() and b"1" <= code[:1] <= b"6" and line[3:4] in (b"", b" ", b"-")):
                    raise ProtocolViolation("ftp-reply")
                last = line[3:4] != b"-"
            else:
                last = line[:3] == code and line[3:4] in (b"", b" ")
            text.append(line.decode("latin-1"))
            if last:
                return Reply(int(code), "\n".join(text), length)
        raise ProtocolViolation("ftp-reply-too-long")

    async def ask(self, command: str) -> Reply:
        """Sends one command and reads its answer."""
        await self._control.send(f"{command}\r\n".encode("latin-1"))
        return await self.reply()

    @asynccontextmanager
    async def data(self) -> AsyncGenerator[Stream | None]:
        """A data connection for the next transfer; None when the server offers none."""
        port = await self._data_port()
        if port is None:
            yield None
            return
        async with self._wire.connect(port=port, tls=False) as stream:
            yield stream

    async def _data_port(self) -> int | None:
        if self._extended:
            offered = _EPSV_PORT.search((await self.ask("EPSV")).text)
            if offered is not None and int(offered[2]) in _UNPRIVILEGED:
                return int(offered[2])
            self._extended = False
        if ":" in self._wire.target.address:
            return None
        offered = _PASV_PORT.search((await self.ask("PASV")).text)
        port = int(offered[1]) * 256 + int(offered[2]) if offered is not None else 0
        return port if port in _UNPRIVILEGED else None

    async def listing(self, *, facts: bool) -> Listing | None:
        """What the working directory holds; None when the server does not say."""
        async with self.data() as stream:
            if stream is None:
                return None
            started = await self.ask("MLSD" if facts else "LIST")
            if not started.preliminary:
                return None
            found = Listing(started)
            whole = await _read_listing(stream, found, facts=facts)
            if not whole:
                stream.abort()
        await (self.reply() if whole else self._settle())
        return found

    async def reads_end_of(self, file: Entry) -> tuple[str, Reply] | None:
        """Whether the server opens a file of the working directory for us, shown by retrieving its end: no byte.

        FTP has no way to ask for four bytes in the middle: whatever is behind them is already under way when we stop.
        So the retrieval begins where the file ends (RFC 3659 section 5.3), and comes back empty. Gives what was asked,
        without the name, and the answer; None when it could not be established.
        """
        size = file.size_bytes
        if size is None:
            told = re.search(r"^213 (\d{1,15})$", (await self.ask(f"SIZE {file.name}")).text)
            if told is None:
                return None
            size = int(told[1])
        async with self.data() as stream:
            if stream is None or (await self.ask(f"REST {size}")).code != 350:
                return None
            started = await self.ask(f"RETR {file.name}")
            if not started.preliminary:
                return ("RETR {file}", started) if started.code in (530, 550) else None
            empty = not await stream.receive(1)
            stream.abort()
        if not empty:
            await self._settle()
            return None
        ended = await self.reply()
        return ("REST {size}, RETR {file}", ended) if ended.completed else None

    async def _settle(self) -> None:
        """Reads what the server says about a transfer we broke off: one answer or two, as servers please."""
        reply = await self.ask("NOOP")
        while reply.code not in (200, 500, 502):
            reply = await self.reply()


async def _read_listing(stream: Stream, found: Listing, *, facts: bool) -> bool:
    """Takes all entries into account; False when it stopped before the end."""
    rest = b""
    read = 0
    while data := await stream.receive():
        read += len(data)
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if len(line) <= _LINE_BYTES and (entry := read_entry(line.decode("latin-1").rstrip("\r"), facts=facts)):
                found.add(entry)
        if read > _LISTING_BYTES or len(rest) > _LINE_BYTES:
            found.complete = False
            return False
    return True
