"""Pure: facts of a service -> its grade; graded services -> the letter of the report, and what each fix would bring.

The rules of the letter, version 1 (their texts and letters are rows of rules/letter.toml):

- The letter is the worst that any cap allows; without a cap it is an A.
- A service caps it by its grade, by who can reach it, and by what protects it; nothing else counts. A possible
  vulnerability is a finding and not a cap: versions are hints, since distributions repair without renumbering.
- What could not be checked never raises the letter: one unchecked target caps it, and a run that checked nothing cannot
  be graded better than "to be strengthened". So does a forward of the box to a machine nobody looked at.
- A target that stayed silent was not checked: only a refusal closes a port.
- So it is with a survey: it asks nothing of who answers, so that nothing is established.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lightproof.check.rules import CapRow, Rulebook
from lightproof.evidence.records import Facts, Finding, Fix, Grade, Service, Severity, Vantage

LETTER_VERSION: Final = "1"

_GRAVEST_FACTS_FIRST: Final = (
    ("writable", Grade.WRITABLE),
    ("downloadable", Grade.DOWNLOADABLE),
    ("listable", Grade.LISTABLE),
    ("open", Grade.OPEN),
    ("reachable", Grade.REACHABLE),
)
_WORST_FIRST: Final = "FEDCBA"
_GRAVEST_FIRST: Final = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much was looked at."""

    nothing_checked: bool = False
    """Every target that was tried stayed unchecked, or silent; or none was tried."""
    survey: bool = False
    """Only who answers was looked for."""
    unchecked: int = 0
    """Targets that could not be checked, or not to the end."""
    unknown_forwards: int = 0
    """Ports of the box that lead to something nobody checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The letter, and the ids of the caps that hold it down, gravest first."""

    letter: str
    caps: tuple[str, ...]


def grade(facts: Facts) -> Grade:
    """The gravest fact proved about one service; closed when nothing is proved."""
    for name, proved in _GRAVEST_FACTS_FIRST:
        if getattr(facts, name) is True:
            return proved
    return Grade.CLOSED


def letter(services: Iterable[Service], caps: Sequence[CapRow], coverage: Coverage) -> Letter:
    """The letter of a report: the worst that a cap allows."""
    return _judged(Counter(_Kind.of(service, frozenset()) for service in services), caps, coverage)


def fixes(
    services: Sequence[Service], findings: Sequence[Finding], book: Rulebook, coverage: Coverage
) -> tuple[Fix, ...]:
    """What to do first: each step one rule's remedy, with the letter that it and the steps before bring.

    Greedy: every step takes the remedy that leaves the least exposure. Ends when no remedy lessens it any more.
    """
    held: dict[str, list[str]] = {}
    rule_of: dict[str, str] = {}
    severity_of: dict[str, int] = {}
    for finding in findings:
        held.setdefault(finding.rule, []).append(finding.id)
        rule_of[finding.id] = finding.rule
        gravity = _GRAVEST_FIRST.index(finding.severity)
        severity_of[finding.rule] = min(gravity, severity_of.get(finding.rule, gravity))
    kinds = Counter(_Kind.of(s, frozenset(rule_of[i] for i in s.findings if i in rule_of)) for s in services)
    waiting = sorted((r for r in held if book.rules[r].ends), key=lambda r: (severity_of[r], r))
    steps: list[Fix] = []
    exposure = _exposure(kinds, book.caps, coverage)
    while waiting:
        done = {rule: _without(kinds, coverage, rule, len(held[rule]), book) for rule in waiting}
        left = {rule: _exposure(after, book.caps, covered) for rule, (after, covered) in done.items()}
        best = min(waiting, key=lambda rule: left[rule])
        if left[best] >= exposure:
            break
        kinds, coverage = done[best]
        exposure = left[best]
        waiting.remove(best)
        reached = _judged(kinds, book.caps, coverage).letter
        steps.append(Fix(rule=best, findings=tuple(held[best]), letter_after=reached))
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class _Kind:
    """All that the letter depends on in a service: a hundred thousand services are a handful of kinds."""

    service: str
    vantage: Vantage
    facts: Facts
    protections: frozenset[str]
    rules: frozenset[str]
    """Rules that hold for it."""

    @staticmethod
    def of(service: Service, rules: frozenset[str]) -> "_Kind":
        return _Kind(service.service, service.vantage, service.facts, frozenset(service.protections), rules)

    def caps(self, cap: CapRow) -> bool:
        return (
            cap.vantage is self.vantage
            and grade(self.facts) in cap.grades
            and self.service not in cap.except_services
            and self.protections.issuperset(cap.has)
            and self.protections.isdisjoint(cap.lacks)
        )

    def without(self, effects: Iterable[str]) -> "_Kind":
        """The same service once a remedy has ended these."""
        facts, protections, vantage = self.facts, self.protections, self.vantage
        for effect in effects:
            match effect:
                case "reachable":
                    facts = Facts(reachable=False, open=False, listable=False, downloadable=False, writable=False)
                case "clear-text":
                    protections |= {"tls"}
                case "any-machine":
                    protections |= {"tls", "mutual-tls"}
                case "internet" if vantage is Vantage.INTERNET:
                    vantage = Vantage.LOCAL_NETWORK
                case "open" | "listable" | "downloadable" | "writable":
                    facts = replace(facts, **{effect: False})
                case _:
                    pass
        return replace(self, facts=facts, protections=protections, vantage=vantage)


def _judged(kinds: Mapping[_Kind, int], caps: Sequence[CapRow], coverage: Coverage) -> Letter:
    holding = [cap for cap in caps if _in_state(cap, coverage) or any(kind.caps(cap) for kind in kinds)]
    holding.sort(key=lambda cap: _WORST_FIRST.index(cap.letter))
    return Letter(letter=holding[0].letter if holding else "A", caps=tuple(cap.id for cap in holding))


def _in_state(cap: CapRow, coverage: Coverage) -> bool:
    match cap.state:
        case "nothing-checked":
            return coverage.nothing_checked
        case "survey":
            return coverage.survey
        case "unchecked":
            return coverage.unchecked > 0
        case "unknown-forward":
            return coverage.unknown_forwards > 0
        case None:
            return False


def _without(
    kinds: Mapping[_Kind, int], coverage: Coverage, rule: str, findings: int, book: Rulebook
) -> tuple[Counter[_Kind], Coverage]:
    """The world once one rule's remedy is done wherever it holds."""
    ends = book.rules[rule].ends
    after: Counter[_Kind] = Counter()
    for kind, n in kinds.items():
        after[kind.without(ends) if rule in kind.rules else kind] += n
    if "forward" in ends:
        coverage = replace(coverage, unknown_forwards=max(0, coverage.unknown_forwards - findings))
    return after, coverage


def _exposure(kinds: Mapping[_Kind, int], caps: Sequence[CapRow], coverage: Coverage) -> tuple[int, ...]:
    """How much is exposed, comparable: the letter first, then services at each letter, then facts that still hold."""
    at = Counter[str]()
    facts = outside = 0
    for kind, n in kinds.items():
        held = [cap.letter for cap in caps if kind.caps(cap)]
        if held:
            at[min(held, key=_WORST_FIRST.index)] += n
        facts += n * sum(getattr(kind.facts, name) is True for name, _ in _GRAVEST_FACTS_FIRST)
        outside += n * (kind.vantage is Vantage.INTERNET)
    reached = _judged(kinds, caps, coverage).letter
    worst = len(_WORST_FIRST) - _WORST_FIRST.index(reached)
    return (worst, *(at[name] for name in _WORST_FIRST[:-1]), coverage.unknown_forwards, facts, outside)
