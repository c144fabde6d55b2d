"""Which protocol a port speaks, so that only detectors that understand it are sent there.

A port number is a hint, not an answer: imaging software is found on any port. We listen before we talk, then ask what
the port suggests first, because some devices hang on words they do not know. One question a connection.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lightproof.check.detectors import Speech
from lightproof.check.identity import CALLED_AE, CALLING_AE
from lightproof.check.protocols.tls_channel import call
from lightproof.check.sweeping.tls_hello import InsideTls
from lightproof.check.tls_context import shared_tls_context
from lightproof.check.wire import Stream, Wire
from lightproof.dicom.recognise import LONGEST_ACCEPT, Verdict, association_request, recognise
from lightproof.errors import ProtocolViolation

WEB_PORTS: Final = frozenset({80, 81, 443, 591, 3000, 3333, 5000, 5001, 7070, 8000, 8008, 8042, 8043, 8080, 8081, 8088})
TLS_PORTS: Final = frozenset({443, 990, 2762, 5001, 8043, 8443, 9443})
DICOM_PORTS: Final = frozenset({104, 1045, 2345, 2761, 2762, 4000, 4006, 4030, 4242, 4560, 5678, 6666, 11112})
FTP_PORTS: Final = frozenset({21, 990, 2121})
GREETING_PORTS: Final = FTP_PORTS | {22, 25, 110, 143, 873, 3306, 5900}

_LISTEN_S: Final = 0.3
_GREETING_S: Final = 5.0
_DICOM_ANSWER_S: Final = 7.0
"""Slow archives take 6 s to answer an association (measured)."""
_ANSWER_S: Final = 3.0
_ENOUGH_BYTES: Final = 4_096
_AT_ONCE: Final = 64
"""Holds any word by which a protocol is known: of a page that a stranger may not see, no more than its first line."""

_ASK_WEB: Final = b"GET / HTTP/1.0\r\nUser-Agent: lightproof\r\n\r\n"
_ASK_DICOM: Final = association_request(CALLING_AE, CALLED_AE)
_FTP_WORDS: Final = (b"ftp", b"filezilla")
_MAIL_WORD: Final = b"smtp"
_READY: Final = b"220"
"""FTP (RFC 959) and mail (RFC 5321) both greet with it."""
_READY_IN_FULL: Final = re.compile(rb"^220(?: [^\n]*)?\r?\n\Z", re.MULTILINE)
_NOT_NOW: Final = (b"120", b"421")
"""How FTP and mail greet whom they have no place for. On a port of FTP that server is left to its detector, which says
that it could not be checked; as something else it would be left out."""
_ASK_FTP: Final = ((b"FEAT\r\n", b"211"), (b"USER anonymous\r\n", b"230 232 331 332"))
"""Questions that change nothing, and the answers that FTP alone gives (RFC 2389, RFC 959); mail says 5xx to both."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a port speaks."""

    speech: Speech
    tls: bool = False
    """Inside TLS."""
    busy: bool = False
    """A web server that asked to be left alone (429, 503)."""
    presumed: bool = False
    """Not proved: a TLS service on a DICOM port that was seen to demand a client certificate, and is no web server."""
    beyond_belief: bool = False
    """It began an answer to our association request, of a length that nobody needs: what it is stays unknown."""


_KNOWN_BY: Final = len(b"@RSYNCD:")
SILENT: Final = Heard(Speech.SILENT)
OTHER: Final = Heard(Speech.OTHER)
_ACCEPT_BEGINS: Final = b"\x02\x00"


def recognised(answer: bytes) -> Speech | None:
    """The protocol in which `answer` begins; None when it is none we know. Pure."""
    if recognise(answer).verdict in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ABORTED):
        return Speech.DICOM
    if answer.startswith(b"HTTP/"):
        return Speech.HTTP
    if answer.startswith(b"@RSYNCD:"):
        return Speech.RSYNC
    if answer.startswith(_READY) and any(word in answer.lower() for word in _FTP_WORDS):
        return Speech.FTP
    return None


async def identify(wire: Wire) -> Heard:
    """Asks one port what it speaks; what a peer does wrong makes it `silent` or `other`, never an error.

    Raises ProtocolViolation when the wire's own budget is spent, OSError when the port no longer accepts connections.
    """
    port = wire.target.port
    asked_tls = port in TLS_PORTS
    beyond_belief = False
    if asked_tls and (inside := await _inside_tls(wire)) is not None:
        return inside
    spoke = False
    for question in _questions(port):
        answer = await _ask(wire, question)
        if answer.data.startswith(_READY) and answer.speech is None and not answer.unasked:
            # It greeted after our patience had ended: another connection, and the time it wants.
            answer = await _ask(wire, question, patient=True)
        speech = answer.speech
        # Web servers answer clear text on a TLS port with a polite 400, others with a TLS alert.
        wants_tls = answer.data.startswith(b"\x15\x03") or (speech is Speech.HTTP and b" 400 " in answer.data[:16])
        if wants_tls and not asked_tls:
            asked_tls = True
            if (inside := await _inside_tls(wire)) is not None:
                return inside
        if speech is not None:
            return Heard(speech, busy=speech is Speech.HTTP and _is_busy(answer.data))
        beyond_belief = beyond_belief or _is_beyond_belief(answer.data)
        if answer.unasked:
            if port in FTP_PORTS and answer.data.startswith(_NOT_NOW):
                return Heard(Speech.FTP)
            return Heard(Speech.OTHER, beyond_belief=beyond_belief)
        spoke = spoke or bool(answer.data)
    if not asked_tls and (inside := await _inside_tls(wire)) is not None:
        return inside
    return Heard(Speech.OTHER, beyond_belief=beyond_belief) if spoke else SILENT


