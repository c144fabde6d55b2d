"""Our ClientHello is one that real servers answer, and only real TLS answers are taken for such."""

import contextlib
import os
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.sweeping.tls_hello import RANDOM_LENGTH, TlsAnswer, client_hello, read_tls_answer
from peers.certificates import Certificates


def answer_of(certificates: Certificates, **settings: object) -> bytes:
    """What OpenSSL, as a server with these settings, first says to our ClientHello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    for name, value in settings.items():
        if name == "ciphers":
            context.set_ciphers(str(value))
        else:
            setattr(context, name, value)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(client_hello(os.urandom(RANDOM_LENGTH)))
    with contextlib.suppress(ssl.SSLError):
        session.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_openssl_answers_with_a_server_hello(certificates: Certificates, version: ssl.TLSVersion) -> None:
    answer = answer_of(certificates, minimum_version=version, maximum_version=version)
    assert read_tls_answer(answer) is TlsAnswer.SERVER_HELLO


def test_a_server_without_a_common_cipher_answers_with_an_alert(certificates: Certificates) -> None:
    answer = answer_of(certificates, maximum_version=ssl.TLSVersion.TLSv1_2, ciphers="AES256-CCM")
    assert read_tls_answer(answer) is TlsAnswer.ALERT


def test_the_verdict_does_not_depend_on_how_the_answer_is_cut(certificates: Certificates) -> None:
    answer = answer_of(certificates)
    verdicts = [read_tls_answer(answer[:n]) for n in range(len(answer) + 1)]
    decided = verdicts.index(TlsAnswer.SERVER_HELLO)
    assert verdicts == [None] * decided + [TlsAnswer.SERVER_HELLO] * (len(verdicts) - decided)


@pytest.mark.parametrize(
    "heard",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        bytes.fromhex("0300000b06d00000123400"),
        bytes.fromhex("07000000000400000200"),
        bytes.fromhex("15030100020263"),
        bytes.fromhex("15030100030228"),
        bytes.fromhex("1603010005") + bytes(60),
        client_hello(bytes(RANDOM_LENGTH)),
        bytes.fromhex("160303004a") + b"\2" + bytes(90),
    ],
)
def test_nothing_else_is_taken_for_tls(heard: bytes) -> None:
    assert read_tls_answer(heard) is TlsAnswer.NOT_TLS


def test_an_alert_is_one_of_those_that_exist() -> None:
    assert read_tls_answer(bytes.fromhex("15030100020228")) is TlsAnswer.ALERT
    assert read_tls_answer(bytes.fromhex("150301000202")) is None


@given(
    st.binary(max_size=120), st.sampled_from([b"", b"\x16\x03", b"\x15\x03\x01\x00\x02", b"\x16\x03\x03\x00\x4a\x02"])
)
def test_any_noise_is_judged(noise: bytes, beginning: bytes) -> None:
    assert read_tls_answer(beginning + noise) in (None, *TlsAnswer)


def test_every_hello_is_its_own() -> None:
    assert client_hello(os.urandom(RANDOM_LENGTH)) != client_hello(os.urandom(RANDOM_LENGTH))
