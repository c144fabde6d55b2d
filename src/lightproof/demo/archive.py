"""A DICOM archive that answers everyone, as imaging software does whose server function was switched on and forgotten.

It takes any AE title, runs any query, gives any image, and offers to store (what comes is refused: the demo keeps
nothing). `guarded`, it knows its devices and turns everyone else away.
"""

import asyncio
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from lightproof.demo.images import data_set
from lightproof.demo.patients import Study, studies
from lightproof.dicom import uids
from lightproof.dicom.association import Association, Event
from lightproof.dicom.dataset import Element, encode_data_set, pick
from lightproof.dicom.dimse import (
    IDENTIFIER_DOES_NOT_MATCH,
    OUT_OF_RESOURCES,
    PENDING,
    SUCCESS,
    UNRECOGNISED_OPERATION,
    CommandField,
    store_request,
)
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import CALLING_AE_NOT_RECOGNISED, Service, answer
from lightproof.dicom.pdu import Abort, AssociateRequest, ReleaseReply, ReleaseRequest, UserInformation
from lightproof.errors import ProtocolViolation

VERSION_NAME: Final = "DEMO_ARCHIVE"
_IMPLEMENTATION: Final = "2.25.40186034926837"
_SYNTAXES: Final = (uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN)
_STORAGE: Final = (
    uids.SECONDARY_CAPTURE_STORAGE,
    uids.CR_IMAGE_STORAGE,
    uids.DX_IMAGE_STORAGE,
    uids.CT_IMAGE_STORAGE,
    uids.MR_IMAGE_STORAGE,
)
_FINDS: Final = (uids.STUDY_ROOT_FIND, uids.PATIENT_ROOT_FIND)
_GETS: Final = (uids.STUDY_ROOT_GET, uids.PATIENT_ROOT_GET)
SERVICES: Final[Mapping[str, Service]] = {
    uids.VERIFICATION: Service(_SYNTAXES),
    **{uid: Service(_SYNTAXES) for uid in (*_FINDS, *_GETS)},
    **{uid: Service(_SYNTAXES, requestor_may_be_scp=True) for uid in _STORAGE},
}

_LEVEL: Final = 0x00080052
_STUDY_DATE: Final = 0x00080020
_MODALITIES: Final = 0x00080061
_MODALITY: Final = 0x00080060
_PATIENT_NAME: Final = 0x00100010
_PATIENT_ID: Final = 0x00100020
_BIRTH_DATE: Final = 0x00100030
_STUDY_UID: Final = 0x0020000D
_SERIES_UID: Final = 0x0020000E
_SERIES_COUNT: Final = 0x00201206
_INSTANCE_COUNT: Final = 0x00201208
_KEYS: Final = frozenset({_LEVEL, _STUDY_DATE, _PATIENT_NAME, _PATIENT_ID, _STUDY_UID, _SERIES_UID})
_LARGEST_QUERY: Final = 64 * 1024
_IDLE_S: Final = 30.0
_ARTIM_S: Final = 5.0


