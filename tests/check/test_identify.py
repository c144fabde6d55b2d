"""What a port speaks is heard, not guessed from its number."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from hypothesis import given
from hypothesis import strategies as st

from check.services import Behaviour, closing, dripping, flooding, saying, serving, silent
from check.visiting import visit
from lightproof.check.detectors import Speech
from lightproof.check.identify import Heard, identify, recognised
from lightproof.check.wire import Budget, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Target
from peers.certificates import Certificates
from peers.dcmtk import DicomPeer
from peers.processes import free_port
from peers.vsftpd import Vsftpd


def wire_to(port: int, total_s: float = 25) -> Wire:
    return Wire(
        Target("127.0.0.1", port),
        detector="identify",
        now=lambda: datetime.now(UTC),
        budget=Budget(total_s=total_s, bytes_in=64 * 1024),
    )


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[Callable[[ssl.SSLContext | None], int]]:
    servers: list[ThreadingHTTPServer] = []

    def start(tls: ssl.SSLContext | None) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path))
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def server_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    return context


async def test_a_listener_in_clear_is_dicom_on_any_port(storescp: Callable[..., DicomPeer]) -> None:
    assert await identify(wire_to(storescp().port)) == Heard(Speech.DICOM)


async def test_a_listener_in_tls_is_dicom_tls_on_any_port(
    storescp: Callable[..., DicomPeer], certificates: Certificates
) -> None:
    heard = await identify(wire_to(storescp(tls=certificates, options=["-ic"]).port))
    assert heard == Heard(Speech.DICOM_TLS, tls=True)


async def test_a_tls_service_that_sends_strangers_away_is_not_named_off_the_dicom_ports(
    storescp: Callable[..., DicomPeer], certificates: Certificates
) -> None:
    assert (await identify(wire_to(storescp(tls=certificates).port))).speech is not Speech.DICOM


async def test_web_servers_are_heard_in_clear_and_in_tls(
    web_server: Callable[[ssl.SSLContext | None], int], certificates: Certificates
) -> None:
    assert await identify(wire_to(web_server(None))) == Heard(Speech.HTTP)
    assert await identify(wire_to(web_server(server_context(certificates)))) == Heard(Speech.HTTPS, tls=True)


@pytest.mark.parametrize(
    ("greeting", "speech"),
    [
        (b"220 (vsFTPd 3.0.3)\r\n", Speech.FTP),
        (b"@RSYNCD: 31.0\n", Speech.RSYNC),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Speech.OTHER),
        (b"220 mail.example ESMTP\r\n", Speech.OTHER),
    ],
)
async def test_services_that_greet_are_known_by_their_greeting(greeting: bytes, speech: Speech) -> None:
    async with serving(saying(greeting, on_request=False)) as port:
        assert (await identify(wire_to(port))).speech is speech


@pytest.mark.parametrize(
    "lie",
    [
        b"\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00",  # TPKT: starts like a reject
        b"\x02\x00\xff\xff\xff\xff" + b"\x00" * 40,  # an accept of 4 GiB
        b"\x02 junk that starts like an accept",
    ],
)
async def test_what_only_begins_like_dicom_is_not_dicom(lie: bytes) -> None:
    async with serving(saying(lie)) as port:
        assert (await identify(wire_to(port))).speech in (Speech.OTHER, Speech.SILENT)


@pytest.mark.parametrize("behaviour", [silent, closing, flooding, dripping(b"\x02\x00")])
async def test_a_hostile_service_ends_within_the_budget_and_is_nothing(behaviour: Behaviour) -> None:
    async with serving(behaviour) as port:
        wire = wire_to(port, total_s=3)
        began = time.monotonic()
        try:
            heard = await identify(wire)
        except ProtocolViolation as spent:
            assert spent.reason == "deadline"
        else:
            assert heard.speech in (Speech.OTHER, Speech.SILENT)
        assert time.monotonic() - began < 4
        assert wire.bytes_in <= 2 * 64 * 1024


@given(st.binary(max_size=200))
def test_any_bytes_are_recognised_or_not_and_never_raise(answer: bytes) -> None:
    recognised(answer)


async def test_ftp_inside_tls_from_the_first_byte_is_ftp_on_any_port(
    vsftpd: Callable[..., Vsftpd], certificates: Certificates
) -> None:
    server = vsftpd({"implicit_ssl": "YES", "allow_anon_ssl": "YES"}, certificates=certificates)
    assert await identify(wire_to(server.port)) == Heard(Speech.FTP, tls=True)


@pytest.mark.parametrize("anonymous", ["YES", "NO"])
async def test_an_ftp_server_that_does_not_name_itself_is_known_by_what_it_answers(
    vsftpd: Callable[..., Vsftpd], anonymous: str
) -> None:
    server = vsftpd({"ftpd_banner": "Welcome", "anonymous_enable": anonymous, "local_enable": "YES"})
    assert await identify(wire_to(server.port)) == Heard(Speech.FTP)


async def test_a_mail_server_that_does_not_name_itself_is_not_ftp() -> None:
    mail = Controller(Sink(), hostname="127.0.0.1", port=free_port(), ident="ready")
    mail.start()
    try:
        assert await identify(wire_to(mail.port)) == Heard(Speech.OTHER)
    finally:
        mail.stop()


@pytest.mark.parametrize("on_request", [True, False])
async def test_an_answer_of_a_length_beyond_belief_is_left_and_not_taken_for_something_else(on_request: bool) -> None:
    async with serving(saying(bytes.fromhex("02 00 7fffffff 0001"), on_request=on_request)) as port:
        assert await identify(wire_to(port)) == Heard(Speech.OTHER, beyond_belief=True)
        seen = await visit(Target("127.0.0.1", port))
    assert seen.observations == ()
    assert [(entry.detector, entry.reason) for entry in seen.unchecked] == [("identify", "length-beyond-belief")]
