"""The tests that laws put to a breach before someone must be told: one function for each `law.regimes.Test`, pure.

A test reads the facts once no ground makes the risk unlikely. What is not known counts against the controller.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lightproof.breach.facts import BreachFacts, CareEffect, ControllerKind, PersonKind, Recipient
from lightproof.breach.grounds import (
    HARMS_CARE,
    KNOWN,
    Reason,
    availability_open,
    grounds_of,
    unread,
    what_would_lower,
)
from lightproof.breach.incident import Choice
from lightproof.breach.severity import MANY, Severity, data_unknown, decimal, unintelligible
from lightproof.documents import wording
from lightproof.law.regimes import Test
from lightproof.locale import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a test comes to."""

    choice: Choice
    reasons: tuple[Reason, ...]
    would_change: tuple[str, ...] = ()
    grounds: tuple[Reason, ...] = ()
    """What made the risk unlikely, when the answer rests on it."""


def tested(test: Test, facts: BreachFacts, scored: Severity) -> Outcome:
    """The outcome of this test, in the current language."""
    if test in _ASKS_WHO_READ:
        if facts.confidentiality is None:
            text = _("Nothing says that someone may have read the data: this law asks for no more.")
            return Outcome(choice="no", reasons=(Reason(id="not-read", text=text, facts=("confidentiality",)),))
        ground = unread(facts)
        grounds = (ground,) if ground else ()
    else:
        grounds = grounds_of(facts)
    if grounds and test != "always":
        change = (_("That the evidence named turns out wrong or incomplete."),)
        return Outcome(choice="no", reasons=grounds, would_change=change, grounds=grounds)
    return _TESTS[test](facts, scored)


def _always(_facts: BreachFacts, _scored: Severity) -> Outcome:
    return Outcome(choice="yes", reasons=(Reason(id="always", text=_("This law asks for it whatever the risk.")),))


def _risk_not_unlikely(facts: BreachFacts, scored: Severity) -> Outcome:
    """Art. 33(1) GDPR: yes from a severity of medium, or for data that strangers could read."""
    risky = scored.score >= 2 or readable_by_strangers(facts) or availability_open(facts) or facts.care in HARMS_CARE
    reason = Reason(
        id="risk-not-unlikely",
        text=_("Nothing proved makes a risk to persons unlikely."),
        facts=("access", "intelligibility", "recovery") if facts.confidentiality else (),
        factor="general",
    )
    return Outcome(
        choice="yes" if risky else "undetermined",
        reasons=(reason, _severity(scored), *_factors(facts)),
        would_change=what_would_lower(facts),
    )


def _high_risk_likely(facts: BreachFacts, scored: Severity) -> Outcome:
    """Art. 34(1) GDPR; Art. 24(1) of the Swiss act."""
    high = (
        scored.score >= 3
        or (readable_by_strangers(facts) and (bool(facts.sensitive) or data_unknown(facts)))
        or facts.care is CareEffect.ENDANGERED
    )
    if not high:
        text = _("No high risk to persons is likely, as far as the facts show.")
        return Outcome(
            choice="no",
            reasons=(Reason(id="no-high-risk", text=text, factor="severity"), _severity(scored)),
            would_change=(_("A severity of high or more, or health data readable by people whom nobody knows."),),
        )
    text = _("A high risk to the rights and freedoms of persons is likely.")
    return Outcome(
        choice="yes",
        reasons=(Reason(id="high-risk", text=text, factor="general"), _severity(scored), *_factors(facts)),
        would_change=what_would_lower(facts),
    )


def _compromise_not_improbable(facts: BreachFacts, scored: Severity) -> Outcome:  # noqa: ARG001
    """45 CFR 164.402: presumed, unless four factors show a low probability that the data were compromised."""
    presumed = Reason(
        id="compromise-presumed",
        text=_("A compromise is presumed: nothing proved makes it improbable."),
        facts=("confidentiality", "access", "intelligibility", "recovery"),
        factor="general",
    )
    return Outcome(choice="yes", reasons=(presumed, *_four_factors(facts)), would_change=what_would_lower(facts))


