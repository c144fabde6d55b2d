"""What the persons are told: complete, plain, in both languages, claiming nothing that the facts do not say."""

import re
from datetime import UTC, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breach.practice_case import FOUND, NOBODY, PRACTICE, an_entry, filed, the_incident
from breach.test_sheets import all_text
from lightproof.breach.incident import Incident
from lightproof.breach.letters import Kind, Letter, Role, document, letter, texts, traits
from lightproof.documents.docx import docx
from lightproof.documents.html import html
from lightproof.documents.odt import odt
from lightproof.documents.pdf import pdf
from lightproof.locale import LANGUAGES, Language

PARIS = ZoneInfo("Europe/Paris")
KINDS: tuple[Kind, ...] = get_args(Kind)
LONG: tuple[Kind, ...] = ("letter", "email", "public-notice")

WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"ongoing": False, "ended_at": "2026-11-23T11:00:00Z", "access": "proved", "data": ["nir_social_security_number"]},
    {
        "access": "proved_none",
        "evidence": {"access": ["entry 5"]},
        "origin": ["device_lost_or_stolen"],
        "data": ["financial_economic", "contact"],
    },
    {"integrity": "presumed", "availability": "established", "origin": ["hacking_malware_phishing"]},
    {"confidentiality": None, "availability": "established", "origin": ["other"]},
    {"started_at": None, "aware_at": None, "data": ["unknown_for_now"], "sensitive": None, "origin": None},
)
"""Breaches of many kinds: together they use every part."""


def a_letter(kind: Kind = "letter", language: Language = "en", told: Incident | None = None, **more: Any) -> Letter:
    organisation = more.pop("organisation", PRACTICE)
    return letter(told or the_incident(), organisation, kind, language=language, now=FOUND, zone=PARIS, **more)


def sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\s+|\n+", text) if one.strip()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", LONG)
def test_a_letter_holds_all_that_the_law_demands(kind: Kind, language: Language) -> None:
    written = a_letter(kind, language, the_incident(filed(6)))
    roles = [part.role for part in written.parts]
    assert roles == ["opening", "nature", "consequences", "measures", "advice", "contact", "rights"]
    said = written.text()
    assert "+33 1 23 45 67 89" in said
    assert "CNIL" in said
    assert "2026" in said
    assert written.to_complete == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_short(language: Language) -> None:
    for facts in WAYS:
        for kind in LONG:
            written = a_letter(kind, language, the_incident(filed(6), **facts))
            body = [one for part in written.parts if part.role not in ("contact", "rights") for one in
                    (*part.lines, *part.items)]  # fmt: skip
            lengths = [len(sentence.split()) for one in body for sentence in sentences(one)]
            assert sum(lengths) / len(lengths) <= 13
            assert max(lengths) <= 25


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_those_of_every_day(language: Language) -> None:
    hard = {
        "en": "DICOM|GDPR|controller|processor|confidentiality|pursuant|data subject|integrity|Article",
        "fr": "DICOM|RGPD|responsable du traitement|sous-traitant|confidentialité|intégrité|article|nonobstant",
    }[language]
    for facts in WAYS:
        for kind in KINDS:
            assert not re.search(hard, a_letter(kind, language, the_incident(**facts)).text()), kind


def test_french_letters_are_set_with_their_own_spaces() -> None:
    for facts in WAYS:
        for kind in LONG:
            said = a_letter(kind, "fr", the_incident(**facts)).text()
            assert not re.search(r"[^\u202f][;?!]|[^\u00a0]:|'", said)


def test_it_says_what_is_known_of_strangers_and_no_more() -> None:
    assert "no proof that anyone looked" in a_letter().text()
    assert "We know that strangers" in a_letter(told=the_incident(access="proved")).text()
    assert "no proof that anyone looked" in a_letter(told=the_incident(access="proved_none")).text(), "a mere word"
    none = a_letter(told=the_incident(access="proved_none", evidence={"access": ["entry 5"]})).text()
    assert "nobody took any data" in none
    assert "no proof" not in none


def test_nothing_is_claimed_about_bank_data_that_nobody_looked_for() -> None:
    assert "no bank details" in a_letter().text()
    for data in (["unknown_for_now"], ["financial_economic"], ["civil_status", "other"], None):
        assert "no bank details" not in a_letter(told=the_incident(data=data)).text()
    assert "Watch your bank account" in a_letter(told=the_incident(data=["financial_economic"])).text()


def test_a_closed_access_is_said_to_be_closed_and_an_open_one_is_not() -> None:
    assert "We are closing the access now." in a_letter().text()
    ended = {"ongoing": False, "ended_at": "2026-11-23T11:00:00Z"}
    stated = a_letter(told=the_incident(**ended)).text()
    assert "closed since 23 November 2026" in stated
    assert "A new check" not in stated
    shown = the_incident(
        an_entry(6, "corrected", {"facts": ended | {"evidence": {"ended_at": ["entry 5"]}}, "reason": "checked"})
    )
    assert "A new check showed" in a_letter(told=shown).text()


