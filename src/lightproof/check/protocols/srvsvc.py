"""The list of shares of a file server: NetrShareEnum of the Server Service ([MS-SRVS] section 3.1.4.8). Pure.

DCE/RPC (C706) as far as one bind and one call need it; what a server answers is read under limits.
"""

import struct
from dataclasses import dataclass
from typing import Final

from lightproof.errors import ProtocolViolation

PIPE: Final = "srvsvc"
_SRVSVC: Final = bytes.fromhex("c84f324b7016d30112785a47bf6ee18803000000")
_NDR: Final = bytes.fromhex("045d888aeb1cc9119fe808002b10486002000000")
_FRAGMENT: Final = 4_280
_HEADER: Final = struct.Struct("<BBBB4sHHI")
_RESPONSE_HEADER: Final = 24
_BIND, _BIND_ACK, _REQUEST, _RESPONSE, _FAULT = 11, 12, 0, 2, 3
_FIRST_AND_LAST: Final = 3
_LAST: Final = 2
_ENUMERATE: Final = 15
_MOST_SHARES: Final = 256
_LONGEST_NAME: Final = 260


@dataclass(frozen=True, slots=True)
class Share:
    """A share. Its name is for connecting: people name shares after patients and doctors."""

    name: str
    kind: int
    """STYPE ([MS-SRVS] section 2.2.2.4)."""

    @property
    def is_disk(self) -> bool:
        """Files, and not a printer, a device or IPC."""
        return self.kind & 0xFF == 0

    @property
    def is_special(self) -> bool:
        """Made by the system for administration: `C$`."""
        return bool(self.kind & 0x8000_0000)


def bind() -> bytes:
    """The bind to the Server Service, version 3.0."""
    body = struct.pack("<HHIBxxxHBx", _FRAGMENT, _FRAGMENT, 0, 1, 0, 1) + _SRVSVC + _NDR
    return _packet(_BIND, 1, body)


def is_bound(answer: bytes) -> bool:
    """Whether the server took the bind."""
    return len(answer) >= _HEADER.size and answer[2] == _BIND_ACK


def enumerate_shares() -> bytes:
    """The call: level 1, everything, no server name (the one we speak to)."""
    stub = struct.pack("<IIIIIIII", 0, 1, 1, 0x0002_0000, 0, 0, 0xFFFF_FFFF, 0)
    return _packet(_REQUEST, 2, struct.pack("<IHH", len(stub), 0, _ENUMERATE) + stub)


def split_fragment(answer: bytes) -> tuple[bytes, bool] | None:
    """The stub data of one response fragment, and whether it is the last; None for a fault.

    Raises ProtocolViolation("rpc-answer") when it is no response.
    """
    if len(answer) < _RESPONSE_HEADER:
        raise ProtocolViolation("rpc-answer")
    _, _, kind, flags, _, length, authentication, _ = _HEADER.unpack_from(answer)
    if kind == _FAULT:
        return None
    if kind != _RESPONSE or authentication or not _RESPONSE_HEADER <= length <= len(answer):
        raise ProtocolViolation("rpc-answer")
    return answer[_RESPONSE_HEADER:length], bool(flags & _LAST)


def read_shares(stub: bytes) -> tuple[Share, ...] | None:
    """The shares in the whole stub data; None when the server refused. Raises ProtocolViolation("rpc-answer")."""
    try:
        return _shares(stub)
    except (struct.error, UnicodeDecodeError) as error:
        raise ProtocolViolation("rpc-answer") from error


def _shares(stub: bytes) -> tuple[Share, ...] | None:
    (status,) = struct.unpack_from("<I", stub, len(stub) - 4)
    if status != 0:
        return None
    level, _, container, count, entries = struct.unpack_from("<IIIII", stub)
    if level != 1 or count > _MOST_SHARES:
        raise ProtocolViolation("rpc-answer")
    if not container or not entries or not count:
        return ()
    (listed,) = struct.unpack_from("<I", stub, 20)
    if listed != count:
        raise ProtocolViolation("rpc-answer")
    rows = [struct.unpack_from("<III", stub, 24 + 12 * number) for number in range(count)]
    at = 24 + 12 * count
    shares: list[Share] = []
    for name_pointer, kind, remark_pointer in rows:
        name, at = _string(stub, at) if name_pointer else ("", at)
        _, at = _string(stub, at) if remark_pointer else ("", at)
        shares.append(Share(name, kind))
    return tuple(shares)


def _string(stub: bytes, at: int) -> tuple[str, int]:
    """A conformant varying string of UTF-16, and where the next begins."""
    _, offset, length = struct.unpack_from("<III", stub, at)
    end = at + 12 + 2 * length
    if offset or length > _LONGEST_NAME or end > len(stub):
        raise ProtocolViolation("rpc-answer")
    return stub[at + 12 : end].decode("utf-16-le").rstrip("\0"), end + -end % 4


def _packet(kind: int, call: int, body: bytes) -> bytes:
    length = _HEADER.size + len(body)
    return _HEADER.pack(5, 0, kind, _FIRST_AND_LAST, b"\x10\0\0\0", length, 0, call) + body
