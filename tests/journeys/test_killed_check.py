"""A check that is killed, again and again, loses no target and ends with the report of one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from journeys.test_hostile_fleet import PORT, fleet

RATE = "6000"


def command(home: Path, targets: Sequence[str], *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "lightproof", "check", *targets, "--json", "--rate", RATE, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LIGHTPROOF_HOME": str(home)},
    )


def finished(process: subprocess.Popen[bytes]) -> dict[str, object]:
    out, err = process.communicate(timeout=200)
    assert process.returncode in (0, 3, 4), err.decode()
    return json.loads(out)


def without_times(report: dict[str, object]) -> object:
    """What must be equal in two runs: everything but when, and what is hashed with it."""
    text = json.dumps({k: v for k, v in report.items() if k not in ("started", "finished", "evidence_sha256")})
    report = json.loads(text)
    for record in [*report["observations"], *report["findings"]]:  # type: ignore[misc]
        record.pop("at", None)
        record.pop("observed", None)
    report["observations"] = sorted(json.dumps(o, sort_keys=True) for o in report["observations"])  # type: ignore[attr-defined]
    return report


def kill_and_resume(tmp_path: Path, targets: Sequence[str], kills: int, seed: int) -> None:
    chance = random.Random(seed)
    whole = finished(command(tmp_path / "whole", targets))
    home = tmp_path / "killed"
    options: tuple[str, ...] = ()
    for _ in range(kills):
        process = command(home, targets, *options)
        time.sleep(chance.uniform(0.9, 1.5))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        if list((home / "runs").glob("*.journal")):
            options = ("--resume",)
    resumed = finished(command(home, targets, *options))
    assert without_times(resumed) == without_times(whole)
    assert resumed["targets"] == whole["targets"]


def test_a_check_that_was_killed_five_times_gives_the_same_report(tmp_path: Path) -> None:
    with fleet("honest_services.py", 8_192, 32):
        kill_and_resume(tmp_path, ("127.9.32.0/23", "--ports", f"1-40,{PORT}"), kills=5, seed=1)


@pytest.mark.soak
def test_a_check_of_65536_targets_that_was_killed_fifty_times_gives_the_same_report(tmp_path: Path) -> None:
    with fleet("honest_services.py", 16_384, 64):
        kill_and_resume(tmp_path, ("127.9.64.0/20", "--ports", f"1-15,{PORT}"), kills=50, seed=2)
