"""A check that meets a thousand hostile services ends in time, stays small, and is still right about honest ones."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from check.fleets import Call, address, fleet
from check.hostile_services import HOSTILE
from check.memory import Watch
from peers.networks import a_network
from peers.processes import free_port

VISIT_S = 45.0
"""The deadline of one target's whole visit (check/run.py)."""
MOST_MB = 80
"""Of any process of the command: 75 were measured of the one that meets the network, 76 of the other."""
SOAK_MB = 300
SOAK_S = 900.0


@dataclass(frozen=True)
class Checked:
    """What one command told, took and held."""

    report: dict[str, Any]
    complaints: str
    elapsed_s: float
    peaks_mb: Mapping[int, float]
    """By process."""


def check(numbers: Sequence[int], port: int, folder: Path, *, before: Sequence[str]) -> Checked:
    """`lightproof check` of these endpoints, in their network."""
    listed = folder / "fleet.json"
    found = [{"ip": address(n), "ports": [{"port": port, "proto": "tcp", "status": "open"}]} for n in numbers]
    listed.write_text("[\n" + ",\n".join(map(json.dumps, found)) + "\n]\n")
    complaints = folder / "stderr"
    began = time.monotonic()
    with complaints.open("wb") as errors:
        process = subprocess.Popen(
            [
                *before,
                sys.executable,
                "-m",
                "lightproof",
                "check",
                "--import",
                str(listed),
                "--json",
                "--no-box",
                "--debug",
            ],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "LIGHTPROOF_HOME": str(folder / "home")},
        )
        with Watch(process) as watch:
            out, _ = process.communicate()
    assert process.returncode in (0, 3, 4), complaints.read_text()
    return Checked(json.loads(out), complaints.read_text(), time.monotonic() - began, watch.peaks_mb)


def visit_s(calls: Sequence[Call]) -> float:
    """From the first call of the visit to the end of its last. The first of all is the sweep's, which says nothing."""
    swept, *visit = calls
    assert swept.heard == 0
    assert visit, "it was not visited"
    assert all(call.closed is not None for call in visit)
    return max(call.closed or 0.0 for call in visit) - min(call.opened for call in visit)


def judge(
    checked: Checked,
    *,
    honest: Sequence[int],
    hostile: Sequence[int],
    calls: Mapping[str, list[Call]],
    lag_s: float,
) -> None:
    """Right about the honest, in time with every hostile one, and broken by none.

    `lag_s`: how late the hostile services were to see when they were called and left.
    """
    services, unchecked = checked.report["services"], checked.report["unchecked"]
    right = {address(n) for n in honest}
    assert {s["address"] for s in services if s["facts"]["listable"] and s["address"] in right} == right
    assert not {entry["target"]["address"] for entry in unchecked} & right
    names = tuple(HOSTILE)
    late = {
        f"{names[n % len(names)]} ({address(n)})": round(span, 1)
        for n in hostile
        if (span := visit_s(calls[address(n)])) > VISIT_S + 1 + lag_s
    }
    assert late == {}
    assert [entry for entry in unchecked if entry["reason"] == "detector-fault"] == []
    assert "Traceback" not in checked.complaints
    told = json.dumps(checked.report)
    assert "CANARY" not in told
    assert r"\u001b" not in told


def settled(calls: "Mapping[str, list[Call]]") -> bool:
    return all(call.closed is not None for of_one in calls.values() for call in of_one)


def met(honest: range, hostile: range, folder: Path) -> Checked:
    """A check of both fleets at once, judged but for its measure."""
    port = free_port()
    with ExitStack() as fleets:
        there = fleets.enter_context(a_network())
        hostiles = fleets.enter_context(fleet("hostile_services.py", hostile.start, len(hostile), port, before=there))
        fleets.enter_context(fleet("honest_services.py", honest.start, len(honest), port, before=there))
        checked = check([*hostile, *honest], port, folder, before=there)
        # They hear of the end of the last calls when they next look.
        ends = time.monotonic() + 10
        while not settled(calls := hostiles.calls()) and time.monotonic() < ends:
            time.sleep(0.2)
    judge(checked, honest=honest, hostile=hostile, calls=calls, lag_s=hostiles.lag_s)
    longest = max(visit_s(calls[address(n)]) for n in hostile)
    seen = f"longest visit {longest:.1f} s, seen {hostiles.lag_s:.2f} s late"
    print(f"{checked.elapsed_s:.0f} s, {seen}; MB by process: {checked.peaks_mb}")
    return checked


@pytest.mark.timeout(300)
def test_each_hostile_behaviour_once_beside_honest_services(tmp_path: Path) -> None:
    count = len(HOSTILE)
    checked = met(range(1_024, 1_024 + count), range(256, 256 + count), tmp_path)
    # 64 visits at once: every place of theirs is used twice at most.
    assert checked.elapsed_s < 2 * (VISIT_S + 1) + 15
    assert max(checked.peaks_mb.values()) < MOST_MB


@pytest.mark.soak
def test_a_thousand_hostile_services_beside_a_thousand_honest_ones(tmp_path: Path) -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limit > 4_096
    checked = met(range(4_096, 5_096), range(2_048, 3_048), tmp_path)
    assert checked.elapsed_s < SOAK_S
    assert max(checked.peaks_mb.values()) < SOAK_MB
