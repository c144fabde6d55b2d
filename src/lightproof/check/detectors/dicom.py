"""DICOM archives and listeners, in clear or inside TLS: what they let a stranger do, proved without taking anything.

One association carries the whole ladder: C-ECHO, a C-FIND and a C-GET for a study that cannot exist, and storage
contexts offered and never used. An accepted association proves nothing by itself, and a rejected one is no safety (AE
titles travel in clear and are printed in manuals), so only executed operations become facts.

Traps, all measured on real servers: a limit of one match still sends a patient's name; C-CANCEL is ignored or late;
some servers abort where others answer with a status; Orthanc answers a zero-match C-GET with 0xC000, dcmqrscp with 0.
"""

import asyncio
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal

from lightproof.check.detectors import Detector, Speech
from lightproof.check.fingerprints import dicom_product
from lightproof.check.identify import DICOM_PORTS
from lightproof.check.identity import CALLED_AE
from lightproof.check.protocols.association import AssociationEnded, WireAssociation
from lightproof.check.protocols.discretion import own_name, printable
from lightproof.check.protocols.tls_channel import call
from lightproof.check.wire import Budget, Stream, Wire
from lightproof.dicom import uids
from lightproof.dicom.dataset import Element, encode_data_set, pick
from lightproof.dicom.dimse import (
    NOT_AUTHORISED,
    RESPONSE,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    UNABLE_TO_PROCESS,
    UNRECOGNISED_OPERATION,
    Command,
    CommandField,
    StatusCategory,
    echo_request,
    find_request,
    get_request,
)
from lightproof.dicom.pdu import AssociateAccept, AssociateReject
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation

_STORAGE: Final = (uids.CR_IMAGE_STORAGE, uids.CT_IMAGE_STORAGE, uids.SECONDARY_CAPTURE_STORAGE)
_OTHER_STORAGE: Final = (uids.DX_IMAGE_STORAGE, uids.MR_IMAGE_STORAGE, uids.US_IMAGE_STORAGE, uids.XA_IMAGE_STORAGE)
_CHANGING: Final = {
    uids.STORAGE_COMMITMENT: "storage commitment",
    uids.MODALITY_PERFORMED_PROCEDURE_STEP: "performed procedure steps",
    uids.BASIC_GRAYSCALE_PRINT: "print",
}
"""Services in which a caller changes something: what they are for is told by a context that was taken, and by no more.
They are offered where a second association is made anyway: what has them and no archive beside (a printer, a scheduling
system) takes little of the first, and whoever may plant images in an archive needs none of them."""
_LADDER: Final = (
    uids.VERIFICATION,
    uids.STUDY_ROOT_FIND,
    uids.MODALITY_WORKLIST_FIND,
    uids.STUDY_ROOT_GET,
    *_STORAGE,
)
"""What nearly every archive takes, if it takes anything: one association says it all. What it does not take is offered
in other forms by a second."""

_LEVEL: Final = Element(0x00080052, "CS", "STUDY")
_PATIENT_ID: Final = 0x00100020
_STUDY_INSTANCE_UID: Final = 0x0020000D
_NUMBER_OF_SERIES: Final = 0x00201206
_NUMBER_OF_INSTANCES: Final = 0x00201208
_NOBODYS_STUDY: Final = encode_data_set((_LEVEL, Element(_STUDY_INSTANCE_UID, "UI", uids.NOBODYS_STUDY)))
_NOBODYS_DAY: Final = encode_data_set((Element(0x00400100, "SQ", ((Element(0x00400002, "DA", "18000101"),),)),))
_COUNTED: Final = (_PATIENT_ID, _STUDY_INSTANCE_UID, _NUMBER_OF_SERIES, _NUMBER_OF_INSTANCES)
_ALL_STUDIES: Final = encode_data_set(
    (
        _LEVEL,
        Element(_PATIENT_ID, "LO"),
        Element(_STUDY_INSTANCE_UID, "UI"),
        Element(_NUMBER_OF_SERIES, "IS"),
        Element(_NUMBER_OF_INSTANCES, "IS"),
    )
)

_DCMTK_ROOT: Final = "1.2.276.0.7230010.3."
"""Implementation UIDs of DCMTK: storescp, dcmqrscp, Orthanc. By default they store what comes on a storage context
that they accepted; but an Orthanc that is told not to store (DicomAlwaysAllowStore) accepts it all the same. Only
storing would prove that strangers may, so this is said and is no fact."""

