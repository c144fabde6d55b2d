"""miniupnpd in a network of the test's own: a real internet box, on a street that leads nowhere."""

import os
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from peers.networks import inside
from peers.processes import program

T = TypeVar("T")

INSIDE = "192.168.77.1"
OUTSIDE = "81.2.69.142"
"""A public address, so that the box has one to tell: its wire ends in the same network."""
_HTTP_PORT = 5000
_READY_S = 15.0

_SCRIPT = f"""
set -e
ip link set lo up
ip link add inside type veth peer name inside-end
ip link add outside type veth peer name outside-end
ip address add {INSIDE}/24 dev inside
ip address add {OUTSIDE}/24 dev outside
for link in inside inside-end outside outside-end; do ip link set $link up; done
ip route add default dev outside
nft -f - <<END
table inet filter {{
  chain forward {{ type filter hook forward priority 0; jump miniupnpd; }}
  chain prerouting {{ type nat hook prerouting priority -100; jump prerouting_miniupnpd; }}
  chain postrouting {{ type nat hook postrouting priority 100; jump postrouting_miniupnpd; }}
  chain miniupnpd {{ }}
  chain prerouting_miniupnpd {{ }}
  chain postrouting_miniupnpd {{ }}
}}
END
exec miniupnpd "$@"
"""


@dataclass(frozen=True)
class InternetBox:
    """An internet box that runs now, in a network that only `inside` reaches."""

    process: int
    address: str = INSIDE
    external_address: str = OUTSIDE

    def inside(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `act` returns, run in that network."""
        return inside(self.process, act)

    def forward(self, outside: int, address: str, port: int, *, protocol: str = "TCP", label: str = "test") -> None:
        """Has the box lead a port of its own to one inside, as any program inside can."""
        enter = [program("nsenter"), f"--net=/proc/{self.process}/ns/net"]
        box = f"http://{self.address}:{_HTTP_PORT}/rootDesc.xml"
        ask = [program("upnpc"), "-u", box, "-e", label, "-a", address, str(port), str(outside), protocol]
        done = subprocess.run([*enter, *ask], capture_output=True, text=True, timeout=30)
        assert "is redirected to internal" in done.stdout, done.stdout + done.stderr


@contextmanager
def running_miniupnpd(
    folder: Path, settings: Sequence[str] = (), options: Sequence[str] = (), *, upnp: bool = True, nat_pmp: bool = True
) -> Iterator[InternetBox]:
    """`settings` are further lines of miniupnpd.conf, `options` words of its command line; `nat_pmp` is PCP as well."""
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("a network of one's own needs root")
    for name in ("miniupnpd", "upnpc", "nft", "ip", "unshare", "nsenter"):
        program(name)
    lines = (
        "ext_ifname=outside",
        "listening_ip=inside",
        "ipv6_disable=yes",
        f"http_port={_HTTP_PORT}",
        f"enable_upnp={'yes' if upnp else 'no'}",
        f"enable_natpmp={'yes' if nat_pmp else 'no'}",
        "secure_mode=no",
        "allow 0-65535 0.0.0.0/0 0-65535",
        *settings,
    )
    configuration = folder / "miniupnpd.conf"
    configuration.write_text("\n".join(lines) + "\n")
    log = folder / "miniupnpd.log"
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    daemon = ["-d", "-f", str(configuration), "-P", str(folder / "pid"), *options]
    isolated = ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", _SCRIPT, "sh"]
    with log.open("wb") as output, subprocess.Popen(
        [*isolated, *daemon], stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment
    ) as process:  # fmt: skip
        try:
            ready = [word for word, wanted in (("HTTP listening", upnp), ("Listening for NAT-PMP", nat_pmp)) if wanted]
            _await_listening(process, log, ready)
            yield InternetBox(process.pid)
        finally:
            process.kill()


def _await_listening(process: subprocess.Popen[bytes], log: Path, ready: Sequence[str]) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        said = log.read_text(errors="replace")
        if all(word in said for word in ready):
            return
        time.sleep(0.05)
    pytest.fail(f"miniupnpd did not start:\n{log.read_text(errors='replace')[-2000:]}")
