"""DICOM over TLS: who is let in, and whether the encryption is what PS3.15 B.12 and B.13 (BCP 195) ask for.

What the service lets a stranger do inside TLS is the business of the `dicom` detector; this one looks at the channel:
is a client certificate demanded, which old versions and ciphers are taken, what certificate is shown.
"""

import ssl
import warnings
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from lightproof.check.detectors import Detector, Speech
from lightproof.check.protocols.tls_channel import call, taken
from lightproof.check.sweeping.tls_hello import InsideTls
from lightproof.check.wire import Wire, observing_tls_context
from lightproof.dicom.recognise import Recognition
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "dicom-tls"
_OLD_VERSIONS: Final = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
_WEAK_CIPHERS: Final = "NULL:EXPORT:LOW:3DES:RC4:DES:MD5:aNULL:@SECLEVEL=0"
"""No confidentiality, or broken: RFC 9325 section 4.1 forbids them all."""
_STATIC_KEYS: Final = "kRSA:!NULL:!EXPORT:!LOW:!3DES:!RC4:!MD5:@SECLEVEL=0"
"""The certificate's own key carries the session's: whoever gets it later reads all that was recorded (RFC 9325
section 4.1). DICOM's first TLS profiles demanded such a suite, so that old devices know no other."""
_CIPHERS: Final = ((_WEAK_CIPHERS, "dicom-tls-weak-cipher"), (_STATIC_KEYS, "dicom-tls-no-forward-secrecy"))
_SHORTEST_RSA_BITS: Final = 2048
_SHORTEST_EC_BITS: Final = 224
"""RFC 9325 section 4.5."""


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """The channel first, then its certificate, then the weaknesses it accepts: one handshake each, politely.

    Raises ProtocolViolation at the end when the peer hung up on us and showed no reason: that is no protection.
    """
    channel = await call(wire)
    shown = channel.tls
    if channel.demands_certificate:
        yield wire.observed(
            _SERVICE,
            "dicom-tls-mutual",
            facts=Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False),
            protections=("tls", "mutual-tls"),
            details={"tls_version": shown.version if shown else None},
        )
    elif isinstance(channel.found, Recognition) and shown is not None:
        yield wire.observed(
            _SERVICE,
            "dicom-tls-accepted",
            protections=("tls",),
            details={"tls_version": shown.version, "cipher": shown.cipher},
        )
    else:
        raise ProtocolViolation("closed-early" if channel.found is InsideTls.ENDED else "not-dicom")
    if shown is not None and shown.certificate is not None:
        for signal in certificate_faults(shown.certificate, wire.now()):
            yield wire.observed(_SERVICE, signal)
    for version in _OLD_VERSIONS:
        context = observing_tls_context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # asking for what nobody should take is the point
            context.minimum_version = context.maximum_version = version
        if (old := await taken(wire, context)) is not None:
            yield wire.observed(_SERVICE, "dicom-tls-weak-protocol", details={"tls_version": old.version})
    for ciphers, signal in _CIPHERS:
        context = observing_tls_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.set_ciphers(ciphers)
        except ssl.SSLError:  # this machine's OpenSSL was built without any of them: it cannot tell
            continue
        if (weak := await taken(wire, context)) is not None:
            yield wire.observed(_SERVICE, signal, details={"cipher": weak.cipher})


def certificate_faults(der: bytes, now: datetime) -> tuple[str, ...]:
    """The signals a certificate gives rise to at `now`. Raises ProtocolViolation when it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        expired = certificate.not_valid_after_utc < now
        early = certificate.not_valid_before_utc > now
        self_signed = certificate.issuer == certificate.subject
        weak = _has_weak_key(certificate)
    except ValueError as error:
        raise ProtocolViolation("certificate-unreadable") from error
    faults = {
        "dicom-tls-certificate-expired": expired,
        "dicom-tls-certificate-not-yet-valid": early,
        "dicom-tls-certificate-self-signed": self_signed,
        "dicom-tls-certificate-weak-key": weak,
    }
    return tuple(signal for signal, holds in faults.items() if holds)


def _has_weak_key(certificate: x509.Certificate) -> bool:
    match certificate.public_key():
        case rsa.RSAPublicKey(key_size=bits) | dsa.DSAPublicKey(key_size=bits):
            return bits < _SHORTEST_RSA_BITS
        case ec.EllipticCurvePublicKey(curve=curve):
            return curve.key_size < _SHORTEST_EC_BITS
        case _:
            return False


DETECTOR: Final = Detector(
    name="dicom_tls",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({2762}),
    speech=frozenset({Speech.DICOM_TLS}),
)
