"""Pure: observations + rules -> the exposure report.

The order in which observations came does not matter, and one that came twice counts once: a check that was interrupted
and resumed gives the report of one that was not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from lightproof.check.canonical import evidence_of, in_order, plain
from lightproof.check.grade import LETTER_VERSION, Coverage, fixes, grade, letter
from lightproof.check.honeypots import suspicions, texts_of
from lightproof.check.rules import BREACH_DUTIES, Rulebook, RuleRow
from lightproof.check.vantage import Forward, closed_of, forward_of, vantage_of_box
from lightproof.check.vulnerabilities import Vulnerability, match
from lightproof.evidence.records import (
    BOX_SERVICES,
    Cap,
    EvidenceClass,
    ExposureReport,
    Facts,
    Finding,
    Grade,
    Observation,
    Rule,
    ScopeRecord,
    Service,
    Severity,
    Target,
    Transport,
    Unchecked,
    Vantage,
)

KNOWN_VULNERABILITY: Final = "known-vulnerability"
"""Signal of our own: the product and version of a service are in the table of vulnerabilities."""
LEADS_TO: Final = "leads_to"
"""Detail of our own on a port mapping: `exposed`, `guarded` (it demands identity), `closed` or `unknown`."""

FORWARD_UNCHECKED: Final = "forward-not-checked"
"""Reason of Unchecked: the box leads strangers there, and no check found what they meet."""

_GRAVITY: Final = {severity: rank for rank, severity in enumerate(Severity)}
_RANK: Final = {grade: rank for rank, grade in enumerate(Grade)}
_EXPOSING: Final = frozenset({Grade.LISTABLE, Grade.DOWNLOADABLE, Grade.WRITABLE})
_ANSWERING: Final = _EXPOSING | {Grade.OPEN}
_STRENGTH: Final = {kind: rank for rank, kind in enumerate(EvidenceClass)}
_PROOFS_SHOWN: Final = 3


class _Key(NamedTuple):
    address: str
    port: int
    transport: Transport
    service: str


@dataclass(slots=True)
class _Seen:
    """What was observed of one service, merged."""

    facts: Facts = field(default_factory=Facts)
    named: tuple[bool, int, str, str] = (False, 0, "", "")
    """The best name so far: has a version, length of the name, product, version."""
    protections: set[str] = field(default_factory=set[str])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    observations: list[Observation] = field(default_factory=list[Observation])

    def add(self, observation: Observation) -> None:
        self.facts = self.facts.merged(observation.facts)
        if observation.product:
            name = (observation.version is not None, len(observation.product), observation.product)
            self.named = max(self.named, (*name, observation.version or ""))
        self.protections.update(observation.protections)
        for what, n in observation.counts.items():
            self.counts[what] = max(n, self.counts.get(what, 0))
        self.observations.append(observation)

    @property
    def grade(self) -> Grade:
        return grade(self.facts)

    @property
    def product(self) -> str | None:
        return self.named[2] or None

    @property
    def version(self) -> str | None:
        return self.named[3] or None


@dataclass(slots=True)
class _Draft:
    """A finding before it has its number."""

    row: RuleRow
    key: _Key
    severity: Severity
    observed: datetime
    breach: bool
    """It proves that strangers can list, take or alter images."""
    grade: Grade
    evidence: list[str]
    evidence_class: EvidenceClass
    apart: str = ""
    """What tells it from others of the same rule on the same service."""
    also: tuple[_Key, ...] = ()
    """Other services that it holds for: one forward leads to all services of a port."""

    def gravity(self) -> tuple[object, ...]:
        return _GRAVITY[self.severity], -_RANK[self.grade], self.row.id, self.key, self.evidence


def report(
    observations: Iterable[Observation],
    unchecked: Iterable[Unchecked],
    *,
    book: Rulebook,
    lightproof: str,
    targets: int,
    started: datetime,
    finished: datetime,
    scope: ScopeRecord,
    vantage: Callable[[Target], Vantage],
    processes: Mapping[Target, str] | None = None,
    own_addresses: frozenset[str] = frozenset(),
    answered: bool = True,
    counting: bool = False,
    survey: bool = False,
) -> ExposureReport:
    """All that a run saw, graded and explained.

    `targets` counts what was tried; `answered` says whether one of them picked up or refused; `vantage` says from where
    strangers reach a target, apart from what the box's port mappings among the observations add; `processes` names the
    program behind a listening socket of this machine; a mapping to one of its `own_addresses` leads to whatever listens
    on that port, on any of them.
    """
    evidence, digest = in_order(observations)
    left = set(unchecked)
    seen: defaultdict[_Key, _Seen] = defaultdict(_Seen)
    for observation in evidence:
        t = observation.target
        seen[_Key(t.address, t.port, t.transport, observation.service)].add(observation)
    mapped = _Forwards(seen, own_addresses, vantage)
    views = {key: _view(key, mapped, vantage) for key in seen}
    drafts = _drafts(seen, views, mapped, book)
    numbered = _numbered(drafts)
    suspected = suspicions(evidence)
    services = tuple(
        Service(
            address=key.address,
            port=key.port,
            transport=key.transport,
            service=key.service,
            product=found.product,
            version=found.version,
            grade=found.grade,
            facts=found.facts,
            protections=tuple(sorted(found.protections)),
            counts=dict(sorted(found.counts.items())),
            findings=numbered.by_service.get(key, ()),
            vantage=views[key],
            process=(processes or {}).get(Target(key.address, key.port, key.transport)),
            outside_ports=mapped.outside_ports(key),
            honeypot=suspected.get(key),
        )
        for key, found in sorted(seen.items(), key=lambda item: (-_RANK[item[1].grade], item[0]))
    )
    undone = {entry.target for entry in left}
    outside = [service for service in services if not service.serves_the_inside]
    coverage = Coverage(
        nothing_checked=(not answered and not outside) or (not services and len(undone) >= targets),
        survey=survey,
        unchecked=len(undone),
        unknown_forwards=len(mapped.unknown),
    )
    verdict = letter(services, book.caps, coverage)
    texts = {cap.id: cap for cap in book.caps}
    return ExposureReport(
        lightproof=lightproof,
        letter=verdict.letter,
        letter_version=LETTER_VERSION,
        caps=tuple(
            Cap(id=i, letter=texts[i].letter, texts={"en": texts[i].texts.en, "fr": texts[i].texts.fr})
            for i in verdict.caps
        ),
        started=started,
        finished=finished,
        scope=scope,
        targets=targets,
        services=services,
        findings=numbered.findings,
        rules=_rules(drafts, seen, book),
        fixes=fixes(services, numbered.findings, book, coverage),
        unchecked=tuple(sorted({*left, *mapped.unchecked}, key=lambda u: (u.target, u.detector, u.reason))),
        observations=evidence,
        evidence_sha256=digest,
        counting=counting,
        survey=survey,
        honeypot_signs=texts_of(suspected.values()),
    )


class _Forwards:
    """The box's port mappings, and the services found behind them."""

    def __init__(
        self, seen: Mapping[_Key, _Seen], own_addresses: frozenset[str], vantage: Callable[[Target], Vantage]
    ) -> None:
        self._behind: defaultdict[Target, list[_Key]] = defaultdict(list)
        """By address, port and transport; under port 0 all ports together."""
        for key in seen:
            target = Target(key.address, key.port, key.transport)
            reached_as = {key.address}
            if key.address in own_addresses and vantage(target) is not Vantage.THIS_MACHINE:
                reached_as |= own_addresses  # a socket bound to every address was checked on one of them
            for address in reached_as:
                self._behind[replace(target, address=address)].append(key)
                self._behind[replace(target, address=address, port=0)].append(key)
        self.mappings: dict[Forward, tuple[_Key, Observation]] = {}
        """Each forward with the box that named it."""
        self._closed: set[Target] = set()
        """What refused a connection where a forward leads."""
        for box, found in seen.items():
            for observation in found.observations:
                if (forward := forward_of(observation)) is not None:
                    self.mappings.setdefault(forward, (box, observation))
                if (closed := closed_of(observation)) is not None:
                    self._closed.add(closed)
        self._outside: defaultdict[_Key, set[int]] = defaultdict(set)
        for forward in self.mappings:
            for key in self.behind(forward):
                self._outside[key].add(key.port if forward.every_port else forward.external_port)
        self.unknown = tuple(
            forward for forward in self.mappings if not self.behind(forward) and not self.is_closed(forward)
        )
        self.unchecked = tuple(
            Unchecked(
                target=forward.leads_to,
                detector=self.mappings[forward][1].detector,
                reason=FORWARD_UNCHECKED,
            )
            for forward in self.unknown
        )
        """Where they lead strangers, and nothing was checked; port 0 stands for every port."""

    def behind(self, forward: Forward) -> Sequence[_Key]:
        return self._behind.get(forward.leads_to, ())

    def is_closed(self, forward: Forward) -> bool:
        return forward.leads_to in self._closed

    def outside_ports(self, key: _Key) -> tuple[int, ...]:
        return tuple(sorted(self._outside.get(key, ())))


