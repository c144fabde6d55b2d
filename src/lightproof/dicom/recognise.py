"""Is this DICOM? One hello, and a strict reading of what comes back: for sweeps over very many targets.

Strict, because most open "DICOM ports" are something else: a first byte proves nothing (TPKT starts with 3 too).
Incremental, because a slow device may send one byte at a time: whatever the segmentation, the verdict is that of the
whole PDU. The common case, something else, is decided on the first bytes in about a microsecond.
"""

import struct
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from lightproof.dicom.decoding import FIXED_LENGTH, HEADER_LENGTH, decode_body
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.negotiation import propose
from lightproof.dicom.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    PduType,
)
from lightproof.dicom.uids import VERIFICATION
from lightproof.errors import ProtocolViolation

LONGEST_ACCEPT: Final = 131_072
_HEADER = struct.Struct(">BBI")


class Verdict(Enum):
    """What the bytes so far amount to."""

    NEED_MORE = "need-more"
    NOT_DICOM = "not-dicom"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ABORTED = "aborted"


class Recognition(NamedTuple):
    """A verdict and what the peer told about itself; text is the peer's own, to be escaped by whoever shows it."""

    verdict: Verdict
    result: int | None = None
    """REJECTED: 1 permanent, 2 transient."""
    source: int | None = None
    """REJECTED and ABORTED."""
    reason: int | None = None
    """REJECTED and ABORTED; may be one that no table knows."""
    implementation_class_uid: str | None = None
    implementation_version_name: str | None = None
    maximum_length: int | None = None
    """ACCEPTED: longest P-DATA-TF the peer takes; 0 no limit."""
    accepted_contexts: tuple[int, ...] = ()
    """ACCEPTED: identifiers of the presentation contexts it takes; may be none."""


_NEED_MORE: Final = Recognition(Verdict.NEED_MORE)
_NOT_DICOM: Final = Recognition(Verdict.NOT_DICOM)


def association_request(calling: str, called: str, abstract_syntaxes: Sequence[str] = (VERIFICATION,)) -> bytes:
    """An A-ASSOCIATE-RQ with one context for each abstract syntax, in implicit VR little endian."""
    return encode_pdu(AssociateRequest(called_ae=called, calling_ae=calling, contexts=propose(abstract_syntaxes)))


def recognise(buffer: bytes | bytearray) -> Recognition:
    """The verdict on all that came back since our hello. Call again with more while it is NEED_MORE.

    `buffer` never needs to hold more than `6 + LONGEST_ACCEPT` bytes; a PDU that declares more is NOT_DICOM at once.
    Never raises.
    """
    held = len(buffer)
    if not held:
        return _NEED_MORE
    kind = buffer[0]
    if kind not in (2, 3, 7) or (held > 1 and buffer[1]):
        return _NOT_DICOM
    if held < HEADER_LENGTH:
        return _NEED_MORE
    length = _HEADER.unpack_from(buffer)[2]
    if kind == 2:
        if not FIXED_LENGTH <= length <= LONGEST_ACCEPT:
            return _NOT_DICOM
    elif length != 4:
        return _NOT_DICOM
    whole = HEADER_LENGTH + length
    if held < whole:
        # Protocol version: bit 0 set. Spares the wait for junk that starts with 2 and a likely length.
        return _NOT_DICOM if kind == 2 and held >= 8 and not buffer[7] & 1 else _NEED_MORE
    try:
        pdu = decode_body(PduType(kind), memoryview(bytes(buffer[HEADER_LENGTH:whole])))
    except ProtocolViolation:
        return _NOT_DICOM
    match pdu:
        case AssociateAccept():
            return Recognition(
                Verdict.ACCEPTED,
                implementation_class_uid=pdu.user.implementation_class_uid,
                implementation_version_name=pdu.user.implementation_version_name,
                maximum_length=pdu.user.maximum_length,
                accepted_contexts=tuple(c.context_id for c in pdu.contexts if c.result == ContextResult.ACCEPTANCE),
            )
        case AssociateReject():
            return Recognition(Verdict.REJECTED, pdu.result, pdu.source, pdu.reason)
        case Abort():
            return Recognition(Verdict.ABORTED, source=pdu.source, reason=pdu.reason)
        case _:
            return _NOT_DICOM
