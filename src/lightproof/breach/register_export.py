"""The register of Art. 33(5) as a table, a document and JSON with proofs: to show, and to verify without us."""

import base64
import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from lightproof import __version__
from lightproof.breach.facts import dumped
from lightproof.breach.incident import Incident, Notified
from lightproof.breach.words import choice_word, delivery_text, fact_text, level_word, status_word
from lightproof.documents import wording
from lightproof.documents.model import Attachment, Document, Section, Table
from lightproof.documents.text import for_csv
from lightproof.documents.xlsx import xlsx
from lightproof.evidence.entries import rfc3339
from lightproof.evidence.ledger import Ledger
from lightproof.locale import gettext as _
from lightproof.locale import language

SCHEMA_ID: Final = "urn:lightproof:schema:breach-register:1"


def columns() -> tuple[str, ...]:
    """Heads of the table: what Art. 33(5) and the authority's guidance want in a register."""
    return (
        _("Number"), _("Opened"), _("State"), _("What happened"), _("Began"), _("Ended"), _("Aware since"),
        _("How it was found"), _("Kinds of data"), _("Systems"), _("Persons"), _("Records"), _("Severity"),
        _("Authority told?"), _("Why"), _("Filed"), _("Persons told?"), _("Exemption"), _("Effects"),
        _("Measures"), _("Processors and others"), _("Evidence"), _("Last entry"),
    )  # fmt: skip


def row(told: Incident) -> tuple[str, ...]:
    """One breach of the table."""
    values = dumped(told.facts)

    def fact(name: str) -> str:
        return fact_text(name, values[name]) if name in values else ""

    notify, communicate = told.decisions.get("notify"), told.decisions.get("communicate")
    levels = [
        f"{wording.decimal(str(payload.get('score', '')))} ({level_word(str(payload.get('level', '')))})"
        for payload in told.assessments.values()
    ]
    filed = [_filed(one) for one in told.notifications]
    sent = [f"{rfc3339(one.at)} {delivery_text(one)}" for one in told.communications]
    return (
        told.id, wording.instant(told.opened_at), status_word(told.status),
        " ".join(part for part in (told.facts.title, told.facts.description) if part),
        fact("started_at"), fact("ended_at"), fact("aware_at"), fact("discovery"),
        "; ".join(part for part in (fact("data"), fact("sensitive")) if part), fact("systems"),
        fact("persons"), fact("records"), "; ".join(levels),
        choice_word(notify.choice) if notify else choice_word("undetermined"), notify.reason if notify else "",
        "; ".join(filed), "; ".join(sent) or (choice_word(communicate.choice) if communicate else ""),
        communicate.exemption if communicate else "", fact("effects"), fact("measures"), fact("others"),
        "; ".join(dict.fromkeys(line for lines in told.facts.evidence.values() for line in lines)),
        str(told.last.entry),
    )  # fmt: skip


def _filed(one: Notified) -> str:
    """When it was filed, and when that was recorded: whoever reads the register sees whether it was long after."""
    recorded = _("recorded {when}").format(when=rfc3339(one.recorded_at))
    return (
        f"{rfc3339(one.filed_at)} ({recorded}) {one.authority} {one.stage} {one.reference} {one.delay_reason}".strip()
    )


def as_csv(breaches: Iterable[Incident]) -> bytes:
    """The table as CSV (RFC 4180), UTF-8 with a mark for spreadsheets; no cell is a formula."""
    drawn = io.StringIO(newline="")
    writer = csv.writer(drawn)
    writer.writerow([for_csv(head) for head in columns()])
    for told in breaches:
        writer.writerow([for_csv(cell) for cell in row(told)])
    return b"\xef\xbb\xbf" + drawn.getvalue().encode("utf-8", "replace")


def as_xlsx(breaches: Iterable[Incident], made: datetime) -> bytes:
    """The table as XLSX. Raises MissingExtra."""
    return xlsx(_("Register of breaches"), columns(), (row(told) for told in breaches), made)


def as_document(
    breaches: Sequence[Incident], made: datetime, checkpoint: str, attachments: tuple[Attachment, ...] = ()
) -> Document:
    """The register as a document: one table a breach, so that nothing is cut."""
    sections = tuple(
        Section(
            f"{told.id} {told.facts.title}",
            (Table(told.id, (_("Entry"), _("Content")), tuple(zip(columns(), row(told), strict=True)), widths=(1, 3)),),
        )
        for told in breaches
    )
    return Document(
        title=_("Register of personal data breaches (Article 33(5))"),
        subtitle=checkpoint.splitlines()[0] if checkpoint else "",
        language=language(),
        made=made,
        producer=f"lightproof {__version__}",
        footer=_("Root of the ledger: {root}").format(root=checkpoint.splitlines()[2] if checkpoint else "–"),
        sections=sections or (Section(_("No breach in the register."), ()),),
        attachments=attachments,
    )


def as_json(breaches: Sequence[Incident], ledger: Ledger, made: datetime) -> bytes:
    """The register with every entry of every breach, as hashed, and its proof of inclusion in one checkpoint.

    Whoever holds the ledger's public key verifies it without us: leaf = SHA-256(0x00 || line), then RFC 9162, 2.1.3.2.
    """
    indices = [step.entry for told in breaches for step in told.steps]
    proofs = dict(zip(indices, ledger.inclusions(indices), strict=True)) if indices else {}
    said = {
        "schema": SCHEMA_ID,
        "lightproof": __version__,
        "made": rfc3339(made),
        "key": str(ledger.key),
        "checkpoint": ledger.checkpoint() if not indices else proofs[indices[0]].note,
        "breaches": [
            {
                "id": told.id,
                "row": dict(zip(columns(), row(told), strict=True)),
                "facts": dumped(told.facts),
                "entries": [
                    {
                        "index": step.entry,
                        "line": ledger.entry(step.entry).encode().decode("ascii"),
                        "proof": [base64.b64encode(one).decode() for one in proofs[step.entry].proof],
                    }
                    for step in told.steps
                ],
            }
            for told in breaches
        ],
    }
    return (json.dumps(said, ensure_ascii=True, indent=1) + "\n").encode("ascii")
