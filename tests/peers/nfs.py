"""rpcbind and rpc.mountd in a network and a file system of their own: they insist on port 111 and on /run."""

import os
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from peers.networks import inside
from peers.processes import ADDRESS, program

T = TypeVar("T")

# What the services print goes elsewhere: mountd writes its lines in pieces, and "ready" came to stand between two.
_SCRIPT = """
set -e
exec 3>&1 >"$3" 2>&1
ip link set lo up
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/nfs
mkdir /var/lib/nfs/v4recovery
touch /var/lib/nfs/rmtab
cp "$1" /var/lib/nfs/etab
rpcbind -f &
wanted=portmapper
if [ -s "$1" ] || [ "$2" = mountd ]; then
    until rpcinfo -p 127.0.0.1 >/dev/null 2>&1; do sleep 0.05; done
    rpc.mountd -F -p 20048 &
    wanted=mountd
fi
until rpcinfo -p 127.0.0.1 2>/dev/null | grep -q "$wanted"; do sleep 0.05; done
echo ready >&3
wait
"""


@dataclass(frozen=True)
class NfsServer:
    """An NFS server's RPC services that run now, on port 111 of a network that only `inside` reaches."""

    process: int
    address: str = ADDRESS

    def inside(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `act` returns, run in that network."""
        return inside(self.process, act)


@contextmanager
def running_nfs(
    folder: Path, exports: Mapping[str, Sequence[str]] | None = None, services: str = "mountd"
) -> Iterator[NfsServer]:
    """`exports`: to whom each directory is given. `services`: "mountd", or "rpcbind" for that one alone."""
    for name in ("rpcbind", "rpc.mountd", "rpcinfo", "unshare", "ip"):
        program(name)
    table = folder / "etab"
    table.write_text(
        "".join(f"{path}\t{client}(ro,sync)\n" for path, clients in (exports or {}).items() for client in clients)
    )
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    isolated = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _SCRIPT]
    log = folder / "log"
    with subprocess.Popen([*isolated, "nfs", table, services, log], stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                refuse = pytest.fail if os.environ.get("CI") else pytest.skip
                refuse(f"rpcbind and rpc.mountd do not start here: {log.read_text()}")
            yield NfsServer(process.pid)
        finally:
            process.kill()
