"""The notification as documents for a person: a sheet to key in, a draft template's order, a letter of Article 33(3).

Rules of this file:
- the first page says what to do and by when; the answers follow in the order in which they are typed;
- on the sheet of a national form the official label stands first: it is what the screen shows;
- what nobody knows is an empty field, never a dash; what does not apply says why;
- nothing here sends anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, timedelta, tzinfo
from itertools import zip_longest
from typing import Final

from lightproof import __version__
from lightproof.breach.notification import Field, Notification, State
from lightproof.breach.shown import bilingual, both_instants, evidence_text, pieces, shown, source_text
from lightproof.documents.model import (
    Block,
    Cell,
    Counts,
    Document,
    FactList,
    Heading,
    Items,
    Mark,
    Paragraph,
    Section,
    Table,
    Tone,
    Verdict,
)
from lightproof.documents.wording import day, instant, number
from lightproof.law.forms import Form, Outline, form, outline
from lightproof.law.regimes import regime
from lightproof.locale import gettext as _
from lightproof.locale import language, ngettext

BLANK: Final = "…" * 12
_A_ROW: Final = 3
_CELL: Final = 250
"""Characters of several answers that one cell holds."""
_TONES: Final[dict[State, Tone]] = {
    "filled": Tone.GOOD,
    "to-confirm": Tone.LOW,
    "open-now": Tone.HIGH,
    "open-later": Tone.MEDIUM,
    "optional": Tone.INFO,
    "not-applicable": Tone.INFO,
}


def sheet(notice: Notification, name: str, zone: tzinfo) -> Document:
    """The notice under the form or outline with this name (`cnil`, `edpb`, `art-33`), in the current language.

    `zone`: where the organisation's clocks are. Raises UsageRefused for an unknown name.
    """
    ordered = outline(name)
    if ordered is not None and ordered.status == "in-force":
        return letter_33(notice, ordered, zone)
    return _sheet(notice, ordered or form(name), zone)


def brief(notice: Notification, name: str, zone: tzinfo) -> Document:
    """What a screen has room for: the clock, what is still open, and the next commands."""
    wanted = outline(name) or form(name)
    blocks: list[Block] = [_clock(notice, zone)]
    if before := _before_filing(notice):
        blocks.append(Items(_("Before you file"), before))
    rows = [
        (_("To complete now"), [field for field in notice.shown if field.needed_now]),
        (_("May follow"), [field for field in notice.shown if field.open and not field.needed_now]),
        (_("To confirm"), [field for field in notice.shown if field.state == "to-confirm"]),
    ]
    named = (row for term, fields in rows for row in _named(term, fields))
    blocks.append(FactList((*named, *(row for row in _instants(notice, zone) if row[0] != _("Deadline")))))
    blocks.append(Items(_("Next"), tuple(_next(notice, str(wanted.where))), ordered=True))
    return replace(_sheet(notice, wanted, zone), sections=(Section(_("What to do"), tuple(blocks)),))


def _named(term: str, fields: Sequence[Field]) -> Iterable[tuple[str, str]]:
    """Questions by number and name, as many in a row as a screen shows whole."""
    for start in range(0, len(fields), _A_ROW):
        few = fields[start : start + _A_ROW]
        yield (
            term if start == 0 else "",
            _semicolon().join(f"{one.question.number} {one.question.label}" for one in few),
        )


def _next(notice: Notification, where: str) -> Iterable[str]:
    number = notice.breach
    if notice.field("ongoing").answer.value is True:
        yield _("Close the access, then check again: lightproof check")
    yield _("Write the sheet: lightproof breach notify {n} --out sheet.html").format(n=number)
    yield _("File it yourself: lightproof sends nothing. {where}").format(where=where)
    yield _("Record the number you receive: lightproof breach notify {n} --filed … --reference …").format(n=number)


def _sheet(notice: Notification, wanted: Form | Outline, zone: tzinfo) -> Document:
    answers = _by_section(notice, zone) if isinstance(wanted, Form) else _by_area(notice, wanted, zone)
    return Document(
        title=_("{form}, breach {number}").format(form=wanted.title, number=notice.breach),
        subtitle=stage_text(notice),
        language=language(),
        made=notice.made,
        producer=f"lightproof {__version__}",
        footer=_("{number}, made on {when}").format(number=notice.breach, when=instant(notice.made)),
        sections=(
            Section(_("What to do"), tuple(_first_page(notice, wanted, zone))),
            Section(_("Answers, in the order of the form"), tuple(answers)),
            Section(_("What shows it"), tuple(_evidence(notice))),
        ),
    )


def stage_text(notice: Notification) -> str:
    """Which notice this is."""
    words = {
        "initial": _("Initial notification"),
        "supplementary": _("Supplementary notification"),
        "complete": _("Complete notification"),
    }
    return words[notice.stage]


# The first page


def _first_page(notice: Notification, wanted: Form | Outline, zone: tzinfo) -> Iterable[Block]:
    yield _clock(notice, zone)
    yield _counts(notice)
    if before := _before_filing(notice):
        yield Items(_("Before you file"), before)
    yield Items(_("Do this, in this order"), tuple(_steps(notice, wanted)), ordered=True)
    if missing := [field for field in notice.shown if field.open]:
        yield _still_open(missing)
    yield FactList(tuple(_instants(notice, zone)))
    if wanted.unknown is not None:
        yield Paragraph(str(wanted.unknown))


def _before_filing(notice: Notification) -> tuple[str, ...]:
    judged = notice.judgement
    if judged is None:
        return ()
    if judged.notify != "no":
        return judged.warnings
    return (_("The assessment finds that this notice is not due."), *judged.reasons, *judged.warnings)


def _clock(notice: Notification, zone: tzinfo) -> Verdict:
    if notice.stage != "initial" and notice.earlier is not None:
        told = _("The first notice was filed. What you learn later follows without undue delay (Article 33(4)).")
        unsaid = (_late_reasons(notice),) if notice.late and notice.field("delay_reason").open else ()
        return Verdict("+", _("Add what is new"), Tone.HIGH if unsaid else Tone.INFO, told, unsaid)
    if notice.deadline is None and notice.aware_at is not None:
        text = _("The law sets no period: the authority is told as soon as possible.")
        return Verdict("!", _("As soon as possible"), Tone.HIGH, text, ())
    if notice.deadline is None:
        text = _("Nobody has stated when you became aware. The time to notify starts then.")
        return Verdict("?", _("No deadline yet"), Tone.HIGH, text, ())
    left = notice.deadline - notice.made
    by = _("File by {when}.").format(when=both_instants(notice.deadline, zone))
    if left < timedelta(0):
        reasons = (_("File now all the same, and give the reasons (field {number}).").format(
            number=notice.field("delay_reason").question.number
        ),)  # fmt: skip
        late = _("The deadline was {when}.").format(when=both_instants(notice.deadline, zone))
        return Verdict("!", _("The deadline has passed"), Tone.CRITICAL, late, reasons)
    hours = int(left / timedelta(hours=1))
    tone = Tone.CRITICAL if hours < 6 else Tone.HIGH if hours < 24 else Tone.MEDIUM
    return Verdict(str(hours), ngettext("hour left", "hours left", hours), tone, by, ())


def _late_reasons(notice: Notification) -> str:
    number = notice.field("delay_reason").question.number
    return _("The first notice was late, and nothing says why: give the reasons (field {number}).").format(
        number=number
    )


def _counts(notice: Notification) -> Counts:
    answered, confirm = len(notice.in_state("filled")), len(notice.in_state("to-confirm"))
    now, later = len(notice.in_state("open-now")), len(notice.in_state("open-later"))
    items = [ngettext("{n} answer ready", "{n} answers ready", answered).format(n=number(answered))]
    if confirm:
        items.append(ngettext("{n} to confirm", "{n} to confirm", confirm).format(n=number(confirm)))
    items.append(ngettext("{n} to complete now", "{n} to complete now", now).format(n=number(now)))
    if later:
        items.append(ngettext("{n} may follow later", "{n} may follow later", later).format(n=number(later)))
    return Counts(tuple(items))


def _steps(notice: Notification, wanted: Form | Outline) -> Iterable[str]:
    if notice.field("ongoing").answer.value is True:
        yield _("Close the access first. Then run the check again: lightproof check")
    if any(field.needed_now for field in notice.shown):
        yield _("Complete the open answers listed below.")
    if notice.in_state("to-confirm"):
        yield _("Read the answers marked “to confirm”. They are suggestions: change what is not so.")
    yield str(wanted.where)
    if isinstance(wanted, Form):
        yield _("Type the answers in the order of this sheet. The numbers are those of the sheet alone.")
    yield _("A person files it. lightproof sends nothing.")
    yield _(
        "Note the number that you receive, then record it: lightproof breach notify {breach} --filed … --reference …"
    ).format(breach=notice.breach)


def _still_open(missing: Sequence[Field]) -> Table:
    rows = tuple(
        (str(field.question.number), bilingual(field.question.label), _due(field), _hint(field)) for field in missing
    )
    columns = (_("No."), _("Open question"), _("When"), _("Why it is asked"))
    return Table(_("Still open"), columns, rows, widths=(6, 36, 16, 42))


def _due(field: Field) -> Mark:
    if field.needed_now:
        return Mark(Tone.HIGH, _("now"))
    return Mark(Tone.MEDIUM, _("may follow"))


def _hint(field: Field) -> str:
    return " ".join(part for part in (str(field.question.why), field.answer.note) if part)


def _instants(notice: Notification, zone: tzinfo) -> Iterable[tuple[str, str]]:
    if notice.aware_at is not None:
        yield _("Aware since"), both_instants(notice.aware_at, zone)
    if notice.deadline is not None:
        yield _("Deadline"), both_instants(notice.deadline, zone)
    if notice.informative is not None and notice.informative != notice.deadline:
        yield (
            _("For information"),
            _("{when}: the other reading (Regulation 1182/71). Do not rely on it.").format(
                when=both_instants(notice.informative, zone)
            ),
        )
    if notice.earlier is not None:
        filed = both_instants(notice.earlier.filed_at, zone)
        yield _("Last notice"), " · ".join(part for part in (filed, notice.earlier.reference) if part)


# The answers


def _by_section(notice: Notification, zone: tzinfo) -> Iterable[Block]:
    for section in notice.form.sections:
        fields = [field for field in notice.shown if field.question.section == section.number]
        if fields:
            title = f"{section.number}. {bilingual(section.label)}"
            yield _table(title, fields, zone, official=True)


def _by_area(notice: Notification, wanted: Outline, zone: tzinfo) -> Iterable[Block]:
    said = {field.key: field for field in notice.shown}
    for area in wanted.areas:
        fields = [said[key] for key in area.keys if key in said]
        if fields:
            title = f"{area.number}. {area.label}" + (f" ({_article(area.article)})" if area.article else "")
            yield _table(title, fields, zone, official=False)


def _table(title: str, fields: Sequence[Field], zone: tzinfo, *, official: bool) -> Table:
    """A row a question; an answer too long for a cell goes on in the rows below it."""
    rows: list[tuple[Cell, ...]] = []
    for field in fields:
        label = bilingual(field.question.label) if official else str(field.question.label)
        answers, notes = _answer(field, zone), tuple(pieces(_note(field)))
        rows.append((str(field.question.number), label, answers[0], _mark(field), notes[0] if notes else ""))
        rows.extend(("", "", answer, "", note) for answer, note in zip_longest(answers[1:], notes[1:], fillvalue=""))
    columns = (_("No."), _("Question"), _("Answer"), _("State"), _("Where it comes from"))
    return Table(title, columns, tuple(rows), widths=(5, 26, 31, 15, 23))


def _answer(field: Field, zone: tzinfo) -> tuple[str, ...]:
    lines = shown(field, zone)
    if lines:
        together = (" " if field.question.type == "text" else _semicolon()).join(lines)
        return lines if len(together) > _CELL else (together,)
    return (BLANK,) if field.open else ("–",)


def _note(field: Field) -> str:
    answer = field.answer
    told = _hint(field) if field.state in ("open-now", "open-later", "optional") else answer.note
    parts = [told, field.why_changed]
    if answer.value is not None and answer.source is not None:
        shown_by = evidence_text(answer.evidence, short=True)
        source = source_text(answer.source)
        parts.append(_("{source}: {evidence}").format(source=source, evidence=shown_by) if shown_by else source)
    return " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts if part)


def _semicolon() -> str:
    return "\u202f; " if language() == "fr" else "; "


def _mark(field: Field) -> Mark:
    words: dict[State, str] = {
        "filled": _("ready"),
        "to-confirm": _("to confirm"),
        "open-now": _("to complete"),
        "open-later": _("may follow"),
        "optional": _("optional"),
        "not-applicable": _("does not apply"),
    }
    return Mark(_TONES[field.state], words[field.state])


def _article(article: str) -> str:
    return _("Article {article}").format(article=article)


# The evidence


def _evidence(notice: Notification) -> Iterable[Block]:
    rows = tuple(
        (str(field.question.number), str(field.question.label), source_text(field.answer.source), ref)
        for field in notice.shown
        for ref in (evidence_text((one,), short=False) for one in field.answer.evidence)
        if field.answer.value is not None
    )
    yield Paragraph(
        _("Keep this page: the authority may ask for it. “lightproof ledger prove” shows an entry to be unchanged.")
    )
    yield Table(_("Answers and their evidence"), _heads(), rows, widths=(6, 30, 20, 44))


def _heads() -> tuple[str, ...]:
    return _("No."), _("Question"), _("Source"), _("Evidence")


# The letter


def letter_33(notice: Notification, wanted: Outline, zone: tzinfo) -> Document:
    """A letter with all that Art. 33(3) asks, to the authority of its law, which has no form."""
    blocks: list[Block] = list(_letter_head(notice))
    said = {field.key: field for field in notice.shown}
    for area in wanted.areas:
        rows = [row for key in area.keys if key in said for row in _letter_rows(said[key], zone)]
        if rows:
            blocks.append(Heading(f"{area.label} ({_article(area.article)})"))
            blocks.append(FactList(tuple(rows)))
    follow = [str(field.question.label) for field in notice.shown if field.open]
    if follow:
        blocks.append(Items(_("Not known yet; we shall tell it without undue delay (Article 33(4))"), tuple(follow)))
    return Document(
        title=str(wanted.title),
        subtitle=stage_text(notice),
        language=language(),
        made=notice.made,
        producer=f"lightproof {__version__}",
        footer=notice.breach,
        sections=(
            Section(_("Letter"), tuple(blocks)),
            Section(_("What to do"), tuple(_first_page(notice, wanted, zone))),
        ),
    )


def _letter_head(notice: Notification) -> Iterable[Block]:
    law = regime(notice.regime)
    authority = str(law.authority.name)
    said = {key: shown(notice.field(key), UTC) for key in ("name", "address", "country")}
    sender = [", ".join(lines) for lines in said.values() if lines] if said["name"] else []
    yield FactList(
        (
            (_("From"), ", ".join(sender) or BLANK),
            (_("To"), f"{authority[0].upper()}{authority[1:]}"),
            (_("Date"), day(notice.made)),
            (_("Reference"), notice.breach),
        )
    )
    telling = law.telling("authority")
    if telling is not None and law.instrument is not None:
        yield Paragraph(
            _("We notify you of a personal data breach under Article {article} {instrument}.").format(
                article=telling.article, instrument=law.instrument
            )
        )


def _letter_rows(field: Field, zone: tzinfo) -> Iterable[tuple[str, str]]:
    """A question that has an answer, as terms and values; what does not apply is left out of a letter."""
    label = str(field.question.label)
    for line in _answer(field, zone) if field.answer.value is not None else ():
        yield label, line
        label = "…"