def _view(key: _Key, mapped: _Forwards, vantage: Callable[[Target], Vantage]) -> Vantage:
    if mapped.outside_ports(key):
        return Vantage.INTERNET
    if key.service in BOX_SERVICES:
        return vantage_of_box(key.address)
    return vantage(Target(key.address, key.port, key.transport))


def _products(seen: Mapping[_Key, _Seen]) -> Mapping[str, set[str]]:
    """Products by address: a machine's DICOM port often names only the toolkit, its web port the archive."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for key, service in seen.items():
        if service.product:
            found[key.address].add(service.product)
    return found


class _Drafts:
    """Findings in the making: one a rule and service, however many observations show it."""

    def __init__(self, seen: Mapping[_Key, _Seen]) -> None:
        self._seen = seen
        self._drafts: dict[tuple[str, _Key, str], _Draft] = {}

    def add(self, row: RuleRow, key: _Key, shown: Observation, *, view: Vantage, told: str, apart: str = "") -> _Draft:
        """`told` is the evidence; findings of one rule and service with different `apart` stay apart."""
        draft = self._drafts.get((row.id, key, apart))
        if draft is None:
            severity, reached = row.severity_from(view), self._seen[key].grade
            draft = _Draft(
                row,
                key,
                severity,
                shown.at,
                breach=False,
                grade=reached,
                evidence=[],
                evidence_class=_class(row, shown),
                apart=apart,
            )
            self._drafts[(row.id, key, apart)] = draft
        draft.observed = min(draft.observed, shown.at)
        draft.evidence_class = min(draft.evidence_class, _class(row, shown), key=_STRENGTH.__getitem__)
        draft.breach = draft.breach or (view is not Vantage.THIS_MACHINE and grade(shown.facts) in _EXPOSING)
        if told not in draft.evidence and len(draft.evidence) < _PROOFS_SHOWN:
            draft.evidence.append(told)
        return draft

    def all(self) -> tuple[_Draft, ...]:
        return tuple(self._drafts.values())


def _class(row: RuleRow, shown: Observation) -> EvidenceClass:
    """The kind of evidence that an observation is for a rule: what was only presumed proves nothing."""
    return EvidenceClass.PRESUMED if shown.details.get("presumed") is True else row.evidence


def _drafts(
    seen: Mapping[_Key, _Seen], views: Mapping[_Key, Vantage], mapped: _Forwards, book: Rulebook
) -> tuple[_Draft, ...]:
    drafts = _Drafts(seen)
    for key, found in seen.items():
        view = views[key]
        for observation in found.observations:
            for row in book.by_signal.get(observation.signal, ()):
                if row.holds(observation, view):
                    drafts.add(row, key, observation, view=view, told=evidence_of(observation))
        if found.product and (known := match(found.product, found.version)):
            told = _possible(found.product, found.version, known)
            named = replace(found.observations[0], facts=Facts())  # a version proves no exposure
            for row in book.by_signal.get(KNOWN_VULNERABILITY, ()):
                drafts.add(row, key, named, view=view, told=told).severity = known[0].severity
    for forward, (box, observation) in mapped.mappings.items():
        led_to = mapped.behind(forward)
        behind = max(led_to, key=lambda k: (_RANK[seen[k].grade], k), default=None)
        facts = Facts() if behind is None else seen[behind].facts
        if behind is not None:
            leads_to = "exposed" if seen[behind].grade in _ANSWERING else "guarded"
        else:
            leads_to = "closed" if mapped.is_closed(forward) else "unknown"
        compared = replace(observation, facts=facts, details={LEADS_TO: leads_to})
        told = f"{evidence_of(replace(observation, details={}))}; {forward}"
        for row in book.by_signal.get(observation.signal, ()):
            if LEADS_TO in row.details and row.holds(compared, Vantage.INTERNET):
                draft = drafts.add(row, behind or box, compared, view=Vantage.INTERNET, told=told, apart=str(forward))
                draft.also = tuple(key for key in led_to if key != behind)
    return drafts.all()


def _possible(product: str, version: str | None, known: Sequence[Vulnerability]) -> str:
    """All of them, gravest first: whoever asks the maker about them has no other list."""
    return plain(f"{' '.join(filter(None, (product, version)))}: {', '.join(v.id for v in known)}")


@dataclass(frozen=True, slots=True)
class _Numbered:
    findings: tuple[Finding, ...]
    by_service: Mapping[_Key, tuple[str, ...]]


def _numbered(drafts: Sequence[_Draft]) -> _Numbered:
    findings: list[Finding] = []
    by_service: defaultdict[_Key, list[str]] = defaultdict(list)
    for number, draft in enumerate(sorted(drafts, key=_Draft.gravity), start=1):
        finding_id = f"F-{number:04d}"
        for key in (draft.key, *draft.also):
            by_service[key].append(finding_id)
        findings.append(
            Finding(
                id=finding_id,
                rule=draft.row.id,
                severity=draft.severity,
                duties=(*draft.row.duties, *(BREACH_DUTIES if draft.breach else ())),
                address=draft.key.address,
                port=draft.key.port,
                transport=draft.key.transport,
                service=draft.key.service,
                evidence="; ".join(draft.evidence),
                observed=draft.observed,
                evidence_class=draft.evidence_class,
                about=draft.apart,
            )
        )
    return _Numbered(tuple(findings), {key: tuple(ids) for key, ids in by_service.items()})


def _rules(drafts: Iterable[_Draft], services: Mapping[_Key, _Seen], book: Rulebook) -> Mapping[str, Rule]:
    """The rules that hold, their remedies told for the products they hold for, and for the internet box."""
    products = _products(services)
    seen: defaultdict[str, set[str]] = defaultdict(set)
    boxes = {name for key, found in services.items() if key.service in BOX_SERVICES and (name := found.product)}
    for draft in drafts:
        seen[draft.row.id] |= products.get(draft.key.address, set()) | boxes
    return {rule_id: book.rule(rule_id, sorted(seen[rule_id])) for rule_id in sorted(seen)}
