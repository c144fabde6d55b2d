"""A result that cannot be printed is told as every error is, whichever command it is of."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from peers.processes import free_port

COMMANDS = {
    "help": ("--help",),
    "one line": ("--version",),
    "more than is held back": ("check", "--schema"),
    "a command of a group": ("breach", "assess", "--schema"),
}


def into(device: str, *arguments: str, home: Path, language: str = "en") -> tuple[int, str]:
    with Path(device).open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "lightproof", *arguments],
            env={**os.environ, "LIGHTPROOF_HOME": str(home), "LIGHTPROOF_LANG": language},
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_device_is_told_once(tmp_path: Path, command: str) -> None:
    code, told = into("/dev/full", *COMMANDS[command], home=tmp_path)
    assert code == 2
    errors = [line for line in told.splitlines() if line.startswith("Error")]
    assert errors == ["Error output-not-written: The result could not be printed: the disk is full."]
    assert "Traceback" not in told
    assert "ignored" not in told


def test_a_report_is_written_though_the_result_cannot_be_printed(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ("check", "127.0.0.1:1", "--report", str(report))
    code, told = into("/dev/full", *arguments, home=tmp_path / "home", language="fr")
    assert code == 2
    assert "Erreur output-not-written" in told
    assert report.is_file()


def test_a_reader_that_left_is_told_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "lightproof", "check", "--schema"],
            env={**os.environ, "LIGHTPROOF_HOME": str(tmp_path)},
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp850"])
def test_a_poor_encoding_gets_plainer_letters_and_no_failure(tmp_path: Path, encoding: str) -> None:
    around = {**os.environ, "LIGHTPROOF_HOME": str(tmp_path), "LIGHTPROOF_LANG": "fr", "PYTHONIOENCODING": encoding}
    for arguments, code in (
        (("--help",), 0),
        (("check", "300.1.1.1"), 2),
        (("check", f"127.0.0.1:{free_port()}"), 0),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "lightproof", *arguments], env=around, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == code
        click_writes = "utf-8" if encoding == "ascii" else encoding  # it takes ASCII for a mistake of the system
        said = (done.stdout + done.stderr).decode(click_writes)
        assert "unexpected" not in said
        assert "\\u" not in said
        assert "?" not in said
