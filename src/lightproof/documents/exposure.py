"""The exposure report as a neutral document: the verdict, how we know, and one card for each kind of finding.

Pure: the same report, language and `places` give the same document. The page is described for one reader, the person
whose images they are; figures for machines are in the JSON.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from lightproof.documents import wording
from lightproof.documents.decoys import counted_with_and_without, decoy_fact
from lightproof.documents.knowledge import how_we_know
from lightproof.documents.model import (
    Attachment,
    Bar,
    BarChart,
    Block,
    Card,
    Counts,
    Document,
    FactList,
    Items,
    Ladder,
    Link,
    Mark,
    Paragraph,
    Rung,
    Section,
    Table,
    Tone,
    Verdict,
)
from lightproof.documents.rules import CAPS_ON_PAGE_ONE, action_of, cap_text, sources_of, text_of, title_of
from lightproof.evidence.records import EvidenceClass, ExposureReport, Finding, Grade, Service, Severity, Vantage
from lightproof.locale import gettext as _
from lightproof.locale import language, ngettext

_NOTHING_KNOWN: Final = frozenset({"nothing-checked", "survey"})
"""Caps of runs that established nothing."""
_ROWS_ON_PAGE_ONE: Final = 6
_URGENT: Final = 3
_RUNGS: Final = 5
_CARDS: Final = 120
_DIGEST: Final = 64
_FULL_FACTS: Final = 3
"""Findings of one rule that each get their own facts; more become rows of a table."""
_LEAST_ROWS: Final = 10
"""Rows that every card may show, however many findings came before it."""


def exposure_document(
    report: ExposureReport, *, places: int = 2000, attachments: tuple[Attachment, ...] = ()
) -> Document:
    """The report in the current language. `places` bounds the findings that are listed one by one, gravest first."""
    groups = _by_rule(report)
    cards = _cards(report, groups[:_CARDS], places)
    sections = [
        Section(_("Summary"), _summary(report, groups)),
        Section(_("How we know"), how_we_know(report)),
    ]
    if cards:
        sections.append(Section(_("What was found, and what to do"), cards))
    return Document(
        title=_("Exposure of medical images"),
        subtitle=_("Checked on {when}").format(when=wording.instant(report.started)),
        language=language(),
        made=report.finished,
        producer=f"lightproof {report.lightproof}",
        footer=_("Evidence SHA-256: {digest}").format(digest=report.evidence_sha256[:_DIGEST]),
        sections=tuple(sections),
        attachments=attachments,
    )


def _summary(report: ExposureReport, groups: Sequence[tuple[Finding, ...]]) -> tuple[Block, ...]:
    blocks: list[Block] = [_verdict(report), _counts(report), *counted_with_and_without(report)]
    if any(_graded_as_from_outside(service) for service in report.services):
        blocks.append(Paragraph(_("This machine itself was named, and is graded as if a stranger stood there.")))
    ladder = _ladder(report)
    if ladder:
        blocks.append(ladder)
    if urgent := _urgent(report, groups):
        blocks.append(urgent)
    if groups:
        blocks.append(_findings(report, groups, _ROWS_ON_PAGE_ONE - max(0, len(ladder.rungs) - 2 if ladder else 0)))
    if report.survey:
        blocks.append(
            Paragraph(_("A check of what a survey found, without --survey, tells what it lets strangers do."))
        )
    elif report.unchecked and not _exposed(report):
        blocks.append(
            Paragraph(_("The full report lists what could not be checked, and why: see to it, and check it again."))
        )
    elif not groups:
        blocks.append(
            Paragraph(_("Nothing to do was found. Check again after every change of software or internet box."))
        )
    if chart := _chart(_met_by_strangers(report)):
        blocks.append(chart)
    return tuple(blocks)


def _verdict(report: ExposureReport) -> Verdict:
    return Verdict(
        letter=wording.letter_sign(report.letter),
        word=_("Not established") if _establishes_nothing(report) else wording.letter_word(report.letter),
        tone=wording.letter_tone(report.letter),
        sentence=_sentence(report),
        reasons=tuple(map(cap_text, report.caps[:CAPS_ON_PAGE_ONE])),
    )


def _sentence(report: ExposureReport) -> str:
    if report.survey:
        return wording.survey_sentence(len(report.services))
    services = _met_by_strangers(report)
    if not services:
        reasons = (entry.reason for entry in report.unchecked)
        return wording.sentence_of_nothing(reasons, nobody=_establishes_nothing(report))
    gravest = max(services, key=_gravity)
    beside = [service for service in services if service.vantage is gravest.vantage]
    return wording.sentence(
        gravest.grade,
        gravest.vantage,
        images_readable=any(service.facts.downloadable for service in beside),
        asks=all(map(wording.asks_who_is_calling, beside)),
        of_files=all(wording.lists_files(service) for service in beside if service.grade is gravest.grade),
    )


def _establishes_nothing(report: ExposureReport) -> bool:
    """Whether the letter only says that nothing was checked, or asked."""
    return any(cap.id in _NOTHING_KNOWN for cap in report.caps)


def _met_by_strangers(report: ExposureReport) -> tuple[Service, ...]:
    """The services that a report is about: the box's own controls answer the inside, as they must."""
    return tuple(service for service in report.services if not service.serves_the_inside)


