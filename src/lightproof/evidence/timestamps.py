"""Time stamps (RFC 3161): a third party signs that a checkpoint existed at an instant; nobody can back-date it.

What is stamped is the SHA-256 of the signed note, byte for byte. The authority's answer is kept as it came, so that
anyone verifies it with `openssl ts -verify`. Only the newest checkpoint is ever worth a stamp: it holds all before it.
The answer comes from a network: one deadline for the whole conversation, a cap on its bytes, a nonce of ours in it, and
a signature that leads to the certificate in the settings.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import httpx2
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from lightproof.errors import LightproofError, UsageRefused
from lightproof.locale import gettext as _

DEADLINE_S: Final = 30.0
ANSWER_BYTES: Final = 65_536
"""An answer with a chain of three RSA certificates has about 6,000."""
_SHA256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


class StampRefused(Exception):
    """Something that claims to be a time stamp of this checkpoint and is not. `reason` is a word of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Authority:
    """Who stamps, and the certificates that its signature must lead to."""

    url: str
    certificates: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A verified stamp. `token` is the authority's whole answer (TimeStampResp, DER), `at` the time that it tells."""

    token: bytes
    at: datetime
    serial: int

    @property
    def sha256(self) -> str:
        """Digest of the answer, in hexadecimal: what the ledger remembers of it."""
        return sha256(self.token).hexdigest()


def read_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file: the authority's root, and what stands between it and the signer.

    Raises:
        UsageRefused: nothing in it is a certificate.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise UsageRefused(
            "stamp-certificate-unreadable",
            _("The certificate of the time-stamping authority cannot be read."),
            _("Give the authority's root certificate, as it publishes it, in a PEM file."),
        ) from error


async def request_stamp(authority: Authority, note: bytes, *, deadline_s: float = DEADLINE_S) -> Stamp:
    """A stamp of this signed note, from the network, verified.

    Raises:
        LightproofError: nobody answered in time, or the answer is no stamp of this note by this authority.
    """
    # The library draws the nonce (64 bits) itself.
    request = TimestampRequestBuilder(note, HashAlgorithm.SHA256, nonce=True, cert_req=True).build()
    try:
        async with asyncio.timeout(deadline_s):
            token = await _asked(authority.url, request.as_bytes())
    except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise LightproofError(
            "stamp-unanswered",
            _("The time-stamping authority did not answer ({kind}).").format(kind=type(error).__name__),
            _("Nothing is lost: run `lightproof ledger stamp` again later; the newest checkpoint holds all before it."),
        ) from error
    except StampRefused as refusal:
        raise refused(refusal) from refusal
    try:
        return verify_stamp(token, note, authority.certificates, nonce=request.nonce)
    except StampRefused as refusal:
        raise refused(refusal) from refusal


def verify_stamp(
    token: bytes, note: bytes, certificates: Sequence[x509.Certificate], *, nonce: int | None = None
) -> Stamp:
    """The stamp in an authority's answer, when it is one of this note (RFC 3161 section 2.4.2).

    The signer's certificates must be valid at the instant that the stamp names, not now: a stamp outlives them.

    Raises:
        StampRefused: it is not; `reason` says why.
    """
    if len(token) > ANSWER_BYTES:
        raise StampRefused("too-long")
    answer = _decoded(token)
    if answer.status != PKIStatus.GRANTED:
        raise StampRefused("not-granted")
    try:
        imprint = answer.tst_info.message_imprint
        if imprint.hash_algorithm != _SHA256 or imprint.message != sha256(note).digest():
            raise StampRefused("of-something-else")
        if nonce is not None and answer.tst_info.nonce != nonce:
            raise StampRefused("answer-to-another-request")
        VerifierBuilder(roots=list(certificates)).build().verify(answer, imprint.message)
        return Stamp(token=token, at=answer.tst_info.gen_time, serial=answer.tst_info.serial_number)
    except (VerificationError, ValueError) as error:
        raise StampRefused("signature-not-trusted") from error


def wrong_stamps(
    kept: Iterable[tuple[int, str, bytes]], certificates: Sequence[x509.Certificate]
) -> Iterator[tuple[int, str]]:
    """Of stamps that were kept (size, signed note, answer), those that are none: the size, and why, in a word.

    Needs no network: what was kept is all that a verification asks for.
    """
    for size, note, token in kept:
        try:
            verify_stamp(token, note.encode(), certificates)
        except StampRefused as refusal:
            yield size, refusal.reason


def refused(refusal: StampRefused) -> LightproofError:
    """What a person is told when a stamp is refused."""
    return LightproofError(
        "stamp-refused",
        _("What the time-stamping authority answered is no stamp of this checkpoint ({reason}).").format(
            reason=refusal.reason
        ),
        _("Check the address and the certificate of the authority in the settings, under [ledger]."),
    )


async def _asked(url: str, request: bytes) -> bytes:
    """The body of the answer (RFC 3161 section 3.4). A redirect is no answer: we ask whom the settings name."""
    headers = {"Content-Type": "application/timestamp-query", "Accept-Encoding": "identity"}
    async with (
        httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=None) as client,
        client.stream("POST", url, content=request, headers=headers) as answer,
    ):
        if answer.status_code != 200:
            raise StampRefused(f"http-{answer.status_code}")
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > ANSWER_BYTES:
                raise StampRefused("too-long")
        return bytes(body)


def _decoded(token: bytes) -> TimeStampResponse:
    try:
        try:
            return decode_timestamp_response(token)
        except ValueError:
            return decode_timestamp_response(_with_sorted_certificates(token))
    except ValueError as error:
        raise StampRefused("unreadable") from error


def _with_sorted_certificates(token: bytes) -> bytes:
    """The same answer with the certificates in the order that DER wants of a set; openssl and others do not sort them.

    Their order is outside the signature (RFC 5652 section 5.1) and the length stays the same. Raises ValueError.
    """
    content = _inside(token, 0)[0]  # TimeStampResp
    content = _inside(token, _end(token, content))[0]  # past the status; ContentInfo
    content = _inside(token, _end(token, content))[0]  # past its type; [0]
    content = _inside(token, content)[0]  # SignedData
    for _field in ("version", "digestAlgorithms", "encapContentInfo"):
        content = _end(token, content)
    if token[content : content + 1] != b"\xa0":
        raise ValueError("no certificates")
    start, end = _inside(token, content)
    certificates: list[bytes] = []
    at = start
    while at < end:
        after = _end(token, at)
        certificates.append(token[at:after])
        at = after
    return token[:start] + b"".join(sorted(certificates)) + token[end:]


def _inside(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the DER value at `at` starts and ends. Raises ValueError."""
    if at + 2 > len(der):
        raise ValueError("cut short")
    length, start = der[at + 1], at + 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[at + 2 : start])
    if start + length > len(der):
        raise ValueError("cut short")
    return start, start + length


def _end(der: bytes, at: int) -> int:
    return _inside(der, at)[1]
