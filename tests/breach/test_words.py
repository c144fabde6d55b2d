"""Every fact and every value of a closed set has a word."""

import enum

import pytest

from lightproof.breach import facts
from lightproof.breach.facts import FACT_NAMES
from lightproof.breach.words import fact_name, fact_text

ENUMS = [kind for kind in vars(facts).values() if isinstance(kind, type) and issubclass(kind, enum.StrEnum)]
ASKED_BY_THE_FORM = {facts.Effect: "effects", facts.Harm: "harms"}
VALUES = sorted(
    {
        (ASKED_BY_THE_FORM.get(kind, "origin"), member.value)
        for kind in ENUMS
        for member in kind
        if kind is not enum.StrEnum
    }
)


@pytest.mark.parametrize("name", sorted(FACT_NAMES))
def test_every_fact_has_a_name(name: str) -> None:
    assert fact_name(name) != name


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_every_value_has_a_word(name: str, value: str) -> None:
    assert "_" not in fact_text(name, value)


def test_numbers_say_how_they_were_found() -> None:
    between = {"at_least": 1, "at_most": 1200, "method": "by hand"}
    assert fact_text("persons", between) == "between 1 and 1,200 (estimated: by hand)"
    assert fact_text("persons", {"at_least": 5, "at_most": 5, "estimated": False}) == "5 (counted)"
    assert fact_text("persons", {"at_least": 5, "at_most": None}) == "at least 5 (estimated)"
