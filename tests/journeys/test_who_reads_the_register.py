"""Who reads what of the register: with the key all of it, with the disk alone nothing; and nobody a patient's name."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.running import lightproof
from journeys.leaks import leaks, unlocked

SECRET = "The laptop with the drawer of 2024"
PATIENT = "CANARY00042"
DOORS = {
    "list": ("breach", "list", "--json"),
    "show": ("breach", "show", "B-{year}-0001", "--json"),
    "sheet": ("breach", "notify", "B-{year}-0001", "--json"),
    "register": ("breach", "register", "--json"),
    "ledger": ("ledger", "export", "{out}"),
}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one breach, whose letters went to a list of patients; its key lies elsewhere."""
    folder = tmp_path_factory.mktemp("practice")
    home, persons = folder / "home", folder / "persons.csv"
    assert lightproof("init", "--unlock", "key-file", "--key-file", folder / "key", home=home).code == 0
    assert lightproof("breach", "open", "--report", SECRET, home=home).code == 0
    persons.write_text(f"name,address,email\n{PATIENT} Noémie,1 rue des Lilas,noemie@home.example\n")
    letters = folder / "letters.odt"
    written = lightproof("breach", "letter", the_number(home), "--recipients", persons, "--out", letters, home=home)
    assert written.code == 0, written.err
    assert leaks([PATIENT], [folder / "home"]) == []
    return folder


def the_number(home: Path) -> str:
    (line,) = lightproof("breach", "list", "--json", home=home).json["breaches"]
    number: str = line["id"]
    return number


def has_the_key(_key: Path) -> None:
    pass


def has_the_disk_alone(key: Path) -> None:
    key.unlink()


def has_another_key(key: Path) -> None:
    key.write_bytes(bytes(len(key.read_bytes())))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("hold", "may"),
    [(has_the_key, True), (has_the_disk_alone, False), (has_another_key, False)],
    ids=["the key", "the disk alone", "another key"],
)
def test_the_register_opens_to_the_key_alone_and_names_no_patient_even_then(
    practice: Path, hold: Callable[[Path], None], may: bool, door: str, tmp_path: Path
) -> None:
    key = practice / "key"
    kept, year = key.read_bytes(), the_number(practice / "home").split("-")[1]
    home = tmp_path / "home"
    shutil.copytree(practice / "home", home)
    try:
        hold(key)
        command = [part.format(year=year, out=tmp_path / "export") for part in DOORS[door]]
        ran = lightproof(*command, home=home)
    finally:
        key.write_bytes(kept)
        key.chmod(0o600)
    assert (ran.code == 0) is may, ran.err
    written = [folder for folder in (tmp_path / "export",) if folder.is_dir()]
    said = {"out": ran.out, "err": ran.err.encode()}
    if not may:
        assert leaks([SECRET, PATIENT], [home, *written], **said) == []
        assert not written
    assert leaks([PATIENT], written, **said) == []
    for path in (home, *home.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_the_key_opens_names_no_patient(practice: Path) -> None:
    held = unlocked(practice / "home")
    assert SECRET.encode() in held
    assert leaks([PATIENT], [], database=held) == []
