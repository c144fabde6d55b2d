"""The structured facts: what they take, what they refuse, and that a person is told which field."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.breach.facts import BreachFacts, Effect, Harm, check_facts, dumped, read_facts, schema
from lightproof.errors import UsageRefused
from lightproof.law.forms import form

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def refused(values: object) -> str:
    with pytest.raises(UsageRefused) as told:
        read_facts(json.dumps(values).encode(), now=NOW)
    assert told.value.error_id == "facts-refused"
    return told.value.cause


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"intelligibility": {"cypher": "rot13"}}, "intelligibility.cypher"),
        ({"aware_at": "2026-11-23T10:00:00"}, "aware_at"),
        ({"aware_at": "yesterday"}, "aware_at"),
        ({"aware_at": "2026-11-24T10:00:00Z"}, "aware_at"),
        ({"aware_at": "2026-11-20T10:00:00Z", "started_at": "2026-11-21T10:00:00Z"}, "aware_at"),
        ({"started_at": "2026-11-20T10:00:00Z", "ended_at": "2026-11-19T10:00:00Z"}, "ended_at"),
        ({"aware_at": "2026-11-20T10:00:00Z", "hint_at": "2026-11-21T10:00:00Z"}, "hint_at"),
        ({"ended_at": "2026-11-20T10:00:00Z", "ongoing": True}, "ongoing"),
        ({"revealed_by_authority": {"at": "2027-01-01T10:00:00Z"}}, "revealed_by_authority.at"),
        ({"aware_at": 12345}, "aware_at"),
        ({"aware_at": 1700000000.5}, "aware_at"),
        ({"aware_at": "1700000000"}, "aware_at"),
        ({"aware_at": "2026-11-23"}, "aware_at"),
        ({"aware_at": "20261123T100000Z"}, "aware_at"),
        ({"aware_at": "0001-01-01T00:00:00+14:00"}, "aware_at"),
        ({"aware_at": "1989-12-31T23:59:59Z"}, "aware_at"),
        ({"started_at": "9999-12-31T23:59:59-14:00"}, "started_at"),
        ({"internal_messages_at": ["2026-01-01T10:00:00Z", "2027-01-01T10:00:00Z"]}, "internal_messages_at.1"),
        ({"measures": [{"what": "x", "at": "2027-01-01T10:00:00Z"}]}, "measures.0.at"),
        ({"others": [{"name": "x", "role": "y", "informed_at": "2027-01-01T10:00:00Z"}]}, "others.0.informed_at"),
        ({"other_bodies": [{"name": "x", "role": "y", "informed_at": "2027-01-01T10:00:00Z"}]}, "other_bodies.0"),
        ({"data_context": [{"category": "health", "steps": 1, "reason": "x"}]}, "data_context.0.category"),
        ({"harms": ["death"]}, "harms.0"),
        ({"effects": ["privacy"]}, "effects.0"),
        ({"persons": {"at_least": 10, "at_most": 9}}, "persons"),
        ({"persons": {"at_least": -1}}, "persons.at_least"),
        ({"recipients": ["everyone"]}, "recipients.0"),
        ({"country": "France"}, "country"),
        ({"title": "x" * 400}, "title"),
        ({"evidence": {"colour": ["entry 3"]}}, "evidence.colour"),
        ([], "JSON"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(values: object, field: str) -> None:
    assert f"“{field}" in refused(values)


def test_an_awareness_before_the_start_is_told_with_both_facts() -> None:
    """A check states its own start: whoever knew earlier has two facts to state, and is told so."""
    told = refused({"aware_at": "2026-11-20T10:00:00Z", "started_at": "2026-11-21T10:00:00Z"})
    assert "“aware_at”" in told
    assert "started_at" in told


def test_what_is_planned_may_lie_ahead() -> None:
    measure = {"what": "x", "at": "2027-01-01T10:00:00Z", "planned": True}
    assert read_facts(json.dumps({"measures": [measure]}).encode(), now=NOW).measures[0].planned


@pytest.mark.parametrize("field", ["harms", "effects", "recipients", "data_context"])
def test_a_word_that_is_not_known_is_answered_with_those_that_are(field: str) -> None:
    wrong = [{"category": "x", "steps": 1, "reason": "y"}] if field == "data_context" else ["x"]
    word = {"harms": "privacy", "effects": "service_degraded", "recipients": "known_trusted"}.get(field, "behavioural")
    assert word in refused({field: wrong})


def test_the_words_for_effects_and_harms_are_those_of_the_form() -> None:
    asked = form("cnil")
    effects = [option.key for name in ("conf", "int", "avail") for option in asked.field(f"{name}_effects").options]
    assert [str(effect) for effect in Effect] == effects
    assert [str(harm) for harm in Harm] == [option.key for option in asked.field("harms").options]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'{"persons": {"at_least": 1}, "aware_at": null, "aware_at": "2026-11-23T10:00:00Z"}', "aware_at"),
        (b'{"persons": {"at_least": 1, "at_least": 2}}', "at_least"),
        (b"[" * 100_000, "JSON"),
        (b"\xff", "JSON"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_by_its_name(text: bytes, field: str) -> None:
    with pytest.raises(UsageRefused) as told:
        read_facts(text, now=NOW)
    assert f"“{field}”" in told.value.cause


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(UsageRefused):
        read_facts(b"{", now=NOW)


@given(st.binary(max_size=200))
def test_any_bytes_are_facts_or_refused(content: bytes) -> None:
    try:
        read_facts(content, now=NOW)
    except UsageRefused as told:
        assert told.error_id == "facts-refused"


def test_what_is_written_reads_back_the_same() -> None:
    facts = read_facts(
        json.dumps(
            {
                "title": "Images within reach",
                "confidentiality": "presumed",
                "sensitive": ["health"],
                "persons": {"at_least": 1, "at_most": 1200, "method": "studies"},
                "aware_at": "2026-11-23T10:00:00+01:00",
                "evidence": {"persons": ["entry 4"]},
            }
        ).encode(),
        now=NOW,
    )
    assert BreachFacts.model_validate(dumped(facts)) == facts


def test_silence_is_no_fact() -> None:
    facts = BreachFacts()
    check_facts(facts, now=NOW)
    assert dumped(facts) == {}
    assert (facts.confidentiality, facts.ongoing, facts.persons, facts.aware_at) == (None, None, None, None)


def test_the_schema_describes_every_fact() -> None:
    described = schema()
    assert described["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(described["properties"]) == set(BreachFacts.model_fields)  # type: ignore[arg-type]
