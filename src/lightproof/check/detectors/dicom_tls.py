"""DICOM over TLS: who is let in, and whether the encryption is what PS3.15 B.12 and B.13 (BCP 195) ask for.

What the service lets a stranger do inside TLS is the business of the `dicom` detector; this one looks at the channel:
is a client certificate demanded, which old versions and ciphers are taken, what certificate is shown.
"""

import ssl
import warnings
from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import Detector, Speech
from lightproof.check.protocols.tls_channel import call, taken
from lightproof.check.sweeping.tls_hello import InsideTls
from lightproof.check.tls_context import observing_tls_context
from lightproof.check.wire import Wire
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


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """The channel first, then its certificate, then the weaknesses it accepts: one handshake each, politely.

    Raises ProtocolViolation when the peer hung up on us and showed no reason: that is no protection. Nor is a request
    for a certificate that it then does without; where it hung up after one, a demand is presumed, and not counted.
    Raises it at the end when the peer's own certificate cannot be read.
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
    elif channel.may_demand_certificate:
        yield wire.observed(
            _SERVICE,
            "dicom-tls-mutual",
            protections=("tls",),
            details={"tls_version": shown.version if shown else None, "presumed": True},
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
    unreadable: ProtocolViolation | None = None
    if shown is not None and shown.certificate is not None:
        # Most networks show none, and the library that reads it is as long to load as all detectors.
        from lightproof.check.certificates import certificate_faults  # noqa: PLC0415

        try:
            for signal in certificate_faults(shown.certificate, wire.now()):
                yield wire.observed(_SERVICE, signal)
        except ProtocolViolation as violation:
            unreadable = violation
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
    if unreadable is not None:
        raise unreadable
    if channel.may_demand_certificate:
        raise ProtocolViolation("closed-early")


DETECTOR: Final = Detector(
    name="dicom_tls",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({2762}),
    speech=frozenset({Speech.DICOM_TLS}),
)
