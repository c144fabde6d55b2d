"""DIMSE-C command sets (PS3.7 sections 6.3, 9.3 and annex E), as values and as bytes.

A command set is always implicit VR little endian, group 0000. Elements we have no use for are passed over; text such as
Error Comment is among them, because servers write patient data into it.
"""

import struct
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final

from lightproof.dicom.pdu import Octets
from lightproof.errors import ProtocolViolation

RESPONSE: Final = 0x8000
NO_DATA_SET: Final = 0x0101
_DATA_SET_FOLLOWS: Final = 0x0001


class CommandField(IntEnum):
    """(0000,0100) of the C-services; the response of one is itself with `RESPONSE` set."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    C_CANCEL = 0x0FFF


class Priority(IntEnum):
    """(0000,0700)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


class StatusCategory(Enum):
    """What kind of answer a status is (PS3.7 annex C)."""

    SUCCESS = "success"
    PENDING = "pending"
    CANCEL = "cancel"
    WARNING = "warning"
    FAILURE = "failure"


SUCCESS: Final = 0x0000
PENDING: Final = 0xFF00
PENDING_WARNING: Final = 0xFF01
CANCELLED: Final = 0xFE00
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NOT_AUTHORISED: Final = 0x0124
UNRECOGNISED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700
IDENTIFIER_DOES_NOT_MATCH: Final = 0xA900
UNABLE_TO_PROCESS: Final = 0xC000


