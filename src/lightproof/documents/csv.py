"""Findings as a spreadsheet: one row a finding, with the service it was found on.

RFC 4180 with a byte-order mark, which spreadsheet programs need to read accents. No cell is a formula.
"""

import csv
from io import StringIO
from typing import Final

from lightproof.documents.rules import action_of, title_of
from lightproof.documents.text import for_csv
from lightproof.evidence.records import ExposureReport, Finding, Service

COLUMNS: Final = (
    "id", "severity", "rule", "title", "action", "address", "port", "transport", "service", "product", "version",
    "grade", "open", "listable", "downloadable", "writable", "vantage", "duties", "evidence", "observed",
    "evidence_class", "honeypot",
)  # fmt: skip


def findings_csv(report: ExposureReport) -> bytes:
    """All findings in UTF-8; a fact that was not established is an empty cell."""
    services = {(s.address, s.port, s.transport, s.service): s for s in report.services}
    sheet = StringIO()
    writer = csv.writer(sheet, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for finding in report.findings:
        service = services.get((finding.address, finding.port, finding.transport, finding.service))
        writer.writerow([for_csv(cell) for cell in _row(report, finding, service)])
    return sheet.getvalue().encode("utf-8-sig")


def _row(report: ExposureReport, finding: Finding, service: Service | None) -> tuple[str, ...]:
    facts = service.facts if service else None
    return (
        finding.id,
        finding.severity.value,
        finding.rule,
        title_of(report, finding.rule),
        action_of(report, finding.rule),
        finding.address,
        str(finding.port),
        finding.transport,
        finding.service,
        (service and service.product) or "",
        (service and service.version) or "",
        service.grade.value if service else "",
        *(
            _fact(value)
            for value in ((facts.open, facts.listable, facts.downloadable, facts.writable) if facts else (None,) * 4)
        ),
        service.vantage.value if service else "",
        " ".join(finding.duties),
        finding.evidence,
        finding.observed.isoformat(),
        finding.evidence_class.value,
        "" if service is None or service.honeypot is None else f"{service.honeypot.score:.2f}",
    )


def _fact(value: bool | None) -> str:
    return "" if value is None else str(value).lower()
