"""A survey of a million loopback targets: wall time, memory, and whether every seeded responder is found.

    python benchmarks/million.py [--runs 1] [--times 5]

The services of the lab, `--times` over and all in code, are spread over 333,334 addresses on three ports.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import lab
from measuring import as_installed, judged, middle, run, table, write

SURVEY: Final = Path(__file__).parent / "survey_command.py"
ADDRESSES: Final = 333_334
UNANSWERABLE: Final = "silent-close"
"""Answers only to its own AE title: nothing on the wire tells it from a port that closes on everyone."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--times", type=int, default=5)
    chosen = options.parse_args()
    people = lab.population(times=chosen.times, real=False, addresses=ADDRESSES)
    wanted = {(s.address, s.port) for s in people.seats if s.speaks_dicom and s.kind != UNANSWERABLE}
    walls: list[float] = []
    peaks: list[float] = []
    cpus: list[float] = []
    missed: list[int] = []
    false: list[int] = []
    rows: list[list[object]] = [["run", "targets", "wall s", "CPU s", "peak MB", "found", "of", "false"]]
    with tempfile.TemporaryDirectory() as folder, lab.running(people):
        for number in range(chosen.runs):
            span, ports = f"{people.first}-{people.last}", ",".join(map(str, people.ports))
            command = [sys.executable, SURVEY, span, ports, str(number)]
            cost = run(command, limit_s=300, environment=as_installed(Path(folder)))
            answer = json.loads(cost.output)
            found = {(seen["address"], seen["port"]) for seen in answer["found"]}
            if answer["targets"] != people.targets or answer["not_tried"]:
                raise RuntimeError("not every target was tried")
            walls.append(cost.wall_s)
            peaks.append(cost.peak_mb)
            cpus.append(cost.cpu_s)
            missed.append(len(wanted - found))
            false.append(len(found - people.dicom))
            row = [number + 1, people.targets, cost.wall_s, cost.cpu_s, round(cost.peak_mb, 1)]
            rows.append([*row, len(wanted & found), len(wanted), false[-1]])
    table(rows)
    write(
        "million",
        {
            "targets": people.targets,
            "services": len(people.seats),
            "dicom_answerable": len(wanted),
            "missed": missed,
            "false_positives": false,
            "wall_s": middle(walls),
            "cpu_s": middle(cpus),
            "peak_mb": middle(peaks, 1),
        },
    )
    return judged(
        {
            "90 s": max(walls) <= 90,
            "80 MB": max(peaks) <= 80,
            "everything found": not any(missed),
            "none false": not any(false),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
