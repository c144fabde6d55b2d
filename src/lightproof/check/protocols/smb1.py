"""What remains of SMB 1 ([MS-CIFS]) and NetBIOS (RFC 1002): whether it is offered, and shares of what speaks no other.

Old consoles of imaging devices speak nothing newer. pysmb speaks it for us, as a machine that bytes go into and come
out of: every byte passes the wire's budget, whatever it stumbles over is a violation of the protocol, and it is only
asked for the list of shares (what it reads of a directory has no bound).
"""

import logging
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Protocol, cast

from smb.base import SMB

from lightproof.check.protocols.smb2 import receive_message
from lightproof.check.protocols.srvsvc import Share
from lightproof.check.wire import Stream, Wire
from lightproof.errors import ProtocolViolation

NETBIOS_PORT: Final = 139
_NT_LM: Final = b"\2NT LM 0.12\0"
_NEGOTIATE: Final = (
    b"\xffSMB\x72"
    + bytes(4)
    + b"\x18"
    + struct.pack("<H", 0xC843)
    + bytes(20)
    + b"\0"
    + bytes((len(_NT_LM), 0))
    + _NT_LM
)
"""SMB_COM_NEGOTIATE with the one dialect (section 2.2.4.52)."""
_ANSWERED: Final = b"\xffSMB\x72"
_NO_DIALECT: Final = b"\xff\xff"
_ROUNDS: Final = 24
_ANYBODY: Final = "*SMBSERVER"
_US: Final = "LIGHTPROOF"


@asynccontextmanager
async def connected(wire: Wire) -> AsyncGenerator[Stream]:
    """A connection that SMB can be spoken on; on port 139 inside a NetBIOS session (RFC 1002 section 4.3)."""
    async with wire.connect(tls=False) as stream:
        if wire.target.port == NETBIOS_PORT:
            names = _netbios_name(_ANYBODY) + _netbios_name(_US)
            await stream.send(struct.pack(">BBH", 0x81, 0, len(names)) + names)
            if await stream.receive_exactly(4) != b"\x82\0\0\0":
                raise ProtocolViolation("netbios-session")
        yield stream


async def offers_smb1(wire: Wire) -> bool:
    """Whether the server still speaks SMB 1: asked for nothing else, it agrees. A closed connection is a no."""
    async with connected(wire) as stream:
        await stream.send(struct.pack(">I", len(_NEGOTIATE)) + _NEGOTIATE)
        try:
            message = await receive_message(stream)
        except ConnectionError:
            return False
        except ProtocolViolation as violation:
            if violation.reason == "closed-early":
                return False
            raise
    if message is None or not message.startswith(_ANSWERED):
        raise ProtocolViolation("smb-answer")
    return message[33:35] not in (_NO_DIALECT, b"") and message[5:9] == bytes(4)


class _Listed(Protocol):
    name: str
    type: int


class _AsksForShares(Protocol):
    """What pysmb has without types."""

    def _listShares(  # noqa: N802
        self, callback: Callable[[list[_Listed]], None], errback: Callable[[object], None]
    ) -> None: ...

    def feedData(self, data: bytes) -> None: ...  # noqa: N802


class _Machine(SMB):
    """pysmb without a transport."""

    log = logging.Logger("smb", logging.CRITICAL)  # it would log names of shares

    def __init__(self) -> None:
        super().__init__("", "", _US, _ANYBODY, is_direct_tcp=True, use_ntlm_v2=True)
        self.outgoing = bytearray()
        self.signed_in: bool | None = None
        self.shares: tuple[Share, ...] | None = None
        self.refused = False

    def write(self, data: bytes) -> None:
        self.outgoing += data

    def onAuthOK(self) -> None:  # noqa: N802
        self.signed_in = True
        cast("_AsksForShares", self)._listShares(self._listed, self._failed)  # pyright: ignore[reportPrivateUsage]

    def onAuthFailed(self) -> None:  # noqa: N802
        self.signed_in = False

    def _listed(self, shares: list[_Listed]) -> None:
        self.shares = tuple(Share(share.name, share.type) for share in shares)

    def _failed(self, _: object) -> None:
        self.refused = True

    @property
    def done(self) -> bool:
        return self.signed_in is False or self.refused or self.shares is not None


async def shares_by_smb1(stream: Stream) -> tuple[Share, ...] | None:
    """The shares that an anonymous session is told; None when the session or the list was refused.

    Raises ProtocolViolation for whatever the server says that pysmb does not understand.
    """
    machine = _Machine()
    _step(machine.onNMBSessionOK)
    for _ in range(_ROUNDS):
        if machine.outgoing:
            outgoing = bytes(machine.outgoing)
            machine.outgoing.clear()
            await stream.send(outgoing)
        if machine.done:
            return machine.shares
        if (message := await receive_message(stream)) is not None:
            framed = struct.pack(">I", len(message)) + message
            _step(partial(cast("_AsksForShares", machine).feedData, framed))
    raise ProtocolViolation("smb-answer")


def _step(act: Callable[[], object]) -> None:
    try:
        act()
    except Exception as error:
        # pysmb trusts what it parses: whatever fails in there is the peer's doing.
        raise ProtocolViolation("smb-answer") from error


def _netbios_name(name: str) -> bytes:
    """First-level encoding (RFC 1001 section 14.1) of a server's name."""
    padded = name.encode().ljust(15)[:15] + b"\x20"
    return b"\x20" + bytes(0x41 + nibble for byte in padded for nibble in (byte >> 4, byte & 15)) + b"\0"
