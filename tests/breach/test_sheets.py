"""The sheets a person types from: what stands first, in which order, in which words, and that nothing is lost."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from breach.practice_case import DIGEST, FOUND, GRAVE, PRACTICE, a_notice, an_entry, filed, the_incident
from lightproof.breach.asked import Judgement
from lightproof.breach.notification_json import dumps, filed_values
from lightproof.breach.sheets import brief, sheet
from lightproof.documents.docx import docx
from lightproof.documents.html import html
from lightproof.documents.model import Document
from lightproof.documents.odt import odt
from lightproof.documents.pdf import pdf
from lightproof.documents.terminal import Screen, terminal
from lightproof.documents.text import LONGEST
from lightproof.errors import UsageRefused
from lightproof.law.forms import form
from lightproof.locale import LANGUAGES, Language, speaking

PARIS = ZoneInfo("Europe/Paris")
FORMS = ("cnil", "edpb", "art-33")


def texts(value: object) -> Iterator[str]:
    """Every text of a document, in the order in which it is read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for inner in value:  # type: ignore[reportUnknownVariableType]
            yield from texts(inner)  # type: ignore[reportUnknownArgumentType]
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name))


def all_text(document: Document) -> str:
    return "\n".join(texts(document))


def first_page(document: Document) -> str:
    return "\n".join(texts(document.sections[0]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_says_what_to_do_by_when_and_that_a_person_files(language: Language) -> None:
    with speaking(language):
        page = first_page(sheet(a_notice(), "cnil", PARIS))
    hours = {"en": ("11:00", "10:00"), "fr": ("11\u00a0h\u00a000", "10\u00a0h\u00a000")}[language]
    assert f"{hours[0]} (UTC+01:00)" in page
    assert f"{hours[1]} UTC" in page
    assert "www.cnil.fr" in page
    assert "lightproof breach notify B-2026-0001 --filed" in page
    assert "71" in page


def test_the_clock_says_late_and_demands_reasons() -> None:
    page = first_page(sheet(a_notice(hours=80), "cnil", PARIS))
    assert "The deadline has passed" in page
    assert "field 22" in page


def test_without_awareness_there_is_no_deadline_and_it_says_so() -> None:
    assert "No deadline yet" in first_page(sheet(a_notice(the_incident(aware_at=None)), "cnil", PARIS))


def test_the_other_reading_of_the_period_is_information() -> None:
    other = replace(a_notice(), informative=FOUND + timedelta(hours=72, minutes=20))
    page = first_page(sheet(other, "cnil", PARIS))
    assert "Regulation 1182/71" in page
    assert "11:20" in page


def test_open_questions_are_on_the_first_page_with_why_they_are_asked() -> None:
    page = first_page(sheet(a_notice(), "cnil", PARIS))
    for key in ("siren", "name", "address", "legal_rep", "contact", "dpo", "comm_date"):
        assert form().field(key).label.fr in page
        assert form().field(key).why.en in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["cnil", "edpb"])
def test_each_of_the_51_questions_stands_on_the_sheet(name: str, language: Language) -> None:
    with speaking(language):
        said = all_text(sheet(a_notice(), name, PARIS))
        for field in form().fields:
            assert str(field.label) in said, field.key


def test_in_english_the_official_french_label_stays_beside_the_english_one() -> None:
    said = all_text(sheet(a_notice(), "cnil", PARIS))
    assert "Établie ou supposée · Established or presumed" in said
    assert "Publication non volontaire d’informations · Unintended publication" in said
    with speaking("fr"):
        said = all_text(sheet(a_notice(), "cnil", PARIS))
    assert "Established" not in said


def test_questions_come_in_the_order_of_the_form() -> None:
    said = all_text(sheet(a_notice(), "cnil", PARIS))
    answers = said[said.index("1. Type de notification") :]
    places = [answers.index(field.label.fr) for field in form().fields if field.key not in ("start", "end", "country")]
    assert places[:20] == sorted(places[:20])


def test_evidence_is_named_in_full() -> None:
    said = all_text(sheet(a_notice(), "cnil", PARIS))
    assert f"sha256:{DIGEST}" in said
    assert "ledger entry 3" in said


def test_numbers_are_ranges_with_their_method() -> None:
    said = all_text(sheet(a_notice(), "cnil", PARIS))
    assert "between 1 and 1,200 (estimated: each patient has at least one of the studies counted)" in said
    assert "5,300 (counted: series counted by the server)" in said


def test_a_notice_that_is_not_due_says_so_before_anything_is_filed() -> None:
    judged = Judgement(level="low", notify="no", reasons=("The authority told you itself (CE 449694).",))
    page = first_page(sheet(a_notice(judgement=judged), "cnil", PARIS))
    assert "The authority told you itself (CE 449694)." in page
    assert "The authority told you" not in first_page(sheet(a_notice(judgement=GRAVE), "cnil", PARIS))


def test_the_draft_says_that_it_is_a_draft() -> None:
    said = all_text(sheet(a_notice(), "edpb", PARIS))
    assert "125 questions" in said
    assert "draft" in said


def test_the_letter_holds_the_four_points_and_what_follows_later() -> None:
    document = sheet(a_notice(organisation=PRACTICE), "art-33", PARIS)
    said = all_text(document)
    for point in ("33(3)(a)", "33(3)(b)", "33(3)(c)", "33(3)(d)"):
        assert f"Article {point}" in said
    assert "Cabinet du Dr Demo, 1 rue de la Paix, 75002 Paris" in said
    letter = "\n".join(texts(document.sections[0]))
    assert "Not known yet" in letter
    assert "does not apply" not in letter


def test_a_supplementary_sheet_shows_what_changed_and_why() -> None:
    change = {"facts": {"persons": {"at_least": 800, "at_most": 900}}, "reason": "counted in the index"}
    told = the_incident(filed(6), an_entry(7, "corrected", change, hours=30))
    before = filed_values(dumps(a_notice(organisation=PRACTICE)))
    notice = a_notice(told, "supplementary", organisation=PRACTICE, hours=31, before=before)
    said = all_text(sheet(notice, "cnil", PARIS))
    assert "between 800 and 900" in said
    assert "Counted in the index (entry 7)." in said
    assert "FR-1234" in said
    assert "Horos" not in said


def test_a_long_description_is_shown_whole() -> None:
    words = " ".join(f"word{n}." for n in range(900))
    document = sheet(a_notice(the_incident(description=words)), "cnil", PARIS)
    assert max(map(len, texts(document))) <= LONGEST
    shown = html(document).decode()
    assert all(f"word{n}." in shown for n in range(900))


def test_a_word_without_an_end_is_cut_and_kept() -> None:
    document = sheet(a_notice(the_incident(description="x" * 2000)), "cnil", PARIS)
    assert sum(text.count("x") for text in texts(document) if set(text) == {"x"}) == 2000


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(UsageRefused) as refused:
        sheet(a_notice(), "ico", PARIS)
    assert refused.value.error_id == "form-unknown"


HOSTILE = '<script>alert(1)</script>"\'{{7*7}}=cmd|\u202e#eval("x")\x00\x1b[31m'


@pytest.mark.parametrize("name", FORMS)
def test_text_of_the_facts_stays_text(name: str) -> None:
    facts: dict[str, Any] = dict.fromkeys(
        ("title", "description", "discovery", "aware_basis", "aware_by", "lead_authority"), HOSTILE
    )
    facts |= {key: [HOSTILE] for key in ("prior_measures", "missing_measures", "systems")}
    facts |= {"others": [{"name": HOSTILE, "role": HOSTILE}], "measures": [{"what": HOSTILE}]}
    document = sheet(a_notice(the_incident(**facts)), name, PARIS)
    page = html(document).decode()
    assert "<script" not in page
    assert "\u202e" not in page
    assert "{{7*7}}" in page
    assert pdf(document).startswith(b"%PDF")


CORPUS = json.loads((Path(__file__).parent.parent / "documents" / "hostile_strings.json").read_text("ascii"))


class Elements(HTMLParser):
    """Names of the elements and attributes of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, name) for name, _value in attrs} | {(tag, "")}


@pytest.mark.parametrize("payload", CORPUS.values(), ids=CORPUS.keys())
def test_no_text_adds_an_element_to_a_sheet(payload: Any) -> None:
    text = payload if isinstance(payload, str) else payload["repeat"] * payload["times"]
    text = text.encode("utf-8", "replace").decode()[:300] or "-"
    facts = {"description": text, "discovery": text, "systems": [text], "missing_measures": [text]}
    harmless = {name: "harmless" if isinstance(value, str) else ["harmless"] for name, value in facts.items()}
    for name in FORMS:
        hostile = html(sheet(a_notice(the_incident(**facts)), name, PARIS))
        calm = html(sheet(a_notice(the_incident(**harmless)), name, PARIS))
        assert Elements(hostile).found == Elements(calm).found


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sheet_has_every_format(name: str, language: Language) -> None:
    with speaking(language):
        made = sheet(a_notice(), name, PARIS)
        assert pdf(made).startswith(b"%PDF")
        for written in (odt(made), docx(made)):
            with zipfile.ZipFile(io.BytesIO(written)) as archive:
                assert archive.testzip() is None


def test_a_sheet_is_made_in_no_time() -> None:
    started = time.perf_counter()
    html(sheet(a_notice(), "cnil", PARIS))
    assert time.perf_counter() - started < 2  # 0.03 s here; only a hang would fail


def test_what_is_doubtful_of_the_law_stands_before_the_steps_of_filing() -> None:
    doubtful = replace(GRAVE, warnings=("This regime is only proposed: it is not the law.",))
    for form_id in FORMS:
        page = all_text(sheet(a_notice(judgement=doubtful), form_id, PARIS))
        assert 0 < page.index("only proposed") < page.index("A person files it")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_screen_names_every_question_that_is_still_open(language: Language) -> None:
    with speaking(language):
        notice = a_notice()
        drawn = terminal(brief(notice, "cnil", PARIS), Screen(colour=False, symbols=True))
        said = " ".join(drawn.split())
        for field in notice.fields:
            if field.open or field.state == "to-confirm":
                assert " ".join(f"{field.question.number} {field.question.label}".split()) in said
    assert max(map(len, drawn.splitlines())) <= 80
    assert len(drawn.splitlines()) <= 26
    assert "www.cnil.fr" in said
