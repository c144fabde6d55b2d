"""Services that do everything wrong that a scanner can meet, one behaviour each; run as a program, a fleet (`fleets`).

HOSTILE has each behaviour in clear, and once more behind a TLS handshake that succeeds.
"""

import asyncio
import contextlib
import os
import ssl
import struct
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import trustme

from check.bombs import BOMBS, bomb, endless_gzip, made
from check.fleets import Behaviour, Endpoint, main
from lightproof.dicom.association import Association, Event
from lightproof.dicom.dimse import PENDING, Command
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.messages import Message
from lightproof.dicom.pdu import AnsweredContext, AssociateAccept, UserInformation

INJECTION = "\x1b]0;owned\x07<script>alert(1)</script>=cmd|'/C calc'!A1 #read(\"/etc/passwd\") \u202egnp"
ELSEWHERE = "127.255.255.254:9"
"""Where lures point; nothing may ever connect there."""


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


def saying(*pieces: bytes, unasked: bool = False, every_s: float = 0.0, forever: bool = False) -> Behaviour:
    """Says `pieces` one after the other (after the first request), over and over when `forever`, then stays silent."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not unasked:
            await reader.read(4096)
        while True:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_s)
            if not forever:
                break
        await silent(reader, writer)

    return behave


def per_request(*pieces: bytes) -> Behaviour:
    """Answers every request with the same bytes, on one connection."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            for piece in pieces:
                writer.write(piece)
            await writer.drain()

    return behave


def bytewise(data: bytes) -> tuple[bytes, ...]:
    return tuple(bytes((byte,)) for byte in data)


