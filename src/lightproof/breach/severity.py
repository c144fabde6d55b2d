"""The severity of a breach by ENISA's method of December 2013: SE = DPC x EI + CB. Pure, in quarters, never in floats.

Rules of this file:
- the score informs; the legal test (`triage`) decides;
- every element says which fact gave it and why; a step that does not fit into 1..4 is kept as an aggravation;
- a fact that nobody established counts as the graver of its values: silence lowers nothing;
- what describes the breach (which data, who has them, how many) counts as stated; what excuses it (protection, logs,
  repair, a step downwards) counts once evidence is named for it.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from lightproof.breach.facts import (
    Access,
    AvailabilityEffect,
    BreachFacts,
    DataCategory,
    Identifiability,
    IntegrityEffect,
    KeyState,
    Origin,
    Protection,
    Recipient,
)
from lightproof.locale import gettext as _

MANY: Final = 100
"""Persons from which the method wants a mark."""
_QUARTER: Final = Fraction(1, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One term of the score."""

    name: str
    """`dpc`, `ei`, `confidentiality`, `integrity`, `availability`, `malicious`."""
    value: Fraction
    fact: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """The score, its level, and where it comes from."""

    elements: tuple[Element, ...]
    flags: tuple[str, ...]
    aggravations: tuple[str, ...]

    @property
    def score(self) -> Fraction:
        """SE = DPC x EI + CB."""
        terms = {element.name: element.value for element in self.elements}
        circumstances = ("confidentiality", "integrity", "availability", "malicious")
        return terms["dpc"] * terms["ei"] + sum((terms[name] for name in circumstances), Fraction(0))

    @property
    def level(self) -> str:
        """`low` below 2, `medium` below 3, `high` below 4, `very high` from 4."""
        bounds = ((4, "very high"), (3, "high"), (2, "medium"))
        return next((name for bound, name in bounds if self.score >= bound), "low")


def severity(facts: BreachFacts) -> Severity:
    """The score of these facts, every step explained in the current language."""
    dpc, aggravations = _data(facts)
    elements = (
        dpc,
        _identification(facts),
        _confidentiality(facts),
        _integrity(facts),
        _availability(facts),
        _intent(facts),
    )
    flags: list[str] = []
    if facts.persons is None or facts.persons.at_most is None or facts.persons.at_most > MANY:
        flags.append(_("More than {n} persons, or nobody knows how many.").format(n=MANY))
    if unintelligible(facts):
        flags.append(_("The data cannot be read: they are protected and the key is safe."))
    return Severity(elements=elements, flags=tuple(flags), aggravations=aggravations)


def unintelligible(facts: BreachFacts) -> bool:
    """Whether it is shown that the data affected cannot be read by those who have them."""
    return said_unintelligible(facts) and bool(facts.shown("intelligibility"))


def said_unintelligible(facts: BreachFacts) -> bool:
    """Whether somebody says so: sound protection, key safe."""
    protected = facts.intelligibility
    return (
        protected.protection in (Protection.ENCRYPTED, Protection.HASHED)
        and protected.state_of_the_art is True
        and protected.key is KeyState.SAFE
    )


_BASE: Final = {"simple": 1, "behavioural": 2, "financial": 3, "sensitive": 4}


def data_unknown(facts: BreachFacts) -> bool:
    """Whether nobody has said which data: in an archive of images they count as the most sensitive."""
    return not facts.sensitive and (not facts.data or DataCategory.UNKNOWN in facts.data)


def categories(facts: BreachFacts) -> tuple[str, ...]:
    """The method's categories of the data that these facts name; the gravest while nobody has said which they are."""
    found = {"simple"} if facts.data else set[str]()
    if facts.sensitive or data_unknown(facts):
        found.add("sensitive")
    if DataCategory.FINANCIAL in facts.data:
        found.add("financial")
    if DataCategory.LOCATION in facts.data:
        found.add("behavioural")
    return tuple(sorted(found, key=lambda name: -_BASE[name]))


def _data(facts: BreachFacts) -> tuple[Element, tuple[str, ...]]:
    best, because, surplus = 0, "", list[str]()
    for name in categories(facts):
        down = bool(facts.shown("data_context"))
        steps = [step for step in facts.data_context if step.category == name and (step.steps > 0 or down)]
        raw = _BASE[name] + sum(step.steps for step in steps)
        value = min(4, max(1, raw))
        if raw > 4:
            surplus.append("; ".join(step.reason for step in steps))
        if value > best:
            unsaid = name == "sensitive" and data_unknown(facts)
            named = _("nobody has said which data: they count as the most sensitive") if unsaid else _category(name)
            told = [named, *(f"{step.steps:+d}: {step.reason}" for step in steps)]
            best, because = value, "; ".join(told)
    element = Element(
        name="dpc", value=Fraction(best), fact="sensitive" if facts.sensitive else "data", because=because
    )
    return element, tuple(surplus)


