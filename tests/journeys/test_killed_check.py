"""A check that is killed, again and again, loses no target, repeats none, and ends with the report of one that was not.

Its clock is held (killing/hold_clock.c): two runs have the same observations, so their reports are equal to the byte.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from check.fleets import Call, Fleet, address, fleet
from peers.networks import a_network
from peers.processes import free_port, program


@pytest.fixture(scope="module")
def held_clock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the wall clock stands still."""
    built = tmp_path_factory.mktemp("clock") / "hold_clock.so"
    source = Path(__file__).parent / "killing" / "hold_clock.c"
    subprocess.run([program("gcc"), "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(built), "HOLD_CLOCK": "1795514400"}


class Checks:
    """Runs of one plan, which share a home and a journal."""

    def __init__(
        self, home: Path, environment: Mapping[str, str], targets: Sequence[str], rate: int, before: Sequence[str]
    ) -> None:
        self.journal = home / "run.journal"
        home.mkdir()
        self._environment = {**os.environ, **environment, "LIGHTPROOF_HOME": str(home)}
        self._before = before
        self._arguments = [*targets, "--json", "--rate", str(rate), "--journal", str(self.journal)]

    def start(self, report: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """Goes on where the last one was stopped. `report`: where it goes."""
        resume = ["--resume"] if self.journal.exists() else []
        return subprocess.Popen(
            [*self._before, sys.executable, "-m", "lightproof", "check", *self._arguments, *resume],
            stdout=report,
            stderr=subprocess.DEVNULL,
            env=self._environment,
        )

    def finish(self) -> bytes:
        """The report of a run that nobody stops."""
        process = self.start()
        out, _ = process.communicate(timeout=300)
        assert process.returncode in (0, 3, 4)
        return out

    def entries(self) -> list[dict[str, Any]]:
        """What the journal holds: whole lines alone."""
        lines = self.journal.read_bytes().split(b"\n")[:-1] if self.journal.exists() else []
        return [json.loads(line) for line in lines]

    def done(self) -> tuple[int, set[str]]:
        """How many targets are swept, and which addresses are visited."""
        entries = self.entries()
        swept = sum(stop - start for e in entries if e["entry"] == "swept" for start, stop in e["ranges"])
        return swept, {e["target"]["address"] for e in entries if e["entry"] == "visited"}

    def killed(self, *, kind: str, after_lines: int, after_s: float) -> bool:
        """Starts, waits until the journal has so many more lines of this kind, and kills it; whether it still ran."""
        process = self.start(report=subprocess.DEVNULL)  # nobody reads it: a run that ended would wait for ever
        mark = f'"entry":"{kind}"'.encode()
        before = self._count(mark)
        while process.poll() is None and self._count(mark) < before + after_lines:
            time.sleep(0.003)
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def _count(self, mark: bytes) -> int:
        return self.journal.read_bytes().count(mark) if self.journal.exists() else 0


def so_many(calls: Mapping[str, list[Call]]) -> Counter[str]:
    return Counter({place: len(of_one) for place, of_one in calls.items()})


def kill_and_resume(
    folder: Path,
    environment: Mapping[str, str],
    honest: Fleet,
    targets: Sequence[str],
    *,
    count: int,
    kills: int,
    rate: int,
    seed: int,
    before: Sequence[str],
) -> None:
    """`count`: of all targets. Half of the kills come while ports are tried, half while services are looked at."""
    chance = random.Random(seed)
    whole = Checks(folder / "whole", environment, targets, 8_000, before).finish()
    of_a_run = so_many(honest.calls())
    once = max(of_a_run.values())
    checks = Checks(folder / "killed", environment, targets, rate, before)
    landed = 0
    before = of_a_run
    for number in range(kills):
        swept, visited = checks.done()
        # Services are looked at by the hundred a second: they must last for all kills.
        kind, lines, most_s = ("swept", 1, 0.1) if number < kills // 2 else ("visited", chance.randint(1, 4), 0.03)
        landed += checks.killed(kind=kind, after_lines=lines, after_s=chance.uniform(0, most_s))
        after = so_many(honest.calls())
        new = after - before
        before = after
        # What was finished is not done again; the rest is begun again once, from its beginning, at most.
        assert not {place for place in visited if new[place]}
        assert all(calls <= once for calls in new.values())
        assert checks.done()[0] >= swept
    assert landed >= 0.9 * kills
    assert checks.done()[0] <= count
    resumed = checks.finish()
    assert resumed == whole
    report = json.loads(whole)
    assert report["targets"] == count
    found = {service["address"] for service in report["services"] if service["facts"]["listable"]}
    assert found == set(of_a_run)


@pytest.mark.timeout(240)
def test_a_check_that_was_killed_six_times_gives_the_same_report(held_clock: dict[str, str], tmp_path: Path) -> None:
    port = free_port()
    with a_network() as there, fleet("honest_services.py", 8_192, 192, port, before=there) as honest:
        targets = (f"{address(8_192)}/23", "--ports", f"1-40,{port}")
        kill_and_resume(
            tmp_path, held_clock, honest, targets, count=512 * 41, kills=6, rate=4_000, seed=1, before=there
        )


@pytest.mark.soak
def test_a_check_of_65536_targets_that_was_killed_fifty_times_gives_the_same_report(
    held_clock: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    with a_network() as there, fleet("honest_services.py", 16_384, 1_024, port, before=there) as honest:
        targets = (f"{address(16_384)}/20", "--ports", f"1-15,{port}")
        kill_and_resume(tmp_path, held_clock, honest, targets, count=65_536, kills=50, rate=4_000, seed=2, before=there)
