"""The legal test: known cases, and that worse facts or less evidence never turn a yes into a no."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightproof.breach.facts import BreachFacts
from lightproof.breach.triage import Assessment, assess, recorded
from lightproof.law.regimes import regime
from lightproof.locale import speaking

HEALTH: dict[str, Any] = {
    "data": ["civil_status"], "sensitive": ["health"], "identifiability": "name_and_birth_date",
    "person_kinds": ["patients"], "persons": {"at_least": 1200, "at_most": 1200},
}  # fmt: skip
OPEN_SERVER = {**HEALTH, "confidentiality": "presumed", "recipients": ["public"], "origin": ["unintended_publication"]}
SOUND = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}
STOLEN = {**HEALTH, "confidentiality": "presumed", "origin": ["device_lost_or_stolen"], "recipients": ["unknown"]}
PROOF = ["sha256:" + "ab" * 32]
REVEALED = {
    **OPEN_SERVER, "aware_at": "2019-10-08T10:00:00+02:00",
    "revealed_by_authority": {"at": "2019-10-08T10:00:00+02:00", "own_information": True},
    "evidence": {"revealed_by_authority": PROOF},
}  # fmt: skip


def assessed(facts: dict[str, Any], name: str = "gdpr/fr") -> Assessment:
    return assess(BreachFacts.model_validate(facts), regime(name))


def choices(facts: dict[str, Any], name: str = "gdpr/fr") -> tuple[str, str]:
    told = assessed(facts, name)
    assert told.answer("document").choice == "yes"
    return told.answer("notify").choice, told.answer("communicate").choice


CASES = {
    "SAN-2020-014 and -015: an open server": (OPEN_SERVER, ("yes", "yes")),
    "the same, revealed by the authority": (REVEALED, ("no", "yes")),
    "the same, and nobody says where the authority had it from": (
        {**REVEALED, "revealed_by_authority": {"at": "2019-10-08T10:00:00+02:00"}},
        ("yes", "yes"),
    ),
    "revealed by the authority, which had it from the controller": (
        {**REVEALED, "revealed_by_authority": {"at": "2019-10-08T10:00:00+02:00", "own_information": False}},
        ("yes", "yes"),
    ),
    "revealed by the authority weeks after the controller was aware": (
        {**REVEALED, "aware_at": "2019-09-10T10:00:00+02:00"},
        ("yes", "yes"),
    ),
    "revealed by the authority to a controller who says not since when he is aware": (
        {**REVEALED, "aware_at": None},
        ("yes", "yes"),
    ),
    "revealed by the authority, and an older message inside shows knowledge": (
        {**REVEALED, "internal_messages_at": ["2019-09-10T10:00:00+02:00"]},
        ("yes", "yes"),
    ),
    "said to be revealed by the authority, by a word alone": ({**REVEALED, "evidence": {}}, ("yes", "yes")),
    "an open server, and nobody has said which data": (
        {"confidentiality": "presumed", "recipients": ["public"], "aware_at": "2019-10-08T10:00:00+02:00"},
        ("yes", "yes"),
    ),
    "the same, pseudonyms alone, of data unknown for now": (
        {"confidentiality": "presumed", "recipients": ["public"], "data": ["civil_status", "unknown_for_now"],
         "identifiability": "not_linkable"},
        ("yes", "yes"),
    ),
    "data lost, care endangered, and the logs prove that nobody came": (
        {
            **OPEN_SERVER, "availability": "established", "availability_effect": "lost", "care": "endangered",
            "access": "proved_none", "risk_removed": "closed", "recipients": ["malicious"],
            "evidence": {"access": PROOF, "risk_removed": PROOF},
        },
        ("yes", "yes"),
    ),
    "an encrypted laptop stolen, the key safe": (
        {**STOLEN, "intelligibility": SOUND, "evidence": {"intelligibility": PROOF}},
        ("no", "no"),
    ),
    "the same without evidence": ({**STOLEN, "intelligibility": SOUND}, ("yes", "yes")),
    "an open server said to hold encrypted data": ({**OPEN_SERVER, "intelligibility": SOUND}, ("yes", "yes")),
    "an open server said to have had no visitor, by a word that nobody can look up": (
        {**OPEN_SERVER, "access": "proved_none", "evidence": {"access": ["x"]}},
        ("yes", "yes"),
    ),
    "a risk said to be removed": (
        {**OPEN_SERVER, "risk_removed": "ok", "evidence": {"risk_removed": PROOF}},
        ("yes", "yes"),
    ),
    "an encrypted laptop stolen with its key": (
        {**STOLEN, "intelligibility": {**SOUND, "key": "with_the_data"}, "evidence": {"intelligibility": PROOF}},
        ("yes", "yes"),
    ),
    "AZOP 2024, HDPA 36/2022: images lost without a copy": (
        {**HEALTH, "availability": "established", "availability_effect": "lost"},
        ("yes", "yes"),
    ),
    "ransomware, a verified copy restored, nothing taken": (
        {
            **HEALTH, "availability": "established", "availability_effect": "without_difficulty", "malicious": True,
            "evidence": {"availability_effect": PROOF},
        },
        ("no", "no"),
    ),
    "ransomware, no copy": (
        {**HEALTH, "availability": "established", "availability_effect": "lost", "malicious": True},
        ("yes", "yes"),
    ),
    "a letter to the wrong colleague, who destroyed it": (
        {
            **HEALTH, "confidentiality": "established", "recipients": ["known_trusted"],
            "recovery": "deletion_confirmed", "evidence": {"recovery": PROOF},
        },
        ("no", "no"),
    ),
    "the same, on his word alone": (
        {
            **HEALTH, "confidentiality": "established", "recipients": ["known_trusted"],
            "recovery": "deletion_confirmed",
        },
        ("yes", "yes"),
    ),
    "an open server whose complete logs prove that nobody came": (
        {**OPEN_SERVER, "access": "proved_none", "evidence": {"access": PROOF}},
        ("no", "no"),
    ),
    "persons beyond reach, told by a public notice": (
        {
            **OPEN_SERVER,
            "disproportionate_effort": {"effort": "no addresses are left", "notice": "regional press"},
            "evidence": {"disproportionate_effort": PROOF},
        },
        ("yes", "no"),
    ),
    "a processor": ({**OPEN_SERVER, "role": "processor"}, ("no", "no")),
    "nothing said": ({}, ("undetermined", "undetermined")),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "expected"), CASES.values(), ids=CASES.keys())
def test_the_answers_in(facts: dict[str, Any], expected: tuple[str, str]) -> None:
    assert choices(facts) == expected


def test_the_authority_that_revealed_it_is_cited_and_the_letters_remain() -> None:
    facts, _expected = CASES["the same, revealed by the authority"]
    told = assessed(facts)
    assert "449694" in told.answer("notify").reasons[0].text
    assert told.answer("notify").evidence == tuple(PROOF)
    assert told.warnings
    assert choices(facts, "gdpr/eu") == ("yes", "yes")


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"aware_at": "2019-09-10T10:00:00+02:00"}, "aware before it told you"),
        ({"aware_at": None}, "aware_at"),
        ({"evidence": {}}, "--attach revealed_by_authority"),
        ({"revealed_by_authority": {"at": "2019-10-08T10:00:00+02:00"}}, "own_information"),
    ],
)
def test_the_rule_on_the_authority_that_revealed_it_is_told_with_what_it_lacks(
    change: dict[str, Any], missing: str
) -> None:
    (warning,) = [said for said in assessed({**REVEALED, **change}).warnings if "449694" in said]
    assert missing in warning
    assert not any("449694" in said for said in assessed({**REVEALED, **change}, "gdpr/eu").warnings)


def test_data_that_nobody_named_is_missing_and_counts_as_the_most_sensitive() -> None:
    facts = {"confidentiality": "presumed", "recipients": ["public"], "aware_at": "2026-11-23T10:00:00Z"}
    told = assessed(facts)
    assert {"data", "sensitive"} <= set(told.missing)
    assert (told.severity.level, told.severity.elements[0].value) == ("very high", 4)
    assert not {"data", "sensitive"} & set(assessed({**facts, "data": ["contact"]}).missing)


@pytest.mark.parametrize(
    ("case", "exemption"),
    [
        ("an encrypted laptop stolen, the key safe", "34(3)(a)"),
        ("an open server whose complete logs prove that nobody came", "34(3)(b)"),
        ("persons beyond reach, told by a public notice", "34(3)(c)"),
    ],
)
def test_an_exemption_comes_with_its_evidence(case: str, exemption: str) -> None:
    answer = assessed(CASES[case][0]).answer("communicate")
    assert (answer.exemption, answer.evidence) == (exemption, tuple(PROOF))


def test_what_is_only_proposed_says_so_and_tells_the_authority_of_high_risks_alone() -> None:
    name = "gdpr/eu-omnibus-2025"
    assert choices(OPEN_SERVER, name) == ("yes", "yes")
    small = {**OPEN_SERVER, "sensitive": [], "identifiability": "number_only"}
    assert choices(small, name)[0] == "no"
    assert any("proposed" in warning for warning in assessed(OPEN_SERVER, name).warnings)
    told = assessed({**OPEN_SERVER, "aware_at": "2026-11-23T10:00:00Z"}, name)
    assert told.clock.deadline == datetime(2026, 11, 27, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("SAN-2020-014 and -015: an open server", ("yes", "yes")),
        ("an encrypted laptop stolen, the key safe", ("no", "no")),
        ("the same without evidence", ("yes", "yes")),
        ("an open server whose complete logs prove that nobody came", ("no", "no")),
        ("a letter to the wrong colleague, who destroyed it", ("no", "no")),
        ("AZOP 2024, HDPA 36/2022: images lost without a copy", ("no", "no")),
        ("persons beyond reach, told by a public notice", ("yes", "yes")),
    ],
)
def test_hipaa_presumes_a_compromise_of_what_may_have_been_read(case: str, expected: tuple[str, str]) -> None:
    facts, _of_gdpr = CASES[case]
    assert choices(facts, "hipaa/us") == expected


def test_hipaa_names_its_four_factors_and_not_the_articles_of_the_gdpr() -> None:
    told = assessed(OPEN_SERVER, "hipaa/us")
    assert [reason.factor for reason in told.answer("notify").reasons] == [
        "general", "nature", "recipient", "acquired", "mitigated",
    ]  # fmt: skip
    assert told.answer("notify").period.startswith("from 500 persons")
    assert any("media" in warning for warning in told.warnings)
    assert any("Nobody has verified" in warning and "164.410" in warning for warning in told.warnings)
    few = assessed({**OPEN_SERVER, "persons": {"at_least": 3, "at_most": 3}}, "hipaa/us")
    assert not any("media" in warning for warning in few.warnings)
    helper = assessed({**OPEN_SERVER, "role": "processor"}, "hipaa/us").answer("notify")
    assert "45 CFR 164.410" in helper.reasons[0].text


def test_switzerland_tells_its_authority_of_high_risks_alone_and_sets_no_hours() -> None:
    assert choices(OPEN_SERVER, "ch/ch") == ("yes", "yes")
    assert choices({**OPEN_SERVER, "sensitive": [], "identifiability": "number_only"}, "ch/ch") == ("no", "no")
    # Article 34(3)(c) is the GDPR's: elsewhere it exempts nobody.
    assert choices(CASES["persons beyond reach, told by a public notice"][0], "ch/ch")[1] == "yes"
    told = assessed({**OPEN_SERVER, "aware_at": "2026-11-23T10:00:00Z"}, "ch/ch")
    assert (told.clock.aware_at, told.clock.deadline) == (datetime(2026, 11, 23, 10, tzinfo=UTC), None)


def test_logs_that_showed_access_are_not_asked_for_again() -> None:
    assert any("proved_none" in change for change in assessed(OPEN_SERVER).answer("notify").would_change)
    seen = {**OPEN_SERVER, "access": "proved", "evidence": {"access": PROOF}}
    assert not any("proved_none" in change for change in assessed(seen).answer("notify").would_change)


CHOICE = {"no": 0, "undetermined": 1, "yes": 2}
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "confidentiality": st.sampled_from(["presumed", "established"]),
        "integrity": st.sampled_from(["presumed", "established"]),
        "availability": st.sampled_from(["presumed", "established"]),
        "sensitive": st.sampled_from([[], ["health"]]),
        "identifiability": st.sampled_from(
            ["not_linkable", "images_only", "number_only", "name", "name_and_birth_date"]
        ),
        "intelligibility": st.sampled_from([SOUND, {**SOUND, "key": "with_the_data"}, {}]),
        "recipients": st.lists(
            st.sampled_from(["internal", "known_trusted", "known", "unknown", "public"]), unique=True
        ),
        "access": st.sampled_from(["unknown", "proved", "proved_none"]),
        "recovery": st.sampled_from(["none", "recovered", "deletion_confirmed"]),
        "integrity_effect": st.sampled_from(["recovered_unused", "recoverable", "not_recoverable"]),
        "availability_effect": st.sampled_from(["without_difficulty", "temporary", "lost"]),
        "care": st.sampled_from(["none", "delayed", "endangered", "unknown"]),
        "persons": st.integers(0, 10_000).map(lambda n: {"at_least": n, "at_most": n}),
        "evidence": st.lists(
            st.sampled_from(["intelligibility", "access", "recovery", "integrity_effect", "availability_effect"])
        ).map(lambda names: dict.fromkeys(names, PROOF)),
    },
)


OFTEN = 3 * settings.default.max_examples
"""The facts have many combinations."""
LAWS = ["gdpr/fr", "hipaa/us", "ch/ch"]
"""One of each test that a law puts."""


def ranks(facts: dict[str, Any], law: str) -> tuple[int, int]:
    notify, communicate = choices(facts, law)
    return CHOICE[notify], CHOICE[communicate]


CLAIMS: dict[str, Any] = {
    "intelligibility": SOUND,
    "access": "proved_none",
    "recovery": "deletion_confirmed",
    "integrity_effect": "recovered_unused",
    "availability_effect": "without_difficulty",
    "data_context": [{"category": "sensitive", "steps": -3, "reason": "a blood test"},
                     {"category": "simple", "steps": -3, "reason": "public anyway"}],
    "risk_removed": "The server was closed.",
    "disproportionate_effort": {"effort": "no addresses", "notice": "in the press"},
    "revealed_by_authority": {"at": "2019-10-08T10:00:00+02:00", "own_information": True},
}  # fmt: skip
"""What would excuse a breach: every fact that can make an answer lighter, as it does so most."""


@given(FACTS, st.sampled_from(LAWS))
@settings(max_examples=OFTEN)
def test_without_evidence_no_answer_gets_lighter(facts: dict[str, Any], law: str) -> None:
    with_evidence = ranks(facts, law)
    without = ranks({name: value for name, value in facts.items() if name != "evidence"}, law)
    assert all(bare >= shown for bare, shown in zip(without, with_evidence, strict=True))


@given(FACTS, st.sets(st.sampled_from(sorted(CLAIMS)), min_size=1), st.sampled_from(LAWS), st.booleans())
@settings(max_examples=OFTEN)
def test_a_claim_that_nothing_shows_makes_no_answer_lighter(
    facts: dict[str, Any], claimed: set[str], law: str, worded: bool
) -> None:
    shown = {name: refs for name, refs in facts.get("evidence", {}).items() if name not in claimed}
    words = {name: ["I am sure", "entry", "sha256:00"] for name in claimed} if worded else {}
    silent = {name: value for name, value in facts.items() if name not in claimed} | {"evidence": shown}
    said = {**silent, **{name: CLAIMS[name] for name in claimed}, "evidence": shown | words}
    assert all(claim >= silence for claim, silence in zip(ranks(said, law), ranks(silent, law), strict=True))


def test_a_claim_that_lowers_nothing_is_named_and_a_file_alone_says_that_it_looked_nothing_up() -> None:
    facts = BreachFacts.model_validate({**OPEN_SERVER, "intelligibility": SOUND, "access": "proved_none"})
    (warning,) = [said for said in assess(facts, regime("gdpr/fr")).warnings if "lower nothing" in said]
    assert "intelligibility, access" in warning
    shown = BreachFacts.model_validate({**OPEN_SERVER, "access": "proved_none", "evidence": {"access": PROOF}})
    assert any("not looked up" in said for said in assess(shown, regime("gdpr/fr"), alone=True).warnings)
    assert not any("not looked up" in said for said in assess(shown, regime("gdpr/fr")).warnings)


WORSE: dict[str, Any] = {
    "recipients": ["public"],
    "identifiability": "name_and_birth_date",
    "sensitive": ["health"],
    "intelligibility": {},
    "care": "endangered",
    "persons": {"at_least": 100_000, "at_most": 100_000},
    "access": "proved",
}


@given(FACTS, st.sampled_from(sorted(WORSE)), st.sampled_from(LAWS))
@settings(max_examples=OFTEN)
def test_worse_facts_make_no_answer_lighter(facts: dict[str, Any], name: str, law: str) -> None:
    before, after = ranks(facts, law), ranks({**facts, name: WORSE[name]}, law)
    assert all(worse >= better for worse, better in zip(after, before, strict=True))


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_an_assessment_is_plain_json_without_fractions(lang: str) -> None:
    with speaking(lang):
        text = json.dumps(recorded(assessed({**OPEN_SERVER, "aware_at": "2026-11-23T10:00:00Z"})))
    assert json.loads(text, parse_float=lambda _text: pytest.fail("a fraction"))["score"] == "4.5"


def test_every_no_names_its_reason_and_what_would_change_it() -> None:
    for facts, _expected in CASES.values():
        for answer in assessed(facts).answers:
            assert answer.reasons
            assert all(reason.text for reason in answer.reasons)
            if answer.choice == "no" and "processor" not in {reason.id for reason in answer.reasons}:
                assert answer.would_change
