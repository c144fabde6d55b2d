"""The register of Art. 33(5) as a table, a document and JSON with proofs: to show, and to verify without us."""

import base64
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lightproof import __version__
from lightproof.breach.facts import dumped
from lightproof.breach.history import changes
from lightproof.breach.incident import Decided, Duty, Incident, Notified
from lightproof.breach.judging import proposed
from lightproof.breach.lateness import Late, late_filings
from lightproof.breach.severity_told import score_text, sum_text
from lightproof.breach.shown import evidence_text, pieces
from lightproof.breach.words import (
    authority_name,
    choice_word,
    delivery_text,
    fact_name,
    fact_text,
    law_name,
    outgrown_text,
    stage_word,
    status_word,
)
from lightproof.documents import wording
from lightproof.documents.model import Attachment, Document, Section, Table
from lightproof.documents.text import for_csv
from lightproof.documents.xlsx import xlsx
from lightproof.evidence.entries import rfc3339
from lightproof.evidence.ledger import Ledger
from lightproof.locale import gettext as _
from lightproof.locale import language

SCHEMA_ID: Final = "urn:lightproof:schema:breach-register:1"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key, which scripts rely on; its head in the current language; characters it takes on a sheet."""

    key: str
    head: str
    width: int = 18


def columns() -> tuple[Column, ...]:
    """What Art. 33(5) and the authority's guidance want in a register, in the order of a breach's life."""
    return (
        Column("id", _("Number"), 13),
        Column("opened_at", _("Opened")),
        Column("status", _("State"), 11),
        Column("title", _("Breach"), 30),
        Column("description", _("What happened"), 50),
        Column("nature", _("How the data were affected"), 24),
        Column("origin", _("Origin")),
        Column("cause", _("Cause")),
        Column("started_at", _("Began")),
        Column("ended_at", _("Ended")),
        Column("discovery", _("How it was found"), 36),
        Column("found_by", _("Found by")),
        Column("aware_at", _("Aware since")),
        Column("aware_basis", _("How one became aware"), 30),
        Column("data", _("Kinds of data"), 24),
        Column("systems", _("Systems"), 30),
        Column("persons", _("Persons"), 24),
        Column("records", _("Records"), 24),
        Column("effects", _("Likely consequences"), 30),
        Column("severity", _("Severity (ENISA)"), 20),
        Column("risk_reasons", _("Why this risk"), 50),
        Column("authority_told", _("Authority told?"), 20),
        Column("authority_reason", _("Why the authority is told, or not"), 36),
        Column("filed", _("Notifications filed"), 36),
        Column("delay_reason", _("Reasons for the delay"), 30),
        Column("persons_told", _("Persons told?"), 20),
        Column("persons_reason", _("Why the persons are told, or not"), 36),
        Column("exemption", _("Exemption"), 20),
        Column("sent", _("Messages to persons"), 30),
        Column("prior_measures", _("Measures in place before, and missing"), 40),
        Column("measures", _("Measures taken or planned"), 50),
        Column("others", _("Processors and others, and when they told or were told"), 36),
        Column("evidence", _("Evidence"), 40),
        Column("changes", _("Every step: when, by whom"), 60),
    )


def row(told: Incident) -> dict[str, str]:
    """One breach of the table: key of a column -> text in the current language; a list has one entry a line."""
    values = dumped(told.facts)

    def facts(*names: str, named: bool = False) -> str:
        said = {name: fact_text(name, values[name]) for name in names if values.get(name) not in (None, "", [])}
        lines = ((name, line) for name, text in said.items() for line in text.splitlines())
        return _lines(_named(name, line) if named else line for name, line in lines)

    about, late = facts("description"), late_filings(told)
    notify, communicate = told.decisions.get("notify"), told.decisions.get("communicate")
    cells = {
        "id": told.id,
        "opened_at": wording.instant(told.opened_at),
        "status": status_word(told.status),
        "title": told.facts.title,
        "description": "" if about == told.facts.title else about,
        "nature": facts("confidentiality", "integrity", "availability", named=True),
        "ended_at": facts("ended_at") or (_("still going on") if told.facts.ongoing else ""),
        "found_by": told.facts.aware_by or told.opened_by,
        "data": facts("data", "sensitive"),
        "effects": facts("effects", "harms", "care"),
        "severity": _lines(_severity(name, payload) for name, payload in told.assessments.items()),
        "risk_reasons": _lines(_risk_reasons(told)),
        "authority_told": _answer(told, "notify"),
        "authority_reason": notify.reason if notify else "",
        "filed": _lines(_filed(one, late) for one in told.notifications),
        "delay_reason": _lines(_delay_reasons(told, late)),
        "persons_told": _answer(told, "communicate"),
        "persons_reason": communicate.reason if communicate else "",
        "exemption": _exemption(communicate),
        "sent": _lines(f"{wording.instant(one.at)}, {delivery_text(one)}" for one in told.communications),
        "prior_measures": facts("prior_measures", "missing_measures", named=True),
        "others": facts("others", "other_bodies", "revealed_by_authority"),
        "evidence": _lines(evidence_text((ref,), short=False) for ref in _evidence(told)),
        "changes": _lines(changes(told)),
    }
    return {column.key: cells[column.key] if column.key in cells else facts(column.key) for column in columns()}


def _named(name: str, text: str) -> str:
    return _("{fact}: {value}").format(fact=fact_name(name), value=text)


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(dict.fromkeys(text for text in texts if text))


def _severity(name: str, payload: Mapping[str, Any]) -> str:
    parts = (score_text(payload), sum_text(payload), law_name(name))
    return ", ".join(part for part in parts if part)


def _risk_reasons(told: Incident) -> Iterator[str]:
    """Why each law wants somebody told, or not, each reason once."""
    for payload in told.assessments.values():
        for answer in payload["answers"]:
            if answer["duty"] != "document":
                yield from (str(reason["text"]) for reason in answer["reasons"])


def _answer(told: Incident, duty: Duty) -> str:
    """What was decided; where nobody decided, what was done, or what is proposed."""
    decided = told.decisions.get(duty)
    if decided is not None:
        return _("{choice}, decided by {who} on {when}").format(
            choice=choice_word(decided.choice), who=decided.by, when=wording.instant(decided.at)
        )
    not_decided = _("not decided; proposed: {choice}").format(choice=choice_word(proposed(told, duty)))
    if (again := told.outgrown_about(duty)) is not None:
        return f"{not_decided}. {outgrown_text(again)}"
    done = told.notifications if duty == "notify" else told.communications
    if done:
        return _("{choice}, without a decision on record").format(choice=choice_word("yes"))
    return not_decided


def _exemption(decided: Decided | None) -> str:
    if decided is None or not decided.exemption:
        return ""
    shown = evidence_text(decided.evidence, short=True)
    return _("Article {article}, shown by {evidence}").format(article=decided.exemption, evidence=shown)


def _delay_reasons(told: Incident, late: Sequence[Late]) -> Iterator[str]:
    """Every reason on record; where a notice is late by the facts as they stand and has none, that."""
    yield from (one.reason for one in told.explained)
    for one in late:
        if not one.reasons:
            yield _("none on record, though the notice to {authority} was late (Article 33(1))").format(
                authority=authority_name(one.filed)
            )


def _filed(one: Notified, late: Sequence[Late]) -> str:
    """When it was filed, and when that was recorded: whoever reads the register sees whether it was long after."""
    deadline = next((_late_for(each) for each in late if each.filed.entry == one.entry), "")
    recorded = _("recorded {when}").format(when=wording.instant(one.recorded_at))
    parts = (
        wording.instant(one.filed_at),
        recorded,
        authority_name(one),
        stage_word(one.stage),
        one.reference,
        deadline,
    )
    return ", ".join(part for part in parts if part)


def _late_for(one: Late) -> str:
    return _("late: the deadline was {when}").format(when=wording.instant(one.deadline))


def _evidence(told: Incident) -> Iterator[str]:
    """Entries and digests that show the facts, and the reports, sheets and letters that the ledger keeps."""
    yield from (ref for refs in told.facts.evidence.values() for ref in refs)
    kept = [told.source.report_sha256, *(one.sheet_sha256 for one in told.notifications)]
    kept += [digest for one in told.communications for digest in one.letters_sha256]
    yield from (f"sha256:{digest}" for digest in kept if digest)


def as_csv(breaches: Iterable[Incident]) -> bytes:
    """The table as CSV (RFC 4180), UTF-8 with a mark for spreadsheets; no cell is a formula, or breaks its line."""
    drawn = io.StringIO(newline="")
    writer = csv.writer(drawn)
    writer.writerow([for_csv(column.head) for column in columns()])
    for told in breaches:
        writer.writerow([for_csv(cell.replace("\n", " · ")) for cell in row(told).values()])
    return b"\xef\xbb\xbf" + drawn.getvalue().encode("utf-8", "replace")


def as_xlsx(breaches: Iterable[Incident], made: datetime) -> bytes:
    """The table as XLSX. Raises MissingExtra."""
    heads, widths = [column.head for column in columns()], [column.width for column in columns()]
    rows = (tuple(row(told).values()) for told in breaches)
    return xlsx(_("Register of breaches"), heads, rows, made, widths=widths)


def as_document(
    breaches: Sequence[Incident], made: datetime, checkpoint: str, attachments: tuple[Attachment, ...] = ()
) -> Document:
    """The register as a document: one table a breach, so that nothing is cut."""
    sections = tuple(
        Section(
            f"{told.id} {told.facts.title}",
            (Table(told.id, (_("Question"), _("What is known")), tuple(_rows(told)), widths=(1, 3)),),
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


def _rows(told: Incident) -> Iterator[tuple[str, str]]:
    """Head and text of every column; a text too long for a cell goes on in the rows below."""
    cells = row(told)
    for column in columns():
        head = column.head
        for piece in [part for line in cells[column.key].splitlines() for part in pieces(line)] or ["–"]:
            yield head, piece
            head = ""


def as_json(breaches: Sequence[Incident], ledger: Ledger, made: datetime) -> bytes:
    """The register with every entry of every breach, as hashed, and its proof of inclusion in one checkpoint.

    The keys of a row are the same in every language; its texts are in the current one, as the breaches are given.

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
                "row": row(told),
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
