"""Facts as a person enters them on a command line."""

from datetime import UTC, datetime

import pytest

from lightproof.breach.entered import entered_facts, entered_instant
from lightproof.breach.facts import FACT_NAMES, BreachFacts
from lightproof.errors import UsageRefused


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("persons=1..1200", {"at_least": 1, "at_most": 1200, "estimated": True, "method": "stated by a person"}),
        ("records=5300", {"at_least": 5300, "at_most": 5300, "estimated": False, "method": "stated by a person"}),
        ("persons=100..", {"at_least": 100, "at_most": None, "estimated": True, "method": "stated by a person"}),
        ("recipients=public, unknown", ["public", "unknown"]),
        ("ongoing=non", False),
        ("malicious=yes", True),
        ("aware_at=2026-11-23 10:00+01:00", "2026-11-23T10:00:00+01:00"),
        ("internal_messages_at=2019-07-02T08:00Z", ["2019-07-02T08:00:00+00:00"]),
        ("title=Images = names", "Images = names"),
        ("confidentiality=established", "established"),
        ('intelligibility={"protection": "encrypted", "key": "safe"}', {"protection": "encrypted", "key": "safe"}),
        ("ended_at=", None),
    ],
)
def test_a_pair_becomes_the_value_that_the_facts_take(pair: str, value: object) -> None:
    name = pair.partition("=")[0]
    entered = entered_facts([pair])
    assert entered == {name: value}
    if value is not None:
        BreachFacts.model_validate(entered)


@pytest.mark.parametrize(
    ("pair", "field"),
    [
        ("colour=red", "colour"),
        ("persons", "persons"),
        ("persons=many", "persons"),
        ("ongoing=perhaps", "ongoing"),
        ("aware_at=2026-11-23 10:00", "aware_at"),
        ("aware_at=monday", "aware_at"),
        ("intelligibility={", "intelligibility"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_field(pair: str, field: str) -> None:
    with pytest.raises(UsageRefused) as told:
        entered_facts([pair])
    assert f"“{field}”" in told.value.cause


def test_a_missing_zone_is_answered_with_the_instant_to_copy() -> None:
    with pytest.raises(UsageRefused) as told:
        entered_instant("2026-11-23 10:00", field="filed_at")
    offered = next(word for word in told.value.cause.split() if word.startswith("2026-11-23T10:00"))
    assert entered_instant(offered, field="filed_at").astimezone(UTC) == datetime(2026, 11, 23, 10).astimezone(UTC)


@pytest.mark.parametrize("name", sorted(FACT_NAMES))
def test_any_fact_can_be_emptied(name: str) -> None:
    assert entered_facts([f"{name}="]) == {name: None}


@pytest.mark.parametrize(
    "pair",
    [
        "persons=²",
        "persons=٣",
        "persons=" + "9" * 5_000,
        "persons=1..²",
        "records=" + "9" * 16,
        "aware_at=2026-11-20T10:00Z,2026-11-21T10:00Z",
        "aware_at=0001-01-01T00:00",
        "aware_at=0001-01-01T00:00+14:00",
        "aware_at=9999-12-31T23:59-14:00",
    ],
)
def test_what_only_looks_like_a_number_or_an_instant_is_refused_by_its_field(pair: str) -> None:
    with pytest.raises(UsageRefused) as told:
        entered_facts([pair])
    assert f"“{pair.partition('=')[0]}”" in told.value.cause


def test_a_fact_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UsageRefused) as told:
        entered_facts(["persons=1", "persons=2"])
    assert "“persons”" in told.value.cause