_CONGESTION_PAUSE_S: Final = 1.0
_PAUSE_BETWEEN_GUESSES_S: Final = 1.0
_CALLING_NOT_RECOGNISED: Final = 3
_CALLED_NOT_RECOGNISED: Final = 7
_TRANSIENT: Final = 2


class _Outcome(Enum):
    """How the peer took a request that matches nothing."""

    EXECUTED = "executed"
    DISCLOSING = "disclosing"
    """It began to send matches all the same; none was read."""
    REFUSED = "refused"
    ABORTED = "aborted"
    UNCLEAR = "unclear"
    """A failure that is neither: out of resources, unable to process. It establishes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One rung: a request that matches nothing, and what its outcome proves."""

    request: str
    abstract_syntaxes: tuple[str, ...]
    """The first that the peer takes is asked."""
    command: Callable[[int, str], Command]
    identifier: bytes
    executed: str
    refused: str
    fact: Literal["listable", "downloadable"]
    otherwise: tuple[str, ...] = ()
    """Other forms of the same request, offered where the first was not taken."""
    besides: tuple[str, ...] = ()
    """Other ways to the same data, which are not asked. A peer that takes none of all these does not offer it."""
    not_offered: str = ""


_FIND: Final = _Step(
    request="C-FIND STUDY, zero-match",
    abstract_syntaxes=(uids.STUDY_ROOT_FIND,),
    otherwise=(uids.PATIENT_ROOT_FIND, uids.PATIENT_STUDY_ONLY_FIND),
    besides=(uids.UNIFIED_PROCEDURE_STEP_PULL, uids.MODALITY_WORKLIST_FIND),
    not_offered="dicom-find-not-offered",
    command=find_request,
    identifier=_NOBODYS_STUDY,
    executed="dicom-find-executed",
    refused="dicom-find-refused",
    fact="listable",
)
_WORKLIST: Final = _Step(
    request="C-FIND worklist, zero-match",
    abstract_syntaxes=(uids.MODALITY_WORKLIST_FIND,),
    command=find_request,
    identifier=_NOBODYS_DAY,
    executed="dicom-worklist-executed",
    refused="dicom-worklist-refused",
    fact="listable",
)
_GET: Final = _Step(
    request="C-GET STUDY, zero-match",
    abstract_syntaxes=(uids.STUDY_ROOT_GET,),
    otherwise=(uids.PATIENT_ROOT_GET, uids.PATIENT_STUDY_ONLY_GET),
    besides=(uids.COMPOSITE_INSTANCE_GET, uids.STUDY_ROOT_MOVE, uids.PATIENT_ROOT_MOVE),
    not_offered="dicom-get-not-offered",
    command=get_request,
    identifier=_NOBODYS_STUDY,
    executed="dicom-get-executed",
    refused="dicom-get-refused",
    fact="downloadable",
)


@dataclass(slots=True)
class _Climb:
    """How far one service was climbed."""

    steps: list[_Step] = field(default_factory=lambda: [_FIND, _GET, _WORKLIST])
    """Still to be asked."""
    begun: bool = False
    """An association was accepted; the echo is not asked again."""
    not_taken: list[_Step] = field(default_factory=list[_Step])
    """Steps whose first form the peer did not take."""
    takes_storage: bool = False
    ended: bool = False
    """It began to disclose: nothing more is asked, whatever it takes."""
    in_other_forms: bool = False
    """This is the second offer: what is not taken now is not offered at all."""
    proved: set[str] = field(default_factory=set[str])
    """Facts that some step proved."""
    unclear: set[str] = field(default_factory=set[str])
    """Facts of steps whose answer established nothing."""

    @property
    def left_unclear(self) -> bool:
        """Whether a step was neither proved, nor refused, nor found not to be offered: unclear, or never asked.

        Where no association was accepted, none was begun: that is what the peer refused.
        """
        return self.begun and bool((self.unclear | {step.fact for step in self.steps}) - self.proved)

    def offer_other_forms(self) -> tuple[str, ...]:
        """Turns to what was not taken; the abstract syntaxes to offer for it, none when there is nothing to ask."""
        self.in_other_forms = True
        self.steps = [replace(step, abstract_syntaxes=step.otherwise) for step in self.not_taken if step.otherwise]
        queries = (uid for step in self.steps for uid in (*step.otherwise, *step.besides))
        storage = () if self.takes_storage else _OTHER_STORAGE
        # Verification besides: some peers abort an association of which they take nothing.
        return (uids.VERIFICATION, *dict.fromkeys(queries), *storage, *_CHANGING) if self.steps or storage else ()


