"""A breach whose every text is hostile, in each file that is made of it: nothing acts, and nothing is lost.

Reliability goal 20 through the doors by which texts really come: facts, decisions, the settings, a list of persons.
"""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from breach.practice_case import FOUND, PRACTICE, a_notice, an_entry, filed, the_incident
from documents.injections import injections
from documents.readers import csv_said, html_said, office_said, pdf_said, squeezed, xlsx_said
from lightproof.breach.clock import clock
from lightproof.breach.dossier import dossier
from lightproof.breach.incident import Incident
from lightproof.breach.letters import document, letter
from lightproof.breach.mail_merge import Recipients, addressee, drafts, read_recipients
from lightproof.breach.register_export import as_csv, as_document, as_xlsx
from lightproof.breach.sheets import sheet
from lightproof.breach.triage import assess, recorded
from lightproof.documents.docx import docx
from lightproof.documents.html import html
from lightproof.documents.model import Document, Table
from lightproof.documents.odt import odt
from lightproof.documents.pdf import pdf
from lightproof.documents.text import visible, visible_lines
from lightproof.errors import UsageRefused
from lightproof.law.regimes import regime
from lightproof.storage.settings import Organisation

SEED = 20_260_723
EACH = 53
"""Texts that one breach takes."""
PARIS = ZoneInfo("Europe/Paris")
NOW = FOUND + timedelta(hours=90)
LINE = 300


def texts_of(number: int, seed: int) -> list[str]:
    """Hostile texts as far as JSON can carry them, and as long as a fact may be."""
    every = (text.encode("utf-8", "replace").decode()[:LINE] for text in injections(number, seed))
    return [text if text.strip() else "=" for text in every]


def facts_with(texts: Sequence[str]) -> dict[str, Any]:
    """Every fact that is a text, or has one in it."""
    left = iter(texts)

    def few(number: int) -> list[str]:
        return [next(left) for _ in range(number)]

    return {
        "title": next(left),
        "description": next(left),
        "aware_basis": next(left),
        "aware_by": next(left),
        "discovery": next(left),
        "risk_removed": next(left),
        "lead_authority": next(left),
        "systems": few(8),
        "prior_measures": few(6),
        "missing_measures": few(6),
        "measures": [{"what": next(left), "owner": next(left)} for _ in range(3)],
        "others": [dict(zip(("name", "role", "contact"), few(3), strict=True)) for _ in range(2)],
        "other_bodies": [dict(zip(("name", "role", "contact"), few(3), strict=True))],
        "revealed_by_authority": {"at": "2026-11-23T08:00:00Z", "authority": next(left), "reference": next(left)},
        "disproportionate_effort": {"effort": next(left), "notice": next(left)},
        "data_context": [{"category": "sensitive", "steps": -1, "reason": next(left)}],
        "records": {"at_least": 1, "at_most": 9, "method": next(left)},
        "persons": {"at_least": 1, "at_most": 9, "method": next(left)},
    }


def a_hostile_breach(texts: Sequence[str]) -> Incident:
    facts = facts_with(texts)
    decided = {"duty": "communicate", "choice": "no", "reason": texts[-1], "proposed": "yes", "evidence": ["entry 9"]}
    corrected = {"facts": {"care": "none"}, "reason": texts[-2]}
    said = recorded(assess(the_incident(**facts).facts, regime("gdpr/fr")))
    return the_incident(
        an_entry(5, "assessed", said),
        an_entry(6, "decided", decided),
        filed(7, hours=80, reference=texts[-3], delay_reason=texts[-4]),
        an_entry(8, "corrected", corrected),
        **facts,
    )


def an_organisation(texts: Sequence[str]) -> Organisation:
    """Named as badly as the settings allow."""

    def allowed(text: str) -> bool:
        try:
            Organisation(name=text)
        except ValidationError:
            return False
        return True

    bad = [text for text in texts if allowed(text)]
    names = {key: bad[place % len(bad)] for place, key in enumerate(("name", "sector", "address", "city"))}
    return PRACTICE.model_copy(update=names)


def flat(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():  # type: ignore[reportUnknownVariableType]
                yield from flat(part)  # type: ignore[reportUnknownArgumentType]
        case list():
            for part in value:  # type: ignore[reportUnknownVariableType]
                yield from flat(part)  # type: ignore[reportUnknownArgumentType]
        case _:
            pass


def bare(text: str) -> str:
    """Without marks that combine: pdftotext places them anew where a cell breaks a line."""
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))


def assert_all_is_said(texts: Sequence[str], said: str, where: str) -> None:
    manner = bare if where.endswith("PDF") else str
    whole = manner(squeezed(said))
    lost = [
        line
        for text in texts
        for line in text.splitlines()
        if not any(manner(squeezed(show(line))) in whole for show in (visible, visible_lines))
    ]
    assert not lost, (where, len(lost), lost[:3])


