"""A survey of a million loopback targets: wall time, memory, and whether every seeded responder is found.

    python benchmarks/million.py [--runs 1] [--times 5]

Two ways: the survey with a JSON list (`survey_command.py`), and `lightproof check --survey --json` as a person runs it,
with its home, its ledger and its report.

The services of the lab, `--times` over and all in code, are spread over 333,334 addresses on three ports.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any, Final

import lab
from measuring import Cost, as_installed, judged, middle, run, table, write

SURVEY: Final = Path(__file__).parent / "survey_command.py"
ADDRESSES: Final = 333_334
Place = tuple[str, int]
UNANSWERABLE: Final = "silent-close"
"""Answers only to its own AE title: nothing on the wire tells it from a port that closes on everyone."""


class Measured:
    """What the runs of one way took and found."""

    def __init__(self, wanted: Set[Place], dicom: Set[Place]) -> None:
        self._wanted = wanted
        self._dicom = dicom
        self._costs: list[Cost] = []
        self._missed: list[int] = []
        self._false: list[int] = []

    def add(self, cost: Cost, seen: Iterable[Mapping[str, Any]]) -> list[object]:
        """Takes one run into account; gives its row of the table."""
        found = {(one["address"], one["port"]) for one in seen}
        self._costs.append(cost)
        self._missed.append(len(self._wanted - found))
        self._false.append(len(found - self._dicom))
        told = (cost.wall_s, cost.cpu_s, round(cost.peak_mb, 1))
        return [*told, len(self._wanted & found), len(self._wanted), self._false[-1]]

    def figures(self) -> dict[str, object]:
        """What is kept of all runs."""
        return {
            "missed": self._missed,
            "false_positives": self._false,
            "wall_s": middle([cost.wall_s for cost in self._costs]),
            "cpu_s": middle([cost.cpu_s for cost in self._costs]),
            "peak_mb": middle([cost.peak_mb for cost in self._costs], 1),
        }

    def goals(self) -> dict[str, bool]:
        """Which goals every run reached."""
        return {
            "90 s": all(cost.wall_s <= 90 for cost in self._costs),
            "80 MB": all(cost.peak_mb <= 80 for cost in self._costs),
            "everything found": not any(self._missed),
            "none false": not any(self._false),
        }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--times", type=int, default=5)
    chosen = options.parse_args()
    people = lab.population(times=chosen.times, real=False, addresses=ADDRESSES)
    wanted = {(s.address, s.port) for s in people.seats if s.speaks_dicom and s.kind != UNANSWERABLE}
    alone, whole = Measured(wanted, people.dicom), Measured(wanted, people.dicom)
    rows: list[list[object]] = [["run", "", "targets", "wall s", "CPU s", "peak MB", "found", "of", "false"]]
    with tempfile.TemporaryDirectory() as folder, lab.running(people):
        environment = as_installed(Path(folder))
        # An installation was compiled when it was made: what compiling takes is no part of a run.
        run(lab.whole_survey(people, last=people.first), limit_s=60, environment=environment)
        for number in range(chosen.runs):
            span, ports = f"{people.first}-{people.last}", ",".join(map(str, people.ports))
            cost = run([sys.executable, SURVEY, span, ports, str(number)], limit_s=300, environment=environment)
            answer = json.loads(cost.output)
            if answer["targets"] != people.targets or answer["not_tried"]:
                raise RuntimeError("not every target was tried")
            rows.append([number + 1, "survey", people.targets, *alone.add(cost, answer["found"])])
            cost = run(lab.whole_survey(people), limit_s=300, environment=environment)
            report = json.loads(cost.output)
            if report["targets"] != people.targets or report["unchecked"]:
                raise RuntimeError("not every target was tried")
            rows.append([number + 1, "whole command", people.targets, *whole.add(cost, report["services"])])
    table(rows)
    write(
        "million",
        {
            "targets": people.targets,
            "services": len(people.seats),
            "dicom_answerable": len(wanted),
            **alone.figures(),
            "whole_command": whole.figures(),
        },
    )
    return judged(
        {
            f"{goal} ({name})": reached
            for name, measured in (("survey", alone), ("whole command", whole))
            for goal, reached in measured.goals().items()
        }
    )


if __name__ == "__main__":
    sys.exit(main())
