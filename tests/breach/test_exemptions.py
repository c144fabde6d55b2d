"""An exemption of Art. 34(3) holds with its facts and its evidence, and not by a tick."""

from typing import Any

import pytest

from lightproof.breach.exemptions import Ground, exemption
from lightproof.breach.facts import BreachFacts
from lightproof.errors import UsageRefused

LOG = f"sha256:{'ab' * 32}"
SOUND = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}
HOLDS: dict[Ground, dict[str, Any]] = {
    "34(3)(a)": {"confidentiality": "presumed", "intelligibility": SOUND},
    "34(3)(b)": {"risk_removed": "Closed at once; no log shows a fetch.", "access": "proved_none"},
    "34(3)(c)": {"disproportionate_effort": {"effort": "no addresses", "notice": "in the waiting room and the press"}},
}


def facts(**values: Any) -> BreachFacts:
    return BreachFacts.model_validate(values)


@pytest.mark.parametrize("ground", HOLDS)
def test_each_ground_holds_with_its_facts_and_evidence(ground: Ground) -> None:
    held = exemption(ground, facts(**HOLDS[ground]), [LOG, "entry 12"])
    assert held.evidence == (LOG, "entry 12")
    assert held.because


@pytest.mark.parametrize("ground", HOLDS)
def test_no_ground_holds_without_evidence(ground: Ground) -> None:
    with pytest.raises(UsageRefused) as refused:
        exemption(ground, facts(**HOLDS[ground]))
    assert refused.value.error_id == "exemption-without-evidence"


@pytest.mark.parametrize("ground", HOLDS)
def test_no_ground_holds_by_evidence_alone(ground: Ground) -> None:
    with pytest.raises(UsageRefused):
        exemption(ground, facts(), [LOG])


@pytest.mark.parametrize(
    ("ground", "change"),
    [
        ("34(3)(a)", {"intelligibility": SOUND | {"key": "with_the_data"}}),
        ("34(3)(a)", {"intelligibility": SOUND | {"key": "unknown"}}),
        ("34(3)(a)", {"intelligibility": SOUND | {"state_of_the_art": None}}),
        ("34(3)(a)", {"intelligibility": SOUND | {"protection": "pseudonymised"}}),
        ("34(3)(a)", {"availability": "established"}),
        ("34(3)(b)", {"access": "unknown"}),
        ("34(3)(b)", {"risk_removed": "  "}),
        ("34(3)(c)", {"disproportionate_effort": {"effort": "no addresses"}}),
    ],
)
def test_a_fact_that_is_missing_takes_the_ground_away(ground: Ground, change: dict[str, Any]) -> None:
    with pytest.raises(UsageRefused):
        exemption(ground, facts(**HOLDS[ground] | change), [LOG])


def test_confirmed_deletion_can_remove_the_risk_too() -> None:
    recovered = {"risk_removed": "The one recipient deleted them.", "recovery": "deletion_confirmed"}
    assert exemption("34(3)(b)", facts(**recovered), ["entry 9"]).evidence == ("entry 9",)


def test_evidence_that_the_facts_name_counts() -> None:
    known = facts(**HOLDS["34(3)(b)"], evidence={"access": ["entry 7", "a letter"]})
    assert exemption("34(3)(b)", known).evidence == ("entry 7",)


@pytest.mark.parametrize("word", ["yes", "entry", "entry -1", "sha256:ab", f"{LOG}\n", "entry 1; entry 2"])
def test_a_word_is_no_evidence(word: str) -> None:
    with pytest.raises(UsageRefused):
        exemption("34(3)(a)", facts(**HOLDS["34(3)(a)"]), [word])