def test_the_authority_is_named_as_told_only_when_it_was() -> None:
    assert "informed the CNIL" not in a_letter().text()
    assert "We informed the CNIL" in a_letter(told=the_incident(filed(6))).text()
    decided = {"duty": "notify", "choice": "yes", "reason": "", "proposed": "yes"}
    assert "We are informing the CNIL" in a_letter(told=the_incident(an_entry(6, "decided", decided))).text()
    abroad = PRACTICE.model_copy(update={"country": "BE"})
    said = a_letter(told=the_incident(filed(6)), organisation=abroad).text()
    assert "We informed the data protection authority." in said
    assert "CNIL" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_minor_s_letter_goes_to_the_holder_of_parental_authority(language: Language) -> None:
    written = a_letter(language=language, guardian=True)
    assert written.salutation() == texts().guardian_salutation.said(language)
    said = written.text()
    assert {"en": "parental authority", "fr": "autorité parentale"}[language] in said
    assert {"en": "the minor’s images", "fr": "images et des données du mineur"}[language] in said
    assert written.text() != a_letter(language=language).text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_message_is_short_and_stays_in_the_telephone_s_alphabet(language: Language) -> None:
    written = a_letter("sms", language)
    said = written.text()
    assert len(said) <= 306  # two parts of 153 (3GPP TS 23.040)
    gsm = "@£$¥èéùìòÇ\nØø\rÅåÄÖÑÜ§äöñüà_ !\"#%&'()*+,-./0123456789:;<=>?¡¿ÉÆæß"
    assert all(character in gsm or (character.isascii() and character.isalpha()) for character in said)
    assert len(written.to_complete) == 1


def test_what_is_missing_is_listed_and_left_blank() -> None:
    written = a_letter(organisation=NOBODY, told=the_incident(data=None, sensitive=None, confidentiality=None))
    assert len(written.to_complete) == 4
    assert "…………" in written.text()
    assert "None" not in written.text()


def test_more_that_was_done_can_be_added_in_plain_words() -> None:
    written = a_letter(measures=["A specialist looks after the network from now on."])
    assert "- A specialist looks after the network from now on." in written.text()


def test_the_first_of_a_month_is_said_as_in_french() -> None:
    told = the_incident(started_at="2026-07-01T08:00:00Z")
    assert "le 1er juillet 2026" in a_letter(language="fr", told=told).text()
    assert "1 July 2026" in a_letter(told=told).text()


def test_dates_are_those_of_the_organisation_s_clocks() -> None:
    told = the_incident(started_at="2026-07-20T22:30:00Z")
    assert "21 July 2026" in a_letter(told=told).text()


def test_the_subject_and_the_text_message_tell_nothing_of_health_to_a_bystander() -> None:
    for language in LANGUAGES:
        assert "cancer" not in a_letter("email", language).subject
        assert "B-2026" not in a_letter("email", language).subject


@pytest.mark.parametrize("role", get_args(Role))
def test_every_part_is_used_by_some_breach(role: Role) -> None:
    everything = [the_incident(filed(6), **facts) for facts in WAYS]
    decided = {"duty": "notify", "choice": "yes", "reason": "", "proposed": "yes"}
    everything.append(the_incident(an_entry(6, "decided", decided)))
    everything.append(the_incident(data=["identification_or_access"]))
    closed = {"ended_at": "2026-11-23T11:00:00Z", "ongoing": False, "evidence": {"ended_at": ["entry 5"]}}
    everything.append(the_incident(an_entry(6, "corrected", {"facts": closed, "reason": "checked"})))
    for row in texts().parts:
        if row.role == role:
            used = [one for one in everything if traits(one).issuperset(row.needs)]
            assert any(not traits(one).intersection(row.unless) for one in used), row.en


def test_every_kind_of_data_has_a_plain_word() -> None:
    from lightproof.breach.facts import DataCategory, SensitiveCategory

    words = {str(one) for one in (*DataCategory, *SensitiveCategory)} - {"unknown_for_now"}
    assert set(texts().data) == words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_is_a_document_that_renders(kind: Kind, language: Language) -> None:
    made = document(a_letter(kind, language))
    assert made.language == language
    assert b"<html" in html(made)
    assert pdf(made).startswith(b"%PDF")
    assert odt(made).startswith(b"PK")
    assert docx(made).startswith(b"PK")


def test_the_document_says_what_the_text_says() -> None:
    written = a_letter(told=the_incident(filed(6)))
    said = all_text(document(written))
    for part in written.parts:
        for line in (*part.lines, *part.items):
            assert line in said
    assert written.salutation() in said


def test_the_same_letter_has_the_same_digest() -> None:
    assert a_letter().text() == a_letter().text()
    assert a_letter().text() != a_letter(language="fr").text()


@given(at=st.datetimes(datetime(2020, 1, 1), datetime(2026, 11, 23)))  # noqa: DTZ001
def test_any_beginning_is_a_date_that_can_be_read(at: datetime) -> None:
    said = a_letter(told=the_incident(started_at=at.replace(tzinfo=UTC).isoformat())).text()
    assert re.search(r"it began on \d{1,2} [A-Z][a-z]+ \d{4}\.", said)
