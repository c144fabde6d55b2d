"""A breach opened in one language and read in another: by an authority, by a colleague."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from cli.running import lightproof
from lightproof.locale import LANGUAGES, Language
from peers.lightproof_server import Archive, serving

FRENCH = re.compile("[éèàçêù]")
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
        ran = lightproof("breach", "open", "--again", "--json", home=home, language=spoken)
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


def test_a_supplementary_notice_tells_only_what_changed_whatever_the_language_of_the_first(
    home: Path, numbers: dict[Language, str]
) -> None:
    filed = lightproof(
        "breach",
        "notify",
        numbers["en"],
        "--filed",
        datetime.now(UTC).isoformat(),
        "--reference",
        "FR-1",
        home=home,
        language="fr",
    )
    assert filed.code == 0, filed.err
    for language in LANGUAGES:
        changed = {key for key, field in fields(home, numbers["en"], language).items() if field["changed"]}
        assert changed == {"kind", "earlier_ref"}
    corrected = lightproof(
        "breach", "assess", numbers["en"], "--set", "measures=", "--set", "persons=3", "--reason", "counted", home=home
    )
    assert corrected.code == 0, corrected.err
    for language in LANGUAGES:
        changed = {key for key, field in fields(home, numbers["en"], language).items() if field["changed"]}
        assert changed == {"kind", "earlier_ref", "measures", "persons"}


def test_titles_of_the_list_are_in_the_language_of_the_reader(home: Path, numbers: dict[Language, str]) -> None:
    english, french = (
        lightproof("breach", "list", "--json", home=home, language=language).json["breaches"] for language in LANGUAGES
    )
    assert {row["title"].split(" (")[0] for row in english} == {
        "Medical images within reach of strangers from the Internet"
    }
    assert {row["title"].split(" (")[0] for row in french} == {"Images médicales à portée d’inconnus depuis Internet"}


def test_the_same_facts_read_in_another_language_are_no_new_judgement(home: Path, numbers: dict[Language, str]) -> None:
    def steps(language: Language) -> list[str]:
        ran = lightproof("breach", "assess", numbers["fr"], "--json", home=home, language=language)
        assert ran.code == 0, ran.err
        return [step["what"] for step in ran.json["steps"]]

    assert steps("fr") == steps("en") == steps("fr")


def test_an_assessment_made_before_the_facts_changed_is_retold_too(home: Path, numbers: dict[Language, str]) -> None:
    number = numbers["fr"]
    for arguments in (("--regime", "uk-gdpr/uk"), ("--set", "care=endangered", "--reason", "vu")):
        ran = lightproof("breach", "assess", number, *arguments, home=home, language="fr")
        assert ran.code == 0, ran.err
    earlier = lightproof("breach", "show", number, "--json", home=home).json["assessments"]["uk-gdpr/uk"]
    assert "A high risk to the rights and freedoms of persons is likely." in str(earlier)
    assert not FRENCH.search(str(earlier))


def test_reasons_that_the_program_gave_are_in_the_language_of_the_reader(home: Path, tmp_path: Path) -> None:
    opened = lightproof("breach", "open", "--again", "--set", "persons=1..9", "--json", home=home, language="en")
    assert opened.code == 0, opened.err
    place = tmp_path / "file.html"
    shown = lightproof("breach", "show", opened.json["id"], "--out", place, home=home, language="fr")
    assert shown.code == 0, shown.err
    page = place.read_text()
    assert "déclaré par une personne" in page
    assert "stated by a person" not in page
    assert "Stated when the breach was opened." not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_register_is_in_the_language_of_the_reader_and_its_keys_are_the_same(
    home: Path, numbers: dict[Language, str], language: Language
) -> None:
    ran = lightproof("breach", "register", "--json", home=home, language=language)
    one, other = (told for told in ran.json["breaches"] if told["id"] in numbers.values())
    assert list(one["row"]) == list(other["row"])
    assert {"id", "nature", "risk_reasons", "persons_reason", "origin", "cause", "found_by", "changes"} <= set(
        one["row"]
    )
    for told in (one, other):
        drawn = " ".join(text for key, text in told["row"].items() if key not in ("discovery", "changes"))
        assert bool(FRENCH.search(drawn)) == (language == "fr"), drawn
        assert told["facts"]["title"] == told["row"]["title"]
