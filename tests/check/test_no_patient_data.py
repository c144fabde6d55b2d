"""Promise 1, on the wire: in every default mode not one byte of a patient's data reaches us."""

import struct
from collections.abc import Callable

import pytest
from pydicom import dcmread

from check.recording import Recording, recording
from check.visiting import NOW, facts_of, visit
from lightproof.check.consent import Consent
from lightproof.check.detectors import dicom
from lightproof.check.detectors.dicom import detect
from lightproof.check.wire import Wire
from lightproof.evidence.records import Target
from peers.dcmtk import DicomPeer
from peers.images import Study, paths_of
from peers.orthanc import Orthanc
from peers.pynetdicom_server import PynetdicomPeer

PATIENT_GROUP = struct.pack("<H", 0x0010)
"""Group of patient attributes; in implicit VR a value is tag (4 bytes), length (4 bytes), value."""


def patient_values(data: bytes) -> list[bytes]:
    """Non-empty values of (0010,xxxx) anywhere in `data`, read as implicit VR little endian at every offset."""
    values: list[bytes] = []
    at = data.find(PATIENT_GROUP)
    while at >= 0:
        if at + 8 <= len(data):
            number, length = struct.unpack_from("<HI", data, at + 2)
            if number in (0x0010, 0x0020, 0x0030, 0x0040, 0x1010) and 0 < length <= 64:
                values.append(data[at + 8 : at + 8 + length])
        at = data.find(PATIENT_GROUP, at + 1)
    return values


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


def test_the_recorder_would_notice() -> None:
    name = b"DOE^JANE"
    data = b"\0" * 5 + struct.pack("<HHI", 0x0010, 0x0010, len(name)) + name
    assert patient_values(data) == [name]
