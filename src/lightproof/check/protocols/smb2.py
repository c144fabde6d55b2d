"""The client's side of SMB 2 and 3 ([MS-SMB2]) as far as looking needs it, on one connection of a wire.

Rules: files are only ever opened that exist, for reading, and nothing here writes, creates, renames or deletes; the one
thing opened for writing is a named pipe (to ask for the list of shares). A message's declared length is believed up to
a cap, an offset only inside the message, a chain of entries only forward and without overlap. Sessions are anonymous or
guest ones: nothing is signed or encrypted.
"""

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from lightproof.check.protocols import ntlm, srvsvc
from lightproof.check.wire import Stream
from lightproof.errors import ProtocolViolation

DIALECTS: Final = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}

_HEADER: Final = struct.Struct("<4sHHIHHIIQIIQ16s")
_RESPONSE_FLAG: Final = 0x0000_0001
_LARGEST_MESSAGE: Final = 80 * 1024
_BUFFER: Final = 64 * 1024
_LISTING: Final = 16 * 1024
_LONGEST_NAME: Final = 2 * 255
_PATIENCE: Final = 16
"""Keep-alives and "pending" answers accepted before the answer."""
_FRAGMENTS: Final = 16

_NO_SALT: Final = bytes(32)
_PREAUTHENTICATION: Final = struct.pack("<HHIHHH", 1, 38, 0, 1, 32, 1) + _NO_SALT
"""The one negotiate context 3.1.1 demands (section 2.2.3.1.1): SHA-512. Nothing is derived from it without signing."""
_MAXIMAL_ACCESS_QUERY: Final = struct.pack("<IHHHHI4s4x", 0, 16, 4, 0, 24, 0, b"MxAc")

_READ: Final = 0x0010_0081
"""FILE_READ_DATA (list, for a directory), FILE_READ_ATTRIBUTES, SYNCHRONIZE."""
_SPEAK_ON_PIPE: Final = 0x0012_019F
_SHARE_ALL: Final = 7
_OPEN_EXISTING: Final = 1
_DIRECTORY, _NO_DIRECTORY = 0x0000_0001, 0x0000_0040
_PIPE_TRANSCEIVE: Final = 0x0011_C017
_IS_DIRECTORY: Final = 0x10
_MAY_ADD: Final = 0x0000_0006
"""FILE_ADD_FILE or FILE_ADD_SUBDIRECTORY."""


class Status(IntEnum):
    """NTSTATUS values that mean something here ([MS-ERREF] section 2.3.1)."""

    SUCCESS = 0
    PENDING = 0x0000_0103
    BUFFER_OVERFLOW = 0x8000_0005
    NO_MORE_FILES = 0x8000_0006
    NO_SUCH_FILE = 0xC000_000F
    MORE_PROCESSING_REQUIRED = 0xC000_0016
    ACCESS_DENIED = 0xC000_0022


REFUSALS: Final = frozenset(
    {
        Status.ACCESS_DENIED,
        0xC000_005E,  # NO_LOGON_SERVERS
        0xC000_0061,  # PRIVILEGE_NOT_HELD
        0xC000_0064,  # NO_SUCH_USER
        0xC000_006A,  # WRONG_PASSWORD
        0xC000_006D,  # LOGON_FAILURE
        0xC000_006E,  # ACCOUNT_RESTRICTION
        0xC000_006F,  # INVALID_LOGON_HOURS
        0xC000_0070,  # INVALID_WORKSTATION
        0xC000_0071,  # PASSWORD_EXPIRED
        0xC000_0072,  # ACCOUNT_DISABLED
        0xC000_00CA,  # NETWORK_ACCESS_DENIED
        0xC000_0133,  # TIME_DIFFERENCE_AT_DC
        0xC000_015B,  # LOGON_TYPE_NOT_GRANTED
        0xC000_0203,  # USER_SESSION_DELETED: what Windows says to unsigned guests
        0xC000_0234,  # ACCOUNT_LOCKED_OUT
        0xC000_0418,  # NTLM_BLOCKED
    }
)


