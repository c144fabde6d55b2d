"""Whether the facts outgrew a decision: they are graver than when it was taken, or its exemption does not hold. Pure.

Rules of this file:
- a decision not to tell is measured against what stood when it was taken: the law's answer, the severity, the facts;
- one that says what the law says today needs no second thought, however the severity moved;
- to tell is never outgrown: nothing is graver.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal, cast, get_args

from lightproof.breach.exemptions import Ground, lacking
from lightproof.breach.facts import Access, BreachFacts, CareEffect, PersonKind, Recipient
from lightproof.breach.severity import MANY

Duty = Literal["document", "notify", "communicate"]
Choice = Literal["yes", "no", "undetermined"]
GRAVITY: Final[Mapping[Choice, int]] = {"no": 0, "undetermined": 1, "yes": 2}
"""Of several answers the gravest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What is known and judged of a breach at one moment."""

    facts: BreachFacts
    assessments: Mapping[str, Mapping[str, Any]]
    """Regime -> the last assessment recorded."""


def facts_graver(duty: Duty, law: str, choice: Choice, *, then: Basis, now: Basis, proposed: Choice) -> bool:
    """Whether the law's answer is graver than this choice, and graver than when it was made, or rests on graver facts.

    `proposed`: what stood for the law's answer then, where this law had not been asked.
    """
    answer = _answer(now, law, duty)
    if answer is None or GRAVITY[answer] <= GRAVITY[choice]:
        return False
    before, score, score_before = _answer(then, law, duty) or proposed, _score(now, law), _score(then, law)
    return (
        GRAVITY[answer] > GRAVITY[before]
        or (score is not None and score_before is not None and score > score_before)
        or not set(_aggravating(now.facts)) <= set(_aggravating(then.facts))
    )


def exemption_lost(exemption: str, evidence: Sequence[str], now: Basis) -> bool:
    """Whether an exemption of Art. 34(3) that was relied on does not hold any more."""
    if not exemption:
        return False
    known = exemption in get_args(Ground)
    return not known or lacking(cast("Ground", exemption), now.facts, evidence) is not None


def _answer(basis: Basis, law: str, duty: Duty) -> Choice | None:
    answers = cast("Sequence[Mapping[str, Any]]", basis.assessments.get(law, {}).get("answers", ()))
    return next((answer["choice"] for answer in answers if answer["duty"] == duty), None)


def _score(basis: Basis, law: str) -> Fraction | None:
    text = basis.assessments.get(law, {}).get("score")
    return Fraction(str(text)) if text else None


def _aggravating(facts: BreachFacts) -> Iterator[str]:
    """What makes a breach graver, and not always its score."""
    if facts.access is Access.PROVED:
        yield "access"
    if facts.malicious or Recipient.MALICIOUS in facts.recipients:
        yield "malicious"
    if facts.care in (CareEffect.DELAYED, CareEffect.ENDANGERED):
        yield "care"
    if facts.care is CareEffect.ENDANGERED:
        yield "care endangered"
    if facts.persons is None or facts.persons.at_most is None or facts.persons.at_most > MANY:
        yield "many persons"
    if {PersonKind.MINORS, PersonKind.VULNERABLE} & set(facts.person_kinds):
        yield "vulnerable persons"
