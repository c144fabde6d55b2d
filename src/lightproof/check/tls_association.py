"""A DICOM association request inside TLS, as one conversation of a sweep: bytes in, bytes out, no socket.

A server that demands a client certificate refuses the handshake up to TLS 1.2; under TLS 1.3 it lets our side of the
handshake succeed, and then ends the connection, with an alert or without (measured on dcmtk and Orthanc).
"""

import ssl
from collections.abc import Callable
from typing import Final

from lightproof.check.tls_hello import InsideTls
from lightproof.dicom.recognise import Recognition, Verdict, recognise

_MOST_BYTES: Final = 64 * 1024
"""A handshake with a chain of three certificates takes 5 KB."""
_CLIENT_CERTIFICATE_DEMANDED: Final = frozenset(
    {
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    }
)
"""How OpenSSL names the alerts of a server that refuses a client without certificate."""


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
        found = self._advance()
        if found is None and not data:
            found = InsideTls.ENDED if self._agreed and not self._heard else InsideTls.NO_HANDSHAKE
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
            if error.reason in _CLIENT_CERTIFICATE_DEMANDED:
                return InsideTls.CERTIFICATE_DEMANDED
            return InsideTls.OTHER if self._agreed else InsideTls.NO_HANDSHAKE
        return InsideTls.ENDED if self._agreed and not self._heard else InsideTls.NO_HANDSHAKE
