"""Targets per CPU-second of our survey and of the same loop in C, on 60,000 mixed targets, in one run.

    python benchmarks/sweep_vs_c.py [--runs 7]

Ten times the lab, all services in code, none of them TLS: the C program has no TLS library. Each run of ours is
compared with the one of C right before it, for what else the machine does weighs on both. The time that Python takes to
load is told apart: it does not grow with the targets. Both ratios are printed: of the loop, which is what is compared,
and of the whole processes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

import lab
from lightproof.check.identity import CALLED_AE, CALLING_AE
from lightproof.check.sweeping.tls_hello import RANDOM_LENGTH, client_hello
from lightproof.dicom.recognise import association_request
from measuring import as_installed, judged, middle, run, table, write

HERE: Final = Path(__file__).parent


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--times", type=int, default=10, help="how many times the lab's population")
    chosen = options.parse_args()
    people = lab.population(times=chosen.times, real=False, tls=False)
    ports = ",".join(map(str, people.ports))
    ours: list[float] = []
    theirs: list[float] = []
    loading: list[float] = []
    whole: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "sweep"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", program, HERE / "sweep.c"], check=True)
        hellos = (association_request(CALLING_AE, CALLED_AE), client_hello(bytes(RANDOM_LENGTH)))
        said = Path(folder) / "hellos"
        said.write_bytes(b"".join(len(hello).to_bytes(4, "big") + hello for hello in hellos))
        with lab.running(people):
            for number in range(chosen.runs):
                cost = run([program, people.first, people.last, ports, str(number), said], limit_s=120)
                theirs.append(people.targets / cost.cpu_s)
                c_found = json.loads(cost.output)["recognised"]
                span = f"{people.first}-{people.last}"
                command = [sys.executable, HERE / "survey_command.py", span, ports, str(number)]
                cost = run(command, limit_s=120, environment=as_installed(Path(folder)))
                answer = json.loads(cost.output)
                loading.append(answer["cpu_s"]["to_load"])
                whole.append(people.targets / cost.cpu_s)
                ours.append(people.targets / answer["cpu_s"]["to_survey"])
                found = {(seen["address"], seen["port"]) for seen in answer["found"]}
    ratio = middle([one / other for one, other in zip(ours, theirs, strict=True)])
    with_loading = middle([one / other for one, other in zip(whole, theirs, strict=True)])
    table(
        [
            ["", "targets per CPU-second", "found", "of"],
            ["ours", round(median(ours)), len(found & people.dicom), len(people.dicom)],
            ["C", round(median(theirs)), c_found, len(people.dicom)],
        ]
    )
    print(
        f"ours / C: {ratio['median']:.3f} ({ratio['least']:.3f} to {ratio['most']:.3f}); "
        f"with what Python takes to load ({median(loading):.3f} CPU s): {with_loading['median']:.3f}"
    )
    print(f"false positives: {len(found - people.dicom)}")
    write(
        "sweep_vs_c",
        {
            "targets": people.targets,
            "runs": chosen.runs,
            "ours_per_cpu_second": middle(ours, 0),
            "c_per_cpu_second": middle(theirs, 0),
            "ratio": ratio,
            "ratio_with_loading": with_loading,
            "dicom": len(people.dicom),
            "ours_found": len(found & people.dicom),
            "ours_false_positives": len(found - people.dicom),
            "c_found": c_found,
            "loading_cpu_s": middle(loading),
            "peak_mb": round(answer["peak_mb"], 1),
        },
    )
    return judged(
        {
            "25,000 targets a CPU-second": median(ours) >= 25_000,
            "75 % of C": ratio["median"] >= 0.75,
            "everything found": len(people.dicom - found) == chosen.times,
            "none false": found <= people.dicom,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