class _Command(IntEnum):
    NEGOTIATE = 0
    SESSION_SETUP = 1
    TREE_CONNECT = 3
    CREATE = 5
    READ = 8
    IOCTL = 11
    QUERY_DIRECTORY = 14


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the server chose and demands."""

    dialect: str
    signing_required: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A session the server gave to nobody."""

    guest: bool
    anonymous: bool
    encryption_required: bool
    version: tuple[int, int, int] | None
    """Of the server's operating system."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said no, and with which NTSTATUS."""

    status: int

    @property
    def for_lack_of_rights(self) -> bool:
        """It is about rights, and not about a name, a limit or a fault."""
        return self.status in REFUSALS


@dataclass(frozen=True, slots=True)
class Tree:
    """A share we are connected to."""

    tree_id: int
    is_disk: bool
    may_add: bool
    """The server grants this session the right to add files, at the share (MaximalAccess)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file, directory or pipe."""

    tree_id: int
    file_id: bytes
    may_add: bool | None = None
    """The right to add files to this directory, as the server computed it; None when it did not say."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a directory."""

    name: str
    is_directory: bool
    size_bytes: int


class Smb2Client:
    """One connection: negotiate once, then `sign_in` once, then the rest."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._message_id = 0
        self._session_id = 0

    async def negotiate(self) -> Negotiated:
        """Offers every dialect. Raises ProtocolViolation when the server speaks none of them."""
        dialects = struct.pack(f"<{len(DIALECTS)}H", *DIALECTS)
        contexts_at = _HEADER.size + 36 + len(dialects)
        padding = -contexts_at % 8
        body = struct.pack("<HHHHI16sIHH", 36, len(DIALECTS), 1, 0, 0, bytes(16), contexts_at + padding, 1, 0)
        answer = await self._ask(_Command.NEGOTIATE, body + dialects + bytes(padding) + _PREAUTHENTICATION)
        if answer.status != Status.SUCCESS:
            raise ProtocolViolation("smb-negotiation")
        mode, dialect = answer.unpack("<HH", 2)
        if dialect not in DIALECTS:
            raise ProtocolViolation("smb-negotiation")
        return Negotiated(DIALECTS[dialect], bool(mode & 2))

    async def sign_in(self, user: str) -> Session | Refused:
        """A session as `user` without a password, or an anonymous one when `user` is empty."""
        answer = await self._setup(ntlm.negotiate())
        if answer.status != Status.MORE_PROCESSING_REQUIRED:
            return Refused(answer.status)
        challenge = ntlm.read_challenge(answer.message)
        self._session_id = answer.session_id
        answer = await self._setup(ntlm.authenticate(challenge, user))
        if answer.status != Status.SUCCESS:
            return Refused(answer.status)
        (flags,) = answer.unpack("<H", 2)
        return Session(bool(flags & 1), bool(flags & 2), bool(flags & 4), challenge.version)

    async def connect_tree(self, server: str, share: str) -> Tree | Refused:
        """Connects to a share."""
        path = f"\\\\{server}\\{share}".encode("utf-16-le", "replace")
        body = struct.pack("<HHHH", 9, 0, _HEADER.size + 8, len(path)) + path
        answer = await self._ask(_Command.TREE_CONNECT, body)
        if answer.status != Status.SUCCESS:
            return Refused(answer.status)
        kind, access = answer.unpack("<B9xI", 2)
        return Tree(answer.tree_id, kind == 1, bool(access & _MAY_ADD))

    async def open_directory(self, tree: Tree, path: str) -> Opened | Refused:
        """Opens a directory for listing, and asks what this session may do there. The root is the empty path."""
        return await self._open(tree, path, access=_READ, options=_DIRECTORY, context=_MAXIMAL_ACCESS_QUERY)

    async def open_file(self, tree: Tree, path: str) -> Opened | Refused:
        """Opens a file that exists for reading."""
        return await self._open(tree, path, access=_READ, options=_NO_DIRECTORY)

    async def entries(self, directory: Opened) -> AsyncIterator[Entry]:
        """What a directory holds, as it comes; stop iterating to stop asking."""
        pattern = "*".encode("utf-16-le")
        tail = struct.pack("<HHI", _HEADER.size + 32, len(pattern), _LISTING) + pattern
        body = struct.pack("<HBBI16s", 33, 1, 0, 0, directory.file_id) + tail
        while True:
            answer = await self._ask(_Command.QUERY_DIRECTORY, body, directory.tree_id)
            if answer.status in (Status.NO_MORE_FILES, Status.NO_SUCH_FILE):
                return
            if answer.status != Status.SUCCESS:
                raise ProtocolViolation("smb-listing")
            offset, length = answer.unpack("<HI", 2)
            for entry in read_entries(answer.part(offset, length)):
                yield entry

    async def read(self, opened: Opened, *, offset: int, length: int) -> bytes | Refused:
        """`length` bytes of a file or pipe, or fewer."""
        fields = struct.pack("<HBBIQ16sIII", 49, 0x50, 0, length, offset, opened.file_id, 0, 0, 0)
        answer = await self._ask(_Command.READ, fields + bytes(5), opened.tree_id)
        if answer.status not in (Status.SUCCESS, Status.BUFFER_OVERFLOW):
            return Refused(answer.status)
        start, count = answer.unpack("<BxI", 2)
        return answer.part(start, min(count, length))

    async def shares(self, server: str) -> tuple[srvsvc.Share, ...] | Refused:
        """The list of shares, by the Server Service on the named pipe of IPC$."""
        tree = await self.connect_tree(server, "IPC$")
        if isinstance(tree, Refused):
            return tree
        pipe = await self._open(tree, srvsvc.PIPE, access=_SPEAK_ON_PIPE, options=_NO_DIRECTORY)
        if isinstance(pipe, Refused):
            return pipe
        bound = await self._transceive(pipe, srvsvc.bind())
        if isinstance(bound, Refused):
            return bound
        if not srvsvc.is_bound(bound):
            return Refused(Status.ACCESS_DENIED)
        fragment = await self._transceive(pipe, srvsvc.enumerate_shares())
        stub = b""
        for _ in range(_FRAGMENTS):
            if isinstance(fragment, Refused):
                return fragment
            if (part := srvsvc.split_fragment(fragment)) is None:
                return Refused(Status.ACCESS_DENIED)
            stub += part[0]
            if part[1]:
                listed = srvsvc.read_shares(stub)
                return Refused(Status.ACCESS_DENIED) if listed is None else listed
            fragment = await self.read(pipe, offset=0, length=_BUFFER)
        raise ProtocolViolation("rpc-answer")

    async def _transceive(self, pipe: Opened, request: bytes) -> bytes | Refused:
        fields = struct.pack("<HHI16s", 57, 0, _PIPE_TRANSCEIVE, pipe.file_id)
        at = _HEADER.size + 56
        fields += struct.pack("<IIIIIIII", at, len(request), 0, at, 0, _BUFFER, 1, 0)
        answer = await self._ask(_Command.IOCTL, fields + request, pipe.tree_id)
        if answer.status not in (Status.SUCCESS, Status.BUFFER_OVERFLOW):
            return Refused(answer.status)
        offset, length = answer.unpack("<II", 32)
        return answer.part(offset, length)

    async def _open(
        self, tree: Tree, path: str, *, access: int, options: int, context: bytes = b""
    ) -> Opened | Refused:
        name = path.encode("utf-16-le", "replace")
        name_at = _HEADER.size + 56
        padding = max(-(name_at + len(name)) % 8, 8 if not name else 0)
        context_at = name_at + len(name) + padding if context else 0
        body = struct.pack("<HBBIQQ", 57, 0, 0, 2, 0, 0)
        body += struct.pack("<IIIII", access, 0, _SHARE_ALL, _OPEN_EXISTING, options)
        body += struct.pack("<HHII", name_at, len(name), context_at, len(context)) + name + bytes(padding) + context
        answer = await self._ask(_Command.CREATE, body, tree.tree_id)
        if answer.status != Status.SUCCESS:
            return Refused(answer.status)
        contexts_at, contexts_length = answer.unpack("<II", 80)
        file_id = answer.part(_HEADER.size + 64, 16)
        contexts = answer.part(contexts_at, contexts_length) if context and contexts_length else b""
        return Opened(tree.tree_id, file_id, _may_add(contexts))

    async def _setup(self, token: bytes) -> "_Answer":
        body = struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, _HEADER.size + 24, len(token), 0) + token
        return await self._ask(_Command.SESSION_SETUP, body)

    async def _ask(self, command: _Command, body: bytes, tree_id: int = 0) -> "_Answer":
        message_id = self._message_id
        self._message_id += 1
        head = _HEADER.pack(
            b"\xfeSMB", 64, 1, 0, command, 8, 0, 0, message_id, 0xFEFF, tree_id, self._session_id, bytes(16)
        )
        await self._stream.send(struct.pack(">I", len(head) + len(body)) + head + body)
        for _ in range(_PATIENCE):
            message = await receive_message(self._stream)
            if message is None:
                continue
            answer = _Answer.read(message)
            if answer.status != Status.PENDING:
                if answer.command != command or answer.message_id != message_id:
                    raise ProtocolViolation("smb-answer")
                return answer
        raise ProtocolViolation("smb-answer")


@dataclass(frozen=True, slots=True)
class _Answer:
    message: bytes
    status: int
    command: int
    message_id: int
    tree_id: int
    session_id: int

    @staticmethod
    def read(message: bytes) -> "_Answer":
        if len(message) < _HEADER.size:
            raise ProtocolViolation("smb-answer")
        magic, size, _, status, command, _, flags, _, message_id, _, tree_id, session_id, _ = _HEADER.unpack_from(
            message
        )
        if magic != b"\xfeSMB" or size != _HEADER.size or not flags & _RESPONSE_FLAG:
            raise ProtocolViolation("smb-answer")
        return _Answer(message, status, command, message_id, tree_id, session_id)

    def unpack(self, fields: str, at: int) -> tuple[int, ...]:
        """Fields of the body, `at` bytes into it."""
        try:
            return struct.unpack_from(fields, self.message, _HEADER.size + at)
        except struct.error as error:
            raise ProtocolViolation("smb-answer") from error

    def part(self, offset: int, length: int) -> bytes:
        """A buffer, by its offset in the message."""
        found = self.message[offset : offset + length]
        if len(found) != length or (length and offset < _HEADER.size):
            raise ProtocolViolation("smb-answer")
        return found


async def receive_message(stream: Stream) -> bytes | None:
    """One message (section 2.1, RFC 1002 section 4.3); None for a keep-alive. Raises ProtocolViolation."""
    head = await stream.receive_exactly(4)
    length = int.from_bytes(head[1:])
    if head[0] == 0x85 and length == 0:
        return None
    if head[0] != 0 or length > _LARGEST_MESSAGE:
        raise ProtocolViolation("smb-answer")
    return await stream.receive_exactly(length)


def read_entries(buffer: bytes) -> list[Entry]:
    """FileDirectoryInformation ([MS-FSCC] section 2.4.10), `.` and `..` left out. Raises ProtocolViolation. Pure."""
    entries: list[Entry] = []
    at = 0
    while True:
        try:
            onward, size, attributes, length = struct.unpack_from("<I36xQ8xII", buffer, at)
        except struct.error as error:
            raise ProtocolViolation("smb-listing") from error
        end = at + 64 + length
        if length > _LONGEST_NAME or end > len(buffer) or (onward and onward < 64 + length):
            raise ProtocolViolation("smb-listing")
        name = buffer[at + 64 : end].decode("utf-16-le", "replace")
        if name not in (".", ".."):
            entries.append(Entry(name, bool(attributes & _IS_DIRECTORY), size))
        if not onward:
            return entries
        at += onward


def _may_add(contexts: bytes) -> bool | None:
    """The right to add files in the answer to a query for maximal access (section 2.2.14.2.5)."""
    at = 0
    while at + 16 <= len(contexts):
        onward, name_at, name_length, data_at, data_length = struct.unpack_from("<IHH2xHI", contexts, at)
        name = contexts[at + name_at : at + name_at + name_length]
        data = contexts[at + data_at : at + data_at + data_length]
        if name == b"MxAc" and len(data) == 8:
            status, access = struct.unpack("<II", data)
            return bool(access & _MAY_ADD) if status == Status.SUCCESS else None
        if onward < 16:
            return None
        at += onward
    return None