def _category(name: str) -> str:
    return {
        "simple": _("ordinary data: identity, contact"),
        "behavioural": _("data about behaviour: places, habits"),
        "financial": _("financial data"),
        "sensitive": _("sensitive data: health"),
    }[name]


_EASE: Final = {
    Identifiability.NOT_LINKABLE: 1,
    Identifiability.IMAGES_ONLY: 2,
    Identifiability.NUMBER_ONLY: 2,
    Identifiability.NAME: 3,
    Identifiability.NAME_AND_BIRTH_DATE: 4,
}
"""Ease of identification, in quarters. Images alone are not below a half: a head's volume can give a face back."""


def _identification(facts: BreachFacts) -> Element:
    if unintelligible(facts):
        return Element(
            name="ei", value=_QUARTER, fact="intelligibility", because=_("the data cannot be read without the key")
        )
    if facts.identifiability is None:
        return Element(
            name="ei",
            value=Fraction(1),
            fact="identifiability",
            because=_("nobody has shown that persons cannot be recognised"),
        )
    quarters = _EASE[facts.identifiability]
    because = {
        1: _("persons cannot be recognised without what is kept elsewhere"),
        2: _("persons can be recognised with some effort"),
        3: _("persons can be recognised by their name"),
        4: _("persons are named with their birth date"),
    }[quarters]
    return Element(name="ei", value=quarters * _QUARTER, fact="identifiability", because=because)


def _confidentiality(facts: BreachFacts) -> Element:
    def element(quarters: int, fact: str, because: str) -> Element:
        return Element(name="confidentiality", value=quarters * _QUARTER, fact=fact, because=because)

    if facts.confidentiality is None:
        return element(0, "confidentiality", _("nobody else could read the data"))
    if facts.access is Access.PROVED_NONE and facts.shown("access"):
        return element(0, "access", _("it is proved that nobody came"))
    lost = {Origin.DEVICE_LOST_OR_STOLEN, Origin.DEVICE_DISCARDED, Origin.PAPER_LOST, Origin.MAIL_LOST} & set(
        facts.origin
    )
    exposed = {Recipient.PUBLIC, Recipient.MALICIOUS} & set(facts.recipients)
    if lost and not exposed and facts.access is not Access.PROVED:
        return element(0, "origin", _("lost, with no sign that anyone has used the data"))
    known = {Recipient.INTERNAL, Recipient.KNOWN, Recipient.KNOWN_TRUSTED}
    if facts.recipients and set(facts.recipients) <= known:
        return element(1, "recipients", _("disclosed to known recipients"))
    return element(2, "recipients", _("within reach of an unknown number of recipients"))


def _integrity(facts: BreachFacts) -> Element:
    effect = facts.integrity_effect
    unused = effect is IntegrityEffect.RECOVERED_UNUSED and bool(facts.shown("integrity_effect"))
    if facts.integrity is None or unused:
        return Element(name="integrity", value=Fraction(0), fact="integrity", because=_("no altered data were used"))
    if effect is IntegrityEffect.NOT_RECOVERABLE:
        return Element(
            name="integrity", value=2 * _QUARTER, fact="integrity_effect", because=_("altered data cannot be put right")
        )
    return Element(
        name="integrity",
        value=_QUARTER,
        fact="integrity",
        because=_("data may have been altered, and can be put right"),
    )


def _availability(facts: BreachFacts) -> Element:
    effect = facts.availability_effect if facts.shown("availability_effect") else None
    if facts.availability is None or effect is AvailabilityEffect.WITHOUT_DIFFICULTY:
        return Element(
            name="availability",
            value=Fraction(0),
            fact="availability",
            because=_("the data stayed, or came back without difficulty"),
        )
    if effect is AvailabilityEffect.TEMPORARY:
        return Element(
            name="availability",
            value=_QUARTER,
            fact="availability_effect",
            because=_("the data were out of reach for a time"),
        )
    return Element(
        name="availability",
        value=2 * _QUARTER,
        fact="availability_effect",
        because=_("the data are gone, or nobody has shown that they come back"),
    )


def _intent(facts: BreachFacts) -> Element:
    meant = facts.malicious is True or Recipient.MALICIOUS in facts.recipients
    if meant:
        return Element(
            name="malicious", value=2 * _QUARTER, fact="malicious", because=_("done on purpose, to harm or to profit")
        )
    return Element(name="malicious", value=Fraction(0), fact="malicious", because=_("a mistake, as far as is known"))


def decimal(value: Fraction) -> str:
    """A value in quarters as a decimal text: `4.5`."""
    text = f"{float(value):.2f}".rstrip("0")
    return text + "0" if text.endswith(".") else text
