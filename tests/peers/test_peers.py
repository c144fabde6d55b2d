"""The peers run, hold what they are given, and are gone afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from peers.certificates import Certificates
from peers.dcmtk import DicomPeer, running_storescp
from peers.images import Study, paths_of
from peers.orthanc import Orthanc
from peers.processes import answers
from peers.pynetdicom_server import PynetdicomPeer


def test_a_dcmqrscp_holds_what_it_is_sent(dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...]) -> None:
    archive = dcmqrscp(ae_title="PACS")
    archive.load(paths_of(studies))
    assert len([path for path in archive.folder.iterdir() if path.name != "index.dat"]) == 6


def test_a_dcmqrscp_refuses_another_called_ae_title(
    dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...]
) -> None:
    archive = dcmqrscp(ae_title="PACS")
    stranger = DicomPeer(archive.port, "ANOTHER", archive.folder)
    with pytest.raises(AssertionError, match="Called AE Title Not Recognized"):
        stranger.load(paths_of(studies))


def test_a_storescp_takes_any_called_ae_title(storescp: Callable[..., DicomPeer], studies: tuple[Study, ...]) -> None:
    receiver = storescp()
    DicomPeer(receiver.port, "WHATEVER", receiver.folder).load(paths_of(studies))
    assert len(list(receiver.folder.iterdir())) == 6


def test_a_storescp_in_tls_runs(storescp: Callable[..., DicomPeer], certificates: Certificates) -> None:
    assert answers(storescp(tls=certificates, options=["-ic"]).port)


def test_an_orthanc_as_debian_installs_it_is_reachable_by_rest(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc(dicomweb=True)
    server.load(paths_of(studies))
    assert json.loads(server.rest("GET", "/statistics")[1])["CountInstances"] == 6
    assert server.rest("GET", "/dicom-web/studies?StudyInstanceUID=2.25.1&limit=1")[0] == 200


def test_an_orthanc_with_users_refuses_strangers(orthanc: Callable[..., Orthanc]) -> None:
    server = orthanc({"DicomCheckCalledAet": True}, users={"alice": "a-long-password"})
    assert server.rest("GET", "/system")[0] == 200
    stranger = Orthanc(server.dicom_port, server.http_port, server.ae_title, server.folder)
    assert stranger.rest("GET", "/system")[0] == 401


def test_a_pynetdicom_server_keeps_what_it_received(
    pynetdicom_scp: Callable[..., PynetdicomPeer], studies: tuple[Study, ...], tmp_path: Path
) -> None:
    server = pynetdicom_scp()
    DicomPeer(server.port, server.ae_title, tmp_path).load(paths_of(studies))
    assert len(server.received) == 6


def test_a_peer_is_gone_after_its_block(tmp_path: Path) -> None:
    with running_storescp(tmp_path) as receiver:
        assert answers(receiver.port)
    assert not answers(receiver.port)
