"""Servers that answer every question with every patient they know, names and all, whatever was asked."""

import asyncio
import json
from dataclasses import replace
from typing import Final

from lightproof.dicom.association import Association
from lightproof.dicom.dataset import Element, encode_data_set
from lightproof.dicom.dimse import PENDING, SUCCESS, CommandField
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import Service, answer
from lightproof.dicom.pdu import AssociateRequest, ReleaseReply, ReleaseRequest
from lightproof.dicom.uids import STUDY_ROOT_FIND, VERIFICATION
from peers.images import InventedPatient

NAME: Final = "CANARY^ZEBULON"
STUDY: Final = "2.25.73409100"
PATIENTS: Final = tuple(
    InventedPatient(f"CANARY{n:05d}^ZEBULON", f"CANARY-ID-{n:05d}", "18870713") for n in range(10_000)
)


async def generous_archive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every query with every patient, names and all, whatever was asked; calls itself by one of them."""
    association = Association.accept(collect=65_536)
    while data := await reader.read(65_536):
        for event in association.receive(data):
            match event:
                case AssociateRequest():
                    services = {VERIFICATION: Service(), STUDY_ROOT_FIND: Service()}
                    accepted = answer(event, services)
                    named = replace(accepted.user, implementation_version_name=NAME)
                    writer.write(association.send(replace(accepted, user=named)))
                case Message(command=command, context_id=context):
                    if command.command_field == CommandField.C_FIND:
                        for number, patient in enumerate(PATIENTS):
                            identifier = encode_data_set(
                                (
                                    Element(0x00100010, "PN", patient.name),
                                    Element(0x00100020, "LO", patient.patient_id),
                                    Element(0x00100030, "DA", patient.birth_date),
                                    Element(0x0020000D, "UI", f"{STUDY}{number}"),
                                )
                            )
                            pending = command.answered(PENDING, has_data_set=True)
                            writer.write(association.send(Message(context, pending, identifier)))
                            await writer.drain()
                    writer.write(association.send(Message(context, command.answered(SUCCESS))))
                case ReleaseRequest():
                    writer.write(association.send(ReleaseReply()))
                case _:
                    pass
        await writer.drain()


MATCHES: Final = json.dumps(
    [
        {
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": patient.name}]},
            "00100020": {"vr": "LO", "Value": [patient.patient_id]},
            "00100030": {"vr": "DA", "Value": [patient.birth_date]},
            "0020000D": {"vr": "UI", "Value": [f"{STUDY}{number}"]},
        }
        for number, patient in enumerate(PATIENTS)
    ]
)
"""What QIDO-RS says when it ignores the question."""

_VIEWER: Final = "window.config = { qidoRoot: '/dicom-web', wadoRoot: '/dicom-web', wadoUriRoot: '/dicom-web/studies' }"


async def generous_web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """DICOMweb that has one answer to every request below its root: the metadata of all; and a viewer that names it."""
    while request := await reader.readuntil(b"\r\n\r\n"):
        path = request.split(b" ")[1].decode()
        status, content_type, body = "404 Not Found", "text/plain", ""
        if path.startswith("/dicom-web/studies"):
            status, content_type, body = "200 OK", "application/dicom+json", MATCHES
        elif path == "/app-config.js":
            status, content_type, body = "200 OK", "text/javascript", _VIEWER
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