@dataclass(frozen=True, slots=True)
class _Session:
    """One accepted association and what its observations have in common."""

    wire: Wire
    stream: Stream
    association: WireAssociation
    implementation: str
    """Implementation class UID of the peer."""

    @property
    def service(self) -> str:
        return _service(self.wire)


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """The ladder of one DICOM service; what the peer refuses is a fact too.

    Where the peer demands a client certificate there is none: the detector of DICOM TLS says so.
    """
    met = False
    try:
        async for observation in _by_called_ae(wire):
            met = True
            yield observation
    except (ProtocolViolation, ssl.SSLError):
        if met or not (wire.tls and (await call(wire)).demands_certificate):
            raise


async def _by_called_ae(wire: Wire) -> AsyncGenerator[Observation]:
    for number, called_ae in enumerate((CALLED_AE, *wire.consent.called_aes)):
        if number > 1:
            await asyncio.sleep(_PAUSE_BETWEEN_GUESSES_S)
        last: Observation | None = None
        async for observation in _ladder(wire, called_ae):
            last = observation
            if number == 0 or observation.signal != "dicom-called-ae-checked":
                yield observation
        if last is None or last.signal != "dicom-called-ae-checked":
            return


async def _ladder(wire: Wire, called_ae: str) -> AsyncGenerator[Observation]:
    """One association for the whole ladder; where a request ends it, another for those that were still to come.

    A server that aborts on an echo or a query may still hand out images. Raises ProtocolViolation at the end when some
    step established nothing: that is never read as a refusal.
    """
    climb = _Climb()
    async for observation, _ in _associate(wire, called_ae, _LADDER, climb):
        yield observation
    while climb.begun and climb.steps:
        left = len(climb.steps)
        syntaxes = tuple(dict.fromkeys(uid for step in climb.steps for uid in step.abstract_syntaxes))
        async for observation, of_a_step in _associate(wire, called_ae, syntaxes, climb):
            if of_a_step:
                yield observation
        if len(climb.steps) == left:
            raise ProtocolViolation("query-unclear")
    if climb.begun and (syntaxes := climb.offer_other_forms()):
        async for observation, of_a_step in _associate(wire, called_ae, syntaxes, climb):
            if of_a_step:
                yield observation
    if climb.left_unclear:
        raise ProtocolViolation("query-unclear")


async def _associate(
    wire: Wire, called_ae: str, abstract_syntaxes: Sequence[str], climb: _Climb
) -> AsyncGenerator[tuple[Observation, bool]]:
    """Observations of one association, and whether each is of a step. Asks a congested peer once more.

    Raises ProtocolViolation where it is still congested then, and where the peer ends the first association before
    it has answered: an abort may come from a list of callers, from a dislike of what was offered, or from a fault, and
    refuses nothing.
    """
    for attempt in range(2):
        async with wire.connect(narrow=True) as stream:
            association = WireAssociation(stream)
            try:
                answer = await association.open(called_ae, abstract_syntaxes)
            except AssociationEnded as end:
                stream.abort()
                if end.aborted:
                    proof = association.proof("A-ASSOCIATE-RQ", "A-ABORT")
                    yield wire.observed(_service(wire), "dicom-aborted", protections=_tls(wire), proof=proof), False
                    if climb.begun:
                        return  # the steps that are left say so
                    raise ProtocolViolation("association-aborted") from end
                raise ProtocolViolation("closed-early") from end
            if isinstance(answer, AssociateAccept):
                session = _Session(wire, stream, association, answer.user.implementation_class_uid or "")
                yield _accepted(session, answer, abstract_syntaxes), False
                signal = "dicom-any-called-ae" if called_ae == CALLED_AE else "dicom-called-ae-guessed"
                yield wire.observed(session.service, signal), False
                async for told in _ask(session, climb):
                    yield told
                stream.abort()
                return
        if answer.result != _TRANSIENT or attempt:
            yield _rejected(wire, association, answer), False
            if answer.result == _TRANSIENT:
                raise ProtocolViolation("server-busy")
            return
        await asyncio.sleep(_CONGESTION_PAUSE_S)


def _rejected(wire: Wire, association: WireAssociation, reject: AssociateReject) -> Observation:
    by_user = reject.source == 1
    if by_user and reject.reason == _CALLED_NOT_RECOGNISED:
        signal, guard = "dicom-called-ae-checked", ("called-ae-checked",)
    elif by_user and reject.reason == _CALLING_NOT_RECOGNISED:
        signal, guard = "dicom-calling-ae-checked", ("calling-ae-checked",)
    else:
        signal, guard = "dicom-association-rejected", ()
    return wire.observed(
        _service(wire),
        signal,
        protections=_tls(wire) + guard,
        details={"result": reject.result, "source": reject.source, "reason": reject.reason},
        proof=association.proof("A-ASSOCIATE-RQ", "A-ASSOCIATE-RJ"),
    )