def _graded_as_from_outside(service: Service) -> bool:
    """Whether only this machine reaches it, and it is graded otherwise because it was named."""
    try:
        loopback = ip_address(service.address).is_loopback
    except ValueError:
        return False
    return loopback and service.vantage is Vantage.INTERNET and not service.outside_ports


def _gravity(service: Service) -> tuple[bool, Grade, int]:
    """What the Internet can list outranks what only this machine can alter."""
    near = (Vantage.THIS_MACHINE, Vantage.LOCAL_NETWORK, Vantage.INTERNET).index(service.vantage)
    return service.vantage is Vantage.INTERNET and service.grade >= Grade.LISTABLE, service.grade, near


def _exposed(report: ExposureReport) -> int:
    """How many services answer anyone."""
    return sum(service.grade >= Grade.OPEN for service in _met_by_strangers(report))


def _counts(report: ExposureReport) -> Counts:
    exposed = _exposed(report)
    items = [
        ngettext("{n} service answers anyone", "{n} services answer anyone", exposed).format(n=wording.number(exposed))
    ]
    if not exposed and _establishes_nothing(report):
        items = []  # nobody asked
    items += [
        ngettext("{n} finding", "{n} findings", len(report.findings)).format(n=wording.number(len(report.findings))),
    ]
    counted = _counted(report.services)
    items += [wording.count_phrase(name, counted[name]) for name in ("studies", "series") if counted[name]]
    if report.unchecked:
        left = len(report.unchecked)
        items.append(ngettext("{n} not checked", "{n} not checked", left).format(n=wording.number(left)))
    items.append(_("0 image copied"))
    return Counts(tuple(items))


def _counted(services: Sequence[Service]) -> Counter[str]:
    """How much there is of each: an archive often shows on several ports of its machine, and counts once."""
    of_machine: defaultdict[str, Counter[str]] = defaultdict(Counter[str])
    for service in services:
        of_machine[service.address] |= Counter(service.counts)
    return sum(of_machine.values(), Counter[str]())


def _ladder(report: ExposureReport) -> Ladder | None:
    """The steps at which the letter moves. A step names all that must be done for it since the one before."""
    rungs: list[Rung] = []
    waiting: list[str] = []
    letter = report.letter
    for fix in report.fixes:
        waiting.append(action_of(report, fix.rule))
        if fix.letter_after != letter:
            letter = fix.letter_after
            rungs.append(Rung(_together(waiting), wording.letter_sign(letter), wording.letter_tone(letter)))
            waiting = []
    if not rungs:
        return None
    return Ladder(
        title=_("What improves the letter"),
        letter=wording.letter_sign(report.letter),
        tone=wording.letter_tone(report.letter),
        rungs=tuple(rungs[:_RUNGS]),
    )


def _together(actions: Sequence[str]) -> str:
    match actions:
        case [action]:
            return action
        case [first, second]:
            return f"{first}; {second}" if language() == "en" else f"{first}\u202f; {second}"
        case [first, *others]:
            return _("{action}, and {n} more of what follows").format(action=first, n=wording.number(len(others)))
        case _:
            return ""


