"""Findings as SARIF 2.1.0, for platforms that collect results of many tools.

A service has no source file: the place of a result is a logical location and a URI such as `tcp://192.0.2.1:11112`.
Fingerprints name what was found and nothing of the run, so that the same exposure found again is the same alert.
"""

import hashlib
from typing import Final
from urllib.parse import quote

from lightproof.documents import wording
from lightproof.documents.json import encoded
from lightproof.documents.rules import text_of
from lightproof.documents.text import for_sarif
from lightproof.evidence.records import ExposureReport, Finding, Severity, Unchecked
from lightproof.locale import gettext as _
from lightproof.locale import language

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.0",
}
"""`security-severity`, in the middle of the band that CVSS 3.1 gives the word."""


def sarif(report: ExposureReport) -> bytes:
    """One SARIF log with one run, in ASCII."""
    rule_ids = tuple(dict.fromkeys(finding.rule for finding in report.findings))
    driver = {
        "name": "lightproof",
        "semanticVersion": report.lightproof,
        "rules": [_rule(report, rule_id) for rule_id in rule_ids],
    }
    run = {
        "tool": {"driver": driver},
        "language": language(),
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "startTimeUtc": _utc(report.started.isoformat()),
                "endTimeUtc": _utc(report.finished.isoformat()),
                "toolExecutionNotifications": [_notification(entry) for entry in report.unchecked],
            }
        ],
        "results": [_result(report, finding, rule_ids.index(finding.rule)) for finding in report.findings],
        "properties": {"letter": report.letter, "evidenceSha256": report.evidence_sha256},
    }
    return encoded({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(report: ExposureReport, rule_id: str) -> dict[str, object]:
    described: dict[str, object] = {"id": rule_id}
    text = text_of(report, rule_id)
    if text is None:
        return described
    steps = "\n".join(f"{number}. {for_sarif(step)}" for number, step in enumerate(text.remedy, start=1))
    rule = report.rules[rule_id]
    described |= {
        "shortDescription": {"text": for_sarif(text.title)},
        "fullDescription": {"text": for_sarif(text.why or text.title)},
        "help": {"text": steps or for_sarif(text.title)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"security-severity": _SCORES[rule.severity], "tags": ["security", *dict.fromkeys(rule.duties)]},
    }
    return described


def _result(report: ExposureReport, finding: Finding, rule_index: int) -> dict[str, object]:
    text = text_of(report, finding.rule)
    place = wording.endpoint(finding.address, finding.port)
    told = _("{fact}: {value}").format(fact=text.title if text else finding.rule, value=place)
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": for_sarif(f"{told}. {finding.evidence}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(finding)}},
                "logicalLocations": [
                    {
                        "name": finding.service,
                        "fullyQualifiedName": f"{finding.transport}/{place}/{finding.service}",
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {"service/v1": fingerprint(finding)},
        "properties": {
            "finding": finding.id,
            "duties": list(finding.duties),
            "observed": finding.observed.isoformat(),
            "evidenceClass": finding.evidence_class.value,
        },
    }


def _notification(entry: Unchecked) -> dict[str, object]:
    place = wording.endpoint(entry.target.address, entry.target.port)
    return {
        "level": "warning",
        "message": {
            "text": for_sarif(_("{fact}: {value}").format(fact=place, value=wording.reason_word(entry.reason)))
        },
        "properties": {"detector": entry.detector, "reason": entry.reason},
    }


def _uri(finding: Finding) -> str:
    return (
        f"{finding.transport}://{quote(wording.endpoint(finding.address, finding.port), safe=':[]', errors='replace')}"
    )


def fingerprint(finding: Finding) -> str:
    """Names rule, service and what tells findings of both apart, not the run: the same exposure has the same one for
    ever, and no other has it, or platforms would keep one of two forwards, and close both with one."""
    named = (finding.rule, finding.transport, finding.address, str(finding.port), finding.service)
    if finding.about:
        named += (finding.about,)
    return hashlib.sha256("\0".join(named).encode("utf-8", "replace")).hexdigest()


def _utc(instant: str) -> str:
    return instant.replace("+00:00", "Z")
