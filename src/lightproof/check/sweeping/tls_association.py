"""A DICOM association request inside TLS, as one conversation of a sweep: bytes in, bytes out, no socket.

A server that demands a client certificate asks for one in clear up to TLS 1.2, and refuses the handshake without it.
Under TLS 1.3 it lets our side of the handshake succeed, and then says in an alert that it wants one, or only ends the
connection. What it asked for is encrypted then, and Python tells nobody; but a client sends a Certificate message if it
was asked for one, and never else (RFC 8446 section 4.4.2), and the lengths of what our own side sends are in clear.

A service that merely hangs up has demanded nothing: that is told apart, for it may do so to everybody. So is one that
asked and hung up once we had spoken: it may not have liked what we said. One that asked, let the handshake succeed and
hung up before we spoke may have missed the certificate: that is presumed, for many ask and do without (a proxy whose
archive is down hangs up just so). Where it is our side that cannot go on with a handshake, nobody has refused us.
"""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lightproof.check.sweeping.tls_hello import InsideTls
from lightproof.dicom.recognise import Recognition, Verdict, recognise

_MOST_BYTES: Final = 64 * 1024
"""A handshake with a chain of three certificates takes 5 KB."""
_NO_CERTIFICATE: Final = frozenset(
    {"SSLV3_ALERT_BAD_CERTIFICATE", "TLSV1_ALERT_UNKNOWN_CA", "TLSV13_ALERT_CERTIFICATE_REQUIRED"}
)
"""How OpenSSL names the alerts with which a TLS 1.3 server refuses a client without certificate: `certificate_required`
(RFC 8446 section 6.2), and what Java and Go said before they knew it."""

_AN_ALERT: Final = "_ALERT_"
"""In OpenSSL's name of every error that is the peer's alert, and of no error of ours."""
_HANDSHAKE_RECORD: Final = 22
_ENCRYPTED_RECORD: Final = 23
_ENCRYPTION: Final = 1 + 16
"""Bytes that a record of TLS 1.3 has besides its content: the content's type and the tag (RFC 8446 section 5.2)."""
_FINISHED: Final = frozenset({4 + 32, 4 + 48})
"""With SHA-256 and SHA-384 (section 4.4.4): all that a client says that was asked for nothing."""
_NO_CERTIFICATES: Final = 4 + 1 + 3
"""A Certificate message without any (section 4.4.2)."""
_SERVER_HELLO: Final = 2
_CERTIFICATE: Final = 11
_CERTIFICATE_REQUEST: Final = 13
_SUITES_OF_TLS_1_3: Final = 0x13
_VERSIONS: Final = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2"}


@dataclass(frozen=True, slots=True)
class _AgreedOn:
    """What a handshake ended with. Asked for at once: OpenSSL forgets it when an alert comes."""

    version: str
    cipher: str
    certificate: bytes | None

    @staticmethod
    def of(session: ssl.SSLObject) -> "_AgreedOn":
        cipher = session.cipher()
        return _AgreedOn(session.version() or "", cipher[0] if cipher else "", session.getpeercert(binary_form=True))


