"""The table of truth is true: clients that are not ours do to each server what its row says a stranger can do."""

import asyncio

import pytest

from check.truth import Row
from check.truth_table import ROWS
from lightproof.evidence.records import Facts
from peers import strangers
from peers.certificates import Certificates
from peers.starts import Ground

SERVED = [row for row in ROWS if row.truth is not None]


def done_to(row: Row, port: int, ground: Ground) -> Facts:
    tls = "tls" in row.protections
    web = strangers.Web(port, tls=tls, name=row.asked_as)
    match row.service:
        case "dicom" | "dicom-tls":
            held = list(ground.folder.rglob("*.dcm"))
            return strangers.dicom(port, tls=tls, called=row.called, calling=row.calling, held=held)
        case "ftp":
            return strangers.ftp(port, tls=tls)
        case "smb":
            return strangers.smb(port, ground.folder)
        case "orthanc":
            return strangers.orthanc(web)
        case "dicomweb":
            return strangers.dicomweb(web)
        case "http-listing":
            return strangers.listing(web)
        case "webdav" if row.name.startswith("Orthanc"):
            return strangers.webdav(web, top="/webdav/by-patients/", inbox="/webdav/uploads/")
        case "webdav":
            return strangers.webdav(web)
        case "s3":
            return strangers.s3(web)
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("row", SERVED, ids=[row.name for row in SERVED])
async def test_a_stranger_without_restraint_can_do_just_that_to(
    row: Row, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ground = Ground(tmp_path_factory.mktemp("row"), certificates)
    with row.start(ground) as port:
        assert await asyncio.to_thread(done_to, row, port, ground) == row.truth