def _urgent(report: ExposureReport, groups: Sequence[tuple[Finding, ...]]) -> Table | None:
    severities = {group[0].rule: group[0].severity for group in groups}

    def urgency(rule_id: str) -> int:
        return list(Severity).index(severities.get(rule_id, Severity.INFO))

    moving = sorted((fix.rule for fix in report.fixes), key=urgency)
    wanted = dict.fromkeys([*moving, *(group[0].rule for group in groups)])
    urgent = [rule_id for rule_id in wanted if severities.get(rule_id, Severity.INFO) is not Severity.INFO][:_URGENT]
    rows = [
        (action_of(report, rule_id), wording.who_word(_who(report, rule_id)), _time(report, rule_id, severities))
        for rule_id in sorted(urgent, key=urgency)
    ]
    if not rows:
        return None
    return Table(_("Do now"), (_("Action"), _("Who"), _("Time")), tuple(rows), widths=(54, 24, 22))


def _who(report: ExposureReport, rule_id: str) -> str | None:
    rule = report.rules.get(rule_id)
    return rule.who if rule else None


def _time(report: ExposureReport, rule_id: str, severities: dict[str, Severity]) -> str:
    when = wording.by_when(severities[rule_id])
    rule = report.rules.get(rule_id)
    if rule is None or rule.minutes is None:
        return when
    return _("{when}, {minutes} min").format(when=when, minutes=wording.number(rule.minutes))


def _findings(report: ExposureReport, groups: Sequence[tuple[Finding, ...]], room: int) -> Table:
    """A row a rule, the gravest that there is room for on the first page."""
    rows = tuple(
        (
            Mark(wording.SEVERITY_TONES[group[0].severity], wording.severity_word(group[0].severity)),
            title_of(report, group[0].rule),
            _places(group),
            Link(wording.with_evidence(_first_id(group), _strongest(group)), _anchor(index)),
        )
        for index, group in enumerate(groups[:room])
    )
    more = len(groups) - len(rows)
    left_out = ngettext(
        "{n} more kind of finding is described further on in the report.",
        "{n} more kinds of finding are described further on in the report.",
        more,
    ).format(n=wording.number(more))
    return Table(
        _("Findings"),
        (_("Gravity"), _("What"), _("Where"), _("Evidence")),
        rows,
        left_out=left_out if more else "",
        more=more,
        widths=(14, 43, 22, 21),
    )


def _chart(services: Sequence[Service]) -> BarChart | None:
    amounts = (
        (Grade.OPEN, sum(s.facts.open is True for s in services)),
        (Grade.LISTABLE, sum(s.facts.listable is True for s in services)),
        (Grade.DOWNLOADABLE, sum(s.facts.downloadable is True for s in services)),
        (Grade.WRITABLE, sum(s.facts.writable is True for s in services)),
    )
    if not any(n for _grade, n in amounts):
        return None
    bars = tuple(
        Bar(wording.grade_word(grade), n, wording.GRADE_TONES[grade] if n else Tone.GOOD) for grade, n in amounts
    )
    spoken = "; ".join(f"{bar.label}: {wording.number(bar.value)}" for bar in bars)
    return BarChart(
        title=_("What services allow without asking who is calling"),
        description=_("Number of services, out of {n} that answered. {spoken}.").format(
            n=wording.number(len(services)), spoken=spoken
        ),
        label_head=_("Without identity"),
        value_head=_("Services"),
        bars=bars,
    )


def _cards(report: ExposureReport, groups: Sequence[tuple[Finding, ...]], places: int) -> tuple[Card, ...]:
    services = {(s.address, s.port, s.transport, s.service): s for s in report.services}
    cards: list[Card] = []
    for index, group in enumerate(groups):
        shown = group[: max(places, _LEAST_ROWS)]
        places -= len(shown)
        cards.append(_card(report, _anchor(index), group, shown, services))
    return tuple(cards)


def _card(
    report: ExposureReport,
    anchor: str,
    group: Sequence[Finding],
    shown: Sequence[Finding],
    services: dict[tuple[str, int, str, str], Service],
) -> Card:
    text = text_of(report, group[0].rule)
    blocks: list[Block] = [Paragraph(text.why)] if text and text.why else []
    steps = [Items(_("What to do, in this order"), text.remedy, ordered=True)] if text and text.remedy else []
    if len(group) <= _FULL_FACTS:
        mixed = len({finding.severity for finding in group}) > 1
        blocks += [FactList(_facts(report, finding, services.get(_key(finding)), mixed)) for finding in group]
        blocks += steps
    else:
        blocks += [*steps, FactList((_duties(group),)), _place_table(shown, len(group) - len(shown), services)]
    if sources := sources_of(report, group[0].rule):
        blocks.append(Items(_("Sources"), sources))
    severity = group[0].severity
    return Card(
        anchor=anchor,
        title=title_of(report, group[0].rule),
        mark=Mark(wording.SEVERITY_TONES[severity], wording.severity_word(severity)),
        references=(_ids(group), group[0].rule),
        blocks=tuple(blocks),
    )


