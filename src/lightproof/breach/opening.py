"""Pure: what a finding, an alert or a person's report makes known of a breach at the moment it is opened.

Rules of this file:
- a fact comes from what was measured, with its evidence, or from the kind of event itself (a server that publishes by
  mistake is an unintended publication); nothing is invented for what nobody knows;
- services reached through several protocols hold the same archive: numbers are never added up over them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, cast

from lightproof.breach.facts import (
    BreachFacts,
    Cause,
    Certainty,
    DataCategory,
    Identifiability,
    Intelligibility,
    Measure,
    Medium,
    Origin,
    PersonKind,
    Range,
    Recipient,
    SensitiveCategory,
)
from lightproof.documents import wording
from lightproof.documents.rules import action_of, title_of
from lightproof.errors import UsageRefused
from lightproof.evidence.records import ExposureReport, Finding, Grade, Service, Vantage
from lightproof.evidence.runs import Run, period
from lightproof.locale import LANGUAGES, speaking
from lightproof.locale import gettext as _

_IMAGING: Final = frozenset(
    {
        "dicom", "dicom-tls", "dicomweb", "orthanc", "dcm4chee", "web", "http-listing",
        "ftp", "smb", "nfs", "rsync", "webdav", "s3", "hl7-mllp",
    }
)  # fmt: skip
"""Services that hold patients' data; the box only leads to them."""
_ACTIONS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An exposure as a run of the ledger holds it."""

    run: Run
    report: ExposureReport
    runs: tuple[Run, ...]
    """Every run of the ledger, in order: when the exposure was first seen, and whether it still is."""


def exposed_services(report: ExposureReport, findings: Sequence[str]) -> tuple[Service, ...]:
    """The services with patients' data that these findings are about; without findings, every exposed one.

    Raises UsageRefused for a finding that the report does not have, or when nothing exposed holds patients' data.
    """
    known = {finding.id for finding in report.findings}
    for wanted in findings:
        if wanted not in known:
            raise UsageRefused(
                "finding-unknown",
                _("The last check has no finding “{finding}”.").format(finding=wanted[:20]),
                _("Run “lightproof check” and take the number of a finding from its report, as F-0001."),
            )
    chosen = tuple(
        service
        for service in report.services
        if service.service in _IMAGING
        and service.grade >= Grade.OPEN
        and (not findings or set(findings) & set(service.findings))
    )
    if not chosen:
        raise UsageRefused(
            "finding-exposes-nothing",
            _("Nothing that holds patients' data is open to strangers in what was named."),
            _("Open the breach from a finding about an exposed service, or from a report: --report."),
        )
    return chosen


def facts_of_exposure(measured: Measured, findings: Sequence[str], *, aware_by: str) -> BreachFacts:
    """Everything that a check makes known of a breach.

    Awareness is the end of the run: a server that answers strangers and holds patients' data leaves no reasonable
    doubt (Guidelines 9/2022, paragraph 31). A person may set it otherwise, with a reason, on the record.
    """
    report = measured.report
    services = exposed_services(report, findings)
    about = _findings_of(report, services)
    seen = [period(measured.runs, (s.address, s.port, s.transport)) for s in services]
    firsts = [first for first, _end in seen if first is not None]
    ends = [end for _first, end in seen]
    ended = max((end for end in ends if end is not None), default=None) if all(ends) else None
    entry = f"entry {measured.run.entry}"
    digest = f"sha256:{measured.run.report_sha256}"
    readable = any(service.grade >= Grade.LISTABLE for service in services)
    altered = any(service.facts.writable for service in services)
    shown = (entry, digest)
    counted = _best_counts(services)
    return BreachFacts(
        title=_title(services),
        description=_description(services, report, first=min(firsts, default=None)),
        confidentiality=Certainty.PRESUMED,
        integrity=Certainty.PRESUMED if altered else None,
        data=(DataCategory.CIVIL_STATUS,),
        sensitive=(SensitiveCategory.HEALTH,),
        identifiability=Identifiability.NAME_AND_BIRTH_DATE if readable else None,
        intelligibility=Intelligibility(),
        records=_records(counted),
        persons=_persons(counted),
        person_kinds=(PersonKind.PATIENTS,),
        media=(Medium.SERVER,),
        systems=tuple(_system(service) for service in services)[:20],
        origin=(Origin.UNINTENDED_PUBLICATION,),
        cause=(Cause.INTERNAL_ACCIDENTAL,),
        malicious=False,
        recipients=(Recipient.PUBLIC if _from_internet(services) else Recipient.UNKNOWN,),
        started_at=min(firsts, default=report.started),
        ended_at=ended,
        ongoing=ended is None,
        aware_at=report.finished,
        aware_basis=_("The check of {when} (ledger entry {entry}) proved it.").format(
            when=wording.instant(report.finished), entry=measured.run.entry
        ),
        aware_by=aware_by,
        discovery=_(
            "Found by a security check that the organisation ran itself (lightproof {version}, {when}). "
            "No patient's data were taken."
        ).format(version=report.lightproof, when=wording.instant(report.finished)),
        prior_measures=tuple(sorted({protection for service in services for protection in service.protections})),
        missing_measures=_missing(report, about),
        measures=_measures(report, about, ended),
        evidence={
            name: shown
            for name, known in (
                ("started_at", firsts),
                ("ended_at", ended),
                ("ongoing", True),
                ("records", _records(counted)),
                ("persons", _persons(counted)),
                ("identifiability", readable),
                ("recipients", True),
                ("systems", True),
                ("description", True),
                ("aware_at", True),
                ("confidentiality", True),
                ("integrity", altered),
            )
            if known
        },
    )


def from_the_same(source: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two breaches were opened from the same exposure, or the same alert; what persons report never is.

    Sources are as entries hold them. Another check of the same places shows the same exposure.
    """
    places, others = (
        {tuple(place) for place in cast("Sequence[Sequence[object]]", one.get("places") or ())}
        for one in (source, other)
    )
    if places and others:
        return bool(places & others)
    return source["kind"] != "report" and all(source.get(key) == other.get(key) for key in ("kind", "entry"))


