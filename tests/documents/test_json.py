import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from lightproof.documents.json import dumps, loads, schema
from lightproof.errors import UsageRefused
from lightproof.evidence.records import EvidenceClass, ExposureReport, Honeypot


def test_the_stable_core_is_there(a_practice: ExposureReport) -> None:
    report = json.loads(dumps(a_practice))
    assert (report["letter"], report["started"], report["scope"]["basis"]) == ("F", "2026-11-23T10:00:00Z", "own")
    service = report["services"][0]
    assert service["facts"] == {
        "reachable": True, "open": True, "listable": True, "downloadable": True, "writable": False,
    }  # fmt: skip
    assert {k: service[k] for k in ("address", "port", "transport", "service", "product", "version", "grade")} == {
        "address": "192.168.1.20", "port": 11112, "transport": "tcp", "service": "dicom", "product": "Horos",
        "version": "3.3.6", "grade": "downloadable",
    }  # fmt: skip
    assert service["counts"] == {"studies": 1200, "series": 5300}
    assert (service["protections"], service["findings"]) == ([], ["F-0001", "F-0003"])
    finding = report["findings"][0]
    assert (finding["id"], finding["rule"], finding["severity"]) == ("F-0001", "dicom-query-open", "critical")
    assert finding["duties"] == ["gdpr-32-1-b"]
    assert finding["evidence"]
    assert report["unchecked"][0]["reason"] == "deadline"


def test_a_fact_that_was_not_established_is_null(a_practice: ExposureReport) -> None:
    assert json.loads(dumps(a_practice))["services"][1]["facts"]["writable"] is None


def test_the_schema_is_2020_12_and_holds_for_a_practice_and_a_population(
    a_practice: ExposureReport, a_population: Callable[[int], ExposureReport]
) -> None:
    described = schema()
    assert described["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(described)
    validator = Draft202012Validator(described, format_checker=FormatChecker())
    for report in (a_practice, a_population(50), a_decoy_and_a_presumption(a_practice)):
        validator.validate(json.loads(dumps(report)))
        assert loads(dumps(report)) == report


def a_decoy_and_a_presumption(report: ExposureReport) -> ExposureReport:
    """The report with every key that a report may leave empty."""
    first, *services = report.services
    suspect = Honeypot(score=0.58, likely=True, reasons=("toolkit",))
    presumed, *findings = report.findings
    return replace(
        report,
        services=(replace(first, honeypot=suspect, process="Orthanc", outside_ports=(104,)), *services),
        findings=(replace(presumed, evidence_class=EvidenceClass.PRESUMED), *findings),
        honeypot_signs={"toolkit": {"en": "its software is a toolkit", "fr": "son logiciel est une boîte à outils"}},
        counting=True,
        survey=True,
    )


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("services", "honeypot", {"score": "high"}), ("findings", "evidence_class", "guessed"), ("services", "grade", 4)],
)
def test_the_schema_refuses_other_values(a_practice: ExposureReport, part: str, key: str, value: object) -> None:
    report = json.loads(dumps(a_practice))
    report[part][0][key] = value
    assert not Draft202012Validator(schema()).is_valid(report)


def test_the_schema_refuses_a_fact_that_is_a_guess(a_practice: ExposureReport) -> None:
    report = json.loads(dumps(a_practice))
    report["services"][0]["facts"]["writable"] = "probably"
    assert not Draft202012Validator(schema()).is_valid(report)


def test_a_report_comes_back_as_it_went(a_practice: ExposureReport) -> None:
    assert loads(dumps(a_practice)) == a_practice


def test_the_same_report_gives_the_same_bytes(a_practice: ExposureReport) -> None:
    assert dumps(a_practice) == dumps(loads(dumps(a_practice)))


def test_the_bytes_are_ascii_without_controls(a_poisoned_report: ExposureReport) -> None:
    content = dumps(a_poisoned_report)
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in content)
    assert json.loads(content)["scope"]["basis"] == "own"


def test_hostile_text_comes_back_but_for_lone_surrogates(
    a_poisoned_report: ExposureReport, a_hostile_string: str
) -> None:
    wellformed = a_hostile_string.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if wellformed == a_hostile_string:
        assert loads(dumps(a_poisoned_report)) == a_poisoned_report
    assert json.loads(dumps(a_poisoned_report))["findings"][0]["evidence"].count("\ufffd") == wellformed.count("\ufffd")


def test_a_number_that_json_lacks_becomes_null(a_practice: ExposureReport) -> None:
    observation = replace(a_practice.observations[0], details={"ratio": float("inf")})
    report = json.loads(dumps(replace(a_practice, observations=(observation,))))
    assert report["observations"][0]["details"] == {"ratio": None}


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"letter": "F"}', b"[" * 100_000])
def test_what_is_no_report_is_refused_with_a_fix(content: bytes) -> None:
    with pytest.raises(UsageRefused) as refused:
        loads(content)
    assert refused.value.error_id == "report-unreadable"
    assert refused.value.fix


def test_instants_keep_their_zone(a_practice: ExposureReport) -> None:
    assert datetime.fromisoformat(json.loads(dumps(a_practice))["finished"]) == a_practice.finished