def status_category(status: int) -> StatusCategory:
    """Category of a (0000,0900) value; what no table names is a failure."""
    if status == SUCCESS:
        return StatusCategory.SUCCESS
    if status in (PENDING, PENDING_WARNING):
        return StatusCategory.PENDING
    if status == CANCELLED:
        return StatusCategory.CANCEL
    if status in (0x0001, 0x0107, 0x0116) or status >> 12 == 0xB:
        return StatusCategory.WARNING
    return StatusCategory.FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command set; what is absent is None. `command_field` may be a command that we do not serve (N-CREATE, ...)."""

    command_field: int
    message_id: int | None = None
    responded_to: int | None = None
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = field(default=None, repr=False)
    priority: int | None = None
    status: int | None = None
    move_destination: str | None = None
    originator_ae: str | None = None
    originator_message_id: int | None = None
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    has_data_set: bool = False

    @property
    def is_response(self) -> bool:
        """Whether this answers a request."""
        return bool(self.command_field & RESPONSE)

    @property
    def category(self) -> StatusCategory:
        """Category of the status; an absent one is a failure."""
        return StatusCategory.FAILURE if self.status is None else status_category(self.status)

    def answered(
        self,
        status: int,
        *,
        has_data_set: bool = False,
        remaining: int | None = None,
        completed: int | None = None,
        failed: int | None = None,
        warning: int | None = None,
    ) -> "Command":
        """The response to this request, with sub-operation counts where the service has them."""
        return Command(
            command_field=self.command_field | RESPONSE,
            responded_to=self.message_id,
            affected_sop_class_uid=self.affected_sop_class_uid,
            affected_sop_instance_uid=self.affected_sop_instance_uid,
            status=status,
            has_data_set=has_data_set,
            remaining=remaining,
            completed=completed,
            failed=failed,
            warning=warning,
        )


def echo_request(message_id: int, sop_class_uid: str) -> Command:
    """C-ECHO-RQ (PS3.7 9.3.5.1)."""
    return Command(command_field=CommandField.C_ECHO, message_id=message_id, affected_sop_class_uid=sop_class_uid)


def find_request(message_id: int, sop_class_uid: str, *, priority: int = Priority.MEDIUM) -> Command:
    """C-FIND-RQ (PS3.7 9.3.2.1); its identifier follows as data set."""
    return Command(
        command_field=CommandField.C_FIND,
        message_id=message_id,
        affected_sop_class_uid=sop_class_uid,
        priority=priority,
        has_data_set=True,
    )


def get_request(message_id: int, sop_class_uid: str, *, priority: int = Priority.MEDIUM) -> Command:
    """C-GET-RQ (PS3.7 9.3.3.1); its identifier follows as data set."""
    return Command(
        command_field=CommandField.C_GET,
        message_id=message_id,
        affected_sop_class_uid=sop_class_uid,
        priority=priority,
        has_data_set=True,
    )


def move_request(message_id: int, sop_class_uid: str, *, destination: str, priority: int = Priority.MEDIUM) -> Command:
    """C-MOVE-RQ (PS3.7 9.3.4.1); its identifier follows as data set."""
    return Command(
        command_field=CommandField.C_MOVE,
        message_id=message_id,
        affected_sop_class_uid=sop_class_uid,
        priority=priority,
        move_destination=destination,
        has_data_set=True,
    )


def store_request(
    message_id: int,
    sop_class_uid: str,
    sop_instance_uid: str,
    *,
    priority: int = Priority.MEDIUM,
    originator_ae: str | None = None,
    originator_message_id: int | None = None,
) -> Command:
    """C-STORE-RQ (PS3.7 9.3.1.1); the instance follows as data set. The originator is whoever sent the C-MOVE."""
    return Command(
        command_field=CommandField.C_STORE,
        message_id=message_id,
        affected_sop_class_uid=sop_class_uid,
        affected_sop_instance_uid=sop_instance_uid,
        priority=priority,
        originator_ae=originator_ae,
        originator_message_id=originator_message_id,
        has_data_set=True,
    )


def cancel_request(responded_to: int) -> Command:
    """C-CANCEL-RQ (PS3.7 9.3.2.3): stops the request of that message identifier."""
    return Command(command_field=CommandField.C_CANCEL, responded_to=responded_to)


# Element number in group 0000 -> attribute of Command; (0000,0100) and (0000,0800) are read apart.
_UIDS: Final = {0x0002: "affected_sop_class_uid", 0x1000: "affected_sop_instance_uid"}
_AE_TITLES: Final = {0x0600: "move_destination", 0x1030: "originator_ae"}
_NUMBERS: Final = {
    0x0110: "message_id",
    0x0120: "responded_to",
    0x0700: "priority",
    0x0900: "status",
    0x1020: "remaining",
    0x1021: "completed",
    0x1022: "failed",
    0x1023: "warning",
    0x1031: "originator_message_id",
}
_FIELD: Final = 0x0100
_DATA_SET_TYPE: Final = 0x0800
_GROUP_LENGTH: Final = 0x0000
_IN_ORDER: Final = tuple(
    sorted((*_UIDS.items(), *_AE_TITLES.items(), *_NUMBERS.items(), (_FIELD, ""), (_DATA_SET_TYPE, "")))
)
_ELEMENT = struct.Struct("<HHI")
_SHORT = struct.Struct("<H")
_NUMBER_ELEMENT = struct.Struct("<HHIH")


def encode_command(command: Command) -> bytes:
    """The command set, group length included. Raises ValueError when a value does not fit."""
    parts: list[bytes] = []
    try:
        for number, attribute in _IN_ORDER:
            if number == _FIELD:
                parts.append(_NUMBER_ELEMENT.pack(0, number, 2, command.command_field))
                continue
            if number == _DATA_SET_TYPE:
                kind = _DATA_SET_FOLLOWS if command.has_data_set else NO_DATA_SET
                parts.append(_NUMBER_ELEMENT.pack(0, number, 2, kind))
                continue
            value: int | str | None = getattr(command, attribute)
            if isinstance(value, str):
                raw = value.encode("latin-1")
                raw += (b"\0" if number in _UIDS else b" ") * (len(raw) & 1)
                parts.append(_ELEMENT.pack(0, number, len(raw)) + raw)
            elif value is not None:
                parts.append(_NUMBER_ELEMENT.pack(0, number, 2, value))
    except struct.error as error:
        raise ValueError("a number does not fit its field") from error
    body = b"".join(parts)
    return struct.pack("<HHII", 0, _GROUP_LENGTH, 4, len(body)) + body


def decode_command(data: Octets) -> Command:
    """The command set in `data`. Raises ProtocolViolation when it is none."""
    view = memoryview(data)
    offset, end = 0, len(view)
    seen: dict[int, memoryview] = {}
    while offset < end:
        if end - offset < 8:
            raise ProtocolViolation("command-truncated")
        group, number, length = _ELEMENT.unpack_from(view, offset)
        stop = offset + 8 + length
        if group != 0:
            raise ProtocolViolation("command-group")
        if stop > end:
            raise ProtocolViolation("command-element-length")
        if number in seen:
            raise ProtocolViolation("command-element-repeated")
        seen[number] = view[offset + 8 : stop]
        offset = stop
    values: dict[str, int | str] = {}
    for number, value in seen.items():
        if number in _NUMBERS:
            if value:
                values[_NUMBERS[number]] = _number(value)
        elif number in _UIDS:
            values[_UIDS[number]] = _text(value)
        elif number in _AE_TITLES:
            values[_AE_TITLES[number]] = _text(value)
    if _FIELD not in seen or _DATA_SET_TYPE not in seen:
        raise ProtocolViolation("command-element-missing")
    follows = _number(seen[_DATA_SET_TYPE]) != NO_DATA_SET
    return _command(_number(seen[_FIELD]), follows, values)


def _command(number: int, follows: bool, values: dict[str, int | str]) -> Command:
    needed = "responded_to" if number & RESPONSE or number == CommandField.C_CANCEL else "message_id"
    if needed not in values or (number & RESPONSE and "status" not in values):
        raise ProtocolViolation("command-element-missing")
    return Command(command_field=number, has_data_set=follows, **values)  # pyright: ignore[reportArgumentType]


def _number(value: memoryview) -> int:
    # Some peers repeat a number within its element: the first one counts.
    if len(value) < 2 or len(value) & 1:
        raise ProtocolViolation("command-element-length")
    return _SHORT.unpack_from(value)[0]


def _text(value: memoryview) -> str:
    if len(value) > 80:  # UIDs have at most 64 characters, AE titles 16; some peers pad
        raise ProtocolViolation("command-element-length")
    return value.tobytes().strip(b"\0 ").decode("latin-1")