async def serve(address: str, port: int, *, guarded: bool) -> asyncio.Server:
    """Starts the archive; port 0 takes a free one."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Conversation(reader, writer, guarded=guarded).run()
        except (ProtocolViolation, OSError, TimeoutError):
            pass  # the peer broke off or made no sense: the demo has nobody to tell
        finally:
            writer.transport.abort()

    return await asyncio.start_server(converse, address, port)


class _Conversation:
    """One association, to its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, guarded: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._guarded = guarded
        self._association = Association.accept(collect=_LARGEST_QUERY)

    async def run(self) -> None:
        while not self._association.closed:
            async with asyncio.timeout(_IDLE_S):
                data = await self._reader.read(65_536)
            if not data:
                return
            for event in self._association.receive(data):
                await self._take(event)
            await self._writer.drain()
        # The peer closes first (PS3.8 section 9.2, state 13): what was said last could be lost on its way otherwise.
        async with asyncio.timeout(_ARTIM_S):
            while await self._reader.read(65_536):
                pass

    async def _take(self, event: Event) -> None:
        match event:
            case AssociateRequest():
                self._say(self._answer(event))
            case Message():
                await self._serve(event)
            case ReleaseRequest():
                self._say(ReleaseReply())
            case _:
                pass

    def _answer(self, request: AssociateRequest) -> Event:
        if self._guarded:
            return CALLING_AE_NOT_RECOGNISED
        user = UserInformation(implementation_class_uid=_IMPLEMENTATION, implementation_version_name=VERSION_NAME)
        return answer(request, SERVICES, user=user)

    async def _serve(self, message: Message) -> None:
        command = message.command
        if command.is_response or command.command_field == CommandField.C_CANCEL:
            return
        status = SUCCESS
        if command.command_field == CommandField.C_FIND:
            status = await self._find(message)
        elif command.command_field == CommandField.C_GET:
            status = await self._get(message)
        elif command.command_field == CommandField.C_STORE:
            status = OUT_OF_RESOURCES
        elif command.command_field != CommandField.C_ECHO:
            status = UNRECOGNISED_OPERATION
        self._say(Message(message.context_id, command.answered(status)))

    async def _find(self, message: Message) -> int:
        query = _query(message, self._explicit(message))
        if query is None:
            return IDENTIFIER_DOES_NOT_MATCH
        explicit = self._explicit(message)
        for study in _matching(query):
            for found in _answers(study, query):
                pending = message.command.answered(PENDING, has_data_set=True)
                self._say(Message(message.context_id, pending, encode_data_set(found, explicit=explicit)))
            await self._writer.drain()
        return SUCCESS

    async def _get(self, message: Message) -> int:
        query = _query(message, self._explicit(message))
        context = self._association.context_for(uids.SECONDARY_CAPTURE_STORAGE)
        if query is None or (context is None and any(_matching(query))):
            return IDENTIFIER_DOES_NOT_MATCH
        wanted = query.get(_SERIES_UID)
        number = 0
        for study in _matching(query):
            for series in study.series():
                if context is None or (wanted and series.uid != wanted):
                    continue
                number += 1
                request = store_request(number, uids.SECONDARY_CAPTURE_STORAGE, series.instance_uid)
                explicit = context.transfer_syntax == uids.EXPLICIT_VR_LITTLE_ENDIAN
                self._say(Message(context.context_id, request, data_set(series, explicit=explicit)))
                await self._writer.drain()
        return SUCCESS

    def _explicit(self, message: Message) -> bool:
        return self._association.contexts[message.context_id].transfer_syntax == uids.EXPLICIT_VR_LITTLE_ENDIAN

    def _say(self, event: Event) -> None:
        if self._association.closed or isinstance(event, Abort):
            return
        self._writer.write(self._association.send(event))


def _query(message: Message, explicit: bool) -> dict[int, str] | None:
    """The keys we match on; None when there is no identifier or it cannot be read."""
    if message.data_set is None:
        return None
    try:
        found = pick(message.data_set, _KEYS, explicit=explicit)
    except ProtocolViolation:
        return None
    return {tag: bytes(value).rstrip(b"\0 ").decode("latin-1") for tag, value in found.items()}


def _matching(query: Mapping[int, str]) -> Iterator[Study]:
    for study in studies():
        name, day = query.get(_PATIENT_NAME) or "*", query.get(_STUDY_DATE) or ""
        first, _, last = day.partition("-")
        if (
            (query.get(_STUDY_UID) or study.uid) == study.uid
            and (query.get(_PATIENT_ID) or study.patient_id) in (study.patient_id, "*")
            and fnmatchcase(study.patient_name, name.upper())
            and (first or "0") <= study.study_date <= (last or "9" if "-" in day else first or "9")
        ):
            yield study


def _answers(study: Study, query: Mapping[int, str]) -> Iterator[tuple[Element, ...]]:
    level = query.get(_LEVEL, "STUDY")
    common = (
        Element(_LEVEL, "CS", level),
        Element(_STUDY_DATE, "DA", study.study_date),
        Element(_PATIENT_NAME, "PN", study.patient_name),
        Element(_PATIENT_ID, "LO", study.patient_id),
        Element(_BIRTH_DATE, "DA", study.birth_date),
        Element(_STUDY_UID, "UI", study.uid),
    )
    if level == "SERIES":
        for series in study.series():
            yield (*common, Element(_MODALITY, "CS", study.modality), Element(_SERIES_UID, "UI", series.uid))
        return
    yield (
        *common,
        Element(_MODALITIES, "CS", study.modality),
        Element(_SERIES_COUNT, "IS", str(study.series_count)),
        Element(_INSTANCE_COUNT, "IS", str(study.series_count)),
    )
