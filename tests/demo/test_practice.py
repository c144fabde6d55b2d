"""The exposed practice, asked by the programs of others; and that nothing of it is left."""

import ftplib
import json
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from lightproof.demo.images import SIDE, file, pixels
from lightproof.demo.patients import SERIES, STUDIES, Series, Study, studies
from lightproof.demo.practice import Practice, running
from lightproof.errors import LightproofError
from peers.processes import program


@pytest.fixture(scope="module")
def practice() -> Iterator[Practice]:
    with running() as found:
        yield found


def test_it_is_the_size_of_the_case_it_retells() -> None:
    assert sum(study.series_count for study in studies()) == SERIES == 5_300
    assert len({study.uid for study in studies()}) == STUDIES


def test_every_patient_is_marked_as_invented() -> None:
    assert all("-DEMO^" in study.patient_name and study.patient_id.startswith("DEMO-") for study in studies())


def test_its_images_are_dicom_and_have_demo_burnt_in() -> None:
    image = pydicom.dcmread(BytesIO(file(Series(Study(7), 0))))
    assert (image.Rows, image.Columns, image.PatientName) == (SIDE, SIDE, Study(7).patient_name)
    grey = pixels(7)
    letters = grey[-(8 + 7 * 4) * SIDE : -8 * SIDE]
    plain = 4 * 4 * sum(row.count("#") for row in ("####.", "#...#", "#...#", "#...#", "#...#", "#...#", "####."))
    assert letters.count(255) > plain


def test_dcmtk_is_let_in_under_any_name(practice: Practice) -> None:
    done = subprocess.run(
        [program("echoscu"), "-v", "-aec", "WHOEVER", "127.0.0.1", str(practice.archive.port)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def found_by(practice: Practice, query: Dataset) -> list[Dataset]:
    ae = AE()
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = ae.associate("127.0.0.1", practice.archive.port)
    assert association.is_established
    answers = [d for s, d in association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind) if d]
    association.release()
    return answers


def test_anyone_may_query_for_a_study(practice: Practice) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = Study(42).uid
    (answer,) = found_by(practice, query)
    assert answer.PatientName == Study(42).patient_name
    query.StudyInstanceUID = "2.25.1"
    assert found_by(practice, query) == []


def test_anyone_may_query_by_name_and_for_series(practice: Practice) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = "ACACIA*"
    assert len(found_by(practice, query)) == STUDIES // 8
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.StudyInstanceUID = Study(3).uid
    assert len(found_by(practice, query)) == Study(3).series_count


def test_anyone_may_take_the_images_of_a_study(practice: Practice) -> None:
    received: list[Dataset] = []

    def store(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0

    ae = AE()
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(SecondaryCaptureImageStorage)
    role = build_role(SecondaryCaptureImageStorage, scp_role=True)
    association = ae.associate(
        "127.0.0.1", practice.archive.port, ext_neg=[role], evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = Study(5).uid
    statuses = [s.Status for s, _ in association.send_c_get(query, StudyRootQueryRetrieveInformationModelGet)]
    association.release()
    assert statuses[-1] == 0
    assert len(received) == Study(5).series_count
    assert received[0].PixelData == pixels(5)


def get(practice: Practice, path: str, **headers: str) -> tuple[int, bytes, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{practice.web.port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, answer.read(), answer.headers["Server"]


def test_its_web_server_answers_queries_and_lists_files(practice: Practice) -> None:
    status, body, server = get(practice, f"/dicom-web/studies?StudyInstanceUID={Study(1).uid}")
    assert (status, len(json.loads(body))) == (200, 1)
    assert "DEMO" in server
    assert json.loads(get(practice, "/dicom-web/studies?StudyInstanceUID=2.25.1")[1]) == []
    listing = get(practice, "/images/")[1]
    assert b"Index of" in listing
    assert get(practice, "/images/IM0000.dcm", Range="bytes=128-131")[:2] == (206, b"DICM")


def test_its_files_are_there_for_the_anonymous(practice: Practice) -> None:
    assert practice.files is not None
    ftp = ftplib.FTP()
    assert "DEMO" in ftp.connect("127.0.0.1", practice.files.port, timeout=10)
    ftp.login()
    assert any(name.endswith(".dcm") for name, _ in ftp.mlsd("/DEMO-images"))
    ftp.quit()


def test_it_listens_nowhere_but_on_loopback() -> None:
    with pytest.raises(LightproofError) as refusal, running(address="192.0.2.1"):
        pass
    assert refusal.value.error_id == "demo-loopback-only"


def test_closed_doors_turn_strangers_away() -> None:
    with running(fixed=True) as practice:
        ae = AE()
        ae.add_requested_context(Verification)
        assert ae.associate("127.0.0.1", practice.archive.port).is_rejected
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(practice, "/images/")


def test_nothing_is_left_when_its_block_ends() -> None:
    threads = threading.active_count()
    with pytest.raises(RuntimeError), running() as practice:
        raise RuntimeError
    assert threading.active_count() == threads
    for target in practice.services:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((target.address, target.port), timeout=2)


@pytest.mark.parametrize("stop", ["INT", "TERM"])
def test_a_demo_that_is_stopped_leaves_nothing(stop: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lightproof", "demo", "--out", str(tmp_path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={"TMPDIR": str(tmp_path), "LIGHTPROOF_HOME": str(tmp_path / "home"), "PATH": "/usr/bin"},
    )
    assert process.stderr is not None
    process.stderr.readline()
    threading.Event().wait(1.0)
    process.send_signal(getattr(__import__("signal"), f"SIG{stop}"))
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
