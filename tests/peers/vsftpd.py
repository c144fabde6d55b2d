"""vsftpd with a configuration of the test's own, serving a folder of the test's own."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.certificates import Certificates
from peers.processes import ADDRESS, program, running


@dataclass(frozen=True)
class Vsftpd:
    """An FTP server that runs now; `root` is the folder that anonymous visitors see."""

    port: int
    root: Path
    address: str = ADDRESS


@contextmanager
def running_vsftpd(
    folder: Path, settings: Mapping[str, str] | None = None, *, certificates: Certificates | None = None
) -> Iterator[Vsftpd]:
    """Anonymous visitors may read `folder`/root (see `peers.folders`); `settings`: more options of vsftpd.conf."""
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("vsftpd starts as root only")
    server = program("vsftpd")
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    empty.chmod(0o755)
    options = {
        "listen": "YES",
        "listen_address": ADDRESS,
        "background": "NO",
        "anonymous_enable": "YES",
        "anon_root": str(root),
        "local_enable": "NO",
        "ftp_username": "daemon",
        "nopriv_user": "nobody",
        "secure_chroot_dir": str(empty),
        "pasv_address": ADDRESS,
        "seccomp_sandbox": "NO",
        "vsftpd_log_file": str(folder / "vsftpd-transfers.log"),
        "xferlog_enable": "NO",
    }
    if certificates is not None:
        pair = {"rsa_cert_file": certificates.server_certificate, "rsa_private_key_file": certificates.server_key}
        options |= {"ssl_enable": "YES", **{name: str(path) for name, path in pair.items()}}
    options |= settings or {}

    def command(ports: Sequence[int]) -> list[str]:
        configuration = folder / "vsftpd.conf"
        configuration.write_text("".join(f"{k}={v}\n" for k, v in {**options, "listen_port": ports[0]}.items()))
        return [server, str(configuration)]

    with running(command, folder / "vsftpd.log") as (port,):
        yield Vsftpd(port, root)
