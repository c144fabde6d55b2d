"""The survey sees DICOM where it is, in clear and inside TLS, and nowhere else."""

import asyncio
import os
import ssl
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from check.services import Behaviour, closing, dripping, flooding, saying, serving, silent
from lightproof.check.addresses import range_of
from lightproof.check.sweeping.questions import Outcome
from lightproof.check.sweeping.survey import DICOM_PORTS, Sighting, SurveyBatch, survey
from lightproof.check.sweeping.sweep import Limits
from lightproof.check.targets import Ports, TargetSpace
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.pdu import Abort, AnsweredContext, AssociateAccept, AssociateReject
from lightproof.dicom.recognise import Verdict, association_request
from peers.certificates import Certificates
from peers.dcmtk import DicomPeer
from peers.orthanc import Orthanc
from peers.pynetdicom_server import PynetdicomPeer

ADDRESSES = (f"127.88.{os.getpid() % 256}.{last}" for last in range(1, 255))
"""Tests that run beside this one have other addresses: the port is given."""


async def surveyed(*places: tuple[str, int]) -> dict[tuple[str, int], Sighting]:
    space = TargetSpace((), Ports(()), explicit=places)
    batches: list[SurveyBatch] = await asyncio.to_thread(lambda: list(survey(space, limits=Limits(connect_s=1))))
    assert sum(sum(batch.counts.values()) for batch in batches) == len(space)
    return {(s.target.address, s.target.port): s for batch in batches for s in batch.sightings}