def http(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    named = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body


def accepting(*, version_name: str = "HOSTILE") -> AssociateAccept:
    contexts = tuple(AnsweredContext(number, 0) for number in range(1, 24, 2))
    user = UserInformation(implementation_class_uid="1.2.3", implementation_version_name=version_name)
    return AssociateAccept(called_ae="A", calling_ae="B", contexts=contexts, user=user)


async def renegotiating(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Completes TLS 1.2 and then asks for another handshake, again and again: `openssl s_server`, told to by stdin."""
    with tempfile.TemporaryDirectory() as folder:
        place, pair = Path(folder, "socket"), _pair()
        options = ("-tls1_2", "-cert", str(pair), "-key", str(pair), "-unix", str(place), "-unlink", "-naccept", "1")
        process = await asyncio.create_subprocess_exec(
            *("openssl", "s_server", *options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin is not None
        try:
            while not place.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
            inner_reader, inner_writer = await asyncio.open_unix_connection(str(place))
            await asyncio.gather(
                _copy(reader, inner_writer), _copy(inner_reader, writer), _repeat(process.stdin, b"r\n", every_s=0.001)
            )
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    raise ConnectionError


async def _repeat(sink: asyncio.StreamWriter, word: bytes, *, every_s: float) -> None:
    await asyncio.sleep(0.3)
    while True:
        sink.write(word)
        await sink.drain()
        await asyncio.sleep(every_s)


@cache
def _pair() -> Path:
    """A key and its certificate, for as long as this process runs."""
    path = Path(tempfile.mkdtemp(prefix="hostile-"), "pair.pem")
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@cache
def _tls() -> ssl.SSLContext:
    """TLS as servers speak it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_pair())
    return context


@cache
def _tls_with_a_long_chain() -> ssl.SSLContext:
    """With certificates of a megabyte in all."""
    pair = _pair().read_bytes()
    certificate = pair[pair.index(b"-----BEGIN CERTIFICATE") :]
    size = len(ssl.PEM_cert_to_DER_cert(certificate.decode()))
    chain = _pair().with_name("chain.pem")
    chain.write_bytes(pair + certificate * (1_000_000 // size))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


async def endless_matches(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes any association and answers every request with matches that never end, each with a patient's name."""
    association = Association.accept()
    name = b"CANARY^ENDLESS "
    match = struct.pack("<HHI", 0x0010, 0x0010, len(name)) + name
    while data := await reader.read(65_536):
        for event in association.receive(data):
            await _answer(event, association, writer, match)


async def _answer(event: Event, association: Association, writer: asyncio.StreamWriter, match: bytes) -> None:
    if not isinstance(event, Message):
        if association.proposal is not None and not association.established and not association.closed:
            contexts = tuple(AnsweredContext(c.context_id, 0) for c in association.proposal.contexts)
            writer.write(association.send(AssociateAccept(called_ae="A", calling_ae="B", contexts=contexts)))
            await writer.drain()
        return
    request: Command = event.command
    has_data_set = request.has_data_set
    while has_data_set:
        response = Message(event.context_id, request.answered(PENDING, has_data_set=True), match)
        writer.write(association.send(response))
        await writer.drain()
        await asyncio.sleep(0)  # inside TLS `drain` lets nobody else run until the peer's end has been noticed
    writer.write(association.send(Message(event.context_id, request.answered(0))))
    await writer.drain()


async def deep_matches(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes any association and answers every request with one match: sequences in sequences, ten thousand deep."""
    association = Association.accept()
    opened = struct.pack("<HHI", 0x0040, 0x0275, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    while data := await reader.read(65_536):
        for event in association.receive(data):
            if isinstance(event, Message):
                pending = event.command.answered(PENDING, has_data_set=True)
                writer.write(association.send(Message(event.context_id, pending, opened * 10_000)))
                writer.write(association.send(Message(event.context_id, event.command.answered(0))))
            elif association.proposal is not None and not association.established and not association.closed:
                contexts = tuple(AnsweredContext(c.context_id, 0) for c in association.proposal.contexts)
                writer.write(association.send(AssociateAccept(called_ae="A", calling_ae="B", contexts=contexts)))
            await writer.drain()


ACCEPT = encode_pdu(accepting())
DEEP_JSON = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
DEEP_XML = b"<a>" * 100_000 + b"</a>" * 100_000
MANY_HEADERS = b"HTTP/1.1 200 OK\r\n" + b"X-A: y\r\n" * 1_000_000 + b"Content-Length: 0\r\n\r\n"
ENTITY_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]><x>&j;</x>"
)

BEHAVIOURS: Mapping[str, Behaviour] = {
    "silent": silent,
    "closing": closing,
    "resetting": resetting,
    "drips-noise": saying(*bytewise(os.urandom(64)), every_s=0.5, unasked=True, forever=True),
    "drips-http": saying(*bytewise(b"HTTP/1.1 200 OK\r\nServer: slow"), every_s=0.7, forever=True),
    "drips-accept": saying(*bytewise(ACCEPT), every_s=0.3),
    "floods-noise": saying(os.urandom(65_536), unasked=True, forever=True),
    "floods-zeros": saying(bytes(65_536), forever=True),
    "endless-headers": saying(b"HTTP/1.1 200 OK\r\n", *[b"X-%d: y\r\n" % n for n in range(64)], forever=True),
    "one-endless-header": saying(b"HTTP/1.1 200 OK\r\nX: ", *[b"y" * 4096] * 1_000, forever=True),
    "endless-body": saying(http(Content_Length="99999999999"), b"z" * 65_536, forever=True),
    "endless-chunks": saying(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\na\r\n"] * 4096, forever=True
    ),
    "huge-content-length": per_request(http(Content_Length=str(1 << 62))),
    **{f"{name}-bomb": bomb(name) for name in BOMBS},
    "endless-gzip": endless_gzip(),
    "a-million-headers": per_request(MANY_HEADERS),
    "redirect-loop": per_request(http(status="302 Found", Location="/")),
    "redirect-elsewhere": per_request(http(status="302 Found", Location=f"http://{ELSEWHERE}/")),
    "redirect-to-file": per_request(http(status="307 Temporary Redirect", Location="file:///etc/passwd")),
    "informational-flood": saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, forever=True),
    "deep-json": per_request(http(DEEP_JSON, Content_Type="application/json")),
    "deep-xml": per_request(http(DEEP_XML, status="207 Multi-Status", Content_Type="text/xml")),
    "entity-bomb": per_request(http(ENTITY_BOMB, status="207 Multi-Status", Content_Type="text/xml")),
    "injection": per_request(
        http(
            f"<html><title>Orthanc Explorer {INJECTION}</title>Index of /<a href='{INJECTION}.dcm'>x</a>".encode(),
            Server=INJECTION.replace("\x1b", "").replace("\x07", "").replace("\u202e", ""),
            Content_Type="text/html",
        )
    ),
    "invalid-utf-8": per_request(http(b'{"DicomAet":"\xff\xfe","ApiVersion":1,"Version":"\xc3("}')),
    "accept-of-4-gib": saying(b"\x02\x00\xff\xff\xff\xff\x00\x01", bytes(65_536), forever=True),
    "accept-then-flood": saying(ACCEPT, os.urandom(65_536), forever=True),
    "accept-with-injection": saying(encode_pdu(accepting(version_name="\x1b[31m<b>=1+1"))),
    "data-of-4-gib": saying(ACCEPT, b"\x04\x00\xff\xff\xff\xff", bytes(65_536), forever=True),
    "endless-matches": endless_matches,
    "deep-matches": deep_matches,
    "endless-ftp-greeting": saying(*[b"220-welcome to this FTP\r\n"] * 64, unasked=True, forever=True),
    "ftp-elsewhere": saying(
        b"220 FTP\r\n", b"230 in\r\n", b"227 (127,255,255,254,0,9)\r\n", b"150 ok\r\n", unasked=True, every_s=0.2
    ),
    "endless-rsync": saying(b"@RSYNCD: 31.0\n", *[b"module%d\tx\n" % n for n in range(64)], unasked=True, forever=True),
    "half-tls": saying(b"\x16\x03\x03\x40\x00\x02\x00\x00\x46\x03\x03", bytes(100), every_s=0.2),
    "tls-alerts": saying(b"\x15\x03\x03\x00\x02\x02\x28", forever=True, every_s=0.01),
}
"""In clear."""

_TLS_ALREADY = ("half-tls", "tls-alerts")

HOSTILE: Mapping[str, Endpoint] = {
    **{name: Endpoint(behave) for name, behave in BEHAVIOURS.items()},
    **{f"tls: {name}": Endpoint(behave, _tls) for name, behave in BEHAVIOURS.items() if name not in _TLS_ALREADY},
    "tls hello-request-flood": Endpoint(saying(b"\x16\x03\x03\0\x04\0\0\0\0" * 1_000, forever=True)),
    "tls renegotiating": Endpoint(renegotiating),
    "tls chain-of-1-mb": Endpoint(silent, _tls_with_a_long_chain),
}
"""In clear, and inside TLS."""

if __name__ == "__main__":
    # Endpoint n has behaviour n modulo their number.
    endpoints = tuple(HOSTILE.values())
    for name in BOMBS:
        made(name)
    main(lambda number: endpoints[number % len(endpoints)])