class TlsAssociation:
    """Handshake with the server called `name` (SNI), then `request`.

    An empty request says nothing, and shows whether the peer ends by itself.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        request: bytes,
        farewell: Callable[[Recognition], bytes],
        *,
        name: str | None = None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._context = context
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._request = request
        self._farewell = farewell
        self._taken = 0
        self._flight = bytearray()
        """What came before the handshake was done: up to TLS 1.2 it is in clear."""
        self._heard = bytearray()
        self._agreed_on: _AgreedOn | None = None
        self._last_flight = b""
        """With which our side ended the handshake."""
        self._unsent = b""

    @property
    def version(self) -> str:
        """The version of TLS that the peer chose, as OpenSSL names it; empty when it chose none."""
        if self._agreed_on is not None:
            return self._agreed_on.version
        chosen = self._chosen()
        if chosen is None:
            return ""
        legacy, suite = chosen
        return "TLSv1.3" if suite >> 8 == _SUITES_OF_TLS_1_3 else _VERSIONS.get(legacy, "")

    @property
    def cipher(self) -> str:
        """The cipher suite that the peer chose, as OpenSSL names it; empty when it chose none."""
        if self._agreed_on is not None:
            return self._agreed_on.cipher
        chosen = self._chosen()
        return next((c["name"] for c in self._context.get_ciphers() if chosen and c["id"] & 0xFFFF == chosen[1]), "")

    @property
    def certificate(self) -> bytes | None:
        """The peer's certificate in DER, unverified."""
        if self._agreed_on is not None:
            return self._agreed_on.certificate
        chain = next((body for kind, body in _messages(self._flight) if kind == _CERTIFICATE), b"")
        return bytes(chain[6 : 6 + int.from_bytes(chain[3:6], "big")]) or None

    @property
    def agreed(self) -> bool:
        """Whether the handshake succeeded on our side."""
        return self._agreed_on is not None

    def _chosen(self) -> tuple[int, int] | None:
        """Version field and cipher suite of the ServerHello (RFC 5246 section 7.4.1.3)."""
        hello = next((body for kind, body in _messages(self._flight) if kind == _SERVER_HELLO), b"")
        at = 35 + hello[34] if len(hello) > 34 else len(hello)
        suite = hello[at : at + 2]
        return (int.from_bytes(hello[:2], "big"), int.from_bytes(suite, "big")) if len(suite) == 2 else None

    def begin(self) -> bytes:
        """The ClientHello."""
        self._advance()
        return self._to_send()

    def heard(self, data: bytes) -> tuple[bytes, Recognition | InsideTls | None]:
        """What to send next, and the verdict once there is one. `data` is empty when the peer has ended."""
        self._taken += len(data)
        if self._taken > _MOST_BYTES:
            return b"", InsideTls.OTHER
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        if not self.agreed:
            self._flight += data
        found = self._advance()
        if found is None and not data:
            found = self._ended()
        return self._to_send(), found

    def _to_send(self) -> bytes:
        unsent, self._unsent = self._unsent, b""
        return unsent + self._outgoing.read()

    def _advance(self) -> Recognition | InsideTls | None:
        try:
            if not self.agreed:
                self._session.do_handshake()
                self._agreed_on = _AgreedOn.of(self._session)
                self._last_flight = self._unsent = self._outgoing.read()
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
            if self._agreed_on is not None:
                refused = self._agreed_on.version == "TLSv1.3" and error.reason in _NO_CERTIFICATE
                return InsideTls.CERTIFICATE_DEMANDED if refused else InsideTls.OTHER
            if _AN_ALERT not in (error.reason or ""):
                return InsideTls.NO_HANDSHAKE
        return self._ended()

    def _ended(self) -> InsideTls:
        """What it means that the peer ended this, or refused the handshake."""
        if self._heard:
            return InsideTls.OTHER
        asked = self._asked_for_certificate()
        if not self.agreed:
            return InsideTls.CERTIFICATE_DEMANDED if asked else InsideTls.NO_HANDSHAKE
        return InsideTls.CERTIFICATE_MISSED if asked and not self._request else InsideTls.ENDED

    def _asked_for_certificate(self) -> bool:
        in_clear = any(kind == _CERTIFICATE_REQUEST for kind, _ in _messages(self._flight))
        return in_clear or _content_bytes(self._last_flight) - _NO_CERTIFICATES in _FINISHED


def _content_bytes(flight: bytes) -> int:
    """How much is said in the encrypted records of a client's last flight (TLS 1.3)."""
    said = at = 0
    while at + 5 <= len(flight):
        length = flight[at + 3] << 8 | flight[at + 4]
        said += length - _ENCRYPTION if flight[at] == _ENCRYPTED_RECORD else 0
        at += 5 + length
    return said


def _messages(flight: bytes | bytearray) -> Iterator[tuple[int, bytearray]]:
    """Type and body of each message in a server's first flight, in clear up to TLS 1.2 (RFC 5246 section 7.4)."""
    joined = bytearray()
    at = 0
    while at + 5 <= len(flight) and flight[at] == _HANDSHAKE_RECORD:
        length = flight[at + 3] << 8 | flight[at + 4]
        joined += flight[at + 5 : at + 5 + length]
        at += 5 + length
    at = 0
    while at + 4 <= len(joined):
        length = int.from_bytes(joined[at + 1 : at + 4], "big")
        yield joined[at], joined[at + 4 : at + 4 + length]
        at += 4 + length
