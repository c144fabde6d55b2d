"""SAN-2020-014 and SAN-2020-015 again, from servers like theirs to the sheet that was never filed."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from cli.running import lightproof
from journeys.leaks import leaks, unlocked
from lightproof.demo import archive as demo_archive
from lightproof.demo.patients import studies
from lightproof.documents.files import write_document
from lightproof.documents.model import Document, Paragraph, Section
from lightproof.documents.wording import day
from lightproof.documents.xlsx import xlsx
from lightproof.locale import LANGUAGES, speaking
from peers.lightproof_server import Archive, serving

SERIES_014 = 5_300
SERIES_015 = 1_200
PORT_014 = "127.0.0.1:{port}"


@contextmanager
def a_horos_like_archive() -> Iterator[int]:
    """5,300 series of 1,200 studies, served to anyone, as the doctor of SAN-2020-014 had them."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        opening = demo_archive.serve("127.0.0.1", 0, guarded=False)
        server = asyncio.run_coroutine_threadsafe(opening, loop).result(10)
        yield server.sockets[0].getsockname()[1]
        loop.call_soon_threadsafe(server.close)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def a_study(number: int) -> Dataset:
    study = Dataset()
    study.PatientName = f"CANARY{number:04d}^NOEMIE"
    study.PatientID = f"CAN-{number:05d}"
    study.StudyInstanceUID = f"1.2.826.0.1.3680043.9.7777.{number + 1}"
    study.NumberOfStudyRelatedSeries = 1
    return study


@contextmanager
def the_practice_archive() -> Iterator[int]:
    """1,200 series, one a study, of 300 patients: the practice of SAN-2020-015."""
    held = tuple(a_study(number) for number in range(SERIES_015))
    for number, study in enumerate(held):
        study.PatientID = f"CAN-{number % 300:05d}"
    with serving(Archive(held=held)) as archive:
        yield archive.port


def breached(port: int, home: Path) -> dict[str, Any]:
    checked = lightproof("check", f"127.0.0.1:{port}", "--count", "--json", home=home)
    assert checked.code == 3, checked.err
    opened = lightproof("breach", "open", "--json", home=home)
    assert opened.code == 0, opened.err
    told: dict[str, Any] = opened.json
    return told


CASES = [
    pytest.param(a_horos_like_archive, SERIES_014, 1_200, id="SAN-2020-014"),
    pytest.param(the_practice_archive, SERIES_015, 300, id="SAN-2020-015"),
]


@pytest.mark.parametrize(("server", "series", "patients"), CASES)
def test_the_breach_is_opened_with_what_was_measured(server: Any, series: int, patients: int, tmp_path: Path) -> None:
    with server() as port:
        told = breached(port, tmp_path)
        facts = told["facts"]
        assert facts["records"]["at_least"] == facts["records"]["at_most"] == series
        assert facts["persons"]["at_least"] == facts["persons"]["at_most"] == patients
        assert facts["origin"] == ["unintended_publication"]
        assert facts["cause"] == ["internal_accidental"]
        assert facts["started_at"]
        assert facts["ongoing"] is True
        assert {"started_at", "records", "persons"} <= set(facts["evidence"])
        choices = {answer["duty"]: answer["choice"] for answer in told["assessments"]["gdpr/fr"]["answers"]}
        assert choices == {"document": "yes", "notify": "yes", "communicate": "yes"}
        assert told["assessments"]["gdpr/fr"]["score"] == "4.5"
        sheet = lightproof(
            "breach", "notify", told["id"], "--json", "--out", tmp_path / "sheet.html", "--out", tmp_path / "sheet.odt",
            home=tmp_path,
        )  # fmt: skip
    assert sheet.code == 0, sheet.err
    fields = {field["key"]: field for field in sheet.json["fields"]}
    assert len(fields) == 51
    asked = [key for key, field in fields.items() if field["open"]]
    assert len(asked) <= 10, asked
    for key in ("start", "ongoing", "aware_at", "nature", "origin", "cause", "description", "data", "sensitive",
                "records", "person_categories", "persons", "severity", "measures", "discovery"):  # fmt: skip
        assert not fields[key]["open"], key


@pytest.mark.parametrize(("server", "series", "patients"), CASES)
def test_told_by_the_authority_it_need_not_be_notified_and_the_rest_remains(
    server: Any, series: int, patients: int, tmp_path: Path
) -> None:
    with server() as port:
        told = breached(port, tmp_path)
    letter = tmp_path / "authority.eml"
    letter.write_text("Subject: your server\n\nYour images are within reach of anyone.\n")
    revealed = {"at": told["facts"]["started_at"], "reference": "2019-152C", "own_information": True}
    assessed = lightproof(
        "breach", "assess", told["id"], "--json", "--set", f"revealed_by_authority={json.dumps(revealed)}",
        "--attach", f"revealed_by_authority={letter}", "--reason", "e-mail of the authority", home=tmp_path,
    )  # fmt: skip
    assert assessed.code == 0, assessed.err
    answers = {answer["duty"]: answer for answer in assessed.json["assessments"]["gdpr/fr"]["answers"]}
    assert {duty: answer["choice"] for duty, answer in answers.items()} == {
        "document": "yes", "notify": "no", "communicate": "yes",
    }  # fmt: skip
    assert "449694" in json.dumps(answers["notify"])
    listed = lightproof("breach", "list", "--json", home=tmp_path)
    assert [line["id"] for line in listed.json["breaches"]] == [told["id"]]
    letter = lightproof("breach", "letter", told["id"], "--out", tmp_path / "letter.html", home=tmp_path)
    assert letter.code == 0, letter.err


