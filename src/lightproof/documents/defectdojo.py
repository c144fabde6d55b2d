"""Findings for DefectDojo's “Generic Findings Import” (JSON).

DefectDojo renders descriptions as Markdown: what comes from a network is encoded for it.
"""

from typing import Final

from lightproof.documents import wording
from lightproof.documents.json import encoded
from lightproof.documents.rules import sources_of, text_of
from lightproof.documents.sarif import fingerprint
from lightproof.documents.text import for_markdown, visible
from lightproof.evidence.records import EvidenceClass, ExposureReport, Finding, Severity

_SEVERITIES: Final = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
    Severity.INFO: "Info",
}
_CWE_MISSING_AUTHENTICATION: Final = 306


def defectdojo(report: ExposureReport) -> bytes:
    """All findings, in ASCII. A finding found again has the same `unique_id_from_tool`."""
    return encoded(
        {"name": "lightproof", "type": "lightproof", "findings": [_finding(report, f) for f in report.findings]}
    )


def _finding(report: ExposureReport, finding: Finding) -> dict[str, object]:
    text = text_of(report, finding.rule)
    place = wording.endpoint(finding.address, finding.port)
    title = visible(text.title if text else finding.rule)
    steps = text.remedy if text else ()
    return {
        "title": f"{title} ({visible(place)})"[:500],
        "severity": _SEVERITIES[finding.severity],
        "description": f"{for_markdown(text.why if text else finding.rule)}\n\n{for_markdown(finding.evidence)}",
        "mitigation": "\n".join(f"{number}. {for_markdown(step)}" for number, step in enumerate(steps, start=1)),
        "references": "\n".join(map(for_markdown, sources_of(report, finding.rule))),
        "date": finding.observed.date().isoformat(),
        "cwe": _CWE_MISSING_AUTHENTICATION,
        "vuln_id_from_tool": visible(finding.rule),
        "unique_id_from_tool": fingerprint(finding),
        "endpoints": [{"host": visible(finding.address), "port": finding.port, "protocol": finding.transport}],
        "tags": [visible(tag) for tag in (finding.service, *finding.duties)],
        "active": True,
        "verified": finding.evidence_class is EvidenceClass.PROVED,
        "static_finding": False,
        "dynamic_finding": True,
    }
