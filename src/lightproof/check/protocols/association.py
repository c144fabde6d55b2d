"""A DICOM association over a wire, as requestor: what `http` is for the web detectors.

`lightproof.dicom` speaks the protocol; this module moves its bytes under the wire's budget and remembers what was
asked, so that every observation can say what proves it.

What a peer answers to a query is read value by value (PS3.8 section 9.3.5): the command that says whether there is a
match, and not one byte of the data set behind it unless the caller wants it. A server that ignores the query's filter
then has told that it would disclose, and has disclosed nothing to us.
"""

import contextlib
import hashlib
import struct
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Final

from lightproof.check.identity import CALLING_AE
from lightproof.check.wire import Stream
from lightproof.dicom.association import Association, Event
from lightproof.dicom.dimse import Command, StatusCategory
from lightproof.dicom.limits import DEFAULT_LIMITS
from lightproof.dicom.messages import DataSetFragment, Message
from lightproof.dicom.negotiation import propose
from lightproof.dicom.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    PduType,
    ReleaseReply,
    ReleaseRequest,
)
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Proof

_IDENTIFIER_LIMIT: Final = 64 * 1024
_HEADER: Final = struct.Struct(">BxI")
_VALUE: Final = struct.Struct(">IBB")
_CONTROL_BYTES: Final = 2
"""Context and flags, which the length of a value counts."""
_IS_COMMAND: Final = 1
_LONGEST_PDU: Final = 131_072


class AssociationEnded(Exception):
    """The peer aborted the association (`aborted`) or closed the connection under it."""

    def __init__(self, *, aborted: bool) -> None:
        super().__init__()
        self.aborted = aborted


class WireAssociation:
    """One association on one stream. Raises AssociationEnded when the peer ends it, ProtocolViolation when it errs."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._association = Association.request()
        self._asked = b""
        self._bytes_in = 0
        self._bytes_before = 0
        self._events: list[Event] = []
        self._left = 0
        """Bytes of the P-DATA-TF that was begun, not yet read."""
        self._data_set_due = False
        """The last message announced a data set, which has not come to its end."""

    async def open(self, called_ae: str, abstract_syntaxes: Sequence[str]) -> AssociateAccept | AssociateReject:
        """Proposes the association, one context for each abstract syntax, and returns the answer."""
        contexts = propose(abstract_syntaxes)
        await self._say(AssociateRequest(called_ae=called_ae, calling_ae=CALLING_AE, contexts=contexts))
        answer = await self._hear()
        if isinstance(answer, AssociateAccept | AssociateReject):
            return answer
        raise ProtocolViolation("unexpected-pdu")

    def takes(self, abstract_syntax: str) -> bool:
        """Whether the peer accepted a context of this abstract syntax."""
        return self._association.context_for(abstract_syntax) is not None

    async def ask(
        self, abstract_syntax: str, command: Command, identifier: bytes | None = None, *, with_matches: bool = False
    ) -> AsyncGenerator[Message]:
        """Sends a request on the context of `abstract_syntax`, which the peer takes; yields responses to the last.

        Data sets come along `with_matches` only. Without, a response that announces one should be the last that is
        asked for: what follows it is dropped.
        """
        context = self._association.context_for(abstract_syntax)
        if context is None:
            raise ProtocolViolation("context-not-agreed")
        await self._say(Message(context.context_id, command, identifier))
        while True:
            message = await self._hear()
            if isinstance(message, DataSetFragment):
                continue
            if not isinstance(message, Message) or not message.command.is_response:
                raise ProtocolViolation("unexpected-message")
            if with_matches and message.command.has_data_set:
                message = replace(message, data_set=await self._data_set())
            yield message
            if message.command.category is not StatusCategory.PENDING:
                return

    async def _data_set(self) -> bytes:
        whole = b""
        while isinstance(fragment := await self._hear(), DataSetFragment):
            whole += fragment.data
            if len(whole) > _IDENTIFIER_LIMIT:
                raise ProtocolViolation("data-set-too-long")
            if fragment.is_last:
                return whole
        raise ProtocolViolation("unexpected-message")

    async def abort(self) -> None:
        """Says that we leave, to a peer that is still sending; nothing more is read."""
        with contextlib.suppress(AssociationEnded, ProtocolViolation):
            await self._say(Abort(0))

    async def release(self) -> None:
        """Takes leave in order."""
        await self._say(ReleaseRequest())
        while not isinstance(await self._hear(), ReleaseReply):
            pass

    def proof(self, request: str, response: str, status: int | None = None) -> Proof:
        """What was asked last and what kind of answer came."""
        return Proof(
            request=request,
            request_sha256=hashlib.sha256(self._asked).hexdigest(),
            response=response,
            status=None if status is None else f"0x{status:04X}",
            length=self._bytes_in - self._bytes_before,
        )

    async def _say(self, event: Event) -> None:
        self._asked = self._association.send(event)
        self._bytes_before = self._bytes_in
        try:
            await self._stream.send(self._asked)
        except OSError as error:
            raise AssociationEnded(aborted=False) from error

    async def _hear(self) -> Event:
        while not self._events:
            self._events.extend(self._association.receive(await self._next_bytes()))
        event = self._events.pop(0)
        if isinstance(event, Abort):
            raise AssociationEnded(aborted=True)
        if isinstance(event, Message):
            self._data_set_due = event.command.has_data_set
        elif isinstance(event, DataSetFragment):
            self._data_set_due = not event.is_last
        return event

    async def _next_bytes(self) -> bytes:
        """One PDU; of a P-DATA-TF one value, as a PDU of its own (PS3.8 section 9.3.5 lets any number be in one)."""
        while not self._left:
            header = await self._exactly(_HEADER.size)
            kind, length = _HEADER.unpack(header)
            if length > _LONGEST_PDU:
                raise ProtocolViolation("pdu-too-long")
            if kind != PduType.P_DATA_TF:
                return header + await self._exactly(length)
            self._left = length
        if self._left < _VALUE.size:
            raise ProtocolViolation("pdv-truncated")
        value = await self._exactly(_VALUE.size)
        length, _, flags = _VALUE.unpack(value)
        if not _CONTROL_BYTES <= length <= self._left - (_VALUE.size - _CONTROL_BYTES):
            raise ProtocolViolation("pdv-length")
        self._left -= _VALUE.size - _CONTROL_BYTES + length
        is_command = flags & _IS_COMMAND
        if not is_command and not self._data_set_due:
            raise ProtocolViolation("data-set-without-command")
        if is_command and length > DEFAULT_LIMITS.command_bytes:
            raise ProtocolViolation("command-too-long")
        value += await self._exactly(length - _CONTROL_BYTES)
        return _HEADER.pack(PduType.P_DATA_TF, len(value)) + value

    async def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                more = await self._stream.receive(count - len(data))
            except OSError as error:
                raise AssociationEnded(aborted=False) from error
            if not more:
                raise AssociationEnded(aborted=False)
            data += more
        self._bytes_in += count
        return data
