"""What the persons concerned are told (Art. 34(2)): letter, e-mail, text message, public notice, in plain words. Pure.

Rules of this file:
- a letter says what happened, whom to ask, what it may mean, what was done and what one can do, and nothing else;
- it claims only what the facts say: a part of `letters.toml` is written when its conditions hold;
- it is the same for everyone: names are put in when the list is merged (`mail_merge`), and stay there;
- what the law asks for and nobody knows yet is listed (`to_complete`), never papered over.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lightproof import __version__
from lightproof.breach.answers import Contact
from lightproof.breach.asked import natures_of, source_of
from lightproof.breach.facts import Access, BreachFacts, DataCategory
from lightproof.breach.filling import contact_of
from lightproof.breach.incident import Incident
from lightproof.breach.shown import pieces
from lightproof.documents.model import Block, Document, FactList, Heading, Items, Paragraph, Section
from lightproof.documents.wording import day
from lightproof.law import forms
from lightproof.locale import Language, speaking
from lightproof.locale import gettext as _
from lightproof.storage.settings import Organisation

Kind = Literal["letter", "email", "sms", "public-notice"]
Role = Literal["opening", "nature", "consequences", "measures", "advice", "contact", "rights"]
Label = Literal["from", "to", "date", "reference"]
Text = Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]

BLANK: Final = "…………"
_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_IDENTITY: Final = {
    DataCategory.NIR,
    DataCategory.OFFICIAL_DOCUMENTS,
    DataCategory.IDENTIFICATION_OR_ACCESS,
    DataCategory.FINANCIAL,
}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(forms.Words):
    """The same in both languages, and to the holder of parental authority where that differs."""

    guardian_en: Text | None = None
    guardian_fr: Text | None = None

    def said(self, language: Language, *, guardian: bool = False) -> str:
        """In this language, to this reader."""
        other = (self.guardian_fr if language == "fr" else self.guardian_en) if guardian else None
        return other or self.in_(language)


class PartRow(Words):
    """One part of a letter."""

    role: Role
    kinds: tuple[Kind, ...] = Field(min_length=1)
    needs: tuple[str, ...] = Field(alias="if", default=())
    unless: tuple[str, ...] = ()
    list: bool = False


class AuthorityRow(Words):
    """Where a person complains."""

    address_en: Text
    address_fr: Text

    def address(self, language: Language) -> str:
        """The postal address and the site."""
        return self.address_fr if language == "fr" else self.address_en


class Texts(_Row):
    """The whole file."""

    source: Text
    date: date
    subject: dict[Kind, Words]
    guardian_subject: Words
    salutation: Words
    greeting: Words
    guardian_salutation: Words
    guardian_of: Words
    labels: dict[Label, Words]
    closing: Words
    headings: dict[Role, Words]
    parts: tuple[PartRow, ...] = Field(alias="part", min_length=1)
    data: dict[str, Words]
    authority: dict[str, AuthorityRow]


@cache
def texts() -> Texts:
    """The texts of the letters."""
    return Texts.model_validate(
        tomllib.loads((resources.files("lightproof.breach") / "letters.toml").read_text("utf-8"))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A heading with its paragraphs and its list."""

    role: Role
    heading: str
    lines: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What everyone is told; the names come later."""

    kind: Kind
    language: Language
    guardian: bool
    """To the holder of parental authority."""
    subject: str
    sender: tuple[str, ...]
    made: datetime
    """Its date is the one that this instant's own zone shows."""
    reference: str
    parts: tuple[Part, ...]
    closing: str
    to_complete: tuple[str, ...] = field(default=())
    """What the law demands and the facts or settings do not say yet, in the language of whoever prepares it."""

    def text(self, salutation: str = "") -> str:
        """As plain text."""
        if self.kind == "sms":
            return _in_gsm(" ".join(line for part in self.parts for line in part.lines))
        blocks = [self.subject]
        if self.kind != "public-notice":
            blocks.append(salutation or self.salutation())
        for part in self.parts:
            heading = [part.heading] if part.heading else []
            blocks.append("\n".join([*heading, *part.lines, *(f"- {item}" for item in part.items)]))
        blocks.append("\n".join(line for line in (self.closing, *self.sender, self.reference) if line))
        return "\n\n".join(blocks) + "\n"

    def salutation(self, name: str = "") -> str:
        """The first words, to a person with this name or to anyone."""
        if self.guardian:
            return texts().guardian_salutation.said(self.language)
        if name:
            return texts().greeting.said(self.language).format(name=name)
        return texts().salutation.said(self.language)


