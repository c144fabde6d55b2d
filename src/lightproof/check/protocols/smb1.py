"""What remains of SMB 1 ([MS-CIFS]) and NetBIOS (RFC 1002): whether it is offered."""

import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from lightproof.check.protocols.smb2 import receive_message
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
ANYBODY: Final = "*SMBSERVER"
US: Final = "LIGHTPROOF"


@asynccontextmanager
async def connected(wire: Wire) -> AsyncGenerator[Stream]:
    """A connection that SMB can be spoken on; on port 139 inside a NetBIOS session (RFC 1002 section 4.3)."""
    async with wire.connect(tls=False) as stream:
        if wire.target.port == NETBIOS_PORT:
            names = _netbios_name(ANYBODY) + _netbios_name(US)
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


def _netbios_name(name: str) -> bytes:
    """First-level encoding (RFC 1001 section 14.1) of a server's name."""
    padded = name.encode().ljust(15)[:15] + b"\x20"
    return b"\x20" + bytes(0x41 + nibble for byte in padded for nibble in (byte >> 4, byte & 15)) + b"\0"