def _accepted(session: _Session, accept: AssociateAccept, abstract_syntaxes: Sequence[str]) -> Observation:
    uid, name = session.implementation, accept.user.implementation_version_name or ""
    product = dicom_product(uid, name)
    return session.wire.observed(
        session.service,
        "dicom-association-accepted",
        product=product[0] if product else None,
        version=product[1] if product else None,
        protections=_tls(session.wire),
        details={
            "implementation_class_uid": printable(uid),
            "implementation_version_name": own_name(name),
            "contexts_offered": len(abstract_syntaxes),
            "contexts_accepted": sum(session.association.takes(uid) for uid in abstract_syntaxes),
        },
        proof=session.association.proof("A-ASSOCIATE-RQ", "A-ASSOCIATE-AC"),
    )


async def _ask(session: _Session, climb: _Climb) -> AsyncGenerator[tuple[Observation, bool]]:
    """Echo, then the steps that are left: an abort ends the association, so what matters most is asked first."""
    wire, service, association = session.wire, session.service, session.association
    if not climb.begun:
        climb.begun = True
        if not wire.tls:
            yield wire.observed(service, "dicom-clear-text"), False
        for observation in _storage_offered(session, climb, _STORAGE):
            yield observation, False
        if association.takes(uids.VERIFICATION):
            outcome, status = await _outcome(session, uids.VERIFICATION, echo_request(1, uids.VERIFICATION), None)
            if outcome is _Outcome.EXECUTED:
                proof = association.proof("C-ECHO", "C-ECHO-RSP", status)
                facts = Facts(reachable=True, open=True)
                yield wire.observed(service, "dicom-echo-answered", facts=facts, proof=proof), False
            if outcome is _Outcome.ABORTED:
                return
    if climb.in_other_forms and not climb.takes_storage:
        for observation in _storage_offered(session, climb, _OTHER_STORAGE):
            yield observation, True
    if climb.in_other_forms and (services := [what for uid, what in _CHANGING.items() if association.takes(uid)]):
        yield wire.observed(service, "dicom-changes-offered", details={"services": ", ".join(services)}), True
    number = 1
    while climb.steps:
        step = climb.steps.pop(0)
        asked = next((uid for uid in step.abstract_syntaxes if association.takes(uid)), None)
        if asked is None:
            climb.not_taken.append(step)
            if climb.in_other_forms and not any(association.takes(uid) for uid in step.besides):
                facts = Facts(reachable=True, **{step.fact: False})
                proof = association.proof("A-ASSOCIATE-RQ", "A-ASSOCIATE-AC")
                yield wire.observed(service, step.not_offered, facts=facts, proof=proof), True
            continue
        if climb.ended:
            continue
        number += 1
        outcome, status = await _outcome(session, asked, step.command(number, asked), step.identifier)
        if outcome is _Outcome.UNCLEAR:
            climb.unclear.add(step.fact)
        elif outcome in (_Outcome.EXECUTED, _Outcome.DISCLOSING):
            climb.proved.add(step.fact)
            yield _stepped(session, step, outcome, status), True
        else:
            yield _stepped(session, step, outcome, status, of_all=step.fact not in climb.unclear), True
        if outcome is _Outcome.DISCLOSING:
            climb.ended = True
            climb.steps.clear()  # what ignores one filter may ignore the next, and send a patient's images
            await association.abort()
        if outcome in (_Outcome.ABORTED, _Outcome.DISCLOSING):
            return  # the caller drops the connection, with whatever the peer still sends unread
        if step is _FIND and outcome is _Outcome.EXECUTED and wire.consent.count:
            session.stream.widen()
            async for counted in _count(session, asked):
                yield counted, True
    with contextlib.suppress(AssociationEnded, ProtocolViolation):
        await association.release()


def _storage_offered(session: _Session, climb: _Climb, classes: Sequence[str]) -> Iterator[Observation]:
    """That the peer took a context on which images would be sent; none is."""
    if any(session.association.takes(uid) for uid in classes):
        climb.takes_storage = True
        yield session.wire.observed(
            session.service,
            "dicom-storage-offered",
            facts=Facts(reachable=True, open=True),
            details={"stored_by_default": session.implementation.startswith(_DCMTK_ROOT)},
        )


