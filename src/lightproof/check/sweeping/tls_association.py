"""A DICOM association request inside TLS, as one conversation of a sweep: bytes in, bytes out, no socket.

A server that demands a client certificate refuses the handshake up to TLS 1.2; under TLS 1.3 it lets our side of the
handshake succeed, and then ends the connection, with an alert or without (measured on dcmtk and Orthanc).
"""

import ssl
from collections.abc import Callable
from typing import Final

from lightproof.check.sweeping.tls_hello import InsideTls
from lightproof.dicom.recognise import Recognition, Verdict, recognise

_MOST_BYTES: Final = 64 * 1024
"""A handshake with a chain of three certificates takes 5 KB."""
_CERTIFICATE_DEMANDED: Final = frozenset(
    {
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    }
)
"""How OpenSSL names the alerts with which a TLS 1.3 server refuses a client without certificate."""


_HANDSHAKE_RECORD: Final = 22
_CERTIFICATE_REQUEST: Final = 13


class TlsAssociation:
    """Handshake, then `request`; an empty one says nothing, and shows whether the peer ends by itself."""

    def __init__(self, context: ssl.SSLContext, request: bytes, farewell: Callable[[Recognition], bytes]) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing)
        self._request = request
        self._farewell = farewell
        self._agreed = False
        self._taken = 0
        self._flight = bytearray()
        """What came before the handshake was done: up to TLS 1.2 it is in clear."""
        self._heard = bytearray()

    def begin(self) -> bytes:
        """The ClientHello."""
        self._advance()
        return self._outgoing.read()

    def heard(self, data: bytes) -> tuple[bytes, Recognition | InsideTls | None]:
        """What to send next, and the verdict once there is one. `data` is empty when the peer has ended."""
        self._taken += len(data)
        if self._taken > _MOST_BYTES:
            return b"", InsideTls.OTHER
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        if not self._agreed:
            self._flight += data
        found = self._advance()
        if found is None and not data:
            found = self._ended()
        return self._outgoing.read(), found

    def _advance(self) -> Recognition | InsideTls | None:
        try:
            if not self._agreed:
                self._session.do_handshake()
                self._agreed = True
                if self._session.selected_alpn_protocol() is not None:
                    return InsideTls.OTHER
                if self._request:
                    self._session.write(self._request)
            while more := self._session.read(4_096):
                self._heard += more
                recognition = recognise(self._heard)
                if recognition.verdict is Verdict.NOT_DICOM:
                    return InsideTls.OTHER
                if recognition.verdict is not Verdict.NEED_MORE:
                    if words := self._farewell(recognition):
                        self._session.write(words)
                    return recognition
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        except ssl.SSLError as error:
            if self._agreed and error.reason in _CERTIFICATE_DEMANDED:
                return InsideTls.CERTIFICATE_DEMANDED
            if self._agreed:
                return InsideTls.OTHER
        return self._ended()

    def _ended(self) -> InsideTls:
        """What it means that the peer ended this, or refused the handshake."""
        if self._agreed:
            return InsideTls.OTHER if self._heard else InsideTls.ENDED
        return InsideTls.CERTIFICATE_DEMANDED if _asks_for_certificate(self._flight) else InsideTls.NO_HANDSHAKE


def _asks_for_certificate(flight: bytes | bytearray) -> bool:
    """Whether a server's first flight, in clear up to TLS 1.2, holds a CertificateRequest (RFC 5246 section 7.4.4)."""
    messages = bytearray()
    at = 0
    while at + 5 <= len(flight) and flight[at] == _HANDSHAKE_RECORD:
        length = flight[at + 3] << 8 | flight[at + 4]
        messages += flight[at + 5 : at + 5 + length]
        at += 5 + length
    at = 0
    while at + 4 <= len(messages):
        if messages[at] == _CERTIFICATE_REQUEST:
            return True
        at += 4 + int.from_bytes(messages[at + 1 : at + 4], "big")
    return False
