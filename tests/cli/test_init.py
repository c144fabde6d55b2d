"""`lightproof init`, run as people and scripts run it."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cli.running import lightproof
from cli.typing_person import at_a_terminal
from lightproof.cli.home import ledger_signer, opened
from lightproof.storage.making import recovered
from lightproof.storage.recovery import read
from lightproof.storage.unlock import Means, home_is_made, read_slots, unlock

PHRASE = "quatre cerfs dansent dehors"
OTHER = "cinq loutres nagent au loin"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIGHTPROOF_PASSPHRASE_FILE", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def kinds(home: Path) -> set[str]:
    return {slot.lock.kind for slot in read_slots(home).slots}


def test_a_key_file_home_is_made_without_a_question_and_prints_a_kit_that_works(home: Path) -> None:
    ran = lightproof("init", "--unlock", "key-file", home=home)
    assert ran.code == 0
    root = unlock(home, Means())
    kit = ran.out.decode()
    assert recovered(home, read(kit)) == root
    assert str(home) in kit
    assert str(ledger_signer(root).key) in kit
    assert re.search(r"Made: \d{4}-\d\d-\d\d \d\d:\d\d \(UTC\)", kit)
    assert max(map(len, kit.splitlines())) <= 130
    assert "does not protect" in " ".join(ran.err.split())
    assert "unlock.key out of backups" in ran.err


def test_the_kit_goes_to_a_file_that_only_its_owner_reads(home: Path, tmp_path: Path) -> None:
    kit = tmp_path / "kit.txt"
    ran = lightproof("init", "--unlock", "key-file", "--recovery-kit", kit, home=home)
    assert (ran.code, ran.out) == (0, b"")
    assert stat.S_IMODE(kit.stat().st_mode) == 0o600
    assert recovered(home, read(kit.read_text())) == unlock(home, Means())
    code = re.search(r"(?:[0-9A-Z]{4}-){4}", kit.read_text())
    assert code is not None
    assert code[0] not in ran.err


def test_a_kit_that_cannot_be_written_leaves_no_home(home: Path, tmp_path: Path) -> None:
    (tmp_path / "kit.txt").write_text("something of mine")
    for path in (tmp_path / "kit.txt", tmp_path / "nowhere" / "kit.txt", home / "kit.txt"):
        ran = lightproof("init", "--unlock", "key-file", "--recovery-kit", path, home=home)
        assert ran.code == 2
        assert "recovery-kit-not-written" in ran.err
        assert not home_is_made(home)
    assert (tmp_path / "kit.txt").read_text() == "something of mine"
    assert lightproof("init", "--unlock", "key-file", home=home).code == 0


def test_making_it_is_in_the_ledger(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lightproof("init", "--unlock", "key-file", home=home)
    lightproof("init", "--set-unlock", "passphrase", "--passphrase-file", "-", home=home, typed=PHRASE)
    with opened(home) as made:
        said = [(entry.kind, entry.payload) for entry in made.ledger.entries(subject="home")]
    assert said == [
        ("home.made", {"unlock": ["key-file", "recovery"]}),
        ("home.unlock-changed", {"set": ["passphrase"]}),
    ]


def test_a_second_init_changes_nothing_and_says_what_to_do(home: Path) -> None:
    lightproof("init", "--unlock", "key-file", home=home)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for arguments in ((), ("--unlock", "key-file"), ("--unlock", "passphrase")):
        ran = lightproof("init", *arguments, home=home)
        assert (ran.code, ran.out) == (2, b"")
        assert "home-exists" in ran.err
        assert "--set-unlock" in ran.err
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_passphrase_is_asked_twice_on_a_terminal_and_never_shown(home: Path) -> None:
    code, screen = at_a_terminal("init", home=home, answers=[("New passphrase", PHRASE), ("Again", PHRASE)])
    assert code == 0
    assert PHRASE not in screen
    assert kinds(home) == {"passphrase", "recovery"}
    assert unlock(home, Means(passphrase=lambda: PHRASE)) == recovered(home, read(screen))


def test_a_short_or_mistyped_passphrase_is_asked_for_again(home: Path) -> None:
    code, screen = at_a_terminal(
        "init",
        home=home,
        answers=[
            ("New passphrase", "short"),
            ("New passphrase", PHRASE),
            ("Again", "another thing altogether"),
            ("New passphrase", PHRASE),
            ("Again", PHRASE),
        ],
    )
    assert code == 0, screen
    assert "fewer than 14" in screen
    assert unlock(home, Means(passphrase=lambda: PHRASE))


def test_a_mistyped_passphrase_may_be_typed_again_when_opening(home: Path) -> None:
    lightproof("init", "--passphrase-file", "-", home=home, typed=PHRASE)
    code, screen = at_a_terminal(
        "ledger",
        "key",
        home=home,
        answers=[("Passphrase", "wrong"), ("Passphrase", "wrong too"), ("Passphrase", PHRASE)],
    )
    assert code == 0
    assert str(ledger_signer(unlock(home, Means(passphrase=lambda: PHRASE))).key) in screen
    code, screen = at_a_terminal("ledger", "key", home=home, answers=[("Passphrase", "wrong")] * 3)
    assert code == 2
    assert "passphrase-wrong" in screen


def test_interrupting_the_question_leaves_no_home(home: Path) -> None:
    code, _screen = at_a_terminal("init", home=home, answers=[("New passphrase", "\x03")])
    assert code == 130
    assert not home_is_made(home)


def test_without_a_terminal_the_passphrase_comes_from_a_file_or_the_input(home: Path, tmp_path: Path) -> None:
    ran = lightproof("init", home=home, typed=PHRASE)
    assert ran.code == 2
    assert "passphrase-not-given" in ran.err
    (tmp_path / "secret").write_text(PHRASE + "\n")
    assert lightproof("init", home=home, LIGHTPROOF_PASSPHRASE_FILE=str(tmp_path / "secret")).code == 0
    for environment, typed in ((str(tmp_path / "secret"), ""), ("-", PHRASE)):
        ran = lightproof("ledger", "key", home=home, typed=typed, LIGHTPROOF_PASSPHRASE_FILE=environment)
        assert ran.code == 0
    ran = lightproof("ledger", "key", home=home, typed="wrong", LIGHTPROOF_PASSPHRASE_FILE="-")
    assert (ran.code, "passphrase-wrong" in ran.err) == (2, True)
    ran = lightproof("ledger", "key", home=home, typed=PHRASE)
    assert (ran.code, "sealed" in ran.err) == (2, True)


def test_where_there_is_no_home_the_way_to_make_one_is_told(home: Path) -> None:
    ran = lightproof("ledger", "key", home=home)
    assert ran.code == 2
    assert "home-not-made" in ran.err
    assert "lightproof init" in ran.err


def test_a_key_file_elsewhere_opens_and_is_told_when_missing(home: Path, tmp_path: Path) -> None:
    assert lightproof("init", "--key-file", tmp_path / "stick.key", home=home).code == 0
    assert not (home / "unlock.key").exists()
    (tmp_path / "stick.key").rename(tmp_path / "moved.key")
    assert "key-file-missing" in lightproof("ledger", "key", home=home).err
    ran = lightproof("ledger", "key", home=home, LIGHTPROOF_UNLOCK_KEY_FILE=str(tmp_path / "moved.key"))
    assert ran.code == 0
    (tmp_path / "moved.key").chmod(0o644)
    ran = lightproof("ledger", "key", home=home, LIGHTPROOF_UNLOCK_KEY_FILE=str(tmp_path / "moved.key"))
    assert (ran.code, "key-readable-by-others" in ran.err) == (2, True)


def test_a_systemd_credential_opens_for_the_service_that_has_it(home: Path, tmp_path: Path) -> None:
    (tmp_path / "lightproof").write_bytes(os.urandom(48))
    ran = lightproof("init", "--unlock", "systemd-credential", home=home)
    assert (ran.code, "credential-unusable" in ran.err) == (2, True)
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert lightproof("init", "--credential", "lightproof", home=home, **given).code == 0
    assert lightproof("ledger", "key", home=home, **given).code == 0
    assert "sealed" in lightproof("ledger", "key", home=home).err


def test_the_organisation_is_put_into_the_settings(home: Path, tmp_path: Path) -> None:
    (tmp_path / "org.toml").write_text('name = "Cabinet du Port"\nsiren = "732829320"\n')
    ran = lightproof("init", "--unlock", "key-file", "--organisation", tmp_path / "org.toml", home=home)
    assert ran.code == 0
    shown = lightproof("config", "show", "--json", home=home).json["settings"]
    assert {v["key"]: v["value"] for v in shown if v["origin"]["kind"] == "file"} == {
        "organisation.name": "Cabinet du Port",
        "organisation.siren": "732829320",
    }


def test_an_organisation_that_does_not_fit_leaves_no_home(home: Path, tmp_path: Path) -> None:
    (tmp_path / "org.toml").write_text('name = "Cabinet du Port"\nsiren = "1"\n')
    ran = lightproof("init", "--unlock", "key-file", "--organisation", tmp_path / "org.toml", home=home)
    assert ran.code == 2
    assert "line 2: organisation.siren" in ran.err
    assert not home.exists()


def test_settings_are_written_in_french_for_a_french_reader(home: Path) -> None:
    assert lightproof("init", "--unlock", "key-file", home=home, language="fr").code == 0
    assert "Réglages" in (home / "settings.toml").read_text()


def test_a_key_file_gives_way_to_a_passphrase(home: Path) -> None:
    lightproof("init", "--unlock", "key-file", home=home)
    ran = lightproof(
        "init", "--set-unlock", "passphrase", "--passphrase-file", "-", "--remove-unlock", "key-file",
        home=home, typed=PHRASE,
    )  # fmt: skip
    assert ran.code == 0
    assert kinds(home) == {"passphrase", "recovery"}
    ran = lightproof("init", "--remove-unlock", "passphrase", home=home, LIGHTPROOF_PASSPHRASE_FILE="-", typed=PHRASE)
    assert (ran.code, "unlock-last" in ran.err) == (2, True)


def test_a_passphrase_is_changed_by_who_knows_it(home: Path) -> None:
    lightproof("init", "--passphrase-file", "-", home=home, typed=PHRASE)
    code, screen = at_a_terminal(
        "init", "--set-unlock", "passphrase", home=home,
        answers=[("Passphrase", PHRASE), ("New passphrase", OTHER), ("Again", OTHER)],
    )  # fmt: skip
    assert code == 0, screen
    assert unlock(home, Means(passphrase=lambda: OTHER))


def test_a_lost_passphrase_is_replaced_with_the_kit(home: Path, tmp_path: Path) -> None:
    kit = lightproof("init", "--passphrase-file", "-", home=home, typed=PHRASE).out.decode()
    (tmp_path / "new").write_text(OTHER)
    ran = lightproof("init", "--recover", "--passphrase-file", tmp_path / "new", home=home, typed=kit)
    assert ran.code == 0
    assert unlock(home, Means(passphrase=lambda: OTHER))
    code_typed = kit.split("Recovery code:")[1].split()[0]
    code, screen = at_a_terminal(
        "init", "--recover", home=home,
        answers=[("Recovery code", code_typed), ("New passphrase", PHRASE), ("Again", PHRASE)],
    )  # fmt: skip
    assert code == 0, screen
    assert unlock(home, Means(passphrase=lambda: PHRASE))


def test_a_new_kit_voids_the_old(home: Path, tmp_path: Path) -> None:
    old = lightproof("init", "--unlock", "key-file", home=home).out.decode()
    ran = lightproof("init", "--set-unlock", "recovery", "--recovery-kit", tmp_path / "kit", home=home)
    assert ran.code == 0
    ran = lightproof("init", "--recover", "--key-file", tmp_path / "new.key", home=home, typed=old)
    assert (ran.code, "recovery-code-wrong" in ran.err) == (2, True)
    ran = lightproof("init", "--recover", "--key-file", tmp_path / "new.key", home=home, typed="AAAA-BBBB")
    assert (ran.code, "recovery-code-mistyped" in ran.err) == (2, True)
    ran = lightproof(
        "init", "--recover", "--key-file", tmp_path / "new.key", home=home, typed=(tmp_path / "kit").read_text()
    )
    assert ran.code == 0
    (home / "unlock.key").unlink()
    assert unlock(home, Means())


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """The key file of a second factor, on something that can be taken away."""
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick" / "lightproof.key"


BOTH = "passphrase-and-key-file"


def test_what_a_home_of_two_factors_keeps_leaves_it_with_both_alone(home: Path, stick: Path, tmp_path: Path) -> None:
    (tmp_path / "phrase").write_text(PHRASE + "\n")
    (tmp_path / "other").write_text(OTHER + "\n")
    ran = lightproof(
        "init", "--unlock", BOTH, "--key-file", stick, "--passphrase-file", tmp_path / "phrase",
        "--recovery-kit", tmp_path / "kit.txt", home=home,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "together, and neither alone" in " ".join(ran.err.split())
    assert kinds(home) == {BOTH, "recovery"}
    assert stat.S_IMODE(stick.stat().st_mode) == 0o600

    given = {"LIGHTPROOF_PASSPHRASE_FILE": str(tmp_path / "phrase")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    leaving = (
        ("check", "127.0.0.1", "--ports", port),
        ("ledger", "export", tmp_path / "exported"),
        ("breach", "register", "--out", tmp_path / "register.json"),
    )
    for command in leaving:
        assert "sealed" in lightproof(*command, home=home).err
        stick.rename(tmp_path / "away")
        assert "key-file-missing" in lightproof(*command, home=home, **given).err
        stick.write_bytes(bytes(32))  # of another home
        stick.chmod(0o600)
        assert "passphrase-or-key-file-wrong" in lightproof(*command, home=home, **given).err
        (tmp_path / "away").replace(stick)
        wrong = {"LIGHTPROOF_PASSPHRASE_FILE": str(tmp_path / "other")}
        assert "passphrase-or-key-file-wrong" in lightproof(*command, home=home, **wrong).err
        assert not (tmp_path / "exported").exists()
        assert not (tmp_path / "register.json").exists()
    assert [lightproof(*command, home=home, **given).code for command in leaving[1:]] == [0, 0]
    assert lightproof(*leaving[0], home=home, **given).code in (0, 4)  # 4: that nobody answered
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not any(secret in content for content in kept for secret in (PHRASE.encode(), stick.read_bytes()))


def test_both_are_asked_for_on_a_terminal_and_either_may_be_mistyped(home: Path, stick: Path) -> None:
    made = at_a_terminal(
        "init",
        "--unlock",
        BOTH,
        "--key-file",
        stick,
        home=home,
        answers=[("New passphrase", PHRASE), ("Again", PHRASE)],
    )
    assert made[0] == 0, made[1]
    code, screen = at_a_terminal(
        "ledger",
        "key",
        home=home,
        language="fr",
        answers=[("Phrase secrète\u00a0: ", "wrong"), ("Phrase secrète", PHRASE)],
    )
    assert code == 0, screen
    assert "La phrase secrète ou le fichier de clé n’est pas celui de ce dossier." in screen
    stick.unlink()
    code, screen = at_a_terminal("ledger", "key", home=home, answers=[])
    assert (code, "key-file-missing" in screen, "Passphrase" in screen) == (2, True, False)


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "still opens with one thing alone: key-file"), ("fr", "s’ouvre encore par une seule chose : key-file")],
)
def test_what_still_opens_alone_beside_two_factors_is_told_with_the_command_that_takes_it_away(
    home: Path, stick: Path, language: str, told: str
) -> None:
    lightproof("init", "--unlock", "key-file", home=home)
    spoken = {"LIGHTPROOF_LANG": language}
    pair = ("init", "--set-unlock", BOTH, "--key-file", stick, "--passphrase-file", "-")
    ran = lightproof(*pair, home=home, typed=PHRASE, **spoken)
    assert ran.code == 0, ran.err
    assert told in ran.err.replace("\u00a0", " ")
    assert ran.err.splitlines()[-1] == "  lightproof init --remove-unlock key-file"
    ran = lightproof("init", "--remove-unlock", "key-file", home=home, **spoken)
    assert (ran.code, "--remove-unlock" in ran.err) == (0, False)
    assert kinds(home) == {BOTH, "recovery"}
    ran = lightproof("init", "--remove-unlock", BOTH, home=home, typed=PHRASE, LIGHTPROOF_PASSPHRASE_FILE="-", **spoken)
    assert (ran.code, "unlock-last" in ran.err) == (2, True)


def test_lost_with_its_stick_a_home_of_two_factors_is_opened_by_the_kit_and_locked_as_before(
    home: Path, stick: Path, tmp_path: Path
) -> None:
    pair = ("--key-file", stick, "--passphrase-file", tmp_path / "phrase")
    (tmp_path / "phrase").write_text(PHRASE)
    kit = lightproof("init", "--unlock", BOTH, *pair, home=home).out.decode()
    stick.unlink()
    ran = lightproof("init", "--recover", "--set-unlock", BOTH, *pair, home=home, typed=kit)
    assert (ran.code, "one thing alone" in ran.err) == (0, False)
    assert kinds(home) == {BOTH, "recovery"}
    assert lightproof("ledger", "key", home=home, typed=PHRASE, LIGHTPROOF_PASSPHRASE_FILE="-").code == 0
    # The plain way of the kit adds a passphrase: what that undoes is told.
    ran = lightproof("init", "--recover", "--passphrase-file", tmp_path / "phrase", home=home, typed=kit)
    assert (ran.code, "lightproof init --remove-unlock passphrase" in ran.err) == (0, True)


@pytest.mark.parametrize(
    ("language", "inside", "nowhere"),
    [
        ("en", "lies in the home that it opens", "none was named"),
        ("fr", "est dans le dossier qu’il ouvre", "aucun n’est nommé"),
    ],
)
def test_the_key_file_of_two_factors_is_named_and_lies_elsewhere_than_the_home(
    home: Path, language: str, inside: str, nowhere: str
) -> None:
    for place, error_id, told in (
        (("--key-file", home / "unlock.key"), "key-file-in-home", inside),
        ((), "key-file-not-named", nowhere),
    ):
        ran = lightproof("init", "--unlock", BOTH, *place, home=home, LIGHTPROOF_LANG=language)
        assert (ran.code, error_id in ran.err, told in " ".join(ran.err.split())) == (2, True, True), ran.err
    assert not home.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--unlock", "password"),
        ("--unlock", "passphrase", "--key-file", "x"),
        ("--set-unlock", "key-file", "--unlock", "key-file"),
        ("--set-unlock", "key-file", "--organisation", "x"),
        ("--set-unlock", "key-file", "--recovery-kit", "x"),
        ("--credential", "x", "--key-file", "y"),
        ("--unlock", "key-file", "--passphrase-file", "x"),
        ("--key-file", "x", "--passphrase-file", "y"),
        ("--unlock", "passphrase-and-key-file", "--credential", "x"),
    ],
)
def test_options_that_contradict_are_refused(home: Path, arguments: tuple[str, ...]) -> None:
    ran = lightproof("init", *arguments, home=home)
    assert ran.code == 2
    assert not home.exists()


def test_nothing_is_changed_where_no_home_is(home: Path) -> None:
    for arguments in (("--recover",), ("--set-unlock", "recovery"), ("--remove-unlock", "key-file")):
        ran = lightproof("init", *arguments, home=home)
        assert (ran.code, "home-not-made" in ran.err) == (2, True)
    assert not home.exists()


def test_killed_at_any_moment_there_is_no_home_or_a_whole_one_with_its_kit(tmp_path: Path) -> None:
    began = time.monotonic()
    lightproof("init", "--unlock", "key-file", home=tmp_path / "whole")
    whole_s = time.monotonic() - began
    seen = set()
    for n, part in enumerate((0.05, 0.5, 0.6, 0.7, 0.8, 0.95, 20)):
        home, kit = tmp_path / str(n), tmp_path / f"{n}.txt"
        arguments = [sys.executable, "-m", "lightproof", "init", "--unlock", "key-file", "--recovery-kit", str(kit)]
        process = subprocess.Popen(
            arguments, env={**os.environ, "LIGHTPROOF_HOME": str(home)}, stderr=subprocess.DEVNULL
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(whole_s * part)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.add(home_is_made(home))
        if not home_is_made(home):
            kit.unlink(missing_ok=True)
            assert lightproof("init", "--unlock", "key-file", "--recovery-kit", kit, home=home).code == 0
        assert recovered(home, read(kit.read_text())) == unlock(home, Means())
        ran = lightproof("ledger", "verify", home=home)
        assert ran.code == 0, ran.err
    assert seen == {True, False}