async def _outcome(
    session: _Session, abstract_syntax: str, command: Command, identifier: bytes | None
) -> tuple[_Outcome, int | None]:
    answer: Command | None = None
    try:
        async for message in session.association.ask(abstract_syntax, command, identifier):
            answer = message.command
            if answer.category is StatusCategory.PENDING and answer.has_data_set:
                return _Outcome.DISCLOSING, answer.status
    except AssociationEnded:
        return _Outcome.ABORTED, None
    status = answer.status if answer is not None else None
    if status == SUCCESS:
        return _Outcome.EXECUTED, status
    if answer is not None and status == UNABLE_TO_PROCESS and _found_nothing_to_send(session, answer):
        return _Outcome.EXECUTED, status
    return (_Outcome.REFUSED if status is not None and _refuses(status) else _Outcome.UNCLEAR), status


def _found_nothing_to_send(session: _Session, answer: Command) -> bool:
    """Whether this failure of a C-GET says that it was run: DCMTK's framework has no other word for zero matches.

    It then reports its sub-operations, and that there were none (PS3.4 section C.4.3.1.4); a failure for another
    reason reports none at all, or failed ones.
    """
    counts = (answer.completed, answer.failed, answer.warning)
    is_get = answer.command_field == CommandField.C_GET | RESPONSE
    return is_get and counts == (0, 0, 0) and session.implementation.startswith(_DCMTK_ROOT)


def _stepped(
    session: _Session, step: _Step, outcome: _Outcome, status: int | None, *, of_all: bool = True
) -> Observation:
    """`of_all` is not so where another request for the same was not answered clearly: no refusal refutes it then."""
    proved = outcome in (_Outcome.EXECUTED, _Outcome.DISCLOSING)
    verb = step.request.partition(" ")[0]
    return session.wire.observed(
        session.service,
        step.executed if proved else step.refused,
        facts=Facts(reachable=True, open=True if proved else None, **{step.fact: proved if of_all else None}),
        details={"answers_without_filter": True} if outcome is _Outcome.DISCLOSING else {},
        proof=session.association.proof(step.request, "A-ABORT" if status is None else f"{verb}-RSP", status),
    )


async def _count(session: _Session, abstract_syntax: str) -> AsyncGenerator[Observation]:
    """With consent: how many patients, studies, series and images.

    Identifiers become keyed hashes as they are parsed; patients are counted only where every study tells whose it is.
    """
    key = session.wire.consent.key
    studies: set[bytes] = set()
    patients: set[bytes] = set()
    nobodys = 0
    series = instances = 0
    try:
        request = find_request(9, abstract_syntax)
        async for message in session.association.ask(abstract_syntax, request, _ALL_STUDIES, with_matches=True):
            if message.data_set is None:
                continue
            found = pick(message.data_set, _COUNTED)
            uid = bytes(found.get(_STUDY_INSTANCE_UID, b"")).rstrip(b"\0 ")
            studies.add(hmac.digest(key, uid, hashlib.sha256))
            if patient := bytes(found.get(_PATIENT_ID, b"")).strip(b"\0 "):
                patients.add(hmac.digest(key, patient, hashlib.sha256))
            else:
                nobodys += 1
            series += _integer(found.get(_NUMBER_OF_SERIES))
            instances += _integer(found.get(_NUMBER_OF_INSTANCES))
    except AssociationEnded:
        if not studies:
            return
    counts = {"studies": len(studies)}
    if patients and not nobodys:
        counts["patients"] = len(patients)
    if series:
        counts["series"] = series
    if instances:
        counts["instances"] = instances
    yield session.wire.observed(session.service, "dicom-counted", counts=counts)


def _refuses(status: int) -> bool:
    """A failure that says no: not supported, not authorised, or an identifier this caller may not ask with."""
    return status in (SOP_CLASS_NOT_SUPPORTED, NOT_AUTHORISED, UNRECOGNISED_OPERATION) or status >> 8 == 0xA9


def _integer(value: memoryview | None) -> int:
    text = bytes(value or b"").strip(b"\0 ")[:12]
    return int(text) if text.isdigit() else 0


def _service(wire: Wire) -> str:
    return "dicom-tls" if wire.tls else "dicom"


def _tls(wire: Wire) -> tuple[str, ...]:
    return ("tls",) if wire.tls else ()


DETECTOR: Final = Detector(
    name="dicom",
    services=("dicom", "dicom-tls"),
    detect=detect,
    ports=DICOM_PORTS,
    speech=frozenset({Speech.DICOM, Speech.DICOM_TLS}),
    counting=Budget(total_s=120, bytes_in=64 * 1024 * 1024),  # 100,000 studies are about 20 MB
    guess_s=_PAUSE_BETWEEN_GUESSES_S,
)
