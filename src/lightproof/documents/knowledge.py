"""The page "how we know": method, times, vantage, what answered, what was not taken, what could not be checked."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from lightproof.documents import wording
from lightproof.documents.decoys import why_decoys
from lightproof.documents.model import Block, Cell, FactList, Heading, Items, Mark, Paragraph, Table
from lightproof.documents.rules import CAPS_ON_PAGE_ONE, cap_text
from lightproof.evidence.records import ExposureReport, Service, Unchecked
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

_SERVICE_ROWS: Final = 20
_REASON_ROWS: Final = 8
_EXAMPLES: Final = 3
_DICOM: Final = frozenset({"dicom", "dicom-tls"})
"""Services whose studies are counted one by one, with consent; others tell totals of their own."""
_TOTALS: Final = frozenset({"patients", "studies", "series", "instances"})


def how_we_know(report: ExposureReport) -> tuple[Block, ...]:
    """Blocks of the second page, in the current language."""
    return (
        Paragraph(
            _(
                "This was a survey: each target was asked for a DICOM association, and nothing more. "
                "What a service allows a stranger was not looked at."
            )
            if report.survey
            else _(
                "Each service was spoken to in its own protocol, just far enough to see what it allows a stranger. "
                "A search that was carried out is proved with a question that nothing can match; "
                "a readable file with four bytes that no patient is in."
            )
        ),
        FactList(_circumstances(report)),
        Items(_("What was not taken"), _not_taken(report)),
        *_counted(report),
        *_not_checked(report),
        *_reasons(report),
        *_answered(report.services),
        *why_decoys(report),
    )


def _circumstances(report: ExposureReport) -> tuple[tuple[str, str], ...]:
    took = wording.duration(report.finished - report.started)
    seen_from = dict.fromkeys(wording.vantage_word(service.vantage) for service in report.services)
    rows = [
        (_("Began"), wording.instant(report.started)),
        (_("Ended"), _("{when}, after {took}").format(when=wording.instant(report.finished), took=took)),
        (
            _("Tried"),
            ngettext("{n} target (address and port)", "{n} targets (address and port)", report.targets).format(
                n=wording.number(report.targets)
            ),
        ),
        (_("Reached by"), ", ".join(seen_from) or _("nobody, as far as was measured")),
        (_("Allowed by"), wording.allowed_by(report.scope)),
        (
            _("Method"),
            _("lightproof {version}, letter rules {rules}").format(
                version=report.lightproof, rules=report.letter_version
            ),
        ),
    ]
    return tuple(rows)


def _reasons(report: ExposureReport) -> tuple[Block, ...]:
    """Every cap of the letter, where the first page has not room for all."""
    if len(report.caps) <= CAPS_ON_PAGE_ONE:
        return ()
    texts = tuple(cap_text(cap) for cap in report.caps)
    return (Items(_("Why the letter is no better"), texts),)


def _answered(services: Sequence[Service]) -> tuple[Block, ...]:
    if not services:
        return ()
    ranked = sorted(services, key=lambda s: s.grade, reverse=True)
    rows = tuple(_service_row(service) for service in ranked[:_SERVICE_ROWS])
    more = len(services) - len(rows)
    note = ngettext(
        "{n} more service is in the JSON report.", "{n} more services are in the JSON report.", more
    ).format(n=wording.number(more))
    columns = (_("Where"), _("Service"), _("Software"), _("Grade"), _("Read"), _("Altered"))
    return (Table(_("What answered"), columns, rows, left_out=note if more else "", widths=(22, 14, 19, 23, 11, 11)),)


def _service_row(service: Service) -> tuple[Cell, ...]:
    return (
        wording.endpoint(service.address, service.port),
        service.service,
        " ".join(filter(None, (service.product, service.version))) or "–",
        Mark(wording.GRADE_TONES[service.grade], wording.service_word(service)),
        wording.fact_word(service.facts.downloadable),
        wording.fact_word(service.facts.writable),
    )


def _not_taken(report: ExposureReport) -> tuple[str, ...]:
    named = (
        _(
            "No patient's name or date of birth was asked for or kept. Patients' numbers were asked for only to count "
            "them: each became a keyed hash as it arrived, and none was kept."
        )
        if _asked_for_numbers(report)
        else _("No patient's name, number or date of birth was asked for or kept.")
    )
    return (
        _("No image was copied or opened."),
        named,
        _("Nobody's password was tried, and nothing was written or changed."),
    )


def _asked_for_numbers(report: ExposureReport) -> bool:
    """Whether studies may have been counted one by one: only then a patient's number is asked for."""
    return report.counting and any(s.service in _DICOM and s.facts.listable for s in report.services)


def _counted(report: ExposureReport) -> tuple[Block, ...]:
    """Where the numbers come from: each kind of count has its own way, and only one of them needs a consent."""
    one_by_one = [s for s in report.services if s.service in _DICOM and s.counts]
    totals = any(s.service not in _DICOM and not _TOTALS.isdisjoint(s.counts) for s in report.services)
    files = any("files" in s.counts for s in report.services)
    lines: list[str] = []
    if one_by_one:
        lines.append(
            _(
                "Studies and series were counted because that was asked for; "
                "what identifies them became keyed hashes as it arrived, and the rest was dropped unread."
            )
        )
    if totals:
        lines.append(
            _("Totals of patients, studies, series and images are those that a web interface tells any caller.")
        )
    if files:
        lines.append(
            _("Files were counted in lists that anyone may read: none was opened for it, and no name was kept.")
        )
    return (Items(_("Where the numbers come from"), tuple(lines)),) if lines else ()


def _not_checked(report: ExposureReport) -> tuple[Block, ...]:
    unchecked = report.unchecked
    if not unchecked:
        tried = _("Every target was tried.") if report.survey else _("Every target was checked to the end.")
        return Heading(_("What could not be checked")), Paragraph(tried)
    reasons = Counter(entry.reason for entry in unchecked).most_common()
    rows = tuple(
        (wording.reason_word(reason), wording.number(n), _examples(unchecked, reason))
        for reason, n in reasons[:_REASON_ROWS]
    )
    return (
        Table(_("What could not be checked"), (_("Reason"), _("Targets"), _("For example")), rows, widths=(46, 12, 42)),
        Paragraph(_("A target that could not be checked is not safe: nothing is known about it.")),
    )


def _examples(unchecked: Sequence[Unchecked], reason: str) -> str:
    found: dict[str, None] = {}
    for entry in unchecked:
        if entry.reason == reason:
            found[wording.endpoint(entry.target.address, entry.target.port)] = None
            if len(found) == _EXAMPLES:
                break
    return ", ".join(found)
