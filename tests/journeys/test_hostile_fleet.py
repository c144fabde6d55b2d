"""A check that meets a thousand hostile services ends in time, stays small, and is still right about honest ones."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from check.hostile_services import BEHAVIOURS

TESTS = Path(__file__).parent.parent
PORT = 11112


@contextmanager
def fleet(program: str, first: int, count: int) -> Iterator[None]:
    """Endpoints `first` to `first + count` in a process of their own."""
    process = subprocess.Popen(
        [sys.executable, str(TESTS / "check" / program), str(first), str(count), str(PORT)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        process.wait()


def address(number: int) -> str:
    return f"127.9.{number >> 8}.{number & 255}"


def check(numbers: range, folder: Path, *options: str) -> tuple[dict[str, object], float, float]:
    """The report, the seconds it took, and the most memory it held, in MB."""
    listed = folder / "fleet.json"
    found = [{"ip": address(n), "ports": [{"port": PORT, "proto": "tcp", "status": "open"}]} for n in numbers]
    listed.write_text("[\n" + ",\n".join(map(json.dumps, found)) + "\n]\n")
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "lightproof", "check", "--import", str(listed), "--json", "--no-box", *options],
        stdout=subprocess.PIPE,
        env={**os.environ, "LIGHTPROOF_HOME": str(folder / "home")},
    )
    assert process.stdout is not None
    peaks: list[float] = []
    watching = threading.Thread(target=watch, args=(process.pid, peaks), daemon=True)
    watching.start()
    out = process.stdout.read()
    assert process.wait() in (0, 3, 4)
    watching.join()
    return json.loads(out), time.monotonic() - began, max(peaks)


def watch(pid: int, peaks: list[float]) -> None:
    """Notes the most memory the process has held, in MB, until it ends (getrusage would count that of its parent)."""
    status = Path(f"/proc/{pid}/status")
    try:
        while "VmHWM" in (text := status.read_text()):
            peaks.append(int(text.partition("VmHWM:")[2].split()[0]) / 1024)
            time.sleep(0.1)
    except (FileNotFoundError, ProcessLookupError):
        pass


def judge(report: dict[str, object], honest: range, hostile: range) -> None:
    services = report["services"]
    assert isinstance(services, list)
    right = {address(n) for n in honest}
    found = {s["address"] for s in services if s["facts"]["listable"] and s["address"] in right}
    assert found == right
    told = json.dumps(report)
    assert "CANARY" not in told
    assert r"\u001b" not in told
    assert all(entry["reason"] != "detector-fault" for entry in report["unchecked"])  # type: ignore[attr-defined]
    assert hostile


def test_each_hostile_behaviour_once_beside_honest_services(tmp_path: Path) -> None:
    count = len(BEHAVIOURS)
    hostile, honest = range(256, 256 + count), range(1_024, 1_024 + count)
    with ExitStack() as fleets:
        fleets.enter_context(fleet("hostile_services.py", hostile.start, count))
        fleets.enter_context(fleet("honest_services.py", honest.start, count))
        report, elapsed, megabytes = check(range(256, 1_024 + count), tmp_path)
    judge(report, honest, hostile)
    print(f"{elapsed:.0f} s, {megabytes:.0f} MB")
    assert elapsed < 100
    # Of these, 78 MB are held before the first packet: the ledger's database takes its share; a first run, which makes
    # the home, holds 11 MB more, and so does one that cannot keep its bytecode.
    assert megabytes < 104


@pytest.mark.soak
def test_a_thousand_hostile_services_beside_a_thousand_honest_ones(tmp_path: Path) -> None:
    hostile, honest = range(2_048, 3_048), range(4_096, 5_096)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limit > 4_096
    with ExitStack() as fleets:
        fleets.enter_context(fleet("hostile_services.py", hostile.start, len(hostile)))
        fleets.enter_context(fleet("honest_services.py", honest.start, len(honest)))
        report, elapsed, megabytes = check(range(2_048, 5_096), tmp_path)
    print(f"{elapsed:.0f} s, {megabytes:.0f} MB")
    judge(report, honest, hostile)
    assert megabytes < 128  # a report of 1,000 services and 8,000 observations is itself 40 MB while it is written