def canaries() -> tuple[str, ...]:
    """Names, numbers, UIDs and birth dates of fifty patients, as a file for people would write them."""
    invented = [study for study, _ in zip(studies(), range(50), strict=False)]
    births = [datetime.strptime(study.birth_date, "%Y%m%d").replace(tzinfo=UTC) for study in invented]
    manners = ("%Y%m%d", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y")
    dates = {birth.strftime(manner) for birth in births for manner in manners}
    for language in LANGUAGES:
        with speaking(language):
            dates |= {day(birth) for birth in births}
    families = {study.patient_name.partition("^")[0] for study in invented}
    return tuple({*(study.patient_name for study in invented), *(study.patient_id for study in invented),
                  *(study.uid for study in invented), *families, *dates})  # fmt: skip


@pytest.mark.parametrize("ending", [".pdf", ".odt", ".docx", ".xlsx", ".csv", ".html", ".json", ".eml", ".ics"])
def test_a_name_or_a_birth_date_would_be_found_in_each_format(tmp_path: Path, ending: str) -> None:
    study = next(studies())
    family, place = study.patient_name.partition("^")[0], tmp_path / f"planted{ending}"
    born = datetime.strptime(study.birth_date, "%Y%m%d").replace(tzinfo=UTC)
    text = f"{'—' * 70} {family} {day(born)}"
    document = Document(
        title="Planted", subtitle="", language="en", made=born, producer="test", footer="",
        sections=(Section("", (Paragraph(text),)),),
    )  # fmt: skip
    match ending:
        case ".pdf" | ".odt" | ".docx" | ".html":
            write_document(document, place)
        case ".xlsx":
            place.write_bytes(xlsx("Planted", ["a"], [[text]], datetime(2026, 1, 1, tzinfo=UTC)))
        case ".eml":
            letter = EmailMessage()
            letter.set_content(text)
            place.write_bytes(letter.as_bytes())
        case ".ics":
            line = f"SUMMARY:{text}".encode()
            place.write_bytes(line[:70] + b"\r\n " + line[70:] + b"\r\n")
        case _:
            place.write_text(text)
    found = leaks([family, day(born)], [tmp_path])
    assert any(family.lower() in one for one in found)
    assert any(str(born.year) in one for one in found)


def test_nothing_that_names_a_patient_is_in_any_output(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    out.mkdir()
    persons = tmp_path / "persons.csv"
    persons.write_text("name,email,language\nOswald Tirremont,oswald@home.example,en\n")
    with a_horos_like_archive() as port:
        told = breached(port, home)
    (home / "settings.toml").write_text(f'[alerts.calendar]\nfolder = "{out}"\n')
    number = told["id"]
    early = (datetime.now(UTC) - timedelta(hours=50)).isoformat()

    def to(name: str, *endings: str) -> list[object]:
        return [part for ending in endings for part in ("--out", out / f"{name}{ending}")]

    aware = ("--set", f"started_at={early}", "--set", f"aware_at={early}", "--reason", "mail")
    paper = (".html", ".pdf", ".odt", ".docx")
    said = [
        lightproof("breach", "assess", number, *aware, home=home),
        lightproof("breach", "show", number, *to("file", *paper), home=home),
        lightproof("breach", "notify", number, *to("sheet", *paper, ".json"), home=home),
        lightproof("breach", "letter", number, *to("letter", *paper, ".txt"), home=home),
        lightproof("breach", "letter", number, "--recipients", persons, *to("each", ".eml", ".odt"), home=home),
        lightproof("breach", "register", *to("register", *paper, ".json", ".csv", ".xlsx"), home=home),
        lightproof("breach", "remind", home=home),
        lightproof("ledger", "export", out / "ledger", "--with-attachments", home=home),
    ]
    for ran in said:
        assert ran.code == 0, ran.err
    assert {".html", ".pdf", ".odt", ".docx", ".json", ".txt", ".eml", ".csv", ".xlsx", ".ics"} <= {
        path.suffix for path in out.rglob("*") if path.is_file()
    }
    printed = b"\n".join(ran.out + ran.err.encode() for ran in said)
    assert leaks(canaries(), [home, out], printed=printed, database=unlocked(home)) == []
