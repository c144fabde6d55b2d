"""The register as a table: every row that Art. 33(5) and the authority's guidance want, readable as it stands."""

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest

from breach.practice_case import FACTS, an_entry, filed, the_incident
from lightproof.breach.facts import BreachFacts
from lightproof.breach.register_export import as_csv, as_document, as_xlsx, columns, row
from lightproof.breach.triage import assess, recorded
from lightproof.documents.model import Table
from lightproof.law.regimes import regime
from lightproof.locale import LANGUAGES, Language, speaking

NOW = datetime(2026, 11, 25, tzinfo=UTC)
FACTS_NOW = BreachFacts.model_validate(FACTS, strict=False)
ASSESSED = recorded(assess(FACTS_NOW, regime("gdpr/fr")))
DECIDED = {
    "duty": "communicate",
    "choice": "no",
    "reason": "The images were recovered unread.",
    "proposed": "yes",
    "exemption": "34(3)(b)",
    "evidence": ["entry 9"],
}
TOLD = the_incident(
    an_entry(5, "assessed", ASSESSED),
    an_entry(6, "decided", DECIDED),
    filed(7, hours=80, delay_reason="The provider answered late."),
    an_entry(8, "corrected", {"facts": {"persons": FACTS["persons"]}, "reason": "Counted anew."}),
    others=[{"name": "Fournisseur", "role": "processor", "informed_at": "2026-11-22T09:00:00Z"}],
    measures=[{"what": "Close the port", "at": "2026-12-01T08:00:00Z", "planned": True, "owner": "Dr Demo"}],
    harms=["loss_of_control"],
    recipients=["known"],
    recovery="recovered",
    risk_removed="The one who had them gave them back.",
)
WANTED = {
    "opened_at": "23 November 2026",
    "nature": "Read by others: presumed",
    "origin": "unintended publication",
    "cause": "from inside, by accident",
    "found_by": "Dr Demo",
    "discovery": "Found by a security check",
    "persons": "between 1 and 1,200 (estimated: each patient has at least one of the studies counted)",
    "effects": "loss of control",
    "severity": "4.5 (very high), 4.5 = 4.0 × 1.0 + 0.5, GDPR in France",
    "risk_reasons": "Nothing proved makes a risk to persons unlikely.",
    "authority_told": "yes, without a decision on record",
    "filed": "26 November 2026, 18:00 UTC, CNIL, initial notification, FR-1234",
    "delay_reason": "The provider answered late.",
    "persons_told": "no, decided by Dr Demo on 23 November 2026",
    "persons_reason": "The images were recovered unread.",
    "exemption": "Article 34(3)(b), shown by ledger entry 9",
    "measures": "Planned for 1 December 2026, 08:00 UTC: Close the port (Dr Demo)",
    "others": "Fournisseur, processor, informed on 22 November 2026, 09:00 UTC",
    "evidence": "ledger entry 3",
    "changes": "23 November 2026, 10:00 UTC, Dr Demo: corrected (Persons: Counted anew.)",
}


@pytest.mark.parametrize(("key", "text"), WANTED.items())
def test_every_row_of_the_register_that_the_law_wants_is_there(key: str, text: str) -> None:
    assert text.lower() in row(TOLD)[key].lower()


def test_what_happened_is_said_once() -> None:
    said = row(the_incident(title="A laptop was stolen", description="A laptop was stolen"))
    assert (said["title"], said["description"]) == ("A laptop was stolen", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_the_table_and_the_page_hold_the_same_cells(language: Language) -> None:
    with speaking(language):
        cells = row(TOLD)
        sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx([TOLD], NOW))).active
        assert sheet is not None
        heads, drawn = ([cell.value or "" for cell in line] for line in sheet.iter_rows())
        table = list(csv.reader(io.StringIO(as_csv([TOLD]).decode("utf-8-sig"))))
        [block] = as_document([TOLD], NOW, "").sections[0].blocks
        assert heads == table[0] == [column.head for column in columns()]
    assert drawn == list(cells.values())
    assert table[1] == [" · ".join(cell.splitlines()) for cell in cells.values()]
    assert isinstance(block, Table)
    page = "\n".join(str(text) for _head, text in block.rows)
    assert all(line in page for text in cells.values() for line in text.splitlines())


def test_the_columns_of_the_sheet_are_as_wide_as_what_they_hold() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx([TOLD], NOW))).active
    assert sheet is not None
    narrow, wide = (sheet.column_dimensions[letter].width for letter in ("A", "E"))
    assert narrow < 20
    assert wide > 45


def test_a_long_cell_is_whole_in_every_table() -> None:
    long = the_incident(missing_measures=[f"Measure {n}: {'x' * 200}" for n in range(20)])
    cell = row(long)["prior_measures"]
    assert len(cell) > 4_000
    assert cell.replace("\n", " · ") in as_csv([long]).decode("utf-8-sig")
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx([long], NOW))).active
    assert sheet is not None
    assert cell in [one.value for one in sheet[2]]
    [block] = as_document([long], NOW, "").sections[0].blocks
    assert isinstance(block, Table)
    assert set(cell.splitlines()) <= {str(text) for _head, text in block.rows}