def access_closed() -> str:
    """What was done when a check finds the doors closed."""
    return _("Access closed: a later check found it no longer open to strangers.")


def closed_since(facts: BreachFacts, runs: Sequence[Run], places: Iterable[tuple[str, int, str]]) -> datetime | None:
    """When a later run found every one of these places closed; None while one is open, or was not looked at again."""
    if facts.ended_at is not None:
        return facts.ended_at
    ends = [period(runs, place)[1] for place in places]
    return max(end for end in ends if end) if ends and all(ends) else None


def _findings_of(report: ExposureReport, services: Sequence[Service]) -> tuple[Finding, ...]:
    wanted = {number for service in services for number in service.findings}
    return tuple(finding for finding in report.findings if finding.id in wanted)


def _best_counts(services: Sequence[Service]) -> Mapping[str, int]:
    """The counts of the service that tells most: they may all lead to one archive."""
    return max((service.counts for service in services), key=lambda counts: sum(counts.values()))


def _records(counts: Mapping[str, int]) -> Range | None:
    methods = {
        "series": _("series counted by the server's own answers to a search"),
        "studies": _("studies counted by the server's own answers to a search"),
        "files": _("files counted in an open folder, at least"),
    }
    for name, method in methods.items():
        if number := counts.get(name):
            return Range(
                at_least=number, at_most=None if name == "files" else number, estimated=name == "files", method=method
            )
    return None


def _persons(counts: Mapping[str, int]) -> Range | None:
    if patients := counts.get("patients"):
        method = _("distinct patient numbers, hashed with a key that was forgotten, in the answers to a search")
        return Range(at_least=patients, at_most=patients, estimated=False, method=method)
    if studies := counts.get("studies"):
        return Range(at_least=1, at_most=studies, method=_("each patient has at least one of the studies counted"))
    return None


def _from_internet(services: Sequence[Service]) -> bool:
    return any(service.vantage is Vantage.INTERNET for service in services)


def _title(services: Sequence[Service]) -> str:
    first = max(services, key=lambda service: service.grade)
    return _titled(internet=_from_internet(services), service=first.service, port=str(first.port))


def _titled(*, internet: bool, service: str, port: str) -> str:
    where = _("from the Internet") if internet else _("from the local network")
    return _("Medical images within reach of strangers {where} ({service}, port {port})").format(
        where=where, service=service, port=port
    )


def title_here(title: str) -> str:
    """A title that a breach was opened with, in the current language; one that a person wrote, as it is.

    A list reads titles alone, and of thousands of breaches: what a title was drawn from is read out of it.
    """
    for shape, internet in _title_shapes():
        if found := shape.fullmatch(title):
            return _titled(internet=internet, service=found["service"], port=found["port"])
    return title


@cache
def _title_shapes() -> tuple[tuple[re.Pattern[str], bool], ...]:
    shapes: list[tuple[re.Pattern[str], bool]] = []
    for drawn_in in LANGUAGES:
        with speaking(drawn_in):
            for internet in (True, False):
                before, between, after = _titled(internet=internet, service="{}", port="{}").split("{}")
                shape = (
                    rf"{re.escape(before)}(?P<service>[a-z0-9-]+){re.escape(between)}(?P<port>\d+){re.escape(after)}"
                )
                shapes.append((re.compile(shape), internet))
    return tuple(shapes)


def _description(services: Sequence[Service], report: ExposureReport, *, first: datetime | None) -> str:
    told = [
        _(
            "A server of the organisation that holds medical images answered anyone who asked, without demanding an "
            "identity. The images carry patients' names, birth dates and examination dates."
        )
    ]
    told += [_line(service) for service in services]
    told.append(
        _("First shown by a check on {when}; it may have been so before.").format(
            when=wording.instant(first or report.started)
        )
    )
    return "\n".join(told)


def _line(service: Service) -> str:
    proved = {
        Grade.OPEN: _("it opened a session to strangers"),
        Grade.LISTABLE: _("strangers could list what it holds"),
        Grade.DOWNLOADABLE: _("strangers could list and copy what it holds"),
        Grade.WRITABLE: _("strangers could change or add to what it holds"),
    }
    line = _("{system}: {proved}").format(system=_system(service), proved=proved[service.grade])
    if service.outside_ports:
        ports = ", ".join(str(port) for port in service.outside_ports)
        line += _(", through port {ports} of the internet box").format(ports=ports)
    return line + "."


def _system(service: Service) -> str:
    named = " ".join(part for part in (service.product, service.version) if part)
    at = f"{service.service} {service.address}:{service.port}/{service.transport}"
    return f"{named} ({at})" if named else at


def _measures(report: ExposureReport, about: Sequence[Finding], ended: datetime | None) -> tuple[Measure, ...]:
    """Done: what a later check found closed. To do: the remedies of the findings, in the report's order."""
    if ended is not None:
        return (Measure(what=access_closed(), at=ended),)
    rules = {finding.rule for finding in about}
    actions = dict.fromkeys(action_of(report, fix.rule) for fix in report.fixes if fix.rule in rules)
    return tuple(Measure(what=action, planned=True) for action in list(actions)[:_ACTIONS])


def _missing(report: ExposureReport, about: Sequence[Finding]) -> tuple[str, ...]:
    """Titles of the rules that were broken, gravest first."""
    return tuple(dict.fromkeys(title_of(report, finding.rule) for finding in about))
