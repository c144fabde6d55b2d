"""When persons need not be told one by one (Art. 34(3)), each ground only with its evidence. Pure.

An exemption is the controller's to prove (Art. 5(2)): a tick is none. What is refused here can still be decided by a
person, with a reason, on the record: then it is a decision, and not an exemption.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lightproof.breach.facts import REFERENCE, Access, BreachFacts, Recipient, Recovery
from lightproof.breach.grounds import HARMS_CARE, availability_open, integrity_open
from lightproof.breach.severity import said_unintelligible
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

Ground = Literal["34(3)(a)", "34(3)(b)", "34(3)(c)"]
_IDENTIFIED: Final = frozenset({Recipient.INTERNAL, Recipient.KNOWN_TRUSTED, Recipient.KNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A ground that the facts and the evidence carry."""

    ground: Ground
    evidence: tuple[str, ...]
    because: str
    """Why it holds, in the reader's language."""


def exemption(ground: Ground, facts: BreachFacts, evidence: Sequence[str] = ()) -> Exemption:
    """The exemption, when the facts carry it and something shows it.

    `evidence`: `entry 12` or `sha256:…`, besides what the facts name. Raises UsageRefused saying what is missing.
    """
    if (missing := lacking(ground, facts, evidence)) is not None:
        raise _refused(ground, missing)
    return Exemption(ground=ground, evidence=_shown(ground, facts, evidence), because=_BECAUSE[ground]())


def lacking(ground: Ground, facts: BreachFacts, evidence: Sequence[str] = ()) -> str | None:
    """What this ground lacks, in the reader's language; None when it holds."""
    if not all(REFERENCE.fullmatch(ref) for ref in evidence):
        return _("evidence is an entry of the ledger (entry 12) or a digest (sha256:…)")
    if (missing := _MISSING[ground](facts)) is not None:
        return missing
    carried = bool(evidence) or any(facts.shown(name) for name in _carrying(ground, facts))
    return None if carried else _("nothing shows it: attach the evidence")


def _shown(ground: Ground, facts: BreachFacts, evidence: Sequence[str]) -> tuple[str, ...]:
    """What was named for the decision, and what the facts name for those that carry the ground."""
    repaired = _repaired(facts) if ground == "34(3)(b)" else ()
    named = (ref for name in (*_carrying(ground, facts), *repaired) for ref in facts.shown(name))
    return tuple(dict.fromkeys((*evidence, *named)))


def _carrying(ground: Ground, facts: BreachFacts) -> tuple[str, ...]:
    """The facts of which the evidence must be."""
    match ground:
        case "34(3)(a)":
            return ("intelligibility",)
        case "34(3)(b)" if facts.confidentiality is None and _repaired(facts):
            return _repaired(facts)
        case "34(3)(b)":
            return ("access",) if _nobody_came(facts) else ("recovery",)
        case "34(3)(c)":
            return ("disproportionate_effort",)


def _repaired(facts: BreachFacts) -> tuple[str, ...]:
    """The facts that say what became of data that were altered or lost."""
    ways = {"integrity_effect": facts.integrity, "availability_effect": facts.availability}
    return tuple(name for name, affected in ways.items() if affected is not None)


def _nobody_came(facts: BreachFacts) -> bool:
    proved = facts.access is Access.PROVED_NONE and bool(facts.shown("access"))
    return proved and Recipient.MALICIOUS not in facts.recipients


def _unintelligible(facts: BreachFacts) -> str | None:
    """What the facts lack for (a): the protection was there before, is sound, and its key stayed away."""
    if not said_unintelligible(facts):
        return _("the facts do not say that the data were encrypted by a method held sound today and the key was safe")
    if facts.integrity is not None or facts.availability is not None:
        return _("encryption does not help against alteration or loss, which are part of this breach")
    return None


def _risk_removed(facts: BreachFacts) -> str | None:
    """What the facts lack for (b): measures after the breach, and that they came before any harm of any kind.

    That nobody came, or who has the data and gave them back, speaks of reading alone: what was altered or lost needs
    its own repair, shown.
    """
    if not facts.risk_removed.strip():
        return _("nobody has said what removed the high risk")
    if facts.care in HARMS_CARE:
        return _("the care of patients suffered: that is not undone")
    if integrity_open(facts):
        return _("nothing shows that altered data were put right before anyone used them")
    if availability_open(facts):
        return _("nothing shows that what was lost came back without difficulty")
    if _nobody_came(facts) or (facts.confidentiality is None and _repaired(facts)):
        return None
    if facts.recovery is Recovery.NONE:
        return _("neither do logs prove that nobody took data, nor were the data recovered or their deletion confirmed")
    if facts.malicious or not facts.recipients or not set(facts.recipients) <= _IDENTIFIED:
        return _("recovery helps only where it is known who had the data, and none of them meant harm")
    return None


def _disproportionate(facts: BreachFacts) -> str | None:
    """What the facts lack for (c): why each person cannot be told, and the notice given instead."""
    if facts.disproportionate_effort is None:
        return _("nobody has said why telling each person is too great an effort")
    if not facts.disproportionate_effort.notice.strip():
        return _("there is no public notice: it takes the place of the letters, it does not spare them")
    return None


_MISSING: Final = {"34(3)(a)": _unintelligible, "34(3)(b)": _risk_removed, "34(3)(c)": _disproportionate}
_BECAUSE: Final = {
    "34(3)(a)": lambda: _("The data cannot be read: sound protection was in place and its key stayed safe."),
    "34(3)(b)": lambda: _("Measures taken since make the high risk unlikely."),
    "34(3)(c)": lambda: _("Telling each person takes too great an effort; a public notice tells them as well."),
}


def _refused(ground: Ground, why: str) -> UsageRefused:
    return UsageRefused(
        "exemption-without-evidence",
        _("The exemption of Article {ground} does not hold: {why}.").format(ground=ground, why=why),
        _("Correct the facts and name what shows them with --evidence, or tell the persons."),
    )
