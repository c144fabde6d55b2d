"""One association, either role, without a socket: bytes in, events out; events in, bytes out.

The caller owns the connection, the clock and the budget:

    association = Association.request()
    proposal = AssociateRequest(called_ae="ANY-SCP", calling_ae="LIGHTPROOF", contexts=propose([VERIFICATION]))
    stream.send(association.send(proposal))
    while not association.closed:
        for event in association.receive(stream.receive()):
            ...

Events are the values that the peer sent: the PDUs of `pdu` (P-DATA-TF apart), `Message` and `DataSetFragment`.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from lightproof.dicom.decoding import HEADER_LENGTH, decode_body, decode_header
from lightproof.dicom.dimse import encode_command
from lightproof.dicom.encoding import encode_fragments, encode_pdu
from lightproof.dicom.limits import DEFAULT_LIMITS, Limits
from lightproof.dicom.messages import DataSetFragment, Message, MessageReader
from lightproof.dicom.negotiation import AgreedContext, agreed
from lightproof.dicom.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    DataTransfer,
    Octets,
    Pdu,
    PduType,
    PresentationDataValue,
    ReleaseReply,
    ReleaseRequest,
)
from lightproof.dicom.states import Party, State, after
from lightproof.errors import ProtocolViolation

ControlPdu = AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseReply | Abort
Event = ControlPdu | Message | DataSetFragment

_SENT_AT_MOST: Final = 131_072
"""Longest P-DATA-TF we send, also to a peer that sets no limit."""

_KINDS: Final[dict[type[ControlPdu], PduType]] = {
    AssociateRequest: PduType.ASSOCIATE_RQ,
    AssociateAccept: PduType.ASSOCIATE_AC,
    AssociateReject: PduType.ASSOCIATE_RJ,
    ReleaseRequest: PduType.RELEASE_RQ,
    ReleaseReply: PduType.RELEASE_RP,
    Abort: PduType.ABORT,
}


class OutOfTurn(RuntimeError):
    """Our own side tried to send what the association does not allow now: a fault in the program, never in the peer."""


class ReceiveBuffer:
    """Cuts a stream into PDUs. A whole PDU is a view into what arrived; only one that comes in pieces is copied."""

    def __init__(self) -> None:
        self._arrived = b""
        self._offset = 0
        self._partial = bytearray()

    def feed(self, data: bytes) -> None:
        """Adds what arrived."""
        rest = self._arrived[self._offset :]
        self._arrived = rest + data if rest else data
        self._offset = 0

    def header(self) -> tuple[PduType, int] | None:
        """Type and declared length of the next PDU; None until its header is here."""
        if not self._partial:
            if len(self._arrived) - self._offset >= HEADER_LENGTH:
                return decode_header(self._arrived, self._offset)
            self._take(HEADER_LENGTH)
            return None
        if len(self._partial) < HEADER_LENGTH:
            self._take(HEADER_LENGTH - len(self._partial))
        return decode_header(self._partial) if len(self._partial) >= HEADER_LENGTH else None

    def body(self, length: int) -> memoryview | None:
        """The bytes after the header, and on to the next PDU; None until all `length` are here."""
        whole = HEADER_LENGTH + length
        if not self._partial:
            start = self._offset
            if len(self._arrived) - start >= whole:
                self._offset = start + whole
                return memoryview(self._arrived)[start + HEADER_LENGTH : start + whole]
        self._take(whole - len(self._partial))
        if len(self._partial) < whole:
            return None
        complete = memoryview(bytes(self._partial))[HEADER_LENGTH:]
        self._partial.clear()
        return complete

    def clear(self) -> None:
        """Forgets everything."""
        self._arrived = b""
        self._offset = 0
        self._partial.clear()

    def _take(self, at_most: int) -> None:
        stop = min(self._offset + at_most, len(self._arrived))
        self._partial += memoryview(self._arrived)[self._offset : stop]
        self._offset = stop


class Association:
    """The state of one association. Make one with `request` or `accept`."""

    def __init__(self, party: Party, *, limits: Limits = DEFAULT_LIMITS, collect: int = 0) -> None:
        self.party = party
        self.state = State.IDLE
        self.bytes_in = 0
        self.bytes_out = 0
        self.proposal: AssociateRequest | None = None
        """What was requested, by whichever side."""
        self.answer: AssociateAccept | AssociateReject | None = None
        """What was answered, by whichever side."""
        self._contexts: dict[int, AgreedContext] = {}
        self._limits = limits
        self._buffer = ReceiveBuffer()
        self._messages = MessageReader(limits, collect=collect)
        self._streaming: int | None = None
        """The context whose data set we have announced and not finished sending."""

    @classmethod
    def request(cls, *, limits: Limits = DEFAULT_LIMITS, collect: int = 0) -> "Association":
        """Our side opens: send an `AssociateRequest` first.

        `collect` > 0: data sets of up to that many bytes come whole, with their message; 0: as fragments.
        """
        return cls(Party.REQUESTOR, limits=limits, collect=collect)

    @classmethod
    def accept(cls, *, limits: Limits = DEFAULT_LIMITS, collect: int = 0) -> "Association":
        """The peer opens: answer its `AssociateRequest` with what `negotiation.answer` gives, or with a reject."""
        return cls(Party.ACCEPTOR, limits=limits, collect=collect)

    @property
    def contexts(self) -> Mapping[int, AgreedContext]:
        """Presentation contexts that may be used, by identifier."""
        return MappingProxyType(self._contexts)

    @property
    def established(self) -> bool:
        """Whether messages may be sent."""
        return self.state is State.ESTABLISHED

    @property
    def closed(self) -> bool:
        """Whether nothing more will be said: released, rejected, aborted or broken."""
        return self.state is State.CLOSED

    def context_for(self, abstract_syntax: str) -> AgreedContext | None:
        """The first agreed context of this abstract syntax."""
        return next((c for c in self._contexts.values() if c.abstract_syntax == abstract_syntax), None)

    def send(self, event: Event) -> bytes:
        """The bytes that say `event`. Raises OutOfTurn when it has no place now, ValueError when it does not fit."""
        return b"".join(self.pieces(event))

    def pieces(self, event: Event) -> Iterator[Octets]:
        """As `send`, in pieces to write in this order: large data sets are not copied. Exhaust it."""
        match event:
            case Message():
                pieces = self._message(event)
            case DataSetFragment():
                pieces = self._fragment(event)
            case _:
                pieces = iter((self._control(event),))
        for piece in pieces:
            self.bytes_out += len(piece)
            yield piece

    def receive(self, data: bytes) -> Iterator[Event]:
        """Takes what arrived (`b""`: the peer has closed) and gives the events it completes, one by one.

        Data is taken at once; iterate to parse it. Raises ProtocolViolation where the peer breaks the protocol, after
        the events that came before; the association is then closed, and only `send(Abort(2))` is still allowed.
        What a peer says after the end is dropped.
        """
        self.bytes_in += len(data)
        if not self.closed:
            self._buffer.feed(data)
        return self._events(at_end=not data)

    def _events(self, *, at_end: bool) -> Iterator[Event]:
        try:
            while not self.closed and (header := self._buffer.header()) is not None:
                kind, length = header
                following = self._judged(kind, length)
                body = self._buffer.body(length)
                if body is None:
                    break
                yield from self._received(decode_body(kind, body, self._limits), following)
            if at_end and not self.closed:
                raise ProtocolViolation("closed-early")
        except ProtocolViolation:
            self.state = State.CLOSED
            raise
        finally:
            if self.closed:
                self._buffer.clear()

    def _judged(self, kind: PduType, length: int) -> State:
        following = after(self.state, self.party.peer, kind)
        if following is None:
            raise ProtocolViolation("unexpected-pdu")
        if length > (self._announced if kind is PduType.P_DATA_TF else self._limits.control_bytes):
            raise ProtocolViolation("pdu-too-long")
        return following

    def _received(self, pdu: Pdu, following: State) -> Iterator[Event]:
        if isinstance(pdu, DataTransfer):
            for value in pdu.values:
                if value.context_id not in self._contexts:
                    raise ProtocolViolation("context-not-agreed")
                event = self._messages.take(value)
                if event is not None:
                    yield event
                if self.closed:  # by what the caller did with the event
                    return
            return
        self._note(pdu)
        self.state = following
        yield pdu

    def _note(self, pdu: ControlPdu) -> None:
        """Keeps what the rest of the association depends on, whoever said it."""
        if isinstance(pdu, AssociateRequest):
            self.proposal = pdu
        elif isinstance(pdu, AssociateAccept):
            self.answer = pdu
            assert self.proposal is not None
            peer = pdu if self.party is Party.REQUESTOR else self.proposal
            if 0 < (peer.user.maximum_length or 0) < self._limits.smallest_maximum_length:
                raise ProtocolViolation("maximum-length")
            self._contexts = agreed(self.proposal, pdu)
        elif isinstance(pdu, AssociateReject):
            self.answer = pdu

    @property
    def _announced(self) -> int:
        """Longest P-DATA-TF we said we take; a peer that was told of no limit is held to that of control PDUs."""
        ours = self.proposal if self.party is Party.REQUESTOR else self.answer
        told = 0 if ours is None or isinstance(ours, AssociateReject) else ours.user.maximum_length
        return told or self._limits.control_bytes

    @property
    def _peer_takes(self) -> int:
        theirs = self.answer if self.party is Party.REQUESTOR else self.proposal
        told = 0 if theirs is None or isinstance(theirs, AssociateReject) else theirs.user.maximum_length
        return min(told or _SENT_AT_MOST, _SENT_AT_MOST)

    def _control(self, pdu: ControlPdu) -> bytes:
        following = self._allowed(_KINDS[type(pdu)])
        encoded = encode_pdu(pdu)
        self._note(pdu)
        self.state = following
        return encoded

    def _allowed(self, kind: PduType) -> State:
        following = after(self.state, self.party, kind)
        if following is None:
            raise OutOfTurn(f"{kind.name} in state {self.state.value}")
        return following

    def _message(self, message: Message) -> Iterator[Octets]:
        self._usable(message.context_id)
        if self._streaming is not None:
            raise OutOfTurn("the data set of the message before is not finished")
        if message.data_set is not None and not message.command.has_data_set:
            raise OutOfTurn("the command announces no data set")
        command = encode_command(message.command)
        data = message.data_set
        if data is not None and len(command) + len(data) + 12 <= self._peer_takes:
            # One PDU for both: a short query then fits one packet, and no peer waits for a delayed acknowledgement.
            values = (
                PresentationDataValue(message.context_id, True, True, command),
                PresentationDataValue(message.context_id, False, True, data),
            )
            yield encode_pdu(DataTransfer(values))
            return
        yield from encode_fragments(message.context_id, command, is_command=True, maximum_length=self._peer_takes)
        if data is not None:
            yield from encode_fragments(message.context_id, data, is_command=False, maximum_length=self._peer_takes)
        elif message.command.has_data_set:
            self._streaming = message.context_id

    def _fragment(self, fragment: DataSetFragment) -> Iterator[Octets]:
        self._usable(fragment.context_id)
        if self._streaming != fragment.context_id:
            raise OutOfTurn("no data set was announced on this context")
        if fragment.is_last:
            self._streaming = None
        yield from encode_fragments(
            fragment.context_id,
            fragment.data,
            is_command=False,
            is_last=fragment.is_last,
            maximum_length=self._peer_takes,
        )

    def _usable(self, context_id: int) -> None:
        self._allowed(PduType.P_DATA_TF)
        if context_id not in self._contexts:
            raise OutOfTurn("this presentation context was not agreed")