def _in_gsm(text: str) -> str:
    """One character outside the telephone's own alphabet (3GPP TS 23.038) would more than halve the room for text."""
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("’", "'")


def letter(
    told: Incident,
    organisation: Organisation,
    kind: Kind,
    *,
    language: Language,
    now: datetime,
    zone: tzinfo,
    guardian: bool = False,
    measures: Sequence[str] = (),
) -> Letter:
    """The letter about a breach. `measures`: more that was done, in plain words of that language."""
    with speaking(language):
        values = _values(told, organisation, language, zone)
    true = traits(told)
    parts = _parts(kind, true, values, measures, language=language, guardian=guardian)
    subject = texts().guardian_subject if guardian and kind != "public-notice" else texts().subject[kind]
    town = " ".join(part for part in (organisation.postcode, organisation.city) if part)
    sender = tuple(line for line in (organisation.name, organisation.address, town) if line)
    return Letter(
        kind=kind,
        language=language,
        guardian=guardian,
        subject=subject.said(language),
        sender=sender or (BLANK,),
        made=now.astimezone(zone),
        reference=told.id,
        parts=parts,
        closing="" if kind == "public-notice" else texts().closing.said(language),
        to_complete=_to_complete(organisation, true, parts, kind),
    )


def traits(told: Incident) -> frozenset[str]:
    """What holds for a breach, in the words that the parts of a letter ask for."""
    facts = told.facts
    decided = told.decisions.get("notify")
    data = set(facts.data)
    known = bool(data) and not data & {DataCategory.UNKNOWN, DataCategory.OTHER}
    access = {Access.UNKNOWN: "access-unknown", Access.PROVED: "access-proved", Access.PROVED_NONE: "access-none"}
    said = facts.access
    if said is Access.PROVED_NONE and not facts.shown("access"):
        said = Access.UNKNOWN  # nobody tells patients of logs that nobody has
    holds = {
        "start": facts.started_at is not None,
        "end": facts.ended_at is not None,
        "aware": facts.aware_at is not None,
        "data": bool(_data(facts)),
        "no-bank-data": known and DataCategory.FINANCIAL not in data,
        "bank-data": DataCategory.FINANCIAL in data,
        "identity-data": bool(data & _IDENTITY),
        "access-data": DataCategory.IDENTIFICATION_OR_ACCESS in data,
        "ongoing": facts.ongoing is True,
        "checked": facts.ended_at is not None and source_of(told, "ended_at")[0] == "evidence",
        "notified": bool(told.notifications),
        "to-notify": decided is not None and decided.choice == "yes",
    }
    return frozenset(
        {
            *natures_of(facts),
            *map(str, facts.origin),
            access[said],
            *(name for name, true in holds.items() if true),
        }
    )


def _parts(
    kind: Kind,
    true: frozenset[str],
    values: Mapping[str, str],
    measures: Sequence[str],
    *,
    language: Language,
    guardian: bool,
) -> tuple[Part, ...]:
    rows = [
        row
        for row in texts().parts
        if kind in row.kinds and true.issuperset(row.needs) and not true.intersection(row.unless)
    ]
    parts: list[Part] = []
    for role in _ROLES:
        own = [row for row in rows if row.role == role]
        lines = tuple(row.said(language, guardian=guardian).format_map(values) for row in own if not row.list)
        items = tuple(row.said(language, guardian=guardian).format_map(values) for row in own if row.list)
        if role == "measures" and kind != "sms":
            items = (*items, *measures)
        if lines or items:
            heading = texts().headings[role].said(language, guardian=guardian) if role in texts().headings else ""
            parts.append(Part(role=role, heading=heading, lines=lines, items=items))
    return tuple(parts)


