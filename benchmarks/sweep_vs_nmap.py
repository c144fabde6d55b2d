"""Recall, false positives, CPU and wall time of our survey and of nmap's `dicom-ping`, on the lab, in one run.

    python benchmarks/sweep_vs_nmap.py [--runs 20] [--nmap-runs 3] [--t4]

`--t4` adds one run of nmap at -T4, which takes more than seven minutes. CPU is that of the measured command alone.
"ours" is the survey with a JSON list; "ours, whole command" is `lightproof check --survey --json`, which also loads the
rules and writes a report; it runs as often as nmap.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree

import lab
from measuring import Cost, as_installed, judged, middle, run, table, write

SURVEY: Final = Path(__file__).parent / "survey_command.py"
NMAP: Final = ("nmap", "-n", "-Pn", "--script", "dicom-ping", "-oX", "-", "-sT")
BEST: Final = (
    *("-T5", "--min-hostgroup", "2048", "--min-parallelism", "1000", "--max-parallelism", "1000"),
    *("--max-retries", "1", "--script-timeout", "8s"),
)
Found = frozenset[tuple[str, int]]


def ours(people: lab.Population, seed: int, environment: Mapping[str, str]) -> tuple[Cost, Found]:
    ports = ",".join(map(str, people.ports))
    command = [sys.executable, SURVEY, f"{people.first}-{people.last}", ports, str(seed)]
    cost = run(command, limit_s=60, environment=environment)
    answer = json.loads(cost.output)
    if answer["targets"] != people.targets or answer["not_tried"]:
        raise RuntimeError("not every target was tried")
    return cost, frozenset((seen["address"], seen["port"]) for seen in answer["found"])


def whole_command(people: lab.Population, environment: Mapping[str, str]) -> tuple[Cost, Found]:
    """The survey as the command line has it, with the report it writes."""
    cost = run(lab.whole_survey(people), limit_s=60, environment=environment)
    services = json.loads(cost.output)["services"]
    return cost, frozenset((seen["address"], seen["port"]) for seen in services)


def nmaps(people: lab.Population, flags: tuple[str, ...]) -> tuple[Cost, Found]:
    network = people.first.rsplit(".", 2)[0]
    last = people.last.split(".")
    whole, rest = int(last[2]), int(last[3])
    targets = [f"{network}.0-{whole - 1}.0-255", f"{network}.{whole}.0-{rest}"]
    cost = run([*NMAP, *flags, "-p", ",".join(map(str, people.ports)), *targets], limit_s=900)
    found: set[tuple[str, int]] = set()
    for host in ElementTree.fromstring(cost.output).iter("host"):
        address = host.find("address")
        assert address is not None
        for port in host.iter("port"):
            script = port.find("script[@id='dicom-ping']")
            if script is not None and "DICOM Service Provider discovered" in script.get("output", ""):
                found.add((address.get("addr", ""), int(port.get("portid", "0"))))
    return cost, frozenset(found)


def summary(people: lab.Population, runs: list[tuple[Cost, Found]]) -> dict[str, object]:
    return {
        "runs": len(runs),
        "recall": sorted({len(found & people.dicom) for _, found in runs}),
        "false_positives": sorted({len(found - people.dicom) for _, found in runs}),
        "same_answer": len({found for _, found in runs}) == 1,
        "wall_s": middle([cost.wall_s for cost, _ in runs]),
        "cpu_s": middle([cost.cpu_s for cost, _ in runs]),
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--nmap-runs", type=int, default=3)
    options.add_argument("--t4", action="store_true")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    people = lab.population(seed=chosen.seed)
    measured: dict[str, list[tuple[Cost, Found]]] = {"ours": [], "ours, whole command": [], "nmap best": []}
    with TemporaryDirectory() as folder, lab.running(people):
        environment = as_installed(Path(folder))
        ours(people, 0, environment)
        whole_command(people, environment)
        for number in range(max(chosen.runs, chosen.nmap_runs)):
            if number < chosen.runs:
                measured["ours"].append(ours(people, number, environment))
            if number < chosen.nmap_runs:
                measured["ours, whole command"].append(whole_command(people, environment))
                measured["nmap best"].append(nmaps(people, BEST))
        if chosen.t4:
            measured["nmap -T4"] = [nmaps(people, ("-T4",))]
    result = {name: summary(people, runs) for name, runs in measured.items() if runs}
    rows: list[list[object]] = [["", "runs", "recall", "false", "same answer", "wall s", "CPU s"]]
    for name, runs in measured.items():
        facts = result[name]
        rows.append(
            [
                name,
                len(runs),
                f"{'-'.join(map(str, facts['recall']))}/{len(people.dicom)}",
                "-".join(map(str, facts["false_positives"])),
                "yes" if facts["same_answer"] else "no",
                median(cost.wall_s for cost, _ in runs),
                median(cost.cpu_s for cost, _ in runs),
            ]
        )
    table(rows)
    ratios: dict[str, float] = {}
    for name in measured:
        if name.startswith("nmap"):
            for us, unit in product((us for us in result if us.startswith("ours")), ("wall_s", "cpu_s")):
                ratio = result[us][unit]["median"] / result[name][unit]["median"]
                ratios[f"{unit}: {us} / {name}"] = round(ratio, 4)
                print(f"{unit}: {us} / {name}: {ratio:.3f}")
    missed = {people.kind_at(*place) for _, found in measured["ours"] for place in people.dicom - found}
    print("ours missed:", ", ".join(sorted(missed)) or "nothing")
    write(
        "sweep_vs_nmap",
        {
            "targets": people.targets,
            "dicom": len(people.dicom),
            "seed": chosen.seed,
            **result,
            "ratios": ratios,
            "ours_missed": sorted(missed),
        },
    )
    best = "nmap best"
    goals = {
        "64 of 65 found": all(len(found & people.dicom) >= 64 for _, found in measured["ours"]),
        "none false": all(found <= people.dicom for _, found in measured["ours"]),
        "the same answer every time": bool(result["ours"]["same_answer"]),
    }
    if best in result:
        goals["a third of nmap's CPU"] = ratios[f"cpu_s: ours / {best}"] <= 1 / 3
        goals["no longer than nmap"] = ratios[f"wall_s: ours / {best}"] <= 1
    if "nmap -T4" in result:
        goals["a fortieth of nmap -T4's time"] = ratios["wall_s: ours / nmap -T4"] <= 1 / 40
    return judged(goals)


if __name__ == "__main__":
    sys.exit(main())
