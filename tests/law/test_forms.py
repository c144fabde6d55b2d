"""The forms as data: every question, both languages, and no answer that the facts cannot give."""

import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources import files
from typing import Any, cast

import pytest

from lightproof.breach.facts import Cause, DataCategory, Medium, Origin, PersonKind, SensitiveCategory
from lightproof.errors import UsageRefused
from lightproof.law.forms import FORM, OUTLINES, form, names, outline
from lightproof.law.regimes import every_regime, regime
from lightproof.locale import speaking

KEYS = [
    "kind",
    "earlier_ref",
    "siren",
    "name",
    "vat",
    "sector",
    "headcount",
    "address",
    "country",
    "legal_rep",
    "contact",
    "dpo",
    "others",
    "processor_notice_at",
    "period_known",
    "start",
    "end",
    "ongoing",
    "aware_at",
    "date_comment",
    "discovery",
    "delay_reason",
    "nature",
    "established",
    "origin",
    "cause",
    "description",
    "data",
    "sensitive",
    "records",
    "person_categories",
    "persons",
    "media",
    "prior_measures",
    "conf_effects",
    "int_effects",
    "avail_effects",
    "harms",
    "severity",
    "measures",
    "communicated",
    "comm_date",
    "comm_count",
    "comm_means",
    "comm_text",
    "exemption",
    "cross_border",
    "countries",
    "lead_authority",
    "third_countries",
    "other_bodies",
]


def texts_of(name: str) -> Iterator[tuple[str, str]]:
    """Every (language, text) of a form's file."""

    def walk(value: object) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for key, inner in cast("dict[str, Any]", value).items():
                if key in ("en", "fr"):
                    yield key, inner
                else:
                    yield from walk(inner)
        elif isinstance(value, list):
            for inner in cast("list[object]", value):
                yield from walk(inner)

    yield from walk(tomllib.loads((files("lightproof.law") / "forms" / f"{name}.toml").read_text("utf-8")))


def test_the_form_asks_the_51_questions_in_the_order_of_the_on_line_form() -> None:
    assert [field.key for field in form().fields] == KEYS
    assert [field.number for field in form().fields] == list(range(1, 52))
    assert len(form().sections) == 14


def test_what_an_initial_notice_needs_is_marked() -> None:
    needed = {field.key for field in form().fields if field.needed_in_initial}
    assert needed == {
        "kind",
        "siren",
        "name",
        "sector",
        "address",
        "country",
        "legal_rep",
        "contact",
        "dpo",
        "ongoing",
        "aware_at",
        "discovery",
        "nature",
        "origin",
        "cause",
        "description",
        "data",
        "sensitive",
        "records",
        "person_categories",
        "persons",
        "prior_measures",
        "severity",
        "measures",
        "communicated",
    }


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("origin", Origin),
        ("cause", Cause),
        ("data", DataCategory),
        ("sensitive", SensitiveCategory),
        ("person_categories", PersonKind),
        ("media", Medium),
    ],
)
def test_every_word_of_the_facts_is_an_answer_of_the_form(key: str, words: type[StrEnum]) -> None:
    offered = {option.key for option in form().field(key).options}
    assert offered - {"none"} == {str(word) for word in words}


def test_each_outline_takes_every_answer_once() -> None:
    for name in OUTLINES:
        found = outline(name)
        assert found is not None
        assert sorted(key for area in found.areas for key in area.keys) == sorted(KEYS)


def test_a_draft_says_that_it_is_one_and_what_is_not_known() -> None:
    draft = outline("edpb")
    assert draft is not None
    assert draft.status == "draft"
    assert draft.unknown is not None
    assert "125" in draft.unknown.en
    assert "125" in draft.unknown.fr


def test_forms_answer_to_their_short_names() -> None:
    assert names() == ("cnil", "edpb", "art-33")
    assert form("cnil") is not None
    assert outline("cnil") is None
    with pytest.raises(UsageRefused) as refused:
        form("ico")
    assert "cnil" in refused.value.fix


def test_words_follow_the_language() -> None:
    label = form().field("ongoing").label
    with speaking("fr"):
        assert str(label) == "Toujours en cours"
    assert str(label) == "Is it still going on?"


@pytest.mark.parametrize("name", [FORM, *OUTLINES])
def test_french_is_set_with_its_own_spaces(name: str) -> None:
    for language, text in texts_of(name):
        assert text.strip()
        if language == "fr":
            assert not re.search(r"[^\u202f][;?!]", text), text
            assert not re.search(r"[^\u00a0]:|«[^\u00a0]|[^\u00a0]»", text), text
            assert "'" not in text


@pytest.mark.parametrize("name", [FORM, *OUTLINES])
def test_sentences_are_short(name: str) -> None:
    for _language, text in texts_of(name):
        for sentence in re.split(r"(?<=[.?!])\s", text):
            assert len(sentence.split()) <= 20, sentence


def test_a_form_serves_laws_that_are_in_force_and_name_their_act() -> None:
    for name in names():
        served = (outline(name) or form(name)).laws
        assert all(regime(law).state == "in-force" for law in served)
        assert all(regime(law).instrument for law in served)


def test_the_form_of_an_authority_serves_its_law() -> None:
    for law in every_regime():
        wanted = law.authority.form
        assert not wanted or law.id in (outline(wanted) or form(wanted)).laws
