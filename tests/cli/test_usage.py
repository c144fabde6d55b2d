"""A command line that cannot be read: told as every error is, in the reader's language whole, with exit code 2."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import lightproof

MISTAKES = {
    "a missing argument": ("breach", "show"),
    "an argument too many": ("breach", "show", "B-2026-0001", "B-2026-0002"),
    "a missing option": ("breach", "close", "B-2026-0001"),
    "an unknown option": ("breach", "show", "--oot", "x"),
    "an unknown command": ("breach", "xyz"),
    "a typing error in a command": ("chek",),
    "no value": ("breach", "notify", "B-2026-0001", "--out"),
    "a value too many": ("breach", "register", "--yes=3"),
    "none of the choices": ("breach", "list", "--status", "x"),
    "no number": ("breach", "list", "--limit", "many"),
    "out of range": ("breach", "list", "--limit", "0"),
    "a folder for a file": ("breach", "show", "B-2026-0001", "--out", "/"),
    "an unknown language": ("--lang", "de"),
}
ENGLISH = re.compile(
    r"\b(missing|argument of|option .* requires|invalid|value for|such|got|does|not|file|folder|write)\b", re.I
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_cause_and_its_fix(tmp_path: Path, mistake: str) -> None:
    for language, first in (("en", "Error usage: "), ("fr", "Erreur usage : ")):
        ran = lightproof(*MISTAKES[mistake], home=tmp_path, language=language)
        cause, fix = ran.err.splitlines()
        assert (ran.code, ran.out) == (2, b"")
        assert cause.replace("\u00a0", " ").startswith(first)
        assert "lightproof" in fix
        assert "--help" in fix
        assert language == "en" or not ENGLISH.search(ran.err), ran.err


def test_what_was_typed_cannot_steer_the_terminal(tmp_path: Path) -> None:
    ran = lightproof("breach", "show", "B-2026-0001", "\x1b]0;x\x07", home=tmp_path)
    assert ran.code == 2
    assert "\x1b" not in ran.err


def test_a_group_alone_shows_its_commands(tmp_path: Path) -> None:
    ran = lightproof("breach", home=tmp_path)
    assert ran.code == 2
    assert "notify" in ran.err


def test_a_help_is_typeset_as_french_is_and_cuts_no_summary(tmp_path: Path) -> None:
    told = lightproof("ledger", "--help", home=tmp_path, language="fr").out.decode()
    assert "Options\u00a0:" in told
    assert "Commandes\u00a0:" in told
    assert "..." not in told.partition("Commandes")[2]
    assert "demande pourquoi on l’a appelé" in " ".join(told.split())


def test_who_interrupts_before_a_command_is_there_sees_no_trace() -> None:
    program = """
import sys
import lightproof.cli
import lightproof.cli.app
def interrupted(*_arguments, **_options):
    raise KeyboardInterrupt
lightproof.cli.app.run = interrupted
sys.argv = ["lightproof", "--version"]
lightproof.cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("arguments", [("breach", "show", b"\xff"), ("check", b"\xff"), ("breach", "list", b"\xff")])
def test_what_is_no_text_is_refused(tmp_path: Path, arguments: tuple[str | bytes, ...]) -> None:
    home = tmp_path / "home"
    lightproof("init", "--unlock", "key-file", "--recovery-kit", tmp_path / "kit.txt", home=home)
    done = subprocess.run(
        [sys.executable, "-m", "lightproof", *arguments],
        env={**os.environ, "LIGHTPROOF_HOME": str(home)},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert b"Error unexpected" not in done.stderr


def test_a_home_and_a_user_of_any_name_are_served(tmp_path: Path) -> None:
    home, kit = os.fsencode(tmp_path) + b"/h\xff\nh", os.fsencode(tmp_path) + b"/kit.txt"
    around = {**os.environb, b"LIGHTPROOF_HOME": home, b"LOGNAME": b"a\xff\nb", b"LIGHTPROOF_LANG": b"en"}
    for arguments in (
        ("init", "--unlock", "key-file", "--recovery-kit", kit),
        ("breach", "open", "--report", "A laptop was stolen"),
        ("ledger", "verify"),
        ("config", "show", "--json"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "lightproof", *arguments], env=around, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    assert home in Path(os.fsdecode(kit)).read_bytes()
