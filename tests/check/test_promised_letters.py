"""What a fix is said to bring, against the same real server once its configuration is mended as the remedy says.

A remedy that asks for identity leaves the service where it was: strangers on the Internet still reach its door.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from check.looking import look
from check.observing import reported
from lightproof.check.detectors import ftp, smb, webdav
from lightproof.check.wire import Wire
from lightproof.evidence.records import ExposureReport, Observation
from peers.certificates import Certificates
from peers.starts import Ground, Start, samba, vsftpd, wsgidav

Detect = Callable[[Wire], AsyncIterator[Observation]]
USERS_ONLY = {"anonymous_enable": "NO", "local_enable": "YES"}
NO_GUESTS = {"map to guest": "Never", "restrict anonymous": "2"}


async def checked(detect: Detect, start: Start, ground: Ground) -> ExposureReport:
    ground.folder.mkdir()
    with start(ground) as port:
        return reported((await look(detect, port)).observations)


@pytest.mark.parametrize(
    ("detect", "rule", "before", "after"),
    [
        (ftp.detect, "ftp-anonymous", vsftpd(images=False), vsftpd(USERS_ONLY, images=False)),
        (ftp.detect, "ftp-images", vsftpd(), vsftpd(USERS_ONLY)),
        (webdav.detect, "webdav-open", wsgidav(), wsgidav(users={"alice": "a-password"})),
        (smb.detect, "smb-images", samba({"guest ok": "yes"}), samba({"guest ok": "no"}, NO_GUESTS)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_no_fix_promises_a_better_letter_than_it_brings(
    detect: Detect, rule: str, before: Start, after: Start, *, tmp_path: Path, certificates: Certificates
) -> None:
    exposed = await checked(detect, before, Ground(tmp_path / "before", certificates))
    promised = next(fix.letter_after for fix in exposed.fixes if fix.rule == rule)
    mended = await checked(detect, after, Ground(tmp_path / "after", certificates))
    assert mended.services
    assert mended.letter <= promised < exposed.letter
