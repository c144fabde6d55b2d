"""Our acceptor against dcmtk's and pynetdicom's clients."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from lightproof.dicom.dimse import CommandField
from lightproof.dicom.negotiation import CALLED_AE_NOT_RECOGNISED
from lightproof.dicom.pdu import UserIdentity
from lightproof.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from peers.dcmtk import DicomPeer
from peers.images import PATIENTS, Study, an_instance, decoded, paths_of
from peers.lightproof_server import Archive, send, serving
from peers.processes import ADDRESS, program
from peers.pynetdicom_server import PynetdicomPeer


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(name), *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
    )


def held(studies: tuple[Study, ...]) -> tuple[Dataset, ...]:
    return tuple(dcmread(path) for path in paths_of(studies))


def test_echoscu_is_answered_and_released() -> None:
    with serving(Archive()) as archive:
        done = run("echoscu", "-v", "-aet", "CALLER", "-aec", "US", ADDRESS, archive.port)
    assert done.returncode == 0, done.stderr
    assert "Received Echo Response (Success)" in done.stderr + done.stdout
    [request] = archive.requests
    assert (request.calling_ae, request.called_ae) == ("CALLER", "US")
    assert request.user.implementation_version_name == "OFFIS_DCMTK_367"
    assert archive.ends == ["release"]


def test_echoscu_may_abort_and_propose_128_contexts() -> None:
    with serving(Archive()) as archive:
        done = run("echoscu", "--abort", "-pts", 35, "-ppc", 128, "--repeat", 3, ADDRESS, archive.port)
    assert done.returncode == 0, done.stderr
    assert len(archive.requests[0].contexts) == 128
    assert (archive.ends, len(archive.commands)) == (["abort"], 3)


def test_echoscu_is_told_of_a_rejection() -> None:
    with serving(Archive(refusal=CALLED_AE_NOT_RECOGNISED)) as archive:
        done = run("echoscu", ADDRESS, archive.port)
    assert done.returncode != 0
    assert "Called AE Title Not Recognized" in done.stderr + done.stdout


def test_storescu_sends_whole_images(studies: tuple[Study, ...]) -> None:
    with serving(Archive()) as archive:
        done = run("storescu", "-aec", "US", ADDRESS, archive.port, *paths_of(studies))
    assert done.returncode == 0, done.stderr
    sent = held(studies)
    assert len(archive.stored) == len(sent)
    for (syntax, raw), image in zip(archive.stored, sent, strict=True):
        assert decoded(raw, explicit=syntax == EXPLICIT_VR_LITTLE_ENDIAN) == image


@pytest.mark.parametrize("maximum_length", [4_096, 16_384, 131_072])
def test_storescu_keeps_to_our_maximum_length(tmp_path: Path, maximum_length: int) -> None:
    image = an_instance(side=700)
    image.save_as(tmp_path / "large.dcm", enforce_file_format=True)
    with serving(Archive(maximum_length=maximum_length)) as archive:
        done = run("storescu", ADDRESS, archive.port, tmp_path / "large.dcm")
    assert done.returncode == 0, done.stderr
    assert archive.violations == []
    assert decoded(archive.stored[0][1], explicit=True).PixelData == image.PixelData


def test_findscu_reads_our_identifiers(studies: tuple[Study, ...]) -> None:
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName")
    with serving(Archive(held=held(studies))) as archive:
        done = run("findscu", "-v", "-S", *keys, ADDRESS, archive.port)
    assert done.returncode == 0, done.stderr
    output = done.stdout + done.stderr
    assert all(study.study_uid in output and study.patient.name in output for study in studies)


def test_getscu_gets_the_study_it_asks_for(studies: tuple[Study, ...], tmp_path: Path) -> None:
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={studies[2].study_uid}")
    with serving(Archive(held=held(studies))) as archive:
        done = run("getscu", "-S", "-od", tmp_path, *keys, ADDRESS, archive.port)
    assert done.returncode == 0, done.stderr
    received = {dcmread(path).SOPInstanceUID for path in tmp_path.iterdir()}
    assert received == set(studies[2].instance_uids)
    assert archive.ends == ["release"]


def test_movescu_moves_a_study_to_storescp(studies: tuple[Study, ...], storescp: Callable[..., DicomPeer]) -> None:
    receiver = storescp()
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={studies[0].study_uid}")
    with serving(Archive(held=held(studies), destinations={"THERE": receiver.port})) as archive:
        done = run("movescu", "-v", "-S", "-aem", "THERE", *keys, ADDRESS, archive.port)
    assert done.returncode == 0, done.stderr
    assert {dcmread(path).SOPInstanceUID for path in receiver.folder.iterdir()} == set(studies[0].instance_uids)


def test_our_sub_operations_are_understood_by_pynetdicom(pynetdicom_scp: Callable[..., PynetdicomPeer]) -> None:
    server = pynetdicom_scp()
    images = [an_instance(patient) for patient in PATIENTS]
    send(server.port, "ANY", images, originator_ae="ORIGIN", originator_message_id=7)
    assert [data.SOPInstanceUID for data in server.received] == [image.SOPInstanceUID for image in images]


def test_pynetdicom_as_client_of_everything(studies: tuple[Study, ...]) -> None:
    got: list[Dataset] = []

    def store(event: evt.Event) -> int:
        got.append(event.dataset)
        return 0x0000

    ae = AE(ae_title="PYNETDICOM")
    for uid in (
        Verification,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        SecondaryCaptureImageStorage,
    ):
        ae.add_requested_context(uid)
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 2
    identity.primary_field = b"alice"
    identity.secondary_field = b"secret"
    roles = build_role(SecondaryCaptureImageStorage, scu_role=True, scp_role=True)
    with serving(Archive(held=held(studies))) as archive:
        association = ae.associate(
            ADDRESS, archive.port, ae_title="US", ext_neg=[identity, roles], evt_handlers=[(evt.EVT_C_STORE, store)]
        )
        assert association.is_established
        assert association.send_c_echo().Status == 0
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.StudyInstanceUID = studies[1].study_uid
        found = list(association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind))
        assert [status.Status for status, _ in found] == [0xFF00, 0xFF00, 0]
        assert found[0][1].PatientName == studies[1].patient.name
        list(association.send_c_get(query, StudyRootQueryRetrieveInformationModelGet))
        assert association.send_c_store(an_instance()).Status == 0
        association.release()
    assert {data.SOPInstanceUID for data in got} == set(studies[1].instance_uids)
    assert len(archive.stored) == 1
    assert archive.requests[0].user.identity == UserIdentity(2, b"alice", b"secret")
    fields = [command.command_field for command in archive.commands]
    assert fields == [CommandField.C_ECHO, CommandField.C_FIND, CommandField.C_GET, CommandField.C_STORE]


def test_a_client_that_speaks_http_is_refused() -> None:
    with serving(Archive()) as archive, socket.create_connection((ADDRESS, archive.port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == bytes.fromhex("07000000000400000200")
    assert archive.violations == ["unknown-pdu-type"]
