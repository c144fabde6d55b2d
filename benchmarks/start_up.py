"""How soon the command line answers: --help, --version, and the first grade of the demo."""

import sys
import tempfile
from pathlib import Path

from measuring import middle, run, table, write

RUNS = 7
GOALS_S = {"--help": 0.150, "--version": 0.080, "demo": 5.0}


def main() -> int:
    """Prints the medians; 1 when a goal was missed."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "--help": ["--help"],
            "--version": ["--version"],
            "demo": ["demo", "--json", "--out", folder],
        }
        lightproof = Path(sys.executable).with_name("lightproof")
        for arguments in commands.values():
            run([lightproof, *arguments], limit_s=60)  # once unmeasured: the disk's cache is not the subject
        seconds = {
            name: middle([run([lightproof, *arguments], limit_s=60).wall_s for _ in range(RUNS)])
            for name, arguments in commands.items()
        }
    table(
        [
            ("command", "median s", "least", "most", "goal"),
            *((n, s["median"], s["least"], s["most"], GOALS_S[n]) for n, s in seconds.items()),
        ]
    )
    write("start_up", {"runs": RUNS, "seconds": seconds, "goals": GOALS_S})
    return int(any(seconds[name]["median"] > goal for name, goal in GOALS_S.items()))


if __name__ == "__main__":
    raise SystemExit(main())