async def answers_dicom(wire: Wire) -> bool:
    """Whether the port answers a request for a DICOM association in clear; nothing else is said to it.

    Raises as `identify` does.
    """
    return (await _ask(wire, _ASK_DICOM)).speech is Speech.DICOM


def _is_beyond_belief(answer: bytes) -> bool:
    """Whether this is the head of an A-ASSOCIATE-AC (PS3.8 section 9.3.3) longer than any."""
    return answer[:2] == _ACCEPT_BEGINS and len(answer) >= 6 and int.from_bytes(answer[2:6]) > LONGEST_ACCEPT


def _is_busy(answer: bytes) -> bool:
    return answer[8:13] in (b" 429 ", b" 503 ")


def _questions(port: int) -> Sequence[bytes]:
    return (_ASK_WEB, _ASK_DICOM) if port in WEB_PORTS else (_ASK_DICOM, _ASK_WEB)


@dataclass(frozen=True, slots=True)
class _Answer:
    data: bytes
    closed: bool = False
    """The peer ended the connection, rather than staying silent."""
    unasked: bool = False
    speech: Speech | None = None


async def _ask(wire: Wire, question: bytes, *, patient: bool = False) -> _Answer:
    """The first bytes a port says, in clear."""
    async with wire.connect(tls=False, narrow=True) as stream:
        return await _converse(stream, wire.target.port, question, patient=patient)


async def _converse(stream: Stream, port: int, question: bytes, *, patient: bool = False) -> _Answer:
    """Listens, then asks. A port that greets is not asked, unless its greeting may be FTP's or mail's."""
    greeting = await _hear(stream, _GREETING_S if patient or port in GREETING_PORTS else _LISTEN_S)
    if greeting.data:
        speech = recognised(greeting.data) or (await _ready_for(stream, greeting.data))
        return _Answer(greeting.data, greeting.closed, unasked=True, speech=speech)
    if greeting.closed:
        return greeting
    try:
        await stream.send(question)
    except ssl.SSLError:
        raise
    except OSError:
        return _Answer(b"", closed=True)
    answer = await _hear(stream, _DICOM_ANSWER_S if port in DICOM_PORTS else _ANSWER_S)
    return _Answer(answer.data, answer.closed, speech=recognised(answer.data))


async def _ready_for(stream: Stream, greeting: bytes) -> Speech | None:
    """Whether FTP is behind a greeting of 220, which mail servers say as well."""
    if not greeting.startswith(_READY):
        return None
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_GREETING_S):
            while len(greeting) < _ENOUGH_BYTES and not _READY_IN_FULL.search(greeting):
                if not (more := await stream.receive(_ENOUGH_BYTES)):
                    break
                greeting += more
            if (speech := recognised(greeting)) is not None or _MAIL_WORD in greeting.lower():
                return speech
            for question, answers in _ASK_FTP:
                await stream.send(question)
                if await _reply_code(stream) in answers.split():
                    return Speech.FTP
    return None


async def _reply_code(stream: Stream) -> bytes:
    """The code of the next reply, read to its end (RFC 959, 4.2); empty when the peer has no more to say."""
    reply = b""
    while len(reply) < _ENOUGH_BYTES:
        if not (more := await stream.receive(_ENOUGH_BYTES)):
            return b""
        reply += more
        code = reply[:3]
        if code.isdigit() and re.search(rb"^" + code + rb"(?: [^\n]*)?\r?\n\Z", reply, re.MULTILINE):
            return code
    return b""


async def _hear(stream: Stream, wait_s: float) -> _Answer:
    """What comes within `wait_s`: until it is recognised, the peer closes, or it is enough to know that it is not."""
    heard = b""
    try:
        async with asyncio.timeout(wait_s):
            while len(heard) < _ENOUGH_BYTES:
                more = await stream.receive(_AT_ONCE)
                if not more:
                    return _Answer(heard, closed=True)
                heard += more
                if recognised(heard) is not None or (len(heard) >= _KNOWN_BY and not _may_become_dicom(heard)):
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
    context = shared_tls_context(alpn=("http/1.1",))
    spoke = beyond_belief = False
    try:
        for question in _questions(port):
            async with wire.connect(tls=True, context=context) as stream:
                if stream.tls is not None and stream.tls.alpn:
                    return Heard(Speech.HTTPS, tls=True)
                answer = await _converse(stream, port, question)
                match answer.speech:
                    case Speech.DICOM:
                        return Heard(Speech.DICOM_TLS, tls=True)
                    case Speech.HTTP:
                        return Heard(Speech.HTTPS, tls=True, busy=_is_busy(answer.data))
                    case Speech.FTP:
                        return Heard(Speech.FTP, tls=True)
                    case _:
                        beyond_belief = beyond_belief or _is_beyond_belief(answer.data)
                        if answer.unasked:
                            return Heard(OTHER.speech, tls=True, beyond_belief=beyond_belief)
                        spoke = spoke or bool(answer.data)
    except ssl.SSLError as error:
        if "ALERT" not in (error.reason or "") and not isinstance(error, ssl.SSLEOFError):
            return None  # it answers in something else than TLS
    except (ProtocolViolation, OSError):
        return None
    if spoke:
        return Heard(OTHER.speech, tls=True, beyond_belief=beyond_belief)
    channel = await call(wire)
    if channel.demands_certificate:
        return (
            Heard(Speech.DICOM_TLS, tls=True, presumed=True) if port in DICOM_PORTS else Heard(OTHER.speech, tls=True)
        )
    return None if channel.found is InsideTls.NO_HANDSHAKE else Heard(SILENT.speech, tls=True)
