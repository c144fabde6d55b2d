"""ENISA's score: its vectors, exact, and what the facts of a breach make of it."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from lightproof.breach.facts import BreachFacts
from lightproof.breach.severity import Element, Severity, decimal, severity

VECTORS = json.loads((Path(__file__).parent / "vectors" / "enisa.json").read_text())["vectors"]
OPEN_SERVER: dict[str, Any] = {
    "confidentiality": "presumed",
    "data": ["civil_status"],
    "sensitive": ["health"],
    "identifiability": "name_and_birth_date",
    "recipients": ["public"],
    "malicious": False,
    "origin": ["unintended_publication"],
}


ELEMENTS = ("dpc", "ei", "confidentiality", "integrity", "availability", "malicious")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['case']} {vector['se']}")
def test_the_vectors_of_the_method(vector: dict[str, Any]) -> None:
    scored = Severity(
        elements=tuple(
            Element(name=name, value=Fraction(str(vector[key])), fact="", because="")
            for key, name in zip(("dpc", "ei", *"ciam"), ELEMENTS, strict=True)
        ),
        flags=(),
        aggravations=(),
    )
    assert scored.score == Fraction(str(vector["se"]))
    assert scored.level == vector["level"]


def of(**changes: Any) -> tuple[str, str]:
    scored = severity(BreachFacts.model_validate({**OPEN_SERVER, **changes}))
    return decimal(scored.score), scored.level


def test_cases_of_the_method_from_their_facts() -> None:
    assert of() == ("4.5", "very high")
    assert of(identifiability="not_linkable") == ("1.5", "low")
    assert of(
        confidentiality=None, availability="established", availability_effect="lost", malicious=True, recipients=[],
        origin=["hacking_malware_phishing"],
    ) == ("5.0", "very high")  # fmt: skip
    step = {"category": "sensitive", "steps": -3, "reason": "only that a general blood test was made"}
    letter = {"recipients": [], "origin": ["mail_lost_or_opened"], "data_context": [step]}
    assert of(**letter) == ("4.0", "very high"), "a step downwards needs evidence"
    assert of(**letter, evidence={"data_context": ["entry 7"]}) == ("1.0", "low")


def test_a_step_beyond_the_scale_is_kept_as_an_aggravation() -> None:
    step = {"category": "sensitive", "steps": 2, "reason": "psychiatric files"}
    scored = severity(BreachFacts.model_validate({**OPEN_SERVER, "data_context": [step]}))
    assert decimal(scored.score) == "4.5"
    assert scored.aggravations == ("psychiatric files",)


def test_many_persons_and_unreadable_data_are_marked() -> None:
    def flags(**changes: Any) -> int:
        return len(severity(BreachFacts.model_validate({**OPEN_SERVER, **changes})).flags)

    assert flags(persons={"at_least": 1, "at_most": 100}) == 0
    assert flags(persons={"at_least": 1, "at_most": 101}) == 1
    assert flags() == 1
    sound = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}
    assert flags(intelligibility=sound) == 1
    assert flags(intelligibility=sound, evidence={"intelligibility": ["entry 7"]}) == 2


def test_every_element_says_why() -> None:
    assert all(one.because and one.fact for one in severity(BreachFacts.model_validate(OPEN_SERVER)).elements)
