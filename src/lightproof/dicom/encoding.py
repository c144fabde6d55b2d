"""Values -> bytes of a PDU (PS3.8 section 9.3, PS3.7 annex D.3.3).

What we send is ours to get right: a value that does not fit its field raises ValueError before a byte is sent.
"""

import struct
from collections.abc import Iterator
from typing import Final

from lightproof.dicom.pdu import (
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    DataTransfer,
    Octets,
    Pdu,
    PduType,
    ProposedContext,
    ReleaseReply,
    ReleaseRequest,
    UserInformation,
)

_HEADER = struct.Struct(">BxI")
_ITEM = struct.Struct(">BxH")
_PDV = struct.Struct(">IBB")
_SHORT = struct.Struct(">H")
_FRAGMENT = struct.Struct(">BxIIBB")
FRAGMENT_OVERHEAD: Final = 6
"""Bytes of a P-DATA-TF body that carry no data when it holds one fragment: what the maximum length pays for."""


def encode_pdu(pdu: Pdu) -> bytes:
    """The bytes of `pdu`. Raises ValueError when a value does not fit its field."""
    try:
        return _encoded(pdu)
    except struct.error as error:
        raise ValueError("a number does not fit its field") from error


def _encoded(pdu: Pdu) -> bytes:
    match pdu:
        case DataTransfer():
            return _data_transfer(pdu)
        case AssociateRequest():
            contexts = b"".join(map(_proposed_context, pdu.contexts))
            return _framed(PduType.ASSOCIATE_RQ, _associate(pdu, contexts))
        case AssociateAccept():
            contexts = b"".join(map(_answered_context, pdu.contexts))
            return _framed(PduType.ASSOCIATE_AC, _associate(pdu, contexts))
        case AssociateReject():
            return _framed(PduType.ASSOCIATE_RJ, bytes((0, pdu.result, pdu.source, pdu.reason)))
        case ReleaseRequest():
            return _framed(PduType.RELEASE_RQ, bytes(4))
        case ReleaseReply():
            return _framed(PduType.RELEASE_RP, bytes(4))
        case Abort():
            return _framed(PduType.ABORT, bytes((0, 0, pdu.source, pdu.reason)))


def encode_fragments(
    context_id: int, data: Octets, *, is_command: bool, is_last: bool = True, maximum_length: int
) -> Iterator[Octets]:
    """P-DATA-TF PDUs that carry `data` in fragments the peer takes, as pieces to write one after the other.

    Data is not copied. With `is_last` false another call continues the same command set or data set.
    """
    room = maximum_length - FRAGMENT_OVERHEAD
    if room < 2:
        raise ValueError("maximum length leaves no room for data")
    room -= room & 1  # fragments have an even number of bytes (PS3.8 annex E.1)
    view = memoryview(data)
    end = len(view)
    offset = 0
    while True:
        stop = min(offset + room, end)
        control = is_command | ((is_last and stop == end) << 1)
        length = stop - offset
        yield _FRAGMENT.pack(PduType.P_DATA_TF, length + 6, length + 2, context_id, control)
        yield view[offset:stop]
        offset = stop
        if offset >= end:
            return


def _framed(kind: PduType, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body)) + body


def _data_transfer(pdu: DataTransfer) -> bytes:
    parts: list[Octets] = [b""]
    total = 0
    for value in pdu.values:
        length = len(value.fragment)
        parts.append(_PDV.pack(length + 2, value.context_id, value.is_command | value.is_last << 1))
        parts.append(value.fragment)
        total += length + 6
    parts[0] = _HEADER.pack(PduType.P_DATA_TF, total)
    return b"".join(parts)


def _associate(pdu: AssociateRequest | AssociateAccept, contexts: bytes) -> bytes:
    return b"".join(
        (
            struct.pack(">HH", pdu.protocol_version, 0),
            _ae_title(pdu.called_ae),
            _ae_title(pdu.calling_ae),
            bytes(32),
            _item(0x10, _latin(pdu.application_context)),
            contexts,
            _item(0x50, _user_information(pdu.user)),
        )
    )


def _proposed_context(context: ProposedContext) -> bytes:
    syntaxes = b"".join(_item(0x40, _latin(uid)) for uid in context.transfer_syntaxes)
    return _item(0x20, bytes((context.context_id, 0, 0, 0)) + _item(0x30, _latin(context.abstract_syntax)) + syntaxes)


def _answered_context(context: AnsweredContext) -> bytes:
    # The transfer syntax of a refused context is not tested (PS3.8 9.3.3.2), but the sub-item must be there.
    head = bytes((context.context_id, 0, context.result, 0))
    return _item(0x21, head + _item(0x40, _latin(context.transfer_syntax)))


def _user_information(user: UserInformation) -> bytes:
    parts: list[bytes] = []
    if user.maximum_length is not None:
        parts.append(_item(0x51, struct.pack(">I", user.maximum_length)))
    if user.implementation_class_uid is not None:
        parts.append(_item(0x52, _latin(user.implementation_class_uid)))
    if user.asynchronous is not None:
        parts.append(_item(0x53, struct.pack(">HH", user.asynchronous.invoked, user.asynchronous.performed)))
    parts.extend(_item(0x54, _counted(_latin(r.sop_class_uid)) + bytes((r.scu, r.scp))) for r in user.roles)
    if user.implementation_version_name is not None:
        parts.append(_item(0x55, _latin(user.implementation_version_name)))
    parts.extend(_item(0x56, _counted(_latin(e.sop_class_uid)) + e.information) for e in user.extended)
    for common in user.common_extended:
        related = b"".join(_counted(_latin(uid)) for uid in common.related)
        classes = _counted(_latin(common.sop_class_uid)) + _counted(_latin(common.service_class_uid))
        parts.append(_item(0x57, classes + _counted(related)))
    if user.identity is not None:
        head = bytes((user.identity.kind, user.identity.response_requested))
        parts.append(_item(0x58, head + _counted(user.identity.primary) + _counted(user.identity.secondary)))
    if user.identity_response is not None:
        parts.append(_item(0x59, _counted(user.identity_response)))
    return b"".join(parts)


def _item(kind: int, value: bytes) -> bytes:
    if len(value) > 0xFFFF:
        raise ValueError("an item holds at most 65,535 bytes")
    return _ITEM.pack(kind, len(value)) + value


def _counted(value: bytes) -> bytes:
    if len(value) > 0xFFFF:
        raise ValueError("a field holds at most 65,535 bytes")
    return _SHORT.pack(len(value)) + value


def _ae_title(title: str) -> bytes:
    raw = _latin(title)
    if len(raw) > 16:
        raise ValueError("an AE title has at most 16 characters")
    return raw.ljust(16)


def _latin(text: str) -> bytes:
    return text.encode("latin-1")
