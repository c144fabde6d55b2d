"""smbd with a configuration of the test's own: everything it keeps lies in a folder of the test's own."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.processes import ADDRESS, program, running


@dataclass(frozen=True)
class Samba:
    """A file server that runs now; `root` is the folder that its shares are paths of."""

    port: int
    root: Path
    address: str = ADDRESS


GUEST_SHARE = {"path": "%(root)s", "guest ok": "yes"}


@contextmanager
def running_samba(
    folder: Path,
    shares: Mapping[str, Mapping[str, str]] | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    port: int | None = None,
) -> Iterator[Samba]:
    """Unless told otherwise `folder`/root (see `peers.folders`) is the share IMAGES, that guests may read.

    `shares`: options of smb.conf by share, `%(root)s` standing for that folder; `settings`: options of [global].
    `port`: where it listens, in a network that has nobody else's.
    """
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("smbd starts as root only")
    server = program("smbd")
    root, state = folder / "root", folder / "state"
    root.mkdir(parents=True, exist_ok=True)
    state.mkdir(exist_ok=True)
    places = ("private dir", "lock directory", "state directory", "cache directory", "pid directory")
    options = {
        "workgroup": "DEMO",
        "map to guest": "Bad User",
        "guest account": "nobody",
        "disable netbios": "yes",
        "interfaces": ADDRESS,
        "bind interfaces only": "yes",
        "load printers": "no",
        "printing": "bsd",
        "log file": str(folder / "smbd.log"),
        "ncalrpc dir": str(state / "ncalrpc"),
        "passdb backend": f"tdbsam:{state / 'passdb.tdb'}",
        **dict.fromkeys(places, str(state)),
        **(settings or {}),
    }
    sections = {"global": options, **(shares if shares is not None else {"IMAGES": GUEST_SHARE})}
    lines = [
        line
        for section, chosen in sections.items()
        for line in (f"[{section}]", *(f"{name} = {value}" for name, value in chosen.items()))
    ]
    configuration = folder / "smb.conf"
    configuration.write_text("\n".join(lines).replace("%(root)s", str(root)) + "\n")

    def command(ports: Sequence[int]) -> list[str]:
        return [server, "-F", "--debug-stdout", "-s", str(configuration), "-p", str(ports[0])]

    try:
        with running(command, folder / "start.log", at=() if port is None else (port,)) as (listening,):
            yield Samba(listening, root)
    finally:
        # Its RPC daemon runs on its own, and says only here under which id.
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((state / "samba-dcerpcd.pid").read_text()), signal.SIGTERM)
