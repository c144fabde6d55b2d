"""A DICOM association over a wire, as requestor: what `http` is for the web detectors.

`lightproof.dicom` speaks the protocol; this module moves its bytes under the wire's budget and remembers what was
asked, so that every observation can say what proves it.
"""

import hashlib
from collections.abc import AsyncGenerator, Sequence

from lightproof.check.identity import CALLING_AE
from lightproof.check.wire import Stream
from lightproof.dicom.association import Association, Event
from lightproof.dicom.dimse import Command, StatusCategory
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import propose
from lightproof.dicom.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Proof

_IDENTIFIER_LIMIT = 64 * 1024


class AssociationEnded(Exception):
    """The peer aborted the association (`aborted`) or closed the connection under it."""

    def __init__(self, *, aborted: bool) -> None:
        super().__init__()
        self.aborted = aborted


class WireAssociation:
    """One association on one stream. Raises AssociationEnded when the peer ends it, ProtocolViolation when it errs."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._association = Association.request(collect=_IDENTIFIER_LIMIT)
        self._asked = b""
        self._bytes_before = 0
        self._events: list[Event] = []

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
        self, abstract_syntax: str, command: Command, identifier: bytes | None = None
    ) -> AsyncGenerator[Message]:
        """Sends a request on the context of `abstract_syntax`, which the peer takes; yields responses to the last."""
        context = self._association.context_for(abstract_syntax)
        if context is None:
            raise ProtocolViolation("context-not-agreed")
        await self._say(Message(context.context_id, command, identifier))
        while True:
            message = await self._hear()
            if not isinstance(message, Message) or not message.command.is_response:
                raise ProtocolViolation("unexpected-message")
            yield message
            if message.command.category is not StatusCategory.PENDING:
                return

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
            length=self._association.bytes_in - self._bytes_before,
        )

    async def _say(self, event: Event) -> None:
        self._asked = self._association.send(event)
        self._bytes_before = self._association.bytes_in
        try:
            await self._stream.send(self._asked)
        except OSError as error:
            raise AssociationEnded(aborted=False) from error

    async def _hear(self) -> Event:
        while not self._events:
            try:
                data = await self._stream.receive()
            except OSError as error:
                raise AssociationEnded(aborted=False) from error
            if not data:
                raise AssociationEnded(aborted=False)
            self._events.extend(self._association.receive(data))
        event = self._events.pop(0)
        if isinstance(event, Abort):
            raise AssociationEnded(aborted=True)
        return event
