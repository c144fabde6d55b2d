"""The shares of what speaks nothing newer than SMB 1: old consoles of imaging devices.

pysmb speaks it for us, as a machine that bytes go into and come out of: every byte passes the wire's budget, whatever
it stumbles over is a violation of the protocol, and it is only asked for the list of shares (what it reads of a
directory has no bound).
"""

import logging
import struct
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, cast

from smb.base import SMB

from lightproof.check.protocols.smb1 import ANYBODY, US
from lightproof.check.protocols.smb2 import receive_message
from lightproof.check.protocols.srvsvc import Share
from lightproof.check.wire import Stream
from lightproof.errors import ProtocolViolation

_ROUNDS: Final = 24


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
        super().__init__("", "", US, ANYBODY, is_direct_tcp=True, use_ntlm_v2=True)
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
