"""What the benchmarks share: a command's cost, medians with their spread, results on disk."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    wall_s: float
    cpu_s: float
    """User and system time of the process and of the children it waited for."""
    peak_mb: float
    output: str


def as_installed(folder: Path) -> dict[str, str]:
    """An environment in which Python keeps its bytecode, as every installation does, and we our home: in `folder`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environment, "PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "LIGHTPROOF_HOME": str(folder / "home")}


def run(command: Sequence[str | Path], *, limit_s: float, environment: Mapping[str, str] | None = None) -> Cost:
    """Runs a command to its end, killed after `limit_s`; raises when it fails."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaints:
        began = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)), stdout=output, stderr=complaints, stdin=subprocess.DEVNULL, env=environment
        )
        killer = threading.Timer(limit_s, process.kill)
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaints.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {complaints.read()[-2_000:]}")
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read())


def middle(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median and both ends."""
    return {
        "median": round(median(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
    }


def write(name: str, measured: Mapping[str, object]) -> None:
    """Keeps a result, with what a reader needs to compare it."""
    RESULTS.mkdir(exist_ok=True)
    about = {
        "python": platform.python_version(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps({**about, **measured}, indent=2) + "\n")


def table(rows: Sequence[Sequence[object]]) -> None:
    """Prints rows in columns, the first row as heading."""
    texts = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    for row in texts:
        cells = (
            text.ljust(w) if n == 0 else text.rjust(w) for n, (text, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())
    sys.stdout.flush()


def judged(goals: Mapping[str, bool]) -> int:
    """Exit code of a benchmark: 1, and the goals that it missed on stdout, or 0."""
    missed = [goal for goal, reached in goals.items() if not reached]
    print("goals missed: " + (", ".join(missed) or "none"))
    return int(bool(missed))