_ASKS_WHO_READ: Final = frozenset[Test]({"compromise-not-improbable"})
"""Tests on acquisition, access, use or disclosure alone: loss and alteration do not meet them."""
_TESTS: Final[Mapping[Test, Callable[[BreachFacts, Severity], Outcome]]] = {
    "always": _always,
    "risk-not-unlikely": _risk_not_unlikely,
    "high-risk-likely": _high_risk_likely,
    "compromise-not-improbable": _compromise_not_improbable,
}


def readable_by_strangers(facts: BreachFacts) -> bool:
    """Whether the data may have been read, as they are, by people whom nobody knows."""
    return (
        facts.confidentiality is not None
        and not unintelligible(facts)
        and not set(facts.recipients) <= (KNOWN if facts.recipients else frozenset())
    )


def _severity(scored: Severity) -> Reason:
    levels = {"low": _("low"), "medium": _("medium"), "high": _("high"), "very high": _("very high")}
    text = _("The severity is {level} ({score}, by the method of ENISA).")
    score = wording.decimal(decimal(scored.score))
    return Reason(id="severity", text=text.format(level=levels[scored.level], score=score), factor="severity")


_STRANGERS: Final = frozenset({Recipient.PUBLIC, Recipient.UNKNOWN, Recipient.MALICIOUS})


def _factors(facts: BreachFacts) -> list[Reason]:
    """The factors of Guidelines 9/2022, IV.B, that these facts speak to."""
    found: list[Reason] = []

    def say(factor: str, text: str, *names: str) -> None:
        found.append(Reason(id=factor, text=text, facts=names, factor=factor))

    if facts.confidentiality is not None and set(facts.recipients) & _STRANGERS:
        say("type", _("The data were within reach of people whom nobody knows."), "confidentiality", "recipients")
    if availability_open(facts):
        say("type", _("Data are lost or out of reach."), "availability", "availability_effect")
    if facts.sensitive:
        say("nature", _("They are sensitive data: health."), "sensitive")
    if data_unknown(facts):
        say("nature", _("Nobody has said which data: they count as the most sensitive."), "data", "sensitive")
    if facts.identifiability is not None:
        say("identification", _("Whether persons can be recognised weighs."), "identifiability")
    if {PersonKind.MINORS, PersonKind.VULNERABLE} & set(facts.person_kinds):
        say("individuals", _("Children or vulnerable persons are among them."), "person_kinds")
    if (
        facts.controller_kind not in (None, ControllerKind.OTHER, ControllerKind.PROVIDER)
        or PersonKind.PATIENTS in facts.person_kinds
    ):
        say(
            "controller",
            _("A medical organisation is held to secrecy: patients expect it."),
            "controller_kind",
            "person_kinds",
        )
    number = facts.persons
    if number is None or number.at_most is None or number.at_most > MANY:
        say("number", _("Many persons are concerned, or nobody knows how many."), "persons")
    if facts.care in HARMS_CARE:
        say("severity", _("The care of patients suffered."), "care")
    return found


def _four_factors(facts: BreachFacts) -> tuple[Reason, ...]:
    """The factors (i) to (iv) of 45 CFR 164.402, paragraph (2) of “breach”, each with what the facts say of it."""
    known = bool(facts.recipients) and set(facts.recipients) <= KNOWN
    said = (
        (
            "nature",
            _("Health data, with what lets persons be recognised.")
            if facts.sensitive or facts.identifiability is not None
            else _("Nobody has said which data, and how persons can be recognised in them."),
            ("sensitive", "data", "identifiability"),
        ),
        (
            "recipient",
            _("Those who may have had the data are known, and held to secrecy.")
            if known
            else _("Nobody knows who may have had the data."),
            ("recipients",),
        ),
        (
            "acquired",
            {
                "unknown": _("Nothing shows whether the data were acquired or viewed."),
                "proved": _("The data were acquired or viewed."),
                "proved_none": _("The data are said not to have been acquired or viewed; complete logs must prove it."),
            }[facts.access.value],
            ("access",),
        ),
        (
            "mitigated",
            _("The data were recovered or their deletion was promised; evidence must prove it.")
            if facts.recovery.value != "none"
            else _("Nothing was done that lessens the risk."),
            ("recovery",),
        ),
    )
    return tuple(Reason(id=name, text=text, facts=facts_, factor=name) for name, text, facts_ in said)
