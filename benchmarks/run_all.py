"""Every benchmark, one after the other, each in a process of its own. Options are passed to `sweep_vs_nmap.py`.

What needs a network of its own is left out where we are not root.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = (
    "sweep_vs_nmap",
    "sweep_vs_c",
    "million",
    "practice",
    "practice --private",
    "truth_table",
    "ladder",
    "start_up",
    "rendering",
    "breach",
    "ledger",
    "pdu_throughput",
    "fuzz_pdus",
)


def main() -> int:
    """Runs them all; 1 when any missed its goal or failed."""
    failed: list[str] = []
    for name in NAMES:
        script, *options = name.split()
        if "--private" in options and os.geteuid() != 0:
            continue
        print(f"\n== {name}", flush=True)
        options += sys.argv[1:] if name == "sweep_vs_nmap" else []
        if subprocess.run([sys.executable, FOLDER / f"{script}.py", *options], check=False).returncode != 0:
            failed.append(name)
    print(f"\nfailed or missed their goal: {', '.join(failed) or 'none'}")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
