"""A result that cannot be printed is told as every error is, whichever command it is of."""

import fcntl
import json
import os
import subprocess
import sys
import time
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


def with_streams(shell: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[bytes]:
    """The command as a shell begins it, with these redirections."""
    script = f'"$0" -m lightproof "$@" {shell}'
    return subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, *arguments],
        env={**os.environ, "LIGHTPROOF_HOME": str(home), "LIGHTPROOF_LANG": "en"},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("check", "--schema"), ("config", "show"), ("--version",)])
def test_a_reader_that_left_is_told_nothing_and_is_no_failure(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "lightproof", *arguments],
            env={**os.environ, "LIGHTPROOF_HOME": str(tmp_path)},
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [("check", "--schema"), ("config", "show"), ("--version",)])
def test_an_output_that_is_closed_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = with_streams(">&-", *arguments, home=tmp_path)
    assert done.returncode == 2
    assert b"Error output-not-written: The result could not be printed: it is closed." in done.stderr


def test_what_is_printed_reaches_no_file_that_took_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ("check", f"127.0.0.1:{free_port()}", "--report", str(report))
    assert with_streams("<&- >&- 2>&-", *arguments, home=tmp_path / "home").returncode == 2
    assert json.loads(report.read_bytes())["letter"] == "A"
    assert with_streams("<&-", "ledger", "verify", home=tmp_path / "home").returncode == 0


@pytest.mark.parametrize("shell", ["2>&-", "2>/dev/full"])
def test_a_message_that_nobody_can_be_told_changes_no_exit_code(tmp_path: Path, shell: str) -> None:
    port = free_port()
    reports = [tmp_path / "one.html", tmp_path / "two.html"]
    named = [word for path in reports for word in ("--report", str(path))]
    assert with_streams(shell, "check", "8.8.8.8", home=tmp_path).returncode == 5
    assert with_streams(shell, "check", "300.1.1.1", home=tmp_path).returncode == 2
    assert with_streams(shell, "check", f"127.0.0.1:{port}", *named, home=tmp_path / "home").returncode == 0
    assert all(path.is_file() for path in reports)


def test_a_reader_that_is_slow_gets_everything_through_a_pipe_that_never_waits(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(writer, "wb") as output, os.fdopen(reader, "rb") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "lightproof", "check", "--schema"],
            env={**os.environ, "LIGHTPROOF_HOME": str(tmp_path)},
            stdout=output,
            stderr=subprocess.PIPE,
        )
        output.close()
        time.sleep(1)
        schema = words.read()
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"")
    assert json.loads(schema)["$schema"]


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
