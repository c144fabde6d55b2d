import csv
from io import StringIO

from lightproof.documents.csv import COLUMNS, findings_csv
from lightproof.evidence.records import ExposureReport


def rows_of(report: ExposureReport) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(findings_csv(report).decode("utf-8-sig"), newline="")))


def test_every_finding_is_a_row_with_its_service(a_practice: ExposureReport) -> None:
    rows = rows_of(a_practice)
    assert [row["id"] for row in rows] == [f.id for f in a_practice.findings]
    first = rows[0]
    assert (first["product"], first["grade"], first["listable"], first["writable"]) == (
        "Horos", "downloadable", "true", "false",
    )  # fmt: skip
    assert rows[1]["writable"] == ""


def test_no_cell_computes_or_hides_anything(a_poisoned_report: ExposureReport) -> None:
    rows = list(csv.reader(StringIO(findings_csv(a_poisoned_report).decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + len(a_poisoned_report.findings)
    for row in rows:
        assert len(row) == len(COLUMNS)
        for cell in row:
            assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))
            assert cell.isprintable() or "\u202f" in cell