def _duties(group: Sequence[Finding]) -> tuple[str, str]:
    duties = dict.fromkeys(wording.duty_word(duty) for finding in group for duty in finding.duties)
    return _("Duties"), ", ".join(duties)


def _facts(
    report: ExposureReport, finding: Finding, service: Service | None, mixed: bool
) -> tuple[tuple[str, str], ...]:
    """`mixed` where the findings beside this one are not as grave."""
    rows = [(_("Where"), f"{wording.endpoint(finding.address, finding.port)} {finding.transport}, {finding.service}")]
    if mixed:
        rows.append((_("Gravity"), wording.severity_word(finding.severity)))
    if service:
        if service.product:
            rows.append((_("Software"), " ".join(filter(None, (service.product, service.version)))))
        if service.process:
            rows.append((_("Program"), service.process))
        rows.append((_("Reached by"), wording.vantage_word(service.vantage)))
        if service.outside_ports:
            rows.append((_("Ports of the internet box"), ", ".join(map(str, service.outside_ports))))
        if service.counts:
            counted = ", ".join(wording.count_phrase(name, n) for name, n in sorted(service.counts.items()))
            rows.append((_("Counted"), counted))
        if service.protections:
            seen = ", ".join(map(wording.protection_word, service.protections))
            rows.append((_("Protections seen"), seen))
        rows += decoy_fact(report, service)
    rows.append(_duties((finding,)))
    rows.append((_("Evidence {id}").format(id=finding.id), finding.evidence))
    if finding.evidence_class is not EvidenceClass.PROVED:
        rows.append((_("Kind of evidence"), wording.evidence_word(finding.evidence_class)))
    rows.append((_("Seen"), wording.instant(finding.observed)))
    return tuple(rows)


def _place_table(shown: Sequence[Finding], left_out: int, services: dict[tuple[str, int, str, str], Service]) -> Table:
    rows = tuple(
        (
            wording.with_evidence(finding.id, finding.evidence_class),
            wording.endpoint(finding.address, finding.port),
            _software(finding, services.get(_key(finding))),
            finding.evidence,
        )
        for finding in shown
    )
    note = ngettext(
        "{n} more place is in the JSON report.", "{n} more places are in the JSON report.", left_out
    ).format(n=wording.number(left_out))
    return Table(
        _("Where"),
        (_("Evidence"), _("Where"), _("Software"), _("Shown by")),
        rows,
        left_out=note if left_out else "",
        widths=(12, 25, 23, 40),
    )


def _software(finding: Finding, service: Service | None) -> str:
    if service is None or not service.product:
        return finding.service
    return " ".join(filter(None, (service.product, service.version)))


def _by_rule(report: ExposureReport) -> tuple[tuple[Finding, ...], ...]:
    """Findings of one rule together, gravest first: a rule may be graver where the Internet reaches it."""
    gravity = list(Severity)
    groups: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(report.findings, key=lambda f: gravity.index(f.severity)):
        groups[finding.rule].append(finding)
    return tuple(map(tuple, groups.values()))


def _strongest(group: Sequence[Finding]) -> EvidenceClass:
    """The strongest evidence among findings of one rule."""
    return min((finding.evidence_class for finding in group), key=list(EvidenceClass).index)


def _key(finding: Finding) -> tuple[str, int, str, str]:
    return finding.address, finding.port, finding.transport, finding.service


def _anchor(index: int) -> str:
    """Ours, never text from the report: an anchor must be unique and harmless."""
    return f"card-{index + 1}"


def _places(group: Sequence[Finding]) -> str:
    places = tuple(dict.fromkeys(wording.endpoint(f.address, f.port) for f in group))
    if len(places) == 1:
        return places[0]
    return ngettext("{n} place", "{n} places", len(places)).format(n=wording.number(len(places)))


def _ids(group: Sequence[Finding]) -> str:
    if len(group) <= _FULL_FACTS:
        return ", ".join(finding.id for finding in group).strip() or "–"
    return _first_id(group)


def _first_id(group: Sequence[Finding]) -> str:
    """Short, so that the title beside it stays whole on a terminal."""
    if len(group) == 1:
        return group[0].id.strip() or "–"
    return _("{id} + {n}").format(id=group[0].id, n=wording.number(len(group) - 1))
