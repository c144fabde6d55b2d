import json
from dataclasses import replace

from lightproof.documents.defectdojo import defectdojo
from lightproof.documents.sarif import fingerprint
from lightproof.evidence.records import EvidenceClass, ExposureReport


def test_each_finding_has_what_the_generic_import_needs(a_practice: ExposureReport) -> None:
    findings = json.loads(defectdojo(a_practice))["findings"]
    assert len(findings) == len(a_practice.findings)
    first = findings[0]
    assert first["title"] == "Anyone can search your images and take them (192.168.1.20:11112)"
    assert (first["severity"], first["date"]) == ("Critical", "2026-11-23")
    assert first["endpoints"] == [{"host": "192.168.1.20", "port": 11112, "protocol": "tcp"}]
    assert first["unique_id_from_tool"] == fingerprint(a_practice.findings[0])
    assert first["mitigation"].startswith("1. On the internet box")


def test_hostile_text_is_no_markup(a_poisoned_report: ExposureReport) -> None:
    content = defectdojo(a_poisoned_report)
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in content)
    for finding in json.loads(content)["findings"]:
        for key in ("description", "mitigation", "references"):
            assert not set("<>[]`") & set(finding[key])
        assert len(finding["title"]) <= 500


def test_what_is_not_proved_is_not_verified(a_practice: ExposureReport) -> None:
    first, *others = a_practice.findings
    report = replace(a_practice, findings=(replace(first, evidence_class=EvidenceClass.ANNOUNCED), *others))
    verified = [finding["verified"] for finding in json.loads(defectdojo(report))["findings"]]
    assert verified == [False, *(True for _ in others)]
