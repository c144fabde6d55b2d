"""The seven protocol data units of PS3.8 section 9.3 and their items, as values. Bytes are made and read elsewhere.

Rules of this module: nothing here knows a role, a socket or a limit. Text of a peer (AE titles, version names) is kept
as it came, decoded one byte a character: it is data, and whoever shows it escapes it. Values that may hold secrets or
patient data stay out of `repr`.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from lightproof.dicom.uids import (
    APPLICATION_CONTEXT,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

Octets = bytes | memoryview
"""Bytes that may still lie in a receive buffer: copy what you keep."""


class PduType(IntEnum):
    """First byte of a PDU."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class ContextResult(IntEnum):
    """Answer to one presentation context (PS3.8 table 9-18)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context of an A-ASSOCIATE-RQ: odd identifier, one abstract syntax, its transfer syntaxes."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...] = (IMPLICIT_VR_LITTLE_ENDIAN,)


@dataclass(frozen=True, slots=True)
class AnsweredContext:
    """A presentation context of an A-ASSOCIATE-AC. `transfer_syntax` means something when `result` is ACCEPTANCE."""

    context_id: int
    result: int
    transfer_syntax: str = IMPLICIT_VR_LITTLE_ENDIAN


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """Item 0x54: which roles the requestor proposes, or the acceptor grants it, for one SOP class (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class AsynchronousOperations:
    """Item 0x53: operations that may be outstanding; 0 means no limit (PS3.7 D.3.3.3)."""

    invoked: int
    performed: int


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """Item 0x56: service-class application information for one SOP class, uninterpreted (PS3.7 D.3.3.5)."""

    sop_class_uid: str
    information: bytes


@dataclass(frozen=True, slots=True)
class CommonExtendedNegotiation:
    """Item 0x57: the service class and related general SOP classes of a SOP class (PS3.7 D.3.3.6)."""

    sop_class_uid: str
    service_class_uid: str
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Item 0x58 (PS3.7 D.3.3.7). `kind`: 1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JWT."""

    kind: int
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)
    response_requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInformation:
    """Item 0x50. Parts that a peer left out are None or empty; `maximum_length` 0 means no limit (PS3.8 D.1)."""

    maximum_length: int | None = 16_384
    implementation_class_uid: str | None = IMPLEMENTATION_CLASS_UID
    implementation_version_name: str | None = IMPLEMENTATION_VERSION_NAME
    asynchronous: AsynchronousOperations | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    identity_response: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2). AE titles: 1 to 16 characters, padding removed."""

    called_ae: str
    calling_ae: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation = field(default_factory=UserInformation)
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateAccept:
    """A-ASSOCIATE-AC (PS3.8 9.3.3). The AE titles echo the request and are not to be tested."""

    called_ae: str
    calling_ae: str
    contexts: tuple[AnsweredContext, ...]
    user: UserInformation = field(default_factory=UserInformation)
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ (PS3.8 table 9-21). Result 1 permanent, 2 transient; reasons are kept even when unknown.

    (1, 1, 3) calling AE not recognised; (1, 1, 7) called AE not recognised; (2, 3, 1) and (2, 3, 2) congestion.
    """

    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class PresentationDataValue:
    """One fragment of a command set or a data set (PS3.8 9.3.5.1 and annex E.2)."""

    context_id: int
    is_command: bool
    is_last: bool
    fragment: Octets = field(repr=False)


@dataclass(frozen=True, slots=True)
class DataTransfer:
    """P-DATA-TF (PS3.8 9.3.5)."""

    values: tuple[PresentationDataValue, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A-RELEASE-RQ (PS3.8 9.3.6)."""


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    """A-RELEASE-RP (PS3.8 9.3.7)."""


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 table 9-26). Source 0 the service user, 2 the service provider."""

    source: int = 0
    reason: int = 0


Pdu = AssociateRequest | AssociateAccept | AssociateReject | DataTransfer | ReleaseRequest | ReleaseReply | Abort
