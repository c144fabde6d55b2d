"""Services that may be decoys (honeypots), in the reader's language: how many there are with and without them, and why.

They are counted, listed and graded like all others: a suspicion hides no exposure.
"""

from typing import Final

from lightproof.documents import wording
from lightproof.documents.model import Block, Paragraph, Table
from lightproof.evidence.records import ExposureReport, Honeypot, Service
from lightproof.locale import gettext as _
from lightproof.locale import language, ngettext

_NAMED: Final = 3
_ROWS: Final = 20


def likely_decoys(report: ExposureReport) -> tuple[Service, ...]:
    """The services that may be decoys, the likeliest first."""
    found = (service for service in report.services if service.honeypot is not None and service.honeypot.likely)
    return tuple(sorted(found, key=lambda service: -_honeypot(service).score))


def counted_with_and_without(report: ExposureReport) -> tuple[Block, ...]:
    """How many imaging services answer, with and without the decoys; nothing where none is likely."""
    decoys = likely_decoys(report)
    if not decoys:
        return ()
    imaging = sum(service.honeypot is not None for service in report.services)
    counted = ngettext(
        "{n} imaging service answers; {rest} without those that may be decoys.",
        "{n} imaging services answer; {rest} without those that may be decoys.",
        imaging,
    ).format(n=wording.number(imaging), rest=wording.number(imaging - len(decoys)))
    places = ", ".join(wording.endpoint(service.address, service.port) for service in decoys[:_NAMED])
    if len(decoys) > _NAMED:
        places += ", …"
    told = ngettext(
        "{places} may be a decoy (honeypot): it counts in the letter all the same.",
        "{places} may be decoys (honeypots): they count in the letter all the same.",
        len(decoys),
    ).format(places=places)
    return (Paragraph(f"{counted} {told}"),)


def why_decoys(report: ExposureReport) -> tuple[Block, ...]:
    """Each service that may be a decoy, with its score and the signs."""
    decoys = likely_decoys(report)
    if not decoys:
        return ()
    rows = tuple(
        (
            wording.endpoint(service.address, service.port),
            service.service,
            wording.decimal(f"{_honeypot(service).score:.2f}"),
            _reasons(report, _honeypot(service)),
        )
        for service in decoys[:_ROWS]
    )
    more = len(decoys) - len(rows)
    note = ngettext(
        "{n} more service is in the JSON report.", "{n} more services are in the JSON report.", more
    ).format(n=wording.number(more))
    columns = (_("Where"), _("Service"), _("Score, 0 to 1"), _("Why"))
    return (
        Table(
            _("What may be a decoy (honeypot)"), columns, rows, left_out=note if more else "", widths=(22, 12, 12, 54)
        ),
        Paragraph(_("A score is a suspicion and no proof: it changes no grade and no letter.")),
    )


def decoy_fact(report: ExposureReport, service: Service) -> tuple[tuple[str, str], ...]:
    """The row of a finding's facts that says so; none where no decoy is likely."""
    if service.honeypot is None or not service.honeypot.likely:
        return ()
    told = _("may be a decoy (honeypot), score {score}: {reasons}").format(
        score=wording.decimal(f"{service.honeypot.score:.2f}"), reasons=_reasons(report, service.honeypot)
    )
    return ((_("Decoy"), told),)


def _reasons(report: ExposureReport, honeypot: Honeypot) -> str:
    told = (_sign(report, reason) for reason in honeypot.reasons)
    return ("; " if language() == "en" else "\u202f; ").join(told)


def _sign(report: ExposureReport, reason: str) -> str:
    texts = report.honeypot_signs.get(reason, {})
    return texts.get(language()) or texts.get("en") or reason


def _honeypot(service: Service) -> Honeypot:
    return service.honeypot or Honeypot(score=0, likely=False, reasons=())
