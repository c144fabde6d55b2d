"""What is wrong with the certificate that a service shows (RFC 5280, RFC 9325)."""

import warnings
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from lightproof.errors import ProtocolViolation

_SHORTEST_RSA_BITS: Final = 2048
_SHORTEST_EC_BITS: Final = 224
"""RFC 9325 section 4.5."""


def certificate_faults(der: bytes, now: datetime) -> tuple[str, ...]:
    """The signals a certificate gives rise to at `now`. Raises ProtocolViolation when it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd in a stranger's certificate is no news for our terminal
            certificate = x509.load_der_x509_certificate(der)
            expired = certificate.not_valid_after_utc < now
            early = certificate.not_valid_before_utc > now
            self_signed = certificate.issuer == certificate.subject
            weak = _has_weak_key(certificate)
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise ProtocolViolation("certificate-unreadable") from error
    faults = {
        "dicom-tls-certificate-expired": expired,
        "dicom-tls-certificate-not-yet-valid": early,
        "dicom-tls-certificate-self-signed": self_signed,
        "dicom-tls-certificate-weak-key": weak,
    }
    return tuple(signal for signal, holds in faults.items() if holds)


def _has_weak_key(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:  # of a kind that the library does not know: nothing is known against it
        return False
    match key:
        case rsa.RSAPublicKey(key_size=bits) | dsa.DSAPublicKey(key_size=bits):
            return bits < _SHORTEST_RSA_BITS
        case ec.EllipticCurvePublicKey(curve=curve):
            return curve.key_size < _SHORTEST_EC_BITS
        case _:
            return False
