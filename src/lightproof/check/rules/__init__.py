"""What observations mean, as data: one TOML file a service, in French and English, loaded and cross-checked here.

A rule (`[[rule]]`) holds for a service when one of its signals was observed and its conditions fit. How a remedy is
done in a given product (`[[how]]`) is written once and shared by rules through a topic. `letter.toml` states the caps
of the letter (`[[cap]]`), `sources.toml` what was read and when (`[[source]]`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, StringConstraints, model_validator

from lightproof.check import tables
from lightproof.evidence.records import EvidenceClass, Grade, Observation, Rule, RuleText, Severity, Vantage

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
Duty = Literal[
    "gdpr-5-1-f",  # integrity and confidentiality
    "gdpr-25-2",  # not accessible by default to an indefinite number of persons
    "gdpr-32-1-a",  # encryption, in transit or at rest
    "gdpr-32-1-b",  # lasting confidentiality, integrity, availability, resilience
    "gdpr-32-1-d",  # regular testing: known holes are closed
    "gdpr-32-2",  # the risk of disclosure, access, alteration, loss
]
BREACH_DUTIES: Final = ("gdpr-33-candidate", "gdpr-35-input")
"""What a finding touches besides, once it proves that strangers can list, take or alter images."""
Effect = Literal[
    "reachable", "open", "listable", "downloadable", "writable", "clear-text", "internet", "forward", "any-machine"
]
"""What doing a remedy ends: a fact about the service, its clear text, its want of client
certificates, its way in from the Internet, a forward to the unknown."""
Fact = Literal["reachable", "open", "listable", "downloadable", "writable"]
LetterName = Literal["B", "C", "D", "E", "F"]
State = Literal["nothing-checked", "survey", "unchecked", "unknown-forward"]

HOW: Final = "{how}"
"""The step of a remedy in whose place the steps for the product stand."""
ANY_PRODUCT: Final = "*"


class Source(tables.Sourced):
    """Something that was read, and when: `source` in English."""

    id: Word
    fr: str = Field(min_length=3)
    """The same in French."""


class Texts(tables.Row):
    """A rule in one language."""

    title: Text
    why: Text
    action: Text
    remedy: tuple[Text, ...] = Field(min_length=1)


class InBoth(tables.Row):
    """Both languages, always."""

    en: Texts
    fr: Texts


class RuleRow(tables.Row):
    """One rule as the file has it. `when` is any of; every condition given besides must fit too."""

    id: Word
    when: tuple[Word, ...] = Field(min_length=1)
    services: tuple[Word, ...] = ()
    vantages: tuple[Vantage, ...] = ()
    details: dict[str, str | int | bool] = Field(default_factory=dict[str, str | int | bool])
    lacks: tuple[Word, ...] = ()
    """Protections that the observation lacks, all of them."""
    proves: tuple[Fact, ...] = ()
    """Facts that the observation proves, all of them."""
    leaves_open: tuple[Fact, ...] = ()
    """Facts that the observation does not prove, none of them."""
    severity: Severity
    severity_at: dict[Vantage, Severity] = Field(default_factory=dict[Vantage, Severity])
    """Where the gravity depends on who can reach the service."""
    evidence: EvidenceClass = EvidenceClass.PROVED
    """What kind of evidence its signals are for what the rule says."""
    duties: tuple[Duty, ...] = Field(min_length=1)
    ends: tuple[Effect, ...] = ()
    """What the remedy ends; nothing for a remedy that changes no fact that was measured."""
    how: tuple[Word, ...] = ()
    """Topics of `[[how]]`."""
    who: Literal["practice", "it-provider", "manufacturer"]
    minutes: int = Field(gt=0, le=2880)
    references: tuple[Word, ...] = Field(min_length=1)
    texts: InBoth

    @model_validator(mode="after")
    def _remedy_has_its_place(self) -> "RuleRow":
        for language in ("en", "fr"):
            text: Texts = getattr(self.texts, language)
            if text.remedy.count(HOW) != bool(self.how):
                raise ValueError(f"texts.{language}.remedy: {HOW} belongs there once when how is given, else never")
        if len(self.texts.en.remedy) != len(self.texts.fr.remedy):
            raise ValueError("texts: remedies of different length")
        return self

    def holds(self, observation: Observation, vantage: Vantage) -> bool:
        """Whether the conditions besides the signal fit."""
        return (
            (not self.services or observation.service in self.services)
            and (not self.vantages or vantage in self.vantages)
            and not any(protection in observation.protections for protection in self.lacks)
            and all(getattr(observation.facts, fact) is True for fact in self.proves)
            and not any(getattr(observation.facts, fact) is True for fact in self.leaves_open)
            and all(observation.details.get(name) == value for name, value in self.details.items())
        )

    def severity_from(self, vantage: Vantage) -> Severity:
        """The gravity for a service that strangers reach from there."""
        return self.severity_at.get(vantage, self.severity)


class HowTexts(tables.Row):
    """Steps in both languages."""

    en: tuple[Text, ...] = Field(min_length=1)
    fr: tuple[Text, ...] = Field(min_length=1)


class HowRow(tables.Row):
    """How a topic's measure is taken in some products; `*` is any that has no row of its own."""

    topic: Word
    products: tuple[Text, ...] | tuple[Literal["*"]] = Field(min_length=1)
    references: tuple[Word, ...] = Field(min_length=1)
    texts: HowTexts

    @model_validator(mode="after")
    def _as_many_steps(self) -> "HowRow":
        if len(self.texts.en) != len(self.texts.fr):
            raise ValueError("texts: steps of different number")
        return self

    def fits(self, products: Iterable[str]) -> bool:
        """Whether one of the products is of this row: the row's name is found in the product's, as a word."""
        return any(
            re.search(rf"\b{re.escape(name)}\b", product, re.IGNORECASE)
            for product in products
            for name in self.products
            if name != ANY_PRODUCT
        )


