import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from jsonschema import Draft4Validator

from check.observing import mapping, reported
from lightproof.documents.sarif import sarif
from lightproof.evidence.records import ExposureReport
from lightproof.locale import speaking

# The schema of SARIF 2.1.0, an OASIS standard; its own `id` names the copy of SchemaStore.
SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.schema.json").read_text("utf-8"))


def run_of(report: ExposureReport) -> dict:  # type: ignore[type-arg]
    return json.loads(sarif(report))["runs"][0]


def test_the_log_holds_to_the_schema(a_practice: ExposureReport, a_population: Callable[[int], ExposureReport]) -> None:
    for report in (a_practice, a_population(30), replace(a_practice, findings=(), rules={})):
        Draft4Validator(SCHEMA).validate(json.loads(sarif(report)))


def test_every_finding_is_a_result_of_a_described_rule(a_practice: ExposureReport) -> None:
    run = run_of(a_practice)
    rules = run["tool"]["driver"]["rules"]
    assert [r["properties"]["finding"] for r in run["results"]] == [f.id for f in a_practice.findings]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    assert run["results"][0]["level"] == "error"
    assert (
        run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "tcp://192.168.1.20:11112"
    )


def test_what_was_not_checked_is_notified(a_practice: ExposureReport) -> None:
    notes = run_of(a_practice)["invocations"][0]["toolExecutionNotifications"]
    assert [n["properties"]["reason"] for n in notes] == ["deadline", "protocol-violation"]


def test_its_sentences_are_typeset_as_french_is(a_practice: ExposureReport) -> None:
    with speaking("fr"):
        run = run_of(a_practice)
    (first, *_others), (noted, *_more) = run["results"], run["invocations"][0]["toolExecutionNotifications"]
    assert "\u00a0: 192.168.1.20:11112" in first["message"]["text"]
    assert "\u00a0: " in noted["message"]["text"]


def test_the_same_exposure_found_again_has_the_same_fingerprint(a_practice: ExposureReport) -> None:
    later = replace(
        a_practice,
        findings=tuple(
            replace(f, id=f"F-9{n}", evidence="seen again", observed=f.observed + timedelta(days=30))
            for n, f in enumerate(a_practice.findings)
        ),
    )
    before, after = ([r["partialFingerprints"] for r in run_of(report)["results"]] for report in (a_practice, later))
    assert before == after
    assert len({p["service/v1"] for p in before}) == len(before)


def test_a_result_says_what_kind_of_evidence_it_rests_on(a_practice: ExposureReport) -> None:
    assert {result["properties"]["evidenceClass"] for result in run_of(a_practice)["results"]} == {"proved"}


def test_hostile_text_is_no_link_and_no_control(a_poisoned_report: ExposureReport) -> None:
    content = sarif(a_poisoned_report)
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in content)
    Draft4Validator(SCHEMA).validate(json.loads(content))
    for result in run_of(a_poisoned_report)["results"]:
        assert not re.search(r"(?<!\\)(?:\\\\)*\[", result["message"]["text"])


def test_two_forwards_are_two_alerts() -> None:
    """Or a platform would keep one of them, and take both for mended when one of them is."""
    found = run_of(reported([mapping("192.168.1.99", 80, 80), mapping("192.168.1.98", 80, 8080)]))
    fingerprints = [result["partialFingerprints"]["service/v1"] for result in found["results"]]
    assert len(fingerprints) == len(set(fingerprints)) == 2
    again = run_of(reported([mapping("192.168.1.98", 80, 8080)]))
    assert [result["partialFingerprints"]["service/v1"] for result in again["results"]] == [
        result["partialFingerprints"]["service/v1"]
        for result in found["results"]
        if "192.168.1.98" in result["message"]["text"]
    ]
