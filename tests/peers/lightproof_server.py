"""Our association as acceptor behind a blocking socket: an archive in memory, small, for the clients of others."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from lightproof.dicom.association import Association, Event
from lightproof.dicom.dataset import STUDY_INSTANCE_UID, pick
from lightproof.dicom.dimse import (
    CANCELLED,
    PENDING,
    SUCCESS,
    UNRECOGNISED_OPERATION,
    Command,
    CommandField,
    store_request,
)
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import Service, answer, propose
from lightproof.dicom.pdu import Abort, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest, UserInformation
from lightproof.dicom.uids import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    SECONDARY_CAPTURE_STORAGE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from lightproof.errors import ProtocolViolation
from peers.images import encoded
from peers.processes import ADDRESS

_RETURNED = ("PatientName", "PatientID", "StudyInstanceUID", "NumberOfStudyRelatedSeries")
_SYNTAXES = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
SERVICES: Mapping[str, Service] = {
    VERIFICATION: Service(_SYNTAXES),
    STUDY_ROOT_FIND: Service(_SYNTAXES),
    PATIENT_ROOT_FIND: Service(_SYNTAXES),
    STUDY_ROOT_GET: Service(_SYNTAXES),
    PATIENT_ROOT_GET: Service(_SYNTAXES),
    STUDY_ROOT_MOVE: Service(_SYNTAXES),
    SECONDARY_CAPTURE_STORAGE: Service(_SYNTAXES, requestor_may_be_scp=True),
}


@dataclass
class Archive:
    """What our server holds, and what came."""

    held: tuple[Dataset, ...] = ()
    destinations: dict[str, int] = field(default_factory=dict)
    """Ports on loopback of the AE titles that C-MOVE may name."""
    refusal: AssociateReject | None = None
    maximum_length: int = 16_384
    port: int = 0
    requests: list[AssociateRequest] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    stored: list[tuple[str, bytes]] = field(default_factory=list)
    """Transfer syntax and data set of each C-STORE."""
    violations: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    """How each association ended."""


class _Connection:
    def __init__(self, archive: Archive, connection: socket.socket) -> None:
        self._archive = archive
        self._socket = connection
        self._association = Association.accept(collect=1 << 24)
        self._events: Iterator[Event] = iter(())

    def serve(self) -> None:
        while not self._association.closed:
            match self._hear():
                case AssociateRequest() as request:
                    self._archive.requests.append(request)
                    user = UserInformation(maximum_length=self._archive.maximum_length)
                    self._say(self._archive.refusal or answer(request, SERVICES, user=user))
                case Message() as message:
                    self._archive.commands.append(message.command)
                    self._perform(message)
                case ReleaseRequest():
                    self._say(ReleaseReply())
                    self._archive.ends.append("release")
                case Abort():
                    self._archive.ends.append("abort")
                case other:
                    raise AssertionError(other)

    def refuse(self, reason: str) -> None:
        self._archive.violations.append(reason)
        with suppress(OSError):
            self._say(Abort(2))

    def _hear(self) -> Event:
        while True:
            for event in self._events:
                return event
            self._events = self._association.receive(self._socket.recv(65_536))

    def _say(self, event: Event) -> None:
        self._socket.sendall(self._association.send(event))

    def _perform(self, message: Message) -> None:
        command, context_id = message.command, message.context_id
        match command.command_field:
            case CommandField.C_ECHO:
                self._say(Message(context_id, command.answered(SUCCESS)))
            case CommandField.C_STORE:
                syntax = self._association.contexts[context_id].transfer_syntax
                self._archive.stored.append((syntax, bytes(message.data_set or b"")))
                self._say(Message(context_id, command.answered(SUCCESS)))
            case CommandField.C_FIND:
                self._find(message)
            case CommandField.C_GET:
                self._get(message)
            case CommandField.C_MOVE:
                self._move(message)
            case CommandField.C_CANCEL:
                pass  # every query is answered before the cancel is read
            case _:
                self._say(Message(context_id, command.answered(UNRECOGNISED_OPERATION)))

    def _explicit(self, context_id: int) -> bool:
        return self._association.contexts[context_id].transfer_syntax == EXPLICIT_VR_LITTLE_ENDIAN

    def _matches(self, message: Message) -> list[Dataset]:
        found = pick(message.data_set or b"", {STUDY_INSTANCE_UID}, explicit=self._explicit(message.context_id))
        wanted = bytes(found.get(STUDY_INSTANCE_UID, b"")).rstrip(b"\0 ").decode()
        return [data for data in self._archive.held if not wanted or wanted == data.StudyInstanceUID]

    def _find(self, message: Message) -> None:
        command = message.command
        for data in self._matches(message):
            identifier = Dataset()
            identifier.QueryRetrieveLevel = "STUDY"
            for keyword in _RETURNED:
                if keyword in data:
                    setattr(identifier, keyword, data.get(keyword))
            raw = encoded(identifier, explicit=self._explicit(message.context_id))
            self._say(Message(message.context_id, command.answered(PENDING, has_data_set=True), raw))
        self._say(Message(message.context_id, command.answered(SUCCESS)))

    def _get(self, message: Message) -> None:
        command = message.command
        found = self._matches(message)
        storage = self._association.context_for(SECONDARY_CAPTURE_STORAGE)
        assert not found or (storage is not None and storage.requestor_is_scp)
        for number, data in enumerate(found, 1):
            assert storage is not None
            raw = encoded(data, explicit=self._explicit(storage.context_id))
            request = store_request(number, SECONDARY_CAPTURE_STORAGE, data.SOPInstanceUID)
            self._say(Message(storage.context_id, request, raw))
            answered = self._hear()
            if isinstance(answered, Message) and answered.command.command_field == CommandField.C_CANCEL:
                self._say(Message(message.context_id, command.answered(CANCELLED)))
                return
            assert isinstance(answered, Message)
            assert answered.command.status == SUCCESS
            pending = command.answered(PENDING, remaining=len(found) - number, completed=number, failed=0, warning=0)
            self._say(Message(message.context_id, pending))
        final = command.answered(SUCCESS, completed=len(found), failed=0, warning=0)
        self._say(Message(message.context_id, final))

    def _move(self, message: Message) -> None:
        command = message.command
        found = self._matches(message)
        destination = command.move_destination or ""
        request = self._association.proposal
        assert request is not None
        if found:
            port = self._archive.destinations[destination]
            send(port, destination, found, originator_ae=request.calling_ae, originator_message_id=command.message_id)
        final = command.answered(SUCCESS, completed=len(found), failed=0, warning=0)
        self._say(Message(message.context_id, final))


def send(
    port: int,
    called: str,
    images: Sequence[Dataset],
    *,
    originator_ae: str | None = None,
    originator_message_id: int | None = None,
) -> None:
    """Stores these images on a server of loopback, as a requestor of ours."""
    association = Association.request()
    with socket.create_connection((ADDRESS, port), timeout=10) as connection:

        def exchange(event: Event) -> Event:
            connection.sendall(association.send(event))
            while True:
                for answered in association.receive(connection.recv(65_536)):
                    return answered

        contexts = propose([SECONDARY_CAPTURE_STORAGE], _SYNTAXES)
        exchange(AssociateRequest(called_ae=called, calling_ae="LIGHTPROOF", contexts=contexts))
        agreed = association.context_for(SECONDARY_CAPTURE_STORAGE)
        assert agreed is not None
        for number, image in enumerate(images, 1):
            request = store_request(
                number,
                SECONDARY_CAPTURE_STORAGE,
                image.SOPInstanceUID,
                originator_ae=originator_ae,
                originator_message_id=originator_message_id,
            )
            raw = encoded(image, explicit=agreed.transfer_syntax == EXPLICIT_VR_LITTLE_ENDIAN)
            answered = exchange(Message(agreed.context_id, request, raw))
            assert isinstance(answered, Message)
            assert answered.command.status == SUCCESS
        exchange(ReleaseRequest())


@contextmanager
def serving(archive: Archive) -> Iterator[Archive]:
    """Our server on a free port of 127.0.0.1, until the block ends; a failure in its threads fails the block."""
    failures: list[BaseException] = []
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        served = _Connection(archive, connection)
        with connection:
            connection.settimeout(10)
            try:
                served.serve()
            except ProtocolViolation as violation:
                served.refuse(violation.reason)
            except ConnectionResetError:
                # A client that leaves with bytes unread resets the connection: its right, at any moment.
                archive.ends.append("reset")
            except Exception as failure:  # noqa: BLE001  (raised again below, in the test)
                failures.append(failure)

    with socket.create_server((ADDRESS, 0)) as listener:
        archive.port = listener.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=handle, args=(connection,), daemon=True))
                threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield archive
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)
            for thread in threads:
                thread.join(5)
    if failures:
        raise failures[0]
