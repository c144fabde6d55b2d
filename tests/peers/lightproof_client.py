"""Our association as requestor on a blocking socket: the smallest shell that lets a test talk to a real server."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from lightproof.dicom.association import Association, Event
from lightproof.dicom.dataset import QUERY_RETRIEVE_LEVEL, STUDY_INSTANCE_UID, Element, encode_data_set
from lightproof.dicom.dimse import Command, StatusCategory
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import propose
from lightproof.dicom.pdu import AssociateRequest, ReleaseRequest, RoleSelection, UserInformation
from lightproof.dicom.uids import NOBODYS_STUDY
from peers.processes import ADDRESS

ZERO_MATCH = encode_data_set(
    (Element(QUERY_RETRIEVE_LEVEL, "CS", "STUDY"), Element(STUDY_INSTANCE_UID, "UI", NOBODYS_STUDY))
)


class Client:
    """One connection and its association."""

    def __init__(self, port: int, *, address: str = ADDRESS, collect: int = 1 << 20) -> None:
        self.association = Association.request(collect=collect)
        self._socket = socket.create_connection((address, port), timeout=10)
        self._events: Iterator[Event] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def say(self, event: Event) -> None:
        """Sends it."""
        self._socket.sendall(self.association.send(event))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def hear(self) -> Event:
        """The next event."""
        while True:
            for event in self._events:
                return event
            self._events = self.association.receive(self._socket.recv(65_536))

    def ask(self, event: Event) -> Event:
        """Sends it and hears one event."""
        self.say(event)
        return self.hear()

    def associate(
        self,
        called: str,
        abstract_syntaxes: Sequence[str],
        *,
        transfer_syntaxes: Sequence[str] | None = None,
        calling: str = "LIGHTPROOF",
        roles: Sequence[RoleSelection] = (),
        maximum_length: int = 16_384,
    ) -> Event:
        """Requests an association and hears the answer."""
        contexts = propose(abstract_syntaxes, *([transfer_syntaxes] if transfer_syntaxes else []))
        user = UserInformation(maximum_length=maximum_length, roles=tuple(roles))
        return self.ask(AssociateRequest(called_ae=called, calling_ae=calling, contexts=contexts, user=user))

    def context(self, abstract_syntax: str) -> int:
        """Identifier of the agreed context of this abstract syntax."""
        agreed = self.association.context_for(abstract_syntax)
        assert agreed is not None, abstract_syntax
        return agreed.context_id

    def run(self, context_id: int, command: Command, data_set: bytes | None = None) -> list[Message]:
        """Sends a request and hears its responses to the final one."""
        self.say(Message(context_id, command, data_set))
        responses: list[Message] = []
        while True:
            event = self.hear()
            assert isinstance(event, Message), event
            responses.append(event)
            if event.command.is_response and event.command.category is not StatusCategory.PENDING:
                return responses

    def release(self) -> Event:
        """Ends the association in order."""
        return self.ask(ReleaseRequest())


@contextmanager
def calling(port: int, *, collect: int = 1 << 20) -> Iterator[Client]:
    """A client connected to that port of 127.0.0.1."""
    with Client(port, collect=collect) as client:
        yield client
