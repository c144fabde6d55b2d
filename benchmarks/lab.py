"""The lab: a population of services on 127.0.0.0/8, from a seed, for the sweep benchmarks.

    with running(population(seed=1)) as lab: ...

2,000 addresses on ports 104, 11112 and 4242: closed ports, ports that drop what comes, and services, of which 65 speak
DICOM: 45 dialects written in code, 20 real processes of dcmtk, Orthanc and pynetdicom.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from socket import create_connection
from typing import Final

import trustme

HERE: Final = Path(__file__).parent
NETWORK: Final = int(IPv4Address("127.10.0.0"))
PORTS: Final = (104, 11112, 4242)
ADDRESSES: Final = 2_000

DIALECTS: Final = {
    "any": 10,
    "reject-called": 5,
    "reject-calling": 5,
    "reject-no-reason": 3,
    "congestion": 3,
    "slow-2.5": 3,
    "slow-6": 3,
    "dribble": 3,
    "split": 3,
    "abort": 2,
    "context-reject": 2,
    "tls": 1,
    "mutual-tls": 1,
    "silent-close": 1,
}
REAL: Final = {"storescp": 5, "dcmqrscp": 6, "orthanc": 4, "pynetdicom": 5}
OTHERS: Final = {
    "close": 300,
    "http-400": 300,
    "http-waiting": 120,
    "tarpit": 120,
    "ssh": 45,
    "echo": 30,
    "tpkt": 15,
    "junk": 15,
}
DROPPING: Final = {"drop": 60}

_ORTHANC: Final = (
    {},
    {"DicomCheckCalledAet": True},
    {"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False},
    {"DicomCheckModalityHost": True},
)
_READY_S: Final = 30.0


@dataclass(frozen=True)
class Seat:
    """A service of the population."""

    address: str
    port: int
    kind: str

    @property
    def speaks_dicom(self) -> bool:
        return self.kind in DIALECTS or self.kind in REAL


@dataclass(frozen=True)
class Population:
    """Who sits where; every other target of the range is closed."""

    first: str
    last: str
    ports: tuple[int, ...]
    seats: tuple[Seat, ...]

    @property
    def targets(self) -> int:
        return (int(IPv4Address(self.last)) - int(IPv4Address(self.first)) + 1) * len(self.ports)

    @property
    def dicom(self) -> frozenset[tuple[str, int]]:
        return frozenset((s.address, s.port) for s in self.seats if s.speaks_dicom)

    def kind_at(self, address: str, port: int) -> str:
        return next((s.kind for s in self.seats if (s.address, s.port) == (address, port)), "closed")


def population(
    *, seed: int = 1, times: int = 1, real: bool = True, tls: bool = True, addresses: int | None = None
) -> Population:
    """The lab's population; `times` as many of everything. Without `real` processes, or without `tls`, "any" takes
    their seats.

    `addresses` spreads the same services over more addresses.
    """
    chance = random.Random(seed)
    count = addresses or ADDRESSES * times
    kinds = [
        kind for table in (DIALECTS, REAL, OTHERS, DROPPING) for kind, n in table.items() for _ in range(n * times)
    ]
    left_out = (set() if real else set(REAL)) | (set() if tls else {"tls", "mutual-tls"})
    kinds = ["any" if kind in left_out else kind for kind in kinds]
    places = chance.sample(range(count * len(PORTS)), len(kinds))
    seats = tuple(
        Seat(str(IPv4Address(NETWORK + place // len(PORTS))), PORTS[place % len(PORTS)], kind)
        for place, kind in zip(places, kinds, strict=True)
    )
    return Population(str(IPv4Address(NETWORK)), str(IPv4Address(NETWORK + count - 1)), PORTS, seats)


def whole_survey(people: Population, *, last: str = "") -> list[str]:
    """The command that surveys the population (or up to the address `last`) as a person has it, with its report."""
    ports = ",".join(map(str, people.ports))
    options = ("--survey", "--json", "--no-box", "--rate", "100000", "--fail-on", "writable", "--ports", ports)
    return [sys.executable, "-m", "lightproof", "check", *options, f"{people.first}-{last or people.last}"]


@contextmanager
def running(people: Population) -> Iterator[None]:
    """Starts every service, waits until all listen, stops them at the end, also when this process is told to end."""
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
        seats = [s for s in people.seats if s.kind not in REAL]
        stack.enter_context(_fed("responders.py", json.dumps(_with_certificates(seats, folder))))
        real = [s for s in people.seats if s.kind in REAL]
        python = [s for s in real if s.kind == "pynetdicom"]
        if python:
            guards = ("", "called", "calling", "", "called")
            plan = [(s.address, s.port, guards[n % len(guards)]) for n, s in enumerate(python)]
            stack.enter_context(_fed("pynetdicom_peers.py", json.dumps(plan)))
        shim = _shim(folder) if len(real) > len(python) else None
        for number, seat in enumerate(s for s in real if s.kind != "pynetdicom"):
            stack.enter_context(_elsewhere(_command(seat, number, folder), seat, shim))
        for seat in real:
            _await(seat)
        yield


def _with_certificates(seats: Sequence[Seat], folder: Path) -> dict[str, object]:
    authority = trustme.CA()
    pair = authority.issue_cert("lab.example")
    paths = {"authority": folder / "ca.pem", "certificate": folder / "lab.pem", "key": folder / "lab.key"}
    authority.cert_pem.write_to_path(str(paths["authority"]))
    pair.cert_chain_pems[0].write_to_path(str(paths["certificate"]))
    pair.private_key_pem.write_to_path(str(paths["key"]))
    return {"seats": [(s.address, s.port, s.kind) for s in seats], **{name: str(p) for name, p in paths.items()}}


@contextmanager
def _fed(script: str, plan: str) -> Iterator[None]:
    """One of our scripts, given its plan; it ends when we close its stdin."""
    command = [sys.executable, str(HERE / script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(plan + "\n")
            process.stdin.flush()
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{script} did not start")
            yield
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _shim(folder: Path) -> Path:
    built = folder / "bind_elsewhere.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", built, HERE / "bind_elsewhere.c", "-ldl"], check=True)
    return built


def _command(seat: Seat, number: int, folder: Path) -> list[str]:
    home = folder / f"{seat.kind}-{number}"
    (home / "storage").mkdir(parents=True)
    match seat.kind:
        case "storescp":
            return ["storescp", "-od", str(home / "storage"), str(seat.port)]
        case "dcmqrscp":
            settings = home / "dcmqrscp.cfg"
            settings.write_text(
                f"NetworkTCPPort = {seat.port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
                "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
                f"AETable BEGIN\nARCHIVE {home / 'storage'} RW (200, 1024mb) ANY\nAETable END\n"
            )
            return ["dcmqrscp", "-c", str(settings), str(seat.port)]
        case _:
            settings = home / "orthanc.json"
            common = {
                "StorageDirectory": str(home / "storage"),
                "HttpServerEnabled": False,
                "DicomPort": seat.port,
                "DicomServerEnabled": True,
                "Plugins": [],
            }
            settings.write_text(json.dumps({**common, **_ORTHANC[number % len(_ORTHANC)]}))
            return ["Orthanc", str(settings)]


@contextmanager
def _elsewhere(command: list[str], seat: Seat, shim: Path | None) -> Iterator[None]:
    environment = {**os.environ, "LD_PRELOAD": str(shim), "BIND_ADDRESS": seat.address}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _await(seat: Seat) -> None:
    ends = time.monotonic() + _READY_S
    while True:
        try:
            with create_connection((seat.address, seat.port), timeout=1):
                return
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
