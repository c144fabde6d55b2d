"""Was it accessed? Real servers' own logs, read for a breach that a real check found."""

import ftplib
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import SecondaryCaptureImageStorage, StudyRootQueryRetrieveInformationModelGet

from cli.running import Ran, lightproof
from peers.images import Study, paths_of
from peers.nginx import running_nginx
from peers.orthanc import running_orthanc
from peers.vsftpd import running_vsftpd

OPEN_TO_ALL = {
    "RemoteAccessAllowed": True, "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True,
    "DicomAlwaysAllowGet": True, "DicomCheckCalledAet": False,
}  # fmt: skip
STRANGER = "127.0.0.2"


def fetch_by_http(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=20, source_address=(STRANGER, 0))
    connection.request("GET", path)
    assert connection.getresponse().status == 200
    connection.close()


def fetch_by_ftp(port: int, path: str) -> None:
    with ftplib.FTP(timeout=20, source_address=(STRANGER, 0)) as client:
        client.connect("127.0.0.1", port)
        client.login()
        client.retrbinary(f"RETR {path}", lambda _octets: None)


def take_a_study(port: int, study: Study) -> None:
    """C-GET of a whole study, from another address than this machine's own."""
    entity = AE("STRANGER")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    entity.add_requested_context(SecondaryCaptureImageStorage)
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "STUDY"
    wanted.StudyInstanceUID = study.study_uid
    association = entity.associate(
        "127.0.0.1",
        port,
        bind_address=(STRANGER, 0),
        ext_neg=[build_role(SecondaryCaptureImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, lambda _event: 0x0000)],
    )
    assert association.is_established
    assert [status for status, _ in association.send_c_get(wanted, StudyRootQueryRetrieveInformationModelGet)]
    association.release()


def opened(port: int, home: Path) -> str:
    """The breach that a check of this port opens; the person says since when it was within reach."""
    since = datetime.now(UTC).isoformat()
    assert lightproof("check", f"127.0.0.1:{port}", home=home).code == 3
    told = lightproof("breach", "open", "--json", home=home)
    assert told.code == 0, told.err
    number: str = told.json["id"]
    stated = lightproof(
        "breach", "assess", number, "--set", f"started_at={since}", "--reason", "the box was opened then", home=home
    )
    assert stated.code == 0, stated.err
    return number


def assessed(number: str, log: object, home: Path) -> dict[str, Any]:
    ran: Ran = lightproof("breach", "assess", number, "--log", log, "--own", "127.0.0.1", "--json", home=home)
    assert ran.code == 0, ran.err
    told: dict[str, Any] = ran.json
    return told


def visitor_came(told: dict[str, Any]) -> str:
    first: str = told["access"][-1]["sources"][0]["first"]
    return first


def reasons(told: dict[str, Any]) -> set[str]:
    return {reason["name"] for reason in told["access"][-1]["reasons"]}


@pytest.mark.parametrize("taken", [True, False])
def test_orthancs_log_proves_that_a_stranger_took_images_or_that_none_did(
    taken: bool, studies: tuple[Study, ...], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with running_orthanc(tmp_path / "orthanc", OPEN_TO_ALL, verbose=True) as orthanc:
        number = opened(orthanc.dicom_port, home)
        if taken:
            orthanc.load(paths_of(studies[:1]))
            take_a_study(orthanc.dicom_port, studies[0])
    assert lightproof("check", f"127.0.0.1:{orthanc.dicom_port}", home=home).code in (0, 4)
    told = assessed(number, orthanc.log, home)
    assert told["facts"]["access"] == ("proved" if taken else "proved_none"), told["access"][-1]
    assert told["facts"]["confidentiality"] == ("established" if taken else "presumed")
    assert told["facts"]["evidence"]["access"]
    shown = lightproof("breach", "show", number, home=home).out.decode()
    assert STRANGER not in shown
    for canary in studies[0].canaries:
        assert canary not in str(told)


def test_orthancs_own_quiet_log_proves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_orthanc(tmp_path / "orthanc", OPEN_TO_ALL) as orthanc:
        number = opened(orthanc.dicom_port, home)
    lightproof("check", f"127.0.0.1:{orthanc.dicom_port}", home=home)
    told = assessed(number, orthanc.log, home)
    assert told["facts"].get("access", "unknown") == "unknown"
    assert reasons(told) == {"check-not-in-log"}


def test_nginxs_log_tells_a_download_earlier_than_anybody_stated(studies: tuple[Study, ...], tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "access.log"
    web = tmp_path / "nginx"
    (web / "root").mkdir(parents=True)
    image = web / "root" / "IM0001.dcm"
    image.write_bytes(paths_of(studies[:1])[0].read_bytes())
    with running_nginx(web, f"location / {{ autoindex on; access_log {log} combined; }}") as nginx:
        fetch_by_http(nginx.port, "/IM0001.dcm")
        number = opened(nginx.port, home)
        told = assessed(number, f"{log}@{nginx.port}", home)
    assert told["facts"]["access"] == "proved"
    assert told["facts"]["started_at"] == visitor_came(told)
    (visitor,) = told["access"][-1]["sources"]
    assert visitor["acts"] == {"fetched": 1}
    assert visitor["octets"] == image.stat().st_size
    assert len(visitor["source"]) == 16


def test_vsftpds_log_tells_a_download(studies: tuple[Study, ...], tmp_path: Path) -> None:
    home, ftp = tmp_path / "home", tmp_path / "ftp"
    (ftp / "root").mkdir(parents=True)
    image = ftp / "root" / "IM0001.dcm"
    image.write_bytes(paths_of(studies[:1])[0].read_bytes())
    with running_vsftpd(ftp, {"log_ftp_protocol": "NO", "xferlog_enable": "YES"}) as server:
        number = opened(server.port, home)
        fetch_by_ftp(server.port, "IM0001.dcm")
        told = assessed(number, ftp / "vsftpd-transfers.log", home)
    assert told["facts"]["access"] == "proved", told["access"][-1]
    assert told["access"][-1]["logs"][0]["kinds"] == ["vsftpd"]


def test_a_log_that_is_none_a_bad_range_and_a_bad_zone_are_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert lightproof("init", "--key-file", tmp_path / "key", home=home).code == 0
    told = lightproof("breach", "open", "--report", "a laptop was stolen", "--json", home=home)
    number = told.json["id"]
    log = tmp_path / "box.log"
    log.write_text("2026-11-23 10:00:00 link up\n")
    for arguments, error in (
        (("--log", tmp_path / "none.log"), "none.log"),
        (("--log", log, "--own", "the office"), "the office"),
        (("--log", log, "--own", "0.0.0.0/0"), "0.0.0.0/0"),
        (("--log", log, "--zone", "Paris/Europe"), "Paris/Europe"),
    ):
        refused = lightproof("breach", "assess", number, *arguments, home=home)
        assert refused.code == 2
        assert error in refused.err
    assert "access" not in [
        step["what"] for step in lightproof("breach", "show", number, "--json", home=home).json["steps"]
    ]