class CapTexts(tables.Row):
    """A cap in one sentence."""

    en: Text
    fr: Text


class CapRow(tables.Row):
    """Why the letter cannot be better: a service of these grades, reached from there; or a state of the run."""

    id: Word
    letter: LetterName
    state: State | None = None
    vantage: Vantage | None = None
    grades: tuple[Grade, ...] = ()
    has: tuple[Word, ...] = ()
    """Protections that the service has, all of them."""
    lacks: tuple[Word, ...] = ()
    """Protections that the service lacks, all of them."""
    except_services: tuple[Word, ...] = ()
    texts: CapTexts

    @model_validator(mode="after")
    def _is_one_kind(self) -> "CapRow":
        if (self.state is None) == (self.vantage is None or not self.grades):
            raise ValueError("either state, or vantage and grades")
        return self


@dataclass(frozen=True)
class Rulebook:
    """Every rule, how-to and cap, cross-checked."""

    rules: Mapping[str, RuleRow]
    how: tuple[HowRow, ...]
    caps: tuple[CapRow, ...]
    sources: Mapping[str, Source]

    @cached_property
    def by_signal(self) -> Mapping[str, tuple[RuleRow, ...]]:
        """The rules that a signal may make hold."""
        found: defaultdict[str, list[RuleRow]] = defaultdict(list)
        for row in self.rules.values():
            for signal in row.when:
                found[signal].append(row)
        return {signal: tuple(rows) for signal, rows in found.items()}

    def rule(self, rule_id: str, products: Iterable[str] = ()) -> Rule:
        """One rule for its readers, its remedy told for these products, or for every product when none has its own."""
        row = self.rules[rule_id]
        seen = tuple(products)
        how = tuple(found for topic in row.how for found in self._how(topic, seen))
        keys = dict.fromkeys((*row.references, *(key for found in how for key in found.references)))
        sources = tuple(self.sources[key] for key in keys)
        english = tuple(f"{source.source} ({source.date})" for source in sources)
        french = tuple(f"{source.fr} ({source.date})" for source in sources)
        texts = {
            "en": _told(row.texts.en, tuple(step for found in how for step in found.texts.en), english),
            "fr": _told(row.texts.fr, tuple(step for found in how for step in found.texts.fr), french),
        }
        return Rule(
            id=row.id,
            severity=row.severity,
            duties=row.duties,
            texts=texts,
            references=english,
            who=row.who,
            minutes=row.minutes,
        )

    def _how(self, topic: str, products: tuple[str, ...]) -> tuple[HowRow, ...]:
        rows = tuple(row for row in self.how if row.topic == topic)
        return tuple(row for row in rows if row.fits(products)) or rows


def rulebook() -> Rulebook:
    """The rules that ship with the package."""
    return _shipped()


@cache
def _shipped() -> Rulebook:
    return load(files(__name__))


def load(folder: Traversable) -> Rulebook:
    """Every TOML file of a folder as one rulebook. Raises LightproofError naming file and row of what does not fit."""
    rules: dict[str, RuleRow] = {}
    caps: dict[str, CapRow] = {}
    sources: dict[str, Source] = {}
    how: list[HowRow] = []
    citing: list[tuple[str, str, str, tuple[str, ...]]] = []
    asking: list[tuple[str, RuleRow]] = []
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name):
        content = tables.read(file)
        if unknown := content.keys() - {"rule", "how", "cap", "source"}:
            raise tables.refused_row(file.name, min(unknown), "-", "no such table")
        _add(sources, tables.rows(file, content, "source", Source), file.name, "source")
        _add(caps, tables.rows(file, content, "cap", CapRow), file.name, "cap")
        found = tables.rows(file, content, "rule", RuleRow)
        _add(rules, found, file.name, "rule")
        citing += [(file.name, "rule", row.id, row.references) for row in found]
        asking += [(file.name, row) for row in found if row.how]
        shared = tables.rows(file, content, "how", HowRow)
        how += shared
        citing += [(file.name, "how", row.topic, row.references) for row in shared]
    for name, key, row_id, references in citing:
        if missing := next((reference for reference in references if reference not in sources), None):
            raise tables.refused_row(name, key, row_id, f"references: no source {missing}")
    topics = {row.topic for row in how}
    for name, row in asking:
        if missing := next((topic for topic in row.how if topic not in topics), None):
            raise tables.refused_row(name, "rule", row.id, f"how: no topic {missing}")
    return Rulebook(rules=rules, how=tuple(how), caps=tuple(caps.values()), sources=sources)


_Named = TypeVar("_Named", RuleRow, CapRow, Source)


def _add(known: dict[str, _Named], found: tuple[_Named, ...], file: str, key: str) -> None:
    for row in found:
        if row.id in known:
            raise tables.refused_row(file, key, row.id, "id: used twice")
        known[row.id] = row


def _told(text: Texts, steps: tuple[str, ...], references: tuple[str, ...]) -> RuleText:
    remedy = tuple(told for step in text.remedy for told in (steps if step == HOW else (step,)))
    return RuleText(title=text.title, why=text.why, remedy=remedy, action=text.action, references=references)
