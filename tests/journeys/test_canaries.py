"""Ten thousand patients offered unasked, and not one in anything that a check leaves behind."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from check.services import serving
from lightproof.dicom.association import Association
from lightproof.dicom.dataset import Element, encode_data_set
from lightproof.dicom.dimse import PENDING, SUCCESS, CommandField
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import Service, answer
from lightproof.dicom.pdu import AssociateRequest, ReleaseReply, ReleaseRequest
from lightproof.dicom.uids import STUDY_ROOT_FIND, VERIFICATION
from peers.images import InventedPatient

PATIENTS = [InventedPatient(f"CANARY{n:05d}^ZEBULON", f"CANARY-ID-{n:05d}", "18870713") for n in range(10_000)]
STUDY = "2.25.73409100"


async def generous(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every query with every patient, names and all, whatever was asked."""
    association = Association.accept(collect=65_536)
    while data := await reader.read(65_536):
        for event in association.receive(data):
            match event:
                case AssociateRequest():
                    services = {VERIFICATION: Service(), STUDY_ROOT_FIND: Service()}
                    writer.write(association.send(answer(event, services)))
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


@pytest.mark.parametrize("options", [(), ("--count",)], ids=["by default", "counting"])
async def test_ten_thousand_patients_leave_no_trace(options: tuple[str, ...], tmp_path: Path) -> None:
    endings = (".html", ".pdf", ".json", ".ndjson", ".sarif", ".csv", ".dojo.json")
    reports = [argument for ending in endings for argument in ("--report", str(tmp_path / f"report{ending}"))]
    async with serving(generous) as port:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lightproof", "check", f"127.0.0.1:{port}", "--debug", *options, *reports),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LIGHTPROOF_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        )
        out, err = await process.communicate()
    assert process.returncode == 3, err.decode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= len(endings)
    everything = b"\n".join([out, err, *(path.read_bytes() for path in files), *(str(p).encode() for p in files)])
    for canary in (b"CANARY", b"ZEBULON", b"18870713", STUDY.encode()):
        assert canary not in everything
