import json

from lightproof.documents.ndjson import line, lines
from lightproof.evidence.records import ExposureReport


def test_each_record_is_a_line_and_the_summary_comes_last(a_practice: ExposureReport) -> None:
    kinds = [json.loads(entry)["kind"] for entry in lines(a_practice)]
    assert kinds == ["observation"] + ["unchecked"] * 2 + ["service"] * 4 + ["finding"] * 5 + ["summary"]


def test_a_record_streams_by_itself(a_practice: ExposureReport) -> None:
    entry = json.loads(line(a_practice.findings[0]))
    assert (entry["kind"], entry["id"], entry["observed"]) == ("finding", "F-0001", "2026-11-23T10:00:01Z")


def test_the_summary_has_the_letter_and_its_reasons(a_practice: ExposureReport) -> None:
    summary = json.loads(list(lines(a_practice))[-1])
    assert (summary["letter"], summary["caps"][0]["id"], summary["findings"]) == ("F", "images-from-internet", [])


def test_hostile_text_breaks_no_line(a_poisoned_report: ExposureReport) -> None:
    for entry in lines(a_poisoned_report):
        assert all(0x20 <= byte < 0x7F for byte in entry.removesuffix(b"\n"))
        json.loads(entry)