def _values(told: Incident, organisation: Organisation, language: Language, zone: tzinfo) -> dict[str, str]:
    facts = told.facts
    contact = _answering(organisation)
    authority = texts().authority.get(organisation.country or facts.country) or texts().authority["other"]
    return {
        "organisation": organisation.name or BLANK,
        "start": _date(facts.started_at, zone),
        "end": _date(facts.ended_at, zone),
        "aware": _date(facts.aware_at, zone),
        "data": ", ".join(texts().data[key].said(language) for key in _data(facts)),
        "contact": str(contact) if contact else BLANK,
        "contact_short": (contact.phone or contact.email or contact.name) if contact else BLANK,
        "authority": authority.said(language),
        "authority_address": authority.address(language),
    }


def _data(facts: BreachFacts) -> tuple[str, ...]:
    """Keys of the kinds of data that a letter names, in its order."""
    known = {*map(str, facts.data), *map(str, facts.sensitive)}
    return tuple(key for key in texts().data if key in known)


def _answering(organisation: Organisation) -> Contact | None:
    """Who answers the persons: the data protection officer, else another contact (Art. 33(3)(b))."""
    people = (organisation.dpo, organisation.contact, organisation.legal_rep)
    return next((contact for person in people if (contact := contact_of(person)) is not None), None)


def _date(at: datetime | None, zone: tzinfo) -> str:
    """A date of a letter; without year nobody could place it."""
    return BLANK if at is None else day(at.astimezone(zone))


def _to_complete(
    organisation: Organisation, true: frozenset[str], parts: Sequence[Part], kind: Kind
) -> tuple[str, ...]:
    said = {part.role for part in parts}
    contact = _answering(organisation)
    reachable = contact is not None and (contact.phone or contact.email)
    missing: list[str] = []
    if not organisation.name:
        missing.append(_("The name of the organisation is missing (settings: organisation.name)."))
    if not reachable:
        missing.append(_("A contact with telephone or e-mail is missing (settings: organisation.contact)."))
    if kind == "sms":
        return (*missing, _("A text message alone is not enough: send a letter or an e-mail too."))
    if "data" not in true:
        missing.append(_("The kinds of data are not known yet."))
    if "consequences" not in said:
        missing.append(_("Say how the data were affected: read by others, altered, or lost."))
    if "measures" not in said:
        missing.append(_("Say what was done since."))
    return tuple(missing)


# As a document


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """To whom one copy goes."""

    lines: tuple[str, ...] = field(default=(), repr=False)
    """Name and address."""
    salutation: str = field(default="", repr=False)


def document(written: Letter, addressees: Sequence[Addressee] = (Addressee(),)) -> Document:
    """One copy for each addressee, each on a page of its own."""
    with speaking(written.language):
        return Document(
            title=written.subject,
            subtitle="",
            language=written.language,
            made=written.made,
            producer=f"lightproof {__version__}",
            footer=written.reference,
            sections=tuple(Section(written.subject, tuple(_copy(written, one))) for one in addressees),
        )


def _copy(written: Letter, to: Addressee) -> Iterable[Block]:
    if written.kind == "sms":
        yield Paragraph(written.text())
        return
    values: dict[Label, str] = {
        "from": ", ".join(written.sender),
        "to": ", ".join(to.lines),
        "date": _date(written.made, written.made.tzinfo or UTC),
        "reference": written.reference,
    }
    labels = texts().labels
    yield FactList(tuple((labels[name].said(written.language), value) for name, value in values.items() if value))
    if written.kind != "public-notice":
        yield Paragraph(to.salutation or written.salutation())
    for part in written.parts:
        if part.items and not part.lines:
            yield Items(part.heading, part.items)
            continue
        if part.heading:
            yield Heading(part.heading)
        for line in part.lines:
            yield from (Paragraph(piece) for piece in pieces(line))
    if written.closing:
        yield Paragraph(written.closing)
    yield Paragraph(written.sender[0])
