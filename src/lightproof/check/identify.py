"""Which protocol a port speaks, so that only detectors that understand it are sent there.

A port number is a hint, not an answer: imaging software is found on any port. We listen before we talk, then ask what
the port suggests first, because some devices hang on words they do not know. One question a connection.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lightproof.check.detectors import Speech
from lightproof.check.identity import CALLED_AE, CALLING_AE
from lightproof.check.wire import Stream, Wire, observing_tls_context
from lightproof.dicom.recognise import Verdict, association_request, recognise
from lightproof.errors import ProtocolViolation

WEB_PORTS: Final = frozenset({80, 81, 443, 591, 3000, 3333, 5000, 5001, 7070, 8000, 8008, 8042, 8043, 8080, 8081, 8088})
TLS_PORTS: Final = frozenset({443, 2762, 5001, 8043, 8443, 9443})
DICOM_PORTS: Final = frozenset({104, 1045, 2345, 2761, 2762, 4006, 4242, 4560, 5678, 6666, 11112})
FTP_PORTS: Final = frozenset({21, 990, 2121})
GREETING_PORTS: Final = FTP_PORTS | {22, 25, 110, 143, 873, 3306, 5900}

_LISTEN_S: Final = 0.3
_GREETING_S: Final = 5.0
_DICOM_ANSWER_S: Final = 7.0
"""Slow archives take 6 s to answer an association (measured)."""
_ANSWER_S: Final = 3.0
_ENOUGH_BYTES: Final = 4_096

_ASK_WEB: Final = b"GET / HTTP/1.0\r\nUser-Agent: lightproof\r\n\r\n"
_ASK_DICOM: Final = association_request(CALLING_AE, CALLED_AE)
_FTP_WORDS: Final = (b"ftp", b"filezilla")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a port speaks."""

    speech: Speech
    tls: bool = False
    """Inside TLS."""
    presumed: bool = False
    """Not proved: a TLS service on a DICOM port that demands a client certificate, and is no web server."""


_KNOWN_BY: Final = len(b"@RSYNCD:")
_CLIENT_CERTIFICATE_DEMANDED: Final = frozenset(
    {
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    }
)
"""How OpenSSL names the alerts of a server that refuses a client without certificate."""

SILENT: Final = Heard(Speech.SILENT)
OTHER: Final = Heard(Speech.OTHER)


def recognised(answer: bytes, port: int) -> Speech | None:
    """The protocol in which `answer` begins; None when it is none we know. Pure."""
    if recognise(answer).verdict in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ABORTED):
        return Speech.DICOM
    if answer.startswith(b"HTTP/"):
        return Speech.HTTP
    if answer.startswith(b"@RSYNCD:"):
        return Speech.RSYNC
    if answer.startswith(b"220") and (port in FTP_PORTS or any(word in answer.lower() for word in _FTP_WORDS)):
        return Speech.FTP
    return None


async def identify(wire: Wire) -> Heard:
    """Asks one port what it speaks; what a peer does wrong makes it `silent` or `other`, never an error.

    Raises ProtocolViolation when the wire's own budget is spent, OSError when the port no longer accepts connections.
    """
    port = wire.target.port
    asked_tls = port in TLS_PORTS
    if asked_tls and (inside := await _inside_tls(wire)) is not None:
        return inside
    spoke = False
    for question in _questions(port):
        answer = await _ask(wire, question)
        speech = recognised(answer.data, port)
        # Web servers answer clear text on a TLS port with a polite 400, others with a TLS alert.
        wants_tls = answer.data.startswith(b"\x15\x03") or (speech is Speech.HTTP and b" 400 " in answer.data[:16])
        if wants_tls and not asked_tls:
            asked_tls = True
            if (inside := await _inside_tls(wire)) is not None:
                return inside
        if speech is not None:
            return Heard(speech)
        if answer.unasked:
            return OTHER
        spoke = spoke or bool(answer.data)
    if not asked_tls and (inside := await _inside_tls(wire)) is not None:
        return inside
    return OTHER if spoke else SILENT


def _questions(port: int) -> Sequence[bytes]:
    return (_ASK_WEB, _ASK_DICOM) if port in WEB_PORTS else (_ASK_DICOM, _ASK_WEB)


@dataclass(frozen=True, slots=True)
class _Answer:
    data: bytes
    closed: bool = False
    """The peer ended the connection, rather than staying silent."""
    unasked: bool = False


async def _ask(wire: Wire, question: bytes) -> _Answer:
    """The first bytes a port says. Nothing is asked of a port that greets."""
    port = wire.target.port
    async with wire.connect(tls=False) as stream:
        greeting = await _hear(stream, port, _GREETING_S if port in GREETING_PORTS else _LISTEN_S)
        if greeting.data or greeting.closed:
            return _Answer(greeting.data, greeting.closed, unasked=bool(greeting.data))
        with contextlib.suppress(OSError):
            await stream.send(question)
            return await _hear(stream, port, _DICOM_ANSWER_S if port in DICOM_PORTS else _ANSWER_S)
        return _Answer(b"", closed=True)


async def _hear(stream: Stream, port: int, wait_s: float) -> _Answer:
    """What comes within `wait_s`: until it is recognised, the peer closes, or it is enough to know that it is not."""
    heard = b""
    try:
        async with asyncio.timeout(wait_s):
            while len(heard) < _ENOUGH_BYTES:
                more = await stream.receive(_ENOUGH_BYTES)
                if not more:
                    return _Answer(heard, closed=True)
                heard += more
                if recognised(heard, port) is not None or (len(heard) >= _KNOWN_BY and not _may_become_dicom(heard)):
                    break
    except ssl.SSLError:
        raise
    except TimeoutError:
        pass
    except OSError:
        return _Answer(heard, closed=True)
    return _Answer(heard)


def _may_become_dicom(heard: bytes) -> bool:
    return recognise(heard).verdict is Verdict.NEED_MORE


async def _inside_tls(wire: Wire) -> Heard | None:
    """What the port speaks inside TLS; None when it speaks none."""
    port = wire.target.port
    context = observing_tls_context(alpn=("http/1.1",))
    ended_us = True
    try:
        for question in _questions(port):
            async with wire.connect(tls=True, context=context) as stream:
                if stream.tls is not None and stream.tls.alpn:
                    return Heard(Speech.HTTPS, tls=True)
                await stream.send(question)
                answer = await _hear(stream, port, _DICOM_ANSWER_S if port in DICOM_PORTS else _ANSWER_S)
                match recognised(answer.data, port):
                    case Speech.DICOM:
                        return Heard(Speech.DICOM_TLS, tls=True)
                    case Speech.HTTP:
                        return Heard(Speech.HTTPS, tls=True)
                    case _:
                        ended_us = ended_us and answer.closed and not answer.data
    except ssl.SSLError as error:
        if error.reason not in _CLIENT_CERTIFICATE_DEMANDED:
            return None
    except (ProtocolViolation, OSError):
        return None
    # TLS 1.3 completes our handshake and only then ends the connection of a client without certificate.
    return (
        Heard(Speech.DICOM_TLS, tls=True, presumed=True)
        if ended_us and port in DICOM_PORTS
        else Heard(OTHER.speech, tls=True)
    )
