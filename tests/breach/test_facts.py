"""The structured facts: what they take, what they refuse, and that a person is told which field."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.breach.facts import BreachFacts, check_facts, dumped, read_facts, schema
from lightproof.errors import UsageRefused

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
    assert f"“{field}”" in refused(values)


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
