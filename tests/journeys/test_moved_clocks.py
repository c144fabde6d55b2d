"""The machine's clock is moved (libfaketime) while a breach is open: order, deadline and ledger stay what they were."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, lightproof
from peers.processes import program

MOVES = ["+3650d", "-3650d", "-1h", "+0 x100", "2031-01-01 00:00:00"]
"""Ten years ahead and back, an hour back, a hundred times too fast, frozen."""


def under(move: str, *arguments: object, home: Path, both_clocks: bool = False) -> Ran:
    """Runs `lightproof ARGUMENTS` with the wall clock moved, or with every clock of the machine moved."""
    done = subprocess.run(
        [program("faketime"), "-f", move, sys.executable, "-m", "lightproof", *map(str, arguments)],
        env={
            **os.environ,
            "LIGHTPROOF_HOME": str(home),
            "LIGHTPROOF_LANG": "en",
            "FAKETIME_DONT_FAKE_MONOTONIC": "0" if both_clocks else "1",
        },
        capture_output=True,
        timeout=100,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    assert lightproof("init", "--unlock", "key-file", "--key-file", tmp_path / "key", home=folder).code == 0
    return folder


def shown(number: str, home: Path) -> dict[str, Any]:
    told: dict[str, Any] = lightproof("breach", "show", number, "--json", home=home).json
    return told


@pytest.mark.parametrize("both_clocks", [False, True])
def test_a_moved_clock_reorders_nothing_and_moves_no_deadline(home: Path, tmp_path: Path, both_clocks: bool) -> None:
    opened = lightproof("breach", "open", "--report", "A laptop was stolen", "--json", home=home).json
    number, before = opened["id"], opened["clock"]
    aware = datetime.fromisoformat(before["aware_at"])
    assert datetime.fromisoformat(before["deadline"]) - aware == timedelta(hours=72)
    written = []
    for persons, move in enumerate(MOVES, start=1):
        ran = under(
            move, "breach", "assess", number, "--set", f"persons={persons}", "--reason", move,
            home=home, both_clocks=both_clocks,
        )  # fmt: skip
        # A clock before the facts makes them lie in the future: that is refused by name, and nothing is written.
        assert (ran.code, ran.err.partition(":")[0]) in [(0, ""), (2, "Error facts-refused")], ran.err
        written += [move] if ran.code == 0 else []
    assert {"+3650d", "2031-01-01 00:00:00"} <= set(written)
    assert lightproof("ledger", "verify", home=home).code == 0
    told = shown(number, home)
    assert (told["clock"]["aware_at"], told["clock"]["deadline"]) == (before["aware_at"], before["deadline"])
    assert any("clock of this machine was moved" in warning for warning in told["clock"]["warnings"])
    assert lightproof("ledger", "export", tmp_path / "export", home=home).code == 0
    entries = [json.loads(line) for line in (tmp_path / "export" / "entries.ndjson").read_bytes().splitlines()]
    corrections = [entry["payload"]["reason"] for entry in entries if entry["kind"] == "breach.corrected"]
    assert corrections == written, "in the order in which they were made"
    for one, other in pairwise(entries):
        if datetime.fromisoformat(other["at"]) < datetime.fromisoformat(one["at"]):
            assert other["kind"] == "clock.jumped", "who goes back in time is told before anything else"


def test_a_scope_that_has_run_out_is_refused_by_the_clock_of_that_day(tmp_path: Path) -> None:
    scope = tmp_path / "mandate.toml"
    scope.write_text(
        'controller = "Clinique Exemple"\nauthoriser = "A. Martin"\nbasis = "mandate"\nreference = "2026-117"\n'
        f'expires = {datetime.now().year + 1}-12-31T18:00:00+01:00\npurpose = "Yearly check"\n'  # noqa: DTZ005
        'targets = ["127.0.0.1/32"]\n'
    )
    check = ("check", "127.0.0.1", "--ports", "9", "--scope", scope, "--dry-run")
    assert lightproof(*check, home=tmp_path / "home").code == 0
    late = under("+3650d", *check, home=tmp_path / "home")
    assert late.code == 5, late.err
