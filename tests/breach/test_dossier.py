"""The file's first page: what it answers, and what it says to do next."""

from typing import Any

import pytest

from breach.practice_case import an_entry, the_incident
from lightproof.breach.clock import clock
from lightproof.breach.dossier import next_steps
from lightproof.breach.triage import assess, recorded
from lightproof.law.regimes import regime

SEALED = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({}, ["--decide notify=yes", "--decide communicate=yes"]),
        (
            {"intelligibility": SEALED, "evidence": {"intelligibility": ["entry 3"]}},
            ["--decide notify=no --reason", "--decide communicate=no --reason"],
        ),
        ({"confidentiality": None}, ["assess B-2026-0001 --set FACT=VALUE"]),
    ],
    ids=["yes", "no", "not known"],
)
def test_a_decision_is_asked_for_as_it_is_proposed_and_none_while_facts_are_missing(
    facts: dict[str, Any], wanted: list[str]
) -> None:
    said = recorded(assess(the_incident(**facts).facts, regime("gdpr/fr")))
    told = the_incident(an_entry(5, "assessed", said), **facts)
    steps = [step for step in next_steps(told, clock(told.facts)) if "breach assess" in step]
    assert len(steps) == len(wanted)
    assert all(part in step for part, step in zip(wanted, steps, strict=True)), steps