def server_context(certificates: Certificates, *, mutual: bool, **settings: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    if mutual:
        context.load_verify_locations(certificates.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@asynccontextmanager
async def on_a_dicom_port(port: int, behave: Behaviour, context: ssl.SSLContext) -> AsyncIterator[tuple[str, int]]:
    """A TLS service where DICOM is expected."""

    async def converse(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    address = next(ADDRESSES)
    server = await asyncio.start_server(converse, address, port, ssl=context)
    try:
        yield address, port
    finally:
        server.close()


async def test_real_archives_are_seen_as_they_are(
    dcmqrscp: Callable[..., DicomPeer],
    storescp: Callable[..., DicomPeer],
    orthanc: Callable[..., Orthanc],
    pynetdicom_scp: Callable[..., PynetdicomPeer],
) -> None:
    guarded, receiver = dcmqrscp().port, storescp().port
    archive, python = orthanc().dicom_port, pynetdicom_scp().port
    found = await surveyed(*(("127.0.0.1", port) for port in (guarded, receiver, archive, python)))
    assert {place[1]: (seen.service, seen.word) for place, seen in found.items()} == {
        guarded: ("dicom", "rejected"),
        receiver: ("dicom", "accepted"),
        archive: ("dicom", "accepted"),
        python: ("dicom", "accepted"),
    }
    recognition = found["127.0.0.1", receiver].recognition
    assert recognition is not None
    assert recognition.verdict is Verdict.ACCEPTED
    assert str(recognition.implementation_version_name).startswith("OFFIS_DCMTK")


async def test_dicom_inside_tls_is_seen_behind_the_reset_that_clear_text_gets(
    storescp: Callable[..., DicomPeer], certificates: Certificates
) -> None:
    port = storescp(tls=certificates, options=["-ic"]).port
    found = await surveyed(("127.0.0.1", port))
    assert [(s.service, s.word, s.presumed) for s in found.values()] == [("dicom-tls", "accepted", False)]


# With TLS 1.3 asyncio closes before the alert is out: what is left is a hang-up.
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("port", [11112, 2762])
async def test_a_demanded_certificate_on_a_dicom_port_is_presumed_to_be_dicom(
    certificates: Certificates, version: ssl.TLSVersion, port: int
) -> None:
    context = server_context(certificates, mutual=True, minimum_version=version, maximum_version=version)
    async with on_a_dicom_port(port, silent, context) as place:
        found = await surveyed(place)
    word = "certificate-demanded" if version is ssl.TLSVersion.TLSv1_2 else "ended-in-silence"
    demanded = Sighting(place=place, service="dicom-tls", word=word, presumed=True)
    assert found == {place: demanded}


async def test_a_demanded_certificate_elsewhere_is_not_said_to_be_dicom(
    storescp: Callable[..., DicomPeer], certificates: Certificates
) -> None:
    port = storescp(tls=certificates).port
    assert port not in DICOM_PORTS
    assert await surveyed(("127.0.0.1", port)) == {}


async def ending(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.read(1)


@pytest.mark.parametrize("behave", [ending, saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), closing])
async def test_a_tls_service_that_is_not_dicom_is_not_taken_for_it_on_a_dicom_port(
    certificates: Certificates, behave: Behaviour
) -> None:
    # One that closes on everybody after the handshake may still be DICOM.
    async with on_a_dicom_port(4242, behave, server_context(certificates, mutual=False)) as place:
        found = await surveyed(place)
    assert all(seen.presumed for seen in found.values())
    assert not found or behave is closing


async def test_a_web_server_that_wants_a_certificate_is_no_archive(certificates: Certificates) -> None:
    context = server_context(certificates, mutual=True)
    context.set_alpn_protocols(["http/1.1"])
    async with on_a_dicom_port(104, silent, context) as place:
        assert await surveyed(place) == {}


NOT_DICOM: dict[str, Behaviour] = {
    "http": saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "ssh": saying(b"SSH-2.0-OpenSSH_9.2\r\n", on_request=False),
    "tpkt": saying(bytes.fromhex("0300000b06d00000123400")),
    "junk": saying(b"\2" + bytes(range(60))),
    "junk of a likely length": saying(b"\2\0\0\0\0\x50" + bytes(100)),
    "own words": saying(association_request("LIGHTPROOF", "ANYBODY")),
    "alert": saying(bytes.fromhex("15030100020228")),
    "half a reject": saying(b"\3\0\0\0\0\4\0"),
    "closing": closing,
    "silent": silent,
    "flooding": flooding,
    "dripping": dripping(b"\2\0\0\1\0\0\0\1"),
}


async def test_nothing_else_is_taken_for_dicom_and_all_ends_in_time() -> None:
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(serving(behave)) for behave in NOT_DICOM.values()]
        began = time.monotonic()
        found = await surveyed(*(("127.0.0.1", port) for port in ports))
        assert time.monotonic() - began < 9
    assert found == {}


async def test_the_segments_of_an_answer_do_not_matter() -> None:
    reject = encode_pdu(AssociateReject(1, 1, 7))
    async with serving(dripping(reject, every_s=0.02)) as slow, serving(saying(encode_pdu(Abort(2, 0)))) as abort:
        found = await surveyed(("127.0.0.1", slow), ("127.0.0.1", abort))
    assert {place[1]: seen.word for place, seen in found.items()} == {slow: "rejected", abort: "aborted"}


async def test_an_accepted_association_is_aborted_in_order() -> None:
    heard: list[bytes] = []
    acceptance = encode_pdu(AssociateAccept(called_ae="X", calling_ae="Y", contexts=(AnsweredContext(1, 0),)))

    async def accepting(reader: StreamReader, writer: StreamWriter) -> None:
        request = await reader.read(4_096)
        assert request[0] == 1
        writer.write(acceptance)
        heard.append(await reader.read(100))

    async with serving(accepting) as port:
        found = await surveyed(("127.0.0.1", port))
        await asyncio.sleep(0.1)
    assert found["127.0.0.1", port].word == "accepted"
    assert heard == [encode_pdu(Abort(0, 0))]


def test_closed_and_silent_targets_are_counted_and_not_sighted() -> None:
    space = TargetSpace([range_of("127.88.24.0/28")], Ports.parse("104,4242"))
    batches = list(survey(space))
    assert sum(batch.counts[Outcome.CLOSED] for batch in batches) == len(space)
    assert not [seen for batch in batches for seen in batch.sightings]
