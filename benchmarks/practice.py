"""A whole practice with every detector: 254 addresses x 60 ports and its internet box, from the command to its JSON.

    python benchmarks/practice.py [--private]

Who lives there is in `practice_people.py`. On 127.30.0.0/24 the manners are those towards one's own machine: 8
connections at once. With `--private` (as root) the practice is 192.168.30.0/24 in a network of its own and the check
comes from another, so that the manners are those towards others: for each address one connection at a time, 20 each
second.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from lightproof.check.detectors import default_ports
from lightproof.check.politeness import manners_towards
from measuring import judged, table, write
from practice_people import BOX, DARK

ADDRESSES: Final = 254
PORTS: Final = 60
GOAL_S: Final = 60.0
LOOPBACK: Final = "127.30.0"
PRIVATE: Final = "192.168.30"
_CHECKER: Final = "192.168.31.1"
EXPECTED: Final = frozenset(
    {
        "dicom", "dicom-tls", "orthanc", "dicomweb", "http-listing", "web", "webdav", "s3", "hl7-mllp", "smb", "nfs",
        "ftp", "rsync", "upnp-igd",
    }
)  # fmt: skip
"""Kinds of service that live there: a report without one of them is wrong, however fast."""


def ports() -> list[int]:
    """The default ports and as many others as make 60."""
    chosen = list(default_ports())
    others = (port for port in range(20_000, 20_100) if port not in chosen)
    return sorted([*chosen, *(next(others) for _ in range(PORTS - len(chosen)))])


@contextmanager
def networks() -> Iterator[tuple[list[str], list[str]]]:
    """What to put before a command, for it to run in the practice's network or in the checker's."""
    holders = [subprocess.Popen(["unshare", "--net", "sleep", "3600"]) for _ in range(2)]
    try:
        practice, checker = (["nsenter", f"--net=/proc/{holder.pid}/ns/net"] for holder in holders)
        _await_network(holders)
        for before, command in (
            (practice, "link set lo up"),
            (checker, "link set lo up"),
            (practice, f"link add street type veth peer name door netns {holders[1].pid}"),
            (practice, "link set street up"),
            (checker, "link set door up"),
            # Every address of the range is there, also those where nothing listens: they refuse.
            (practice, f"route add local {PRIVATE}.0/24 dev lo"),
            (practice, f"route add {_CHECKER}/32 dev street"),
            (checker, f"addr add {_CHECKER}/23 dev door"),
        ):
            subprocess.run([*before, "ip", *command.split()], check=True)
        yield practice, checker
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()


def _await_network(holders: Sequence[subprocess.Popen[bytes]]) -> None:
    own = Path("/proc/self/ns/net").readlink()
    while any(Path(f"/proc/{holder.pid}/ns/net").readlink() == own for holder in holders):
        time.sleep(0.01)


@contextmanager
def inhabited(network: str, before: Sequence[str]) -> Iterator[int]:
    """The practice, as long as the block lasts; gives the port on which its box is searched for."""
    script = Path(__file__).parent / "practice_people.py"
    with subprocess.Popen(
        [*before, sys.executable, script, network, ",".join(map(str, ports()))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            if not said.strip().isdigit():
                raise SystemExit("the practice did not start")
            yield int(said)
        finally:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()


def measured(network: str, search_port: int, before: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Seconds from command to result, and the report."""
    box = ["--box", f"{network}.{BOX}:{search_port}"]
    arguments = [f"{network}.1-{ADDRESSES}", "--ports", ",".join(map(str, ports())), "--json", *box]
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        done = subprocess.run(
            [*before, sys.executable, "-m", "lightproof", "check", *arguments],
            capture_output=True,
            env={**os.environ, "LIGHTPROOF_HOME": home},
            timeout=600,
            check=False,
        )
        elapsed = time.monotonic() - began
    if done.returncode not in (0, 3, 4):
        raise SystemExit(done.stderr.decode())
    return elapsed, json.loads(done.stdout)


def main() -> int:
    """Prints the time and what was found; 1 when the goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--private", action="store_true", help="a private network, with the manners towards others")
    private = parser.parse_args().private
    network = PRIVATE if private else LOOPBACK
    with ExitStack() as stack:
        there, here = stack.enter_context(networks()) if private else ([], [])
        search_port = stack.enter_context(inhabited(network, there))
        elapsed, report = measured(network, search_port, here)
    kinds = Counter(service["service"] for service in report["services"])
    manners = manners_towards(f"{network}.1")
    figures = {
        "network": f"{network}.0/24",
        "at_once": manners.at_once,
        "per_second": manners.per_second,
        "targets": report["targets"],
        "targets_that_drop": len(DARK) * PORTS,
        "seconds": round(elapsed, 1),
        "goal_seconds": GOAL_S,
        "services": len(report["services"]),
        "kinds": dict(sorted(kinds.items())),
        "open": sum(service["facts"]["open"] is True for service in report["services"]),
        "not_checked": dict(Counter(f"{entry['detector']}: {entry['reason']}" for entry in report["unchecked"])),
        "letter": report["letter"],
    }
    table([("figure", "value"), *figures.items()])
    write("practice_private" if private else "practice", figures)
    missing = EXPECTED - kinds.keys()
    return judged({"60 s": elapsed <= GOAL_S, f"found {', '.join(sorted(missing)) or 'every kind'}": not missing})


if __name__ == "__main__":
    raise SystemExit(main())
