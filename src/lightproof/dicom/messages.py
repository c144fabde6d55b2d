"""Messages on an association: a command set and its data set, put together from fragments (PS3.8 annex E, PS3.7 6.3).

A data set may be larger than memory: it passes as fragments, and nothing of it is kept unless the caller sets a cap.
"""

from dataclasses import dataclass, field

from lightproof.dicom.dimse import Command, decode_command
from lightproof.dicom.limits import DEFAULT_LIMITS, Limits
from lightproof.dicom.pdu import Octets, PresentationDataValue
from lightproof.errors import ProtocolViolation


@dataclass(frozen=True, slots=True)
class Message:
    """A command set on a presentation context.

    Sent: with its whole data set, or without one that follows in `DataSetFragment`s. Received: the data set follows in
    fragments when `command.has_data_set`, unless the association collects it.
    """

    context_id: int
    command: Command
    data_set: Octets | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DataSetFragment:
    """A piece of the data set of the last message, as it came (a view into the received bytes) or as it goes."""

    context_id: int
    data: Octets = field(repr=False)
    is_last: bool


class MessageReader:
    """Turns presentation data values into messages; keeps at most one command set and one collected data set.

    `collect`: 0 gives each data set fragment as it comes; else whole data sets of up to that many bytes come with their
    message, and a longer one is a violation.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, collect: int = 0) -> None:
        self._limits = limits
        self._collect = collect
        self._context_id: int | None = None
        self._partial = bytearray()
        self._message: Message | None = None
        """The message whose data set we are in."""

    def take(self, value: PresentationDataValue) -> Message | DataSetFragment | None:
        """What `value` completes, if anything. Raises ProtocolViolation when it has no place here."""
        if self._context_id is not None and value.context_id != self._context_id:
            raise ProtocolViolation("message-interleaved")
        if value.is_command:
            return self._command_fragment(value)
        return self._data_fragment(value)

    def _command_fragment(self, value: PresentationDataValue) -> Message | None:
        if self._message is not None:
            raise ProtocolViolation("command-within-data-set")
        if len(self._partial) + len(value.fragment) > self._limits.command_bytes:
            raise ProtocolViolation("command-too-long")
        if not value.is_last:
            self._context_id = value.context_id
            self._partial += value.fragment
            return None
        raw: Octets = bytes(self._partial + value.fragment) if self._partial else value.fragment
        self._partial.clear()
        message = Message(value.context_id, decode_command(raw))
        if not message.command.has_data_set:
            self._context_id = None
            return message
        self._context_id = value.context_id
        self._message = message
        return None if self._collect else message

    def _data_fragment(self, value: PresentationDataValue) -> Message | DataSetFragment | None:
        message = self._message
        if message is None:
            raise ProtocolViolation("data-set-without-command")
        if value.is_last:
            self._message = None
            self._context_id = None
        if not self._collect:
            return DataSetFragment(value.context_id, value.fragment, value.is_last)
        if len(self._partial) + len(value.fragment) > self._collect:
            raise ProtocolViolation("data-set-too-long")
        self._partial += value.fragment
        if not value.is_last:
            return None
        whole = bytes(self._partial)
        self._partial.clear()
        return Message(message.context_id, message.command, whole)
