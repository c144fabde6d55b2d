"""Why a risk is unlikely: a ground, with its evidence, for each way in which the data were affected.

Rules of this file:
- a ground needs evidence that can be looked up (an entry of the ledger, the digest of a file): a word lowers nothing;
- a ground must cover every way in which the data were affected;
- no ground holds where the care of patients suffered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lightproof.breach.facts import (
    Access,
    AvailabilityEffect,
    BreachFacts,
    CareEffect,
    IntegrityEffect,
    Protection,
    Recipient,
    Recovery,
)
from lightproof.breach.severity import said_unintelligible, unintelligible
from lightproof.locale import gettext as _

HARMS_CARE: Final = (CareEffect.DELAYED, CareEffect.ENDANGERED)
KNOWN: Final = frozenset({Recipient.INTERNAL, Recipient.KNOWN_TRUSTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why, naming the facts it rests on and the factor it speaks to (Guidelines 9/2022, IV.B; 45 CFR 164.402)."""

    id: str
    text: str
    facts: tuple[str, ...] = ()
    factor: str = ""


def grounds_of(facts: BreachFacts) -> tuple[Reason, ...]:
    """A ground for each way in which the data were affected; none when one of them has none."""
    found: list[Reason] = []
    for affected, ground in (
        (facts.confidentiality is not None, unread),
        (facts.integrity is not None, _unaltered),
        (facts.availability is not None, _restored),
    ):
        if affected:
            reason = ground(facts)
            if reason is None:
                return ()
            found.append(reason)
    return () if facts.care in HARMS_CARE else tuple(found)


def unread(facts: BreachFacts) -> Reason | None:
    """Why nobody who might harm read the data; None when nothing proves it."""
    if unintelligible(facts):
        return Reason(
            id="unintelligible",
            text=_("The data are encrypted by a sound method and the key is safe: nobody can read them."),
            facts=("intelligibility",),
            factor="identification",
        )
    if facts.access is Access.PROVED_NONE and facts.shown("access") and Recipient.MALICIOUS not in facts.recipients:
        return Reason(
            id="nobody-came",
            text=_("Complete logs prove that nobody fetched anything while the data were within reach."),
            facts=("access",),
            factor="type",
        )
    trusted = bool(facts.recipients) and set(facts.recipients) <= KNOWN
    if trusted and facts.recovery is not Recovery.NONE and facts.shown("recovery") and not facts.malicious:
        return Reason(
            id="trusted-recipient",
            text=_("The recipients are known and trusted, and the data were recovered or their deletion confirmed."),
            facts=("recipients", "recovery"),
            factor="severity",
        )
    return None


def _unaltered(facts: BreachFacts) -> Reason | None:
    if facts.integrity is not None and not integrity_open(facts):
        return Reason(
            id="put-right",
            text=_("Altered data were put right before anyone used them."),
            facts=("integrity_effect",),
            factor="severity",
        )
    return None


def _restored(facts: BreachFacts) -> Reason | None:
    if facts.availability is not None and not availability_open(facts):
        return Reason(
            id="restored",
            text=_("The data were restored without difficulty, from a copy that was verified."),
            facts=("availability_effect",),
            factor="severity",
        )
    return None


def evidence_of(facts: BreachFacts, grounds: Sequence[Reason]) -> tuple[str, ...]:
    """The evidence that these grounds rest on, each once."""
    lines = [line for ground in grounds for name in ground.facts for line in facts.shown(name)]
    return tuple(dict.fromkeys(lines))


def what_would_lower(facts: BreachFacts) -> tuple[str, ...]:
    """What, if it were proved, would become a ground."""
    change: list[str] = []
    if facts.confidentiality is not None:
        if facts.access is not Access.PROVED and not facts.shown("access"):
            change.append(
                _("Complete access logs that prove that nobody came (access = proved_none, with its evidence).")
            )
        if facts.intelligibility.protection is not Protection.NONE and not unintelligible(facts):
            change.append(_("Proof that the key was safe (intelligibility, with its evidence)."))
        if set(facts.recipients) & KNOWN:
            change.append(_("A confirmed deletion by the known recipients (recovery, with its evidence)."))
    if availability_open(facts):
        change.append(_("A verified restore of everything (availability_effect, with its evidence)."))
    return tuple(change)


def integrity_open(facts: BreachFacts) -> bool:
    """Whether data were altered, and are not shown to be put right before anyone used them."""
    unused = facts.integrity_effect is IntegrityEffect.RECOVERED_UNUSED
    return facts.integrity is not None and not (unused and facts.shown("integrity_effect"))


def availability_open(facts: BreachFacts) -> bool:
    """Whether data are lost or out of reach, and not shown to be restored without difficulty."""
    restored = facts.availability_effect is AvailabilityEffect.WITHOUT_DIFFICULTY
    return facts.availability is not None and not (restored and facts.shown("availability_effect"))


def unshown(facts: BreachFacts) -> tuple[str, ...]:
    """Facts that would lower an answer, and do not: nothing that can be looked up shows them."""
    claims = {
        "intelligibility": said_unintelligible(facts),
        "access": facts.access is Access.PROVED_NONE,
        "recovery": facts.recovery is not Recovery.NONE,
        "integrity_effect": facts.integrity_effect is IntegrityEffect.RECOVERED_UNUSED,
        "availability_effect": facts.availability_effect
        in (AvailabilityEffect.WITHOUT_DIFFICULTY, AvailabilityEffect.TEMPORARY),
        "data_context": any(step.steps < 0 for step in facts.data_context),
        "risk_removed": bool(facts.risk_removed),
        "disproportionate_effort": facts.disproportionate_effort is not None,
    }
    return tuple(name for name, said in claims.items() if said and not facts.shown(name))
