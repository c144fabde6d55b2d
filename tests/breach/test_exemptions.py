"""An exemption of Art. 34(3) holds with its facts and its evidence, and not by a tick."""

from typing import Any

import pytest

from lightproof.breach.exemptions import Ground, exemption
from lightproof.breach.facts import BreachFacts, Recipient
from lightproof.errors import UsageRefused

LOG = f"sha256:{'ab' * 32}"
SOUND = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}
HOLDS: dict[Ground, dict[str, Any]] = {
    "34(3)(a)": {"confidentiality": "presumed", "intelligibility": SOUND},
    "34(3)(b)": {
        "confidentiality": "established", "recipients": ["known"], "recovery": "deletion_confirmed",
        "risk_removed": "Closed at once; the one who had them gave them back.",
    },
    "34(3)(c)": {"disproportionate_effort": {"effort": "no addresses", "notice": "in the waiting room and the press"}},
}  # fmt: skip


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
        ("34(3)(b)", {"recovery": "none"}),
        ("34(3)(b)", {"recovery": "none", "access": "proved_none"}),
        ("34(3)(b)", {"recipients": ["public"]}),
        ("34(3)(b)", {"recipients": []}),
        ("34(3)(b)", {"recipients": ["known", "malicious"]}),
        ("34(3)(b)", {"malicious": True}),
        ("34(3)(b)", {"care": "delayed"}),
        ("34(3)(b)", {"care": "endangered"}),
        ("34(3)(b)", {"availability": "established"}),
        ("34(3)(b)", {"availability": "established", "availability_effect": "without_difficulty"}),
        ("34(3)(b)", {"integrity": "presumed", "integrity_effect": "not_recoverable"}),
        ("34(3)(b)", {"risk_removed": "  "}),
        ("34(3)(c)", {"disproportionate_effort": {"effort": "no addresses"}}),
    ],
)
def test_a_fact_that_is_missing_takes_the_ground_away(ground: Ground, change: dict[str, Any]) -> None:
    with pytest.raises(UsageRefused):
        exemption(ground, facts(**HOLDS[ground] | change), [LOG])


NOBODY_CAME: dict[str, Any] = {
    "confidentiality": "presumed", "recipients": ["public"], "risk_removed": "Closed at once.", "access": "proved_none",
}  # fmt: skip


def test_that_nobody_came_removes_the_risk_where_evidence_of_that_very_fact_is_named() -> None:
    known = facts(**NOBODY_CAME, evidence={"access": ["entry 7", "a letter"]})
    assert exemption("34(3)(b)", known).evidence == ("entry 7",)
    with pytest.raises(UsageRefused):
        exemption("34(3)(b)", facts(**NOBODY_CAME), ["entry 7"])
    with pytest.raises(UsageRefused):
        exemption("34(3)(b)", known.model_copy(update={"recipients": (Recipient.MALICIOUS,)}))


def test_what_was_lost_or_altered_needs_its_own_repair_shown() -> None:
    lost = NOBODY_CAME | {"availability": "established", "availability_effect": "without_difficulty"}
    shown = {"access": ["entry 7"], "availability_effect": ["entry 8"]}
    assert exemption("34(3)(b)", facts(**lost, evidence=shown)).evidence == ("entry 7", "entry 8")
    with pytest.raises(UsageRefused):
        exemption("34(3)(b)", facts(**lost, evidence={"access": ["entry 7"]}))
    altered = HOLDS["34(3)(b)"] | {"integrity": "presumed", "integrity_effect": "recovered_unused"}
    with pytest.raises(UsageRefused):  # that the data came back is a word still
        exemption("34(3)(b)", facts(**altered, evidence={"integrity_effect": ["entry 8"]}))
    alone = {"availability": "established", "availability_effect": "without_difficulty", "risk_removed": "Restored."}
    assert exemption("34(3)(b)", facts(**alone, evidence={"availability_effect": ["entry 8"]}))


@pytest.mark.parametrize("word", ["yes", "entry", "entry -1", "sha256:ab", f"{LOG}\n", "entry 1; entry 2"])
def test_a_word_is_no_evidence(word: str) -> None:
    with pytest.raises(UsageRefused):
        exemption("34(3)(a)", facts(**HOLDS["34(3)(a)"]), [word])
