"""What the channel of DICOM TLS shows: who is let in, and how good the encryption is."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from check.services import Behaviour, closing, saying, serving
from check.visiting import NOW
from lightproof.check.certificates import certificate_faults
from lightproof.check.detectors import dicom_tls
from lightproof.check.protocols.tls_channel import call
from lightproof.check.sweeping.tls_association import TlsAssociation
from lightproof.check.sweeping.tls_hello import InsideTls
from lightproof.check.tls_context import shared_tls_context
from lightproof.check.wire import Wire
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.pdu import AssociateReject
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Target
from peers.certificates import Certificates
from peers.dcmtk import DicomPeer

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


async def seen_at(port: int) -> list[Observation]:
    wire = Wire(Target("127.0.0.1", port), detector="dicom_tls", now=lambda: NOW, tls=True)
    return [observation async for observation in dicom_tls.detect(wire)]


def serving_tls(certificates: Certificates, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    return context


def asking_tls(certificates: Certificates, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Asks callers for a certificate, and does without."""
    context = serving_tls(certificates, version)
    context.load_verify_locations(certificates.authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_hang_up_is_no_protection(certificates: Certificates, version: ssl.TLSVersion) -> None:
    async with serving(closing, tls=serving_tls(certificates, version)) as port:
        with pytest.raises(ProtocolViolation) as hung_up:
            await seen_at(port)
    assert hung_up.value.reason == "closed-early"


async def ending_without_a_certificate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends in the application what TLS let through, without an alert."""
    if not writer.get_extra_info("peercert"):
        return
    await reader.read()


async def ending_once_spoken_to(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


@pytest.mark.parametrize("behave", [ending_without_a_certificate, closing])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_certificate_that_is_asked_for_and_missed_without_a_word_is_presumed_and_protects_nothing(
    certificates: Certificates, version: ssl.TLSVersion, behave: Behaviour
) -> None:
    context = asking_tls(certificates, version)
    seen: list[Observation] = []
    async with serving(behave, tls=context) as port:
        wire = Wire(Target("127.0.0.1", port), detector="dicom_tls", now=lambda: NOW, tls=True)
        with pytest.raises(ProtocolViolation) as hung_up:
            async for observation in dicom_tls.detect(wire):
                seen.append(observation)
    assert hung_up.value.reason == "closed-early"
    assert (seen[0].signal, seen[0].details["presumed"]) == ("dicom-tls-mutual", True)
    assert seen[0].protections == ("tls",)
    assert seen[0].facts == Facts(reachable=True)


def test_a_handshake_that_we_cannot_go_on_with_refuses_nobody(certificates: Certificates) -> None:
    context = asking_tls(certificates, VERSIONS[0])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    association = TlsAssociation(shared_tls_context(), b"", lambda _recognition: b"")
    incoming.write(association.begin())
    with suppress(ssl.SSLWantReadError):
        server.do_handshake()
    flight = outgoing.read()
    certificate = ssl.PEM_cert_to_DER_cert(certificates.server_certificate.read_text())
    unreadable = flight.replace(certificate, b"\0" + certificate[1:])
    assert association.heard(unreadable)[1] is InsideTls.NO_HANDSHAKE


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_certificate_that_is_asked_for_explains_no_hang_up_on_what_was_said(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = asking_tls(certificates, version)
    async with serving(ending_once_spoken_to, tls=context) as port:
        with pytest.raises(ProtocolViolation) as hung_up:
            await seen_at(port)
    assert hung_up.value.reason == "closed-early"


async def test_a_handshake_that_fails_for_another_reason_is_no_protection() -> None:
    async with serving(saying(bytes.fromhex("15030300020228"))) as port:  # handshake_failure, and nothing asked of us
        with pytest.raises(ProtocolViolation):
            await seen_at(port)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_certificate_that_is_asked_for_and_not_demanded_protects_nothing(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = asking_tls(certificates, version)
    async with serving(saying(encode_pdu(AssociateReject(1, 1, 7))), tls=context) as port:
        seen = await seen_at(port)
    assert seen[0].signal == "dicom-tls-accepted"


@pytest.mark.parametrize(("options", "version"), [((), "TLSv1.3"), (("+pz",), "TLSv1.2")])
async def test_a_demanded_certificate_is_seen_with_version_and_certificate(
    storescp: Callable[..., DicomPeer], certificates: Certificates, options: tuple[str, ...], version: str
) -> None:
    made_by_ourselves = ssl.PEM_cert_to_DER_cert(certificates.server_certificate.read_text())
    wire = Wire(
        Target("127.0.0.1", storescp(tls=certificates, options=options).port),
        detector="dicom_tls",
        now=lambda: NOW,
        tls=True,
    )
    channel = await call(wire)
    assert channel.demands_certificate
    assert channel.tls is not None
    assert (channel.tls.version, channel.tls.certificate) == (version, made_by_ourselves)


async def test_rsa_key_exchange_is_seen(tmp_path: Path) -> None:
    pair = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)
    (tmp_path / "pair.pem").write_bytes(pair.private_key_and_cert_chain_pem.bytes())
    for suites, expected in (("AES128-SHA:AES128-GCM-SHA256", True), ("ECDHE+AESGCM", False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suites)
        context.load_cert_chain(tmp_path / "pair.pem")
        async with serving(saying(encode_pdu(AssociateReject(1, 1, 7))), tls=context) as port:
            seen = await seen_at(port)
        assert ("dicom-tls-no-forward-secrecy" in {o.signal for o in seen}) is expected


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
async def test_what_a_server_chose_before_it_demands_a_certificate_counts(certificates: Certificates) -> None:
    context = serving_tls(certificates, VERSIONS[0])
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_verify_locations(certificates.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    async with serving(closing, tls=context) as port:
        seen = await seen_at(port)
    assert {"dicom-tls-mutual", "dicom-tls-weak-protocol"} <= {o.signal for o in seen}


def test_a_certificate_is_judged_by_the_day() -> None:
    def faults(first: int, last: int) -> tuple[str, ...]:
        pair = trustme.CA().issue_cert("x", not_before=NOW + timedelta(first), not_after=NOW + timedelta(last))
        return certificate_faults(ssl.PEM_cert_to_DER_cert(pair.cert_chain_pems[0].bytes().decode()), NOW)

    assert faults(-1, 1) == ()
    assert faults(-9, -1) == ("dicom-tls-certificate-expired",)
    assert faults(1, 9) == ("dicom-tls-certificate-not-yet-valid",)


def altered(certificates: Certificates, before: bytes, after: bytes) -> bytes:
    """The server's certificate with some bytes of its own exchanged."""
    der = ssl.PEM_cert_to_DER_cert(certificates.server_certificate.read_text("ascii"))
    assert before in der
    return der.replace(before, after, 1)


VERSION_3 = bytes.fromhex("a003020102")
VERSION_8 = bytes.fromhex("a003020107")
EC_PUBLIC_KEY = bytes.fromhex("2a8648ce3d0201")
NO_KIND_OF_KEY = bytes.fromhex("2a8648ce3d0277")


def test_a_key_of_an_unknown_kind_is_not_called_weak(certificates: Certificates) -> None:
    assert certificate_faults(altered(certificates, EC_PUBLIC_KEY, NO_KIND_OF_KEY), NOW) == ()


@pytest.mark.filterwarnings("error")
def test_no_certificate_raises_anything_but_our_refusal_or_speaks_to_our_terminal(certificates: Certificates) -> None:
    der = altered(certificates, VERSION_3, VERSION_3)
    chance = random.Random(20_201_207)
    for _ in range(5_000):
        mutated = bytearray(der)
        for _ in range(chance.randint(1, 3)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        with contextlib.suppress(ProtocolViolation):
            certificate_faults(bytes(mutated), NOW)


async def test_what_else_is_wrong_with_a_channel_is_told_though_its_certificate_cannot_be_read(
    certificates: Certificates, tmp_path: Path
) -> None:
    shown = tmp_path / "shown.pem"
    shown.write_text(ssl.DER_cert_to_PEM_cert(altered(certificates, VERSION_3, VERSION_8)), "ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, certificates.server_key)
    seen: list[Observation] = []
    async with serving(saying(encode_pdu(AssociateReject(1, 1, 7))), tls=context) as port:
        wire = Wire(Target("127.0.0.1", port), detector="dicom_tls", now=lambda: NOW, tls=True)
        with pytest.raises(ProtocolViolation) as refusal:
            async for observation in dicom_tls.detect(wire):
                seen.append(observation)
    assert refusal.value.reason == "certificate-unreadable"
    assert "dicom-tls-accepted" in {observation.signal for observation in seen}