def _heads(drawn: Document) -> list[str]:
    tables = [block for section in drawn.sections for block in section.blocks if isinstance(block, Table)]
    return ["".join(table.columns) for table in tables]


def in_each_format(drawn: Document, plain: Document, folder: Path) -> dict[str, str]:
    return {
        "HTML": html_said(html(drawn), html(plain)),
        "PDF": pdf_said(pdf(drawn), folder, _heads(drawn)),
        "ODT": office_said(odt(drawn), odt(plain)),
        "DOCX": office_said(docx(drawn), docx(plain)),
    }


def documents(told: Incident, organisation: Organisation) -> dict[str, Document]:
    """Every document for people about one breach."""
    notice = a_notice(told, organisation=organisation, hours=90)
    written = letter(told, organisation, "letter", language="fr", now=NOW, zone=PARIS)
    return {
        "dossier": dossier(told, clock(told.facts), NOW),
        "register": as_document([told], NOW, ""),
        "sheet": sheet(notice, "cnil", PARIS),
        "template": sheet(notice, "edpb", PARIS),
        "notice": sheet(notice, "art-33", PARIS),
        "letter": document(written),
    }


def assert_nothing_acts_and_nothing_is_lost(texts: Sequence[str], folder: Path) -> None:
    told, organisation = a_hostile_breach(texts), an_organisation(texts)
    stated = [text for text in flat(facts_with(texts)) if text not in ("sensitive", "2026-11-23T08:00:00Z")]
    harmless = ["plain  text "] * EACH
    plain = documents(a_hostile_breach(harmless), an_organisation(harmless))
    for name, drawn in documents(told, organisation).items():
        for format_name, said in in_each_format(drawn, plain[name], folder).items():
            if name in ("dossier", "register"):
                shown = stated if name == "dossier" else [*stated[:5], *texts[-4:]]
                assert_all_is_said(shown, said, f"{name} {format_name}")
    [cells] = csv_said(as_csv([told]).decode("utf-8-sig"))[1:]
    assert_all_is_said([*stated[:5], *texts[-4:]], "\n".join(cells), "register CSV")
    [row] = xlsx_said(as_xlsx([told], NOW))
    assert_all_is_said([*stated[:5], *texts[-4:]], "\n".join(str(cell) for cell in row if cell), "register XLSX")
    assert_mail_is_plain(texts, told, organisation, folder)


def persons_named(names: Sequence[str]) -> Recipients | None:
    """A list of persons with these names; None where it is refused."""
    drawn = io.StringIO(newline="")
    writer = csv.writer(drawn)
    writer.writerow(["name", "salutation", "address", "email", "language", "minor"])
    writer.writerows([name, "", name, "person@home.example", "fr", ""] for name in names)
    try:
        return read_recipients(drawn.getvalue().encode(), key=bytes(32), language="fr")
    except UsageRefused:
        return None


def assert_mail_is_plain(texts: Sequence[str], told: Incident, organisation: Organisation, folder: Path) -> None:
    """A list of persons with hostile names, as letters on paper and as e-mail."""
    persons = persons_named([text for text in texts if persons_named([text])])
    assert persons
    for _name, draft in drafts(persons, lambda language, minor: letter(
        told, organisation, "email", language=language, now=NOW, zone=PARIS, guardian=minor
    )):  # fmt: skip
        mail = message_from_bytes(draft, policy=default)
        assert set(mail.keys()) <= {
            "X-Unsent", "To", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
        }  # fmt: skip
        assert mail.get_content_type() == "text/plain"
        assert [address.addr_spec for address in mail["To"].addresses] == ["person@home.example"]
    written = letter(told, organisation, "letter", language="fr", now=NOW, zone=PARIS)
    copies = document(written, [addressee(row, written) for row in persons.rows])
    harmless = persons_named(["plain  text "] * len(persons.rows))
    assert harmless
    plain = document(written, [addressee(row, written) for row in harmless.rows])
    in_each_format(copies, plain, folder)


def test_a_breach_of_hostile_texts_does_nothing_and_loses_nothing(tmp_path: Path) -> None:
    assert_nothing_acts_and_nothing_is_lost(texts_of(EACH, SEED), tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3_000)
def test_five_thousand_hostile_texts_in_breaches_do_nothing_and_lose_nothing(tmp_path: Path) -> None:
    texts = texts_of(5_000, SEED + 1)
    for start in range(0, len(texts) - EACH, EACH):
        assert_nothing_acts_and_nothing_is_lost(texts[start : start + EACH], tmp_path)
