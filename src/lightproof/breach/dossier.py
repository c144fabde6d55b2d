"""The file of one breach as a document: the clock, what to do, what is known and shown, and who said what when.

The first section is what a terminal shows; the pages after it are for the file.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Final, cast

from lightproof import __version__
from lightproof.breach.access.told import access_blocks
from lightproof.breach.beside import Beside, beside
from lightproof.breach.clock import Clock
from lightproof.breach.facts import dumped
from lightproof.breach.history import said
from lightproof.breach.incident import DONE_OUTSIDE, DUTIES, Choice, Duty, Incident, Stated, Status
from lightproof.breach.judging import proposed
from lightproof.breach.lateness import Late, late_filings
from lightproof.breach.pending import pending
from lightproof.breach.severity_told import also_weighs, element_rows, score_text, sum_text
from lightproof.breach.shown import evidence_text, pieces
from lightproof.breach.words import (
    authority_name,
    choice_word,
    delivery_text,
    duty_word,
    fact_name,
    fact_text,
    law_name,
    outgrown_text,
    status_word,
    step_word,
)
from lightproof.documents import wording
from lightproof.documents.model import (
    Block,
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
from lightproof.evidence.entries import rfc3339
from lightproof.law.regimes import shipped
from lightproof.locale import gettext as _
from lightproof.locale import language, ngettext

_TONES: Final = {"low": Tone.LOW, "medium": Tone.MEDIUM, "high": Tone.HIGH, "very high": Tone.CRITICAL}


def dossier(told: Incident, clock: Clock, now: datetime, *, checkpoint: str = "") -> Document:
    """The file in the current language; `checkpoint` is printed at the foot of each page."""
    return Document(
        title=_("Breach {number}").format(number=told.id),
        subtitle=told.facts.title or _("without title"),
        language=language(),
        made=now,
        producer=f"lightproof {__version__}",
        footer=checkpoint or told.id,
        sections=(
            Section(_("Summary"), tuple(_summary(told, clock, now))),
            Section(_("What is known"), (*_known(told), *_told_persons(told))),
            Section(_("Assessment"), tuple(_assessed(told))),
            Section(_("History"), tuple(_history(told))),
        ),
    )


def _summary(told: Incident, clock: Clock, now: datetime) -> list[Block]:
    """What fits a screen: how long is left, what was judged and why, what to look at, what to do."""
    blocks: list[Block] = [_verdict(told, clock, now), FactList(tuple(_in_short(told, clock)))]
    if warnings := _warnings(told, clock):
        blocks.append(Items(_("Look at this"), warnings))
    blocks.append(Items(_("Next"), tuple(next_steps(told, clock)), ordered=True))
    return blocks


def _in_short(told: Incident, clock: Clock) -> Iterator[tuple[str, str]]:
    yield _("Breach"), told.facts.title or _("without title")
    levels = dict.fromkeys(map(score_text, told.assessments.values()))
    severity = [_("severity {score}").format(score=level) for level in levels]
    yield _("State"), ", ".join((status_word(told.status), *severity))
    if clock.aware_at is not None:
        yield _("Aware since"), wording.instant(clock.aware_at)
    yield from _deadlines(clock.deadline, clock.informative)
    if told.assessments or told.decisions:
        yield duty_word("notify"), _answer(told, "notify")
        yield duty_word("communicate"), _answer(told, "communicate")
        change = [line for duty in ("notify", "communicate") for line in _changes(told, duty)]
        if change and not {"notify", "communicate"} <= told.decisions.keys():
            yield _("What would change it"), change[0]


def _deadlines(deadline: datetime | None, informative: datetime | None) -> Iterator[tuple[str, str]]:
    """Both readings of the period: the one to act on, and the other (Regulation 1182/71) for information."""
    if deadline is not None:
        yield _("Authority by"), wording.instant(deadline)
    if informative is not None and informative != deadline:
        yield (
            _("For information"),
            _("{when}: the other reading (Regulation 1182/71). Do not rely on it.").format(
                when=wording.instant(informative)
            ),
        )


def _answer(told: Incident, duty: Duty) -> str:
    """The answer, who gives it, and its first reason."""
    decided = told.decisions.get(duty)
    if decided is not None:
        said = _("{choice}, decided by {who}. {reason}")
        return said.format(choice=choice_word(decided.choice), who=decided.by, reason=decided.reason).strip()
    choice = proposed(told, duty)
    if (again := told.outgrown_about(duty)) is not None:
        reasons = [outgrown_text(again)]
    else:
        answers = _answers(told, duty, choice)
        reasons = [reason["text"] for answer in answers for reason in _sequence(answer.get("reasons"))]
    said = _("{choice}. {reason}") if choice == "undetermined" else _("{choice}, proposed. {reason}")
    return said.format(choice=choice_word(choice), reason=reasons[0] if reasons else "").strip()


def _changes(told: Incident, duty: Duty) -> list[str]:
    answers = _answers(told, duty, proposed(told, duty))
    return [str(line) for answer in answers for line in _sequence(answer.get("would_change"))]


def _answers(told: Incident, duty: Duty, choice: Choice) -> list[Mapping[str, Any]]:
    """What the laws that answer so say about a duty."""
    return [
        answer
        for law in told.laws
        for answer in _sequence(told.assessments.get(law, {}).get("answers"))
        if (answer["duty"], answer["choice"]) == (duty, choice)
    ]


def _warnings(told: Incident, clock: Clock) -> tuple[str, ...]:
    """Decisions to take again, what the clock says, then each law, each once."""
    again = (f"{duty_word(one.duty)} {outgrown_text(one)}" for one in told.outgrown)
    of_laws = (str(line) for payload in told.assessments.values() for line in _sequence(payload.get("warnings")))
    return tuple(dict.fromkeys((*again, *clock.warnings, *of_laws)))


def _only_proposed(told: Incident, clock: Clock) -> bool:
    """Whether no law in force gives this deadline."""
    deadline = rfc3339(clock.deadline) if clock.deadline else None
    states = [
        law.state
        for name, payload in told.assessments.items()
        if cast("Mapping[str, Any]", payload.get("clock", {})).get("deadline") == deadline and (law := shipped(name))
    ]
    return bool(states) and set(states) == {"proposed"}


def _verdict(told: Incident, clock: Clock, now: datetime) -> Verdict:
    if told.status is Status.CLOSED:
        return Verdict("✓", _("Closed"), Tone.GOOD, _("This breach is closed; it stays in the register."), ())
    waiting, filed = pending(told), _filed(told)
    after = late_filings(told)
    if not waiting and any(not one.reasons for one in after):
        sentence = _("A notice was late by the facts as they stand, and nothing says why (Article 33(1)).")
        return Verdict("!", _("Notified late"), Tone.CRITICAL, sentence, filed)
    if not waiting and after:
        return Verdict("–", _("Notified late"), Tone.INFO, _("The reasons are on record (Article 33(1))."), filed)
    if not waiting and filed:
        return Verdict("✓", _("Notified"), Tone.GOOD, filed[-1], filed[:-1])
    decided = told.decisions.get("notify")
    if not waiting and decided is not None:
        return Verdict("–", _("Not notified"), Tone.INFO, _("Decided: the authority is not told."), (decided.reason,))
    if len(told.laws) > 1:
        names = ", ".join(f"{duty.authority} ({duty.law})" for duty in waiting)
        filed = (_("Still to be told: {authorities}.").format(authorities=names), *filed)
    if clock.deadline is None and clock.aware_at is not None:
        sentence = _("The law sets no period: the authority is told as soon as possible.")
        return Verdict("!", _("As soon as possible"), Tone.HIGH, sentence, filed)
    if clock.deadline is None:
        return Verdict("?", _("No clock yet"), Tone.MEDIUM, _("Nobody has stated when you became aware."), filed)
    left = clock.deadline - now
    if _only_proposed(told, clock):
        sentence = _("Under a law that is only proposed, the authority would be told by {when}.").format(
            when=wording.instant(clock.deadline)
        )
        return Verdict(
            "?", _("Not the law"), Tone.MEDIUM, sentence, (_("Name a law in force: regimes, in settings.toml."),)
        )
    if left < timedelta(0):
        late = _hours(-left)
        return Verdict(
            "!", _("Late"), Tone.CRITICAL, _("The time to tell the authority ended {hours} ago.").format(hours=late),
            (_("Notify now all the same, and say why it is late (Article 33(1))."), *filed),
        )  # fmt: skip
    tone = Tone.CRITICAL if left < timedelta(hours=6) else Tone.HIGH if left < timedelta(hours=24) else Tone.MEDIUM
    hours = str(int(left / timedelta(hours=1)))
    word = ngettext("hour left", "hours left", int(hours))
    sentence = _("The authority must be told by {when}.").format(when=wording.instant(clock.deadline))
    return Verdict(hours, word, tone, sentence, filed)


def _filed(told: Incident) -> tuple[str, ...]:
    """What was filed with each authority, and how late, a short line each: a terminal cuts long ones."""
    late = {one.entry: one for one in told.stated if one.late}
    after = {one.law: one for one in late_filings(told)}
    lines: list[str] = []
    for one in {one.regime: one for one in told.notifications}.values():
        line = _("Notified to {authority} on {when}.").format(
            authority=authority_name(one), when=wording.instant(one.filed_at)
        )
        if one.entry in late:
            line += " " + _("That was stated on {when}.").format(when=wording.instant(one.recorded_at))
        lines.append(line)
        if one.regime in after:
            lines.append(_late_line(after[one.regime]))
    return tuple(lines)


def _late_line(one: Late) -> str:
    said = _("The first notice came {hours} after the deadline.").format(
        hours=_hours(one.filed.filed_at - one.deadline)
    )
    return said if one.reasons else said + " " + _("Nothing says why.")


def next_steps(told: Incident, clock: Clock) -> list[str]:
    """What a person does next, each with its command, the most urgent first."""
    number = told.id
    if told.status is Status.CLOSED:
        return [_("Nothing. Keep the register: lightproof breach register --out register.xlsx")]
    steps: list[str] = []
    if told.facts.ongoing:
        steps.append(_("Close the access, then check again: lightproof check"))
    if clock.aware_at is None:
        steps.append(_("State when you became aware: lightproof breach assess {n} --set aware_at=…").format(n=number))
    steps += dict.fromkeys(_to_decide(told, duty) for duty in ("notify", "communicate") if duty not in told.decisions)
    for duty in pending(told):
        under = _under(told, duty.law)
        steps.append(_("File the sheet: lightproof breach notify {n} --out sheet.html").format(n=number) + under)
    for late in late_filings(told):
        if not late.reasons:
            step = _("Say why the notice was late: lightproof breach notify {n} --explain-delay …").format(n=number)
            steps.append(step + _under(told, late.law))
        elif late.untold:
            step = _("Send the reasons for the delay: lightproof breach notify {n} --stage supplementary")
            steps.append(step.format(n=number) + _under(told, late.law))
    for law, filed in {one.regime: one for one in told.notifications}.items():
        if filed.still_open:
            step = _("Complete the notification: lightproof breach notify {n} --stage supplementary").format(n=number)
            steps.append(step + _under(told, law))
    if told.persons_untold:
        steps.append(_("Tell the persons: lightproof breach letter {n} --out letter.odt").format(n=number))
    if not steps:
        steps.append(_("Close the file: lightproof breach close {n} --reason …").format(n=number))
    return steps


def _to_decide(told: Incident, duty: Duty) -> str:
    """How to answer as proposed; where nothing could be proposed, how to say what is missing."""
    match proposed(told, duty):
        case "yes":
            step = _("Decide: lightproof breach assess {n} --decide {duty}=yes")
        case "no":
            step = _("Decide: lightproof breach assess {n} --decide {duty}=no --reason …")
        case "undetermined":
            step = _("State the facts that are missing: lightproof breach assess {n} --set FACT=VALUE")
    return step.format(n=told.id, duty=duty)


def _under(told: Incident, law: str) -> str:
    return f" --regime {law}" if len(told.laws) > 1 else ""


def _duties(told: Incident) -> Table:
    rows: list[tuple[str | Mark, ...]] = []
    for duty in DUTIES:
        decided = told.decisions.get(duty)
        choice = decided.choice if decided else proposed(told, duty)
        tone = {"yes": Tone.HIGH, "no": Tone.GOOD}.get(choice, Tone.INFO)
        who = _("decided by {who}").format(who=decided.by) if decided else _("proposed")
        rows.append((Mark(tone, choice_word(choice)), duty_word(duty), who))
    return Table(
        _("The three questions"), (_("Answer"), _("Question"), _("Who says so")), tuple(rows), widths=(1, 4, 3)
    )


def _known(told: Incident) -> list[Block]:
    values = dumped(told.facts)
    evidence = told.facts.evidence
    rows: list[tuple[str, str, str]] = []
    for name, value in values.items():
        if name in ("evidence", "title", "description"):
            continue
        shown_by = evidence_text(evidence.get(name, ()), short=True) or "–"
        lines = [piece for line in fact_text(name, value).splitlines() for piece in pieces(line)]
        rows += zip_longest((fact_name(name),), lines or ("–",), (shown_by,), fillvalue="")
    blocks: list[Block] = [Paragraph(line) for line in told.facts.description.splitlines() if line]
    blocks.append(Table(_("Facts"), (_("Fact"), _("What is known"), _("Shown by")), tuple(rows), widths=(3, 6, 3)))
    for summary in told.access:
        blocks.append(Heading(_("Access logs")))
        blocks += access_blocks(summary)
    return blocks


def _told_persons(told: Incident) -> list[Block]:
    rows = tuple(
        (wording.instant(sent.at), delivery_text(sent), ", ".join(f"{digest[:12]}…" for digest in sent.letters_sha256))
        for sent in told.communications
    )
    columns = (_("When"), _("Who was told"), _("Letters"))
    return [Table(_("Persons told"), columns, rows, widths=(2, 4, 3))] if rows else []


def _assessed(told: Incident) -> list[Block]:
    blocks: list[Block] = [_duties(told)] if told.assessments else []
    for name, payload in told.assessments.items():
        blocks += _judged(name, payload)
    if others := beside(told):
        columns = (_("Done"), _("Duty of another law"), _("When"))
        blocks.append(Table(_("If they apply to you"), columns, tuple(map(_other_duty, others)), widths=(2, 6, 4)))
    standing = (told.decision(duty, law) for duty in DUTIES for law in told.laws)
    outgrown = told.outgrown
    for decided in dict.fromkeys((*filter(None, standing), *outgrown)):
        reason = decided.reason or _("no reason given")
        if decided.laws and set(decided.laws) != set(told.laws):
            reason += f" ({', '.join(decided.laws)})"
        said = _("{who} decided on {when}: {duty} {choice}. {reason}").format(
            who=decided.by, when=wording.instant(decided.at), duty=duty_word(decided.duty),
            choice=choice_word(decided.choice), reason=reason,
        )  # fmt: skip
        blocks.append(Paragraph(f"{said} {outgrown_text(decided)}" if decided in outgrown else said))
    return blocks or [Paragraph(_("Not assessed yet."))]


def _other_duty(one: Beside) -> tuple[str | Mark, ...]:
    """A duty that no assessment judges, by when, and whether somebody has said that it was done."""
    if one.done:
        when = _("informed on {when}").format(when=wording.instant(one.told_at)) if one.told_at else one.period
        return Mark(Tone.GOOD, _("yes")), one.words, when
    steps = [
        _("{fact}: {value}").format(fact=step.words, value=wording.instant(step.deadline))
        for step in one.steps
        if step.deadline is not None
    ]
    return Mark(Tone.INFO, _("not said")), one.words, " · ".join(steps) or one.period


def _judged(name: str, payload: Mapping[str, Any]) -> Iterator[Block]:
    """What one law says: its clock, the severity term by term, its answers with all their reasons."""
    yield Heading(law_name(name))
    clock = cast("Mapping[str, Any]", payload.get("clock", {}))
    if rows := tuple(_deadlines(_instant(clock.get("deadline")), _instant(clock.get("reg1182")))):
        yield FactList(rows)
    if warnings := tuple(map(str, _sequence(payload.get("warnings")))):
        yield Items(_("Look at this"), warnings)
    yield Paragraph(_("Severity {score}, by the method of ENISA.").format(score=score_text(payload)))
    if terms := element_rows(payload):
        title = _("The score: {sum}").format(sum=sum_text(payload))
        yield Table(title, (_("Value"), _("Term"), _("Why")), terms, widths=(1, 4, 5))
    if marks := also_weighs(payload):
        yield Items(_("What else weighs"), marks)
    for answer in _sequence(payload.get("answers")):
        law = ", ".join(filter(None, (str(answer.get("article", "")), str(answer.get("period", "")))))
        title = f"{duty_word(answer['duty'])} {choice_word(answer['choice'])} ({law})"
        yield Items(title, tuple(map(_reason, _sequence(answer.get("reasons")))))
        if answer.get("exemption"):
            shown = evidence_text(tuple(_sequence(answer.get("evidence"))), short=True)
            yield Paragraph(
                _("Exemption {article}, shown by {evidence}.").format(
                    article=answer["exemption"], evidence=shown or "–"
                )
            )
        if change := tuple(str(line) for line in _sequence(answer.get("would_change"))):
            yield Items(_("What would change this answer"), change)
    if missing := tuple(fact_name(str(one)) for one in _sequence(payload.get("missing"))):
        yield Items(_("What nobody has established yet"), missing)


def _reason(reason: Mapping[str, Any]) -> str:
    """A reason with the facts that it rests on."""
    facts = ", ".join(fact_name(str(name)) for name in _sequence(reason.get("facts")))
    return _("{reason} (Facts: {facts})").format(reason=reason["text"], facts=facts) if facts else str(reason["text"])


def _history(told: Incident) -> list[Block]:
    steps = tuple(
        (str(step.entry), wording.instant(step.at), step_word(step.what), step.by, said(step)) for step in told.steps
    )
    columns = (_("Entry"), _("Written"), _("Step"), _("By"), _("What was said"))
    blocks: list[Block] = [Table(_("Every step"), columns, steps, widths=(1, 3, 2, 2, 6))]
    late = [stated for stated in told.stated if stated.late or stated.reason]
    if late:
        blocks.append(
            Table(
                _("Instants stated later than they were"),
                (_("What"), _("Instant"), _("Stated"), _("By"), _("Reason")),
                tuple(_stated(one) for one in late),
                widths=(2, 3, 3, 2, 4),
            )
        )
    return blocks


def _stated(one: Stated) -> tuple[str, ...]:
    value = wording.instant(one.value) if one.value else "–"
    unsaid = _("recorded afterwards") if one.name in DONE_OUTSIDE else _("when the breach was opened")
    return fact_name(one.name), value, wording.instant(one.at), one.by, one.reason or unsaid


def _sequence(value: object) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _hours(span: timedelta) -> str:
    n = int(span / timedelta(hours=1))
    return ngettext("{n} hour", "{n} hours", n).format(n=n) if n else _("less than an hour")
