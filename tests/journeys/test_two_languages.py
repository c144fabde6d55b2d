"""A breach opened in one language and read in another: by an authority, by a colleague."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from cli.running import lightproof
from lightproof.locale import LANGUAGES, Language
from peers.lightproof_server import Archive, serving

OWN_WORDS = "La secrétaire a vu « access closed » sur l'écran."


def a_study(number: int) -> Dataset:
    study = Dataset()
    study.PatientName = "CANARY^NOEMIE"
    study.PatientID = f"CAN-{number}"
    study.StudyInstanceUID = f"1.2.826.0.1.3680043.9.7777.{number + 1}"
    study.NumberOfStudyRelatedSeries = 1
    return study


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One check, and a breach opened from it in each language: B-…-0001 in the first, B-…-0002 in the second."""
    folder = tmp_path_factory.mktemp("home")
    with serving(Archive(held=tuple(map(a_study, range(3))))) as archive:
        checked = lightproof("check", f"127.0.0.1:{archive.port}", "--count", "--json", home=folder)
        assert checked.code == 3, checked.err
    return folder


@pytest.fixture(scope="module")
def numbers(home: Path) -> dict[Language, str]:
    opened: dict[Language, str] = {}
    for spoken in LANGUAGES:
        ran = lightproof("breach", "open", "--json", home=home, language=spoken)
        assert ran.code == 0, ran.err
        opened[spoken] = ran.json["id"]
    return opened


def fields(home: Path, number: str, language: Language) -> dict[str, Any]:
    ran = lightproof("breach", "notify", number, "--json", home=home, language=language)
    assert ran.code == 0, ran.err
    return {field["key"]: field for field in ran.json["fields"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_is_in_the_language_of_the_reader(
    home: Path, numbers: dict[Language, str], language: Language
) -> None:
    one, other = (fields(home, number, language) for number in numbers.values())
    assert len(one) == 51
    entries = {key: {**field, "evidence": None, "note": None} for key, field in one.items()}
    assert entries == {key: {**field, "evidence": None, "note": None} for key, field in other.items()}


def test_the_whole_file_speaks_french_though_it_was_opened_in_english(
    home: Path, numbers: dict[Language, str], tmp_path: Path
) -> None:
    place = tmp_path / "file.html"
    shown = lightproof("breach", "show", numbers["en"], "--out", place, home=home, language="fr")
    assert shown.code == 0, shown.err
    page = place.read_text()
    assert "Un serveur de l’organisme" in page
    assert "A server of the organisation" not in page
    assert "The severity is" not in page


def test_what_a_person_wrote_stays_as_it_was_written(home: Path, numbers: dict[Language, str]) -> None:
    corrected = lightproof(
        "breach", "assess", numbers["en"], "--set", f"discovery={OWN_WORDS}", "--reason", "seen", home=home
    )
    assert corrected.code == 0, corrected.err
    for language in LANGUAGES:
        assert OWN_WORDS in str(fields(home, numbers["en"], language)["discovery"]["value"])
