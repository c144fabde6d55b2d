"""Promise 1, on the wire: in every default mode not one byte of a patient's data reaches us."""

import json
import struct
from collections.abc import Callable
from typing import Final

import pytest
from pydicom import dcmread

from check.generous_services import PATIENTS, generous_archive, generous_web
from check.recording import Recording, bytes_read, patient_values, recording
from check.services import Behaviour, serving
from check.visiting import NOW, facts_of, signals_of, visit
from lightproof.check.consent import Consent
from lightproof.check.detectors import dicom
from lightproof.check.detectors.dicom import detect
from lightproof.check.wire import Wire
from lightproof.evidence.records import Target
from peers.dcmtk import DicomPeer
from peers.images import Study, paths_of
from peers.orthanc import Orthanc
from peers.pynetdicom_server import PynetdicomPeer


def assert_nothing_taken(record: Recording, studies: tuple[Study, ...]) -> None:
    heard = bytes(record.received)
    assert patient_values(heard) == []
    for study in studies:
        for canary in study.canaries:
            assert canary.encode() not in heard


@pytest.fixture
def open_orthanc(orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]) -> Orthanc:
    server = orthanc({"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}, dicomweb=True)
    server.load(paths_of(studies))
    return server


async def test_the_whole_ladder_is_one_small_association_without_patient_data(
    open_orthanc: Orthanc, studies: tuple[Study, ...]
) -> None:
    async with recording(open_orthanc.dicom_port) as record:
        wire = Wire(Target("127.0.0.1", record.port), detector="dicom", now=lambda: NOW)
        signals = [observation.signal async for observation in detect(wire)]
    assert {"dicom-echo-answered", "dicom-find-executed", "dicom-get-executed", "dicom-storage-offered"} <= {*signals}
    assert record.connections == 1
    assert len(record.sent) <= 1_100
    assert len(record.received) <= 800
    assert_nothing_taken(record, studies)


async def test_nothing_is_taken_from_an_open_archive(open_orthanc: Orthanc, studies: tuple[Study, ...]) -> None:
    for port in (open_orthanc.dicom_port, open_orthanc.http_port):
        async with recording(port) as record:
            await visit(Target("127.0.0.1", record.port))
        assert_nothing_taken(record, studies)


async def test_nothing_is_taken_from_a_dcmqrscp_that_is_named(
    dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...]
) -> None:
    server = dcmqrscp()
    server.load(paths_of(studies))
    async with recording(server.port) as record:
        seen = await visit(
            Target("127.0.0.1", record.port),
            detectors=(dicom.DETECTOR,),
            consent=Consent(called_aes=(server.ae_title,)),
        )
    assert facts_of(seen, "dicom").listable
    assert_nothing_taken(record, studies)


async def test_a_server_that_answers_without_filter_is_left_at_its_first_match(
    pynetdicom_scp: Callable[..., PynetdicomPeer], studies: tuple[Study, ...]
) -> None:
    held = [dcmread(path) for path in paths_of(studies)]
    server = pynetdicom_scp(held=held, filters=False)
    seen = await visit(Target("127.0.0.1", server.port), detectors=(dicom.DETECTOR,))
    assert facts_of(seen, "dicom").listable
    found = next(o for o in seen.observations if o.signal == "dicom-find-executed")
    assert found.details["answers_without_filter"]
    assert all(canary not in repr(seen) for study in studies for canary in study.canaries)


@pytest.mark.parametrize(
    ("server", "signal"),
    [
        (generous_archive, "dicom-find-executed"),
        (generous_web, "dicomweb-qido-executed"),
        (generous_web, "web-viewer-open"),
    ],
    ids=["DICOM", "DICOMweb", "a viewer"],
)
async def test_of_ten_thousand_patients_sent_unasked_not_one_is_read(server: Behaviour, signal: str) -> None:
    with bytes_read() as read:
        async with serving(server) as port, recording(port) as record:
            seen = await visit(Target("127.0.0.1", record.port))
    assert signal in signals_of(seen)
    assert patient_values(bytes(read)) == []
    assert not any(patient.patient_id.encode() in read for patient in PATIENTS)
    unread = len(record.received) - len(read)
    assert unread < MOST_LEFT_UNREAD * record.connections


MOST_LEFT_UNREAD: Final = 8 * 1024
"""Of one connection, between a server and us when we leave: in the buffers of the proxy and of both systems."""


def test_the_recorder_would_notice() -> None:
    name = b"DOE^JANE"
    implicit = struct.pack("<HHI", 0x0010, 0x0010, len(name)) + name
    explicit = struct.pack("<HH2sH", 0x0010, 0x2160, b"SH", len(name)) + name
    long_form = struct.pack("<HH2sHI", 0x0010, 0x4000, b"UT", 0, len(name)) + name
    for element in (implicit, explicit, long_form):
        assert patient_values(b"\0" * 5 + element) == [name]
        assert patient_values(b"\0" * 5 + element[:-3]) == [name[:-3]]
    key = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": name.decode()}]}}
    for spacing in ((",", ":"), (", ", ": ")):
        (found,) = patient_values(json.dumps([key], separators=spacing).encode())
        assert name in found
    assert patient_values(b'[{"00100010":{"vr":"PN"},"0020000D":{"vr":"UI","Value":["2.25.1"]}}]') == []
    assert patient_values(b'<DicomAttribute tag="00100020" vr="LO"><Value number="1">X</Value></DicomAttribute>')
