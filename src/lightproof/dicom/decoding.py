"""Bytes of a PDU -> values (PS3.8 section 9.3, PS3.7 annex D.3.3).

Rules of this module: one pass, no recursion, slices of a memoryview, nothing allocated for a length that is only
declared. Whatever the bytes, the only exception is ProtocolViolation. We are as tolerant as honest peers need (absent
sub-items, unknown items and reasons, padding of either kind) and no more.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from lightproof.dicom.limits import DEFAULT_LIMITS, Limits
from lightproof.dicom.pdu import (
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousOperations,
    CommonExtendedNegotiation,
    DataTransfer,
    ExtendedNegotiation,
    Pdu,
    PduType,
    PresentationDataValue,
    ProposedContext,
    ReleaseReply,
    ReleaseRequest,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from lightproof.dicom.uids import APPLICATION_CONTEXT
from lightproof.errors import ProtocolViolation

HEADER_LENGTH: Final = 6
FIXED_LENGTH: Final = 68
"""Bytes of an A-ASSOCIATE-RQ or -AC before its first item, header not counted."""

_HEADER = struct.Struct(">BxI")
_ITEM = struct.Struct(">BxH")
_PDV = struct.Struct(">IBB")
_SHORT = struct.Struct(">H")
_LONG = struct.Struct(">I")
_PDU_TYPES: Final = {int(kind): kind for kind in PduType}
_LONGEST_TEXT: Final = 64
"""UIDs have at most 64 characters, AE titles and version names 16."""


def decode_header(data: bytes | bytearray | memoryview, offset: int = 0) -> tuple[PduType, int]:
    """Type and declared length (of what follows the six bytes) of the PDU at `offset`."""
    number, length = _HEADER.unpack_from(data, offset)
    kind = _PDU_TYPES.get(number)
    if kind is None:
        raise ProtocolViolation("unknown-pdu-type")
    return kind, length


def decode_pdu(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Pdu:
    """The one PDU that `data` is. Raises ProtocolViolation when it is anything else."""
    if len(data) < HEADER_LENGTH:
        raise ProtocolViolation("pdu-truncated")
    kind, length = decode_header(data)
    if length != len(data) - HEADER_LENGTH:
        raise ProtocolViolation("pdu-length")
    return decode_body(kind, memoryview(data)[HEADER_LENGTH:], limits)


def decode_body(kind: PduType, body: memoryview, limits: Limits = DEFAULT_LIMITS) -> Pdu:
    """The PDU of this type whose bytes after the header are `body`; fragments of data stay views into it."""
    if kind is PduType.P_DATA_TF:
        return _data_transfer(body)
    if len(body) > limits.control_bytes:
        raise ProtocolViolation("pdu-too-long")
    return _CONTROL[kind](body, limits)


def _data_transfer(body: memoryview) -> DataTransfer:
    values: list[PresentationDataValue] = []
    offset, end = 0, len(body)
    while offset < end:
        if end - offset < 6:
            raise ProtocolViolation("pdv-truncated")
        length, context_id, control = _PDV.unpack_from(body, offset)
        stop = offset + 4 + length
        if length < 2 or stop > end:
            raise ProtocolViolation("pdv-length")
        values.append(PresentationDataValue(context_id, bool(control & 1), bool(control & 2), body[offset + 6 : stop]))
        offset = stop
    if not values:
        raise ProtocolViolation("pdv-missing")
    return DataTransfer(tuple(values))


def _associate_request(body: memoryview, limits: Limits) -> AssociateRequest:
    version, called, calling = _fixed_part(body)
    application: str | None = None
    contexts: dict[int, ProposedContext] = {}
    user: UserInformation | None = None
    for kind, value in _items(body[FIXED_LENGTH:]):
        if kind == 0x10 and application is None:
            application = _text(value)
        elif kind == 0x20:
            context = _proposed_context(value, limits)
            if context.context_id in contexts or len(contexts) == limits.contexts:
                raise ProtocolViolation("context-repeated")
            contexts[context.context_id] = context
        elif kind == 0x50 and user is None:
            user = _user_information(value, limits)
        elif kind in (0x10, 0x50):
            raise ProtocolViolation("item-repeated")
    if application is None or user is None:
        raise ProtocolViolation("item-missing")
    return AssociateRequest(
        called_ae=called,
        calling_ae=calling,
        contexts=tuple(contexts.values()),
        user=user,
        application_context=application,
        protocol_version=version,
    )


def _associate_accept(body: memoryview, limits: Limits) -> AssociateAccept:
    version, called, calling = _fixed_part(body)
    if not version & 1:
        raise ProtocolViolation("protocol-version")
    application: str | None = None
    contexts: dict[int, AnsweredContext] = {}
    user: UserInformation | None = None
    for kind, value in _items(body[FIXED_LENGTH:]):
        if kind == 0x10 and application is None:
            application = _text(value)
        elif kind == 0x21:
            context = _answered_context(value, limits)
            if context.context_id in contexts or len(contexts) == limits.contexts:
                raise ProtocolViolation("context-repeated")
            contexts[context.context_id] = context
        elif kind == 0x50 and user is None:
            user = _user_information(value, limits)
        elif kind in (0x10, 0x50):
            raise ProtocolViolation("item-repeated")
    if application != APPLICATION_CONTEXT:
        raise ProtocolViolation("application-context")
    if user is None:
        raise ProtocolViolation("item-missing")
    return AssociateAccept(
        called_ae=called,
        calling_ae=calling,
        contexts=tuple(contexts.values()),
        user=user,
        application_context=application,
        protocol_version=version,
    )


def _associate_reject(body: memoryview, limits: Limits) -> AssociateReject:  # noqa: ARG001
    if len(body) != 4:
        raise ProtocolViolation("pdu-length")
    _, result, source, reason = body
    if not (1 <= result <= 2 and 1 <= source <= 3):
        raise ProtocolViolation("reject-values")
    return AssociateReject(result, source, reason)


def _release_request(body: memoryview, limits: Limits) -> ReleaseRequest:  # noqa: ARG001
    if len(body) != 4:
        raise ProtocolViolation("pdu-length")
    return ReleaseRequest()


def _release_reply(body: memoryview, limits: Limits) -> ReleaseReply:  # noqa: ARG001
    if len(body) != 4:
        raise ProtocolViolation("pdu-length")
    return ReleaseReply()


def _abort(body: memoryview, limits: Limits) -> Abort:  # noqa: ARG001
    if len(body) != 4:
        raise ProtocolViolation("pdu-length")
    return Abort(body[2], body[3])


_CONTROL: Final[dict[PduType, Callable[[memoryview, Limits], Pdu]]] = {
    PduType.ASSOCIATE_RQ: _associate_request,
    PduType.ASSOCIATE_AC: _associate_accept,
    PduType.ASSOCIATE_RJ: _associate_reject,
    PduType.RELEASE_RQ: _release_request,
    PduType.RELEASE_RP: _release_reply,
    PduType.ABORT: _abort,
}


def _fixed_part(body: memoryview) -> tuple[int, str, str]:
    if len(body) < FIXED_LENGTH:
        raise ProtocolViolation("pdu-truncated")
    return _SHORT.unpack_from(body)[0], _text(body[4:20]), _text(body[20:36])


def _items(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    offset, end = 0, len(view)
    while offset < end:
        if end - offset < 4:
            raise ProtocolViolation("item-truncated")
        kind, length = _ITEM.unpack_from(view, offset)
        stop = offset + 4 + length
        if stop > end:
            raise ProtocolViolation("item-length")
        yield kind, view[offset + 4 : stop]
        offset = stop


def _context_id(value: memoryview) -> int:
    if len(value) < 4:
        raise ProtocolViolation("context-truncated")
    if not value[0] & 1:
        raise ProtocolViolation("context-identifier")
    return value[0]


def _proposed_context(value: memoryview, limits: Limits) -> ProposedContext:
    context_id = _context_id(value)
    abstract: str | None = None
    transfers: list[str] = []
    for kind, text in _items(value[4:]):
        if kind == 0x30:
            if abstract is not None:
                raise ProtocolViolation("item-repeated")
            abstract = _text(text)
        elif kind == 0x40:
            if len(transfers) == limits.transfer_syntaxes:
                raise ProtocolViolation("transfer-syntaxes")
            transfers.append(_text(text))
    if abstract is None:
        raise ProtocolViolation("item-missing")
    return ProposedContext(context_id, abstract, tuple(transfers))


def _answered_context(value: memoryview, limits: Limits) -> AnsweredContext:
    context_id = _context_id(value)
    transfer = ""
    for count, (kind, text) in enumerate(_items(value[4:])):
        if count == limits.transfer_syntaxes:
            raise ProtocolViolation("transfer-syntaxes")
        if kind == 0x40 and not transfer:
            transfer = _text(text)
    return AnsweredContext(context_id, value[2], transfer)


def _user_information(value: memoryview, limits: Limits) -> UserInformation:
    maximum: int | None = None
    class_uid: str | None = None
    version: str | None = None
    asynchronous: AsynchronousOperations | None = None
    roles: list[RoleSelection] = []
    extended: list[ExtendedNegotiation] = []
    common: list[CommonExtendedNegotiation] = []
    identity: UserIdentity | None = None
    identity_response: bytes | None = None
    for count, (kind, item) in enumerate(_items(value)):
        if count == limits.user_items:
            raise ProtocolViolation("user-items")
        if kind == 0x51:
            if len(item) != 4:
                raise ProtocolViolation("maximum-length")
            maximum = _LONG.unpack(item)[0]
        elif kind == 0x52:
            class_uid = _text(item)
        elif kind == 0x53:
            if len(item) != 4:
                raise ProtocolViolation("asynchronous-operations")
            asynchronous = AsynchronousOperations(_SHORT.unpack_from(item)[0], _SHORT.unpack_from(item, 2)[0])
        elif kind == 0x54:
            uid, rest = _counted(item)
            if len(rest) != 2:
                raise ProtocolViolation("role-selection")
            roles.append(RoleSelection(_text(uid), bool(rest[0]), bool(rest[1])))
        elif kind == 0x55:
            version = _text(item)
        elif kind == 0x56:
            uid, rest = _counted(item)
            extended.append(ExtendedNegotiation(_text(uid), bytes(rest)))
        elif kind == 0x57:
            common.append(_common_extended(item, limits))
        elif kind == 0x58:
            identity = _identity(item)
        elif kind == 0x59:
            identity_response = bytes(_counted(item)[0])
    return UserInformation(
        maximum_length=maximum,
        implementation_class_uid=class_uid,
        implementation_version_name=version,
        asynchronous=asynchronous,
        roles=tuple(roles),
        extended=tuple(extended),
        common_extended=tuple(common),
        identity=identity,
        identity_response=identity_response,
    )


def _common_extended(item: memoryview, limits: Limits) -> CommonExtendedNegotiation:
    uid, rest = _counted(item)
    service_class, rest = _counted(rest)
    listed, _ = _counted(rest)
    related: list[str] = []
    while listed:
        if len(related) == limits.user_items:
            raise ProtocolViolation("related-classes")
        text, listed = _counted(listed)
        related.append(_text(text))
    return CommonExtendedNegotiation(_text(uid), _text(service_class), tuple(related))


def _identity(item: memoryview) -> UserIdentity:
    if len(item) < 2:
        raise ProtocolViolation("user-identity")
    primary, rest = _counted(item[2:])
    secondary, _ = _counted(rest)
    return UserIdentity(item[0], bytes(primary), bytes(secondary), bool(item[1]))


def _counted(view: memoryview) -> tuple[memoryview, memoryview]:
    """A field that starts with its own length in two bytes, and what follows it."""
    if len(view) < 2:
        raise ProtocolViolation("field-truncated")
    stop = 2 + _SHORT.unpack_from(view)[0]
    if stop > len(view):
        raise ProtocolViolation("field-length")
    return view[2:stop], view[stop:]


def _text(value: memoryview) -> str:
    # Peers pad UIDs where the standard does not (PS3.8 annex F), and some write what is no UID at all: one strange
    # context is no reason to refuse the others, and a text that no table holds is supported by nobody.
    return value[:_LONGEST_TEXT].tobytes().strip(b"\0 ").decode("latin-1")
