"""A DICOM association request inside TLS, over a wire: what the channel shows, and whether it demands a certificate.

The judgement is `TlsAssociation`'s, the same that a sweep makes; this module moves its bytes under the wire's budget.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Final

from lightproof.check.identity import CALLED_AE, CALLING_AE
from lightproof.check.sweeping.tls_association import TlsAssociation
from lightproof.check.sweeping.tls_hello import InsideTls
from lightproof.check.tls_context import shared_tls_context
from lightproof.check.wire import TlsFacts, Wire
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.pdu import Abort
from lightproof.dicom.recognise import Recognition, Verdict, association_request

_REQUEST: Final = association_request(CALLING_AE, CALLED_AE)
_ABORT: Final = encode_pdu(Abort(0, 0))
_ANSWER_S: Final = 7.0
"""Slow archives take 6 s to answer an association (measured)."""
_QUIET_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Channel:
    """What one conversation showed."""

    found: Recognition | InsideTls | None
    """None: the peer stayed silent."""
    tls: TlsFacts | None
    """What the peer chose and showed; None when it never came to that."""

    @property
    def demands_certificate(self) -> bool:
        """It asked for a client certificate and let nobody in without; proved, never concluded from a hang-up."""
        return self.found is InsideTls.CERTIFICATE_DEMANDED

    @property
    def may_demand_certificate(self) -> bool:
        """It asked for a client certificate and hung up when it got none: perhaps for that."""
        return self.found is InsideTls.CERTIFICATE_MISSED


async def call(wire: Wire) -> Channel:
    """A handshake without certificate, and a request for an association.

    Where the peer hangs up, it is called once more and nothing is said: under TLS 1.3 the request travels with the end
    of the handshake, and a peer that leaves it unread resets the connection, its own alert with it.
    """
    channel = await _converse(wire, shared_tls_context(), _REQUEST, wait_s=_ANSWER_S)
    if channel.found is InsideTls.ENDED:
        quiet = await _converse(wire, shared_tls_context(), b"", wait_s=_QUIET_S)
        return quiet if quiet.demands_certificate or quiet.may_demand_certificate else channel
    return channel


async def taken(wire: Wire, context: ssl.SSLContext) -> TlsFacts | None:
    """What the peer chose of what this context offers (TLS 1.2 at most); None when it takes none of it.

    One that demands a certificate has chosen before it says so.
    """
    channel = await _converse(wire, context, b"", wait_s=_ANSWER_S, handshake_alone=True)
    return None if channel.found is InsideTls.NO_HANDSHAKE else channel.tls


async def _converse(
    wire: Wire, context: ssl.SSLContext, request: bytes, *, wait_s: float, handshake_alone: bool = False
) -> Channel:
    association = TlsAssociation(context, request, _farewell, name=wire.name)
    found: Recognition | InsideTls | None = None
    with contextlib.suppress(TimeoutError):
        async with wire.connect(tls=False) as stream, asyncio.timeout(wait_s):
            await stream.send(association.begin())
            while found is None and not (handshake_alone and association.agreed):
                try:
                    data = await stream.receive()
                except OSError:
                    data = b""
                words, found = association.heard(data)
                if words:
                    with contextlib.suppress(OSError):  # it has ended already: the next read shows what it said before
                        await stream.send(words)
            stream.abort()
    version = association.version
    tls = TlsFacts(version, association.cipher, None, association.certificate) if version else None
    return Channel(found, tls)


def _farewell(recognition: Recognition) -> bytes:
    return _ABORT if recognition.verdict is Verdict.ACCEPTED else b""
