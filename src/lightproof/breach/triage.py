"""The legal test, pure: from the facts of a breach and a regime to three answers, each with its reasons.

Rules of this file:
- every breach is documented; the authority is told unless the facts show why a risk is unlikely; persons are told when
  a high risk is likely and no exemption is proved;
- a reason that lowers an answer needs evidence in the facts: a person's word alone lowers nothing;
- worse facts never turn a yes into a no; a ground must cover every way in which the data were affected;
- the severity informs, the facts decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from lightproof.breach.clock import Clock, clock
from lightproof.breach.facts import (
    Access,
    AvailabilityEffect,
    BreachFacts,
    CareEffect,
    ControllerKind,
    IntegrityEffect,
    KeyState,
    PersonKind,
    Protection,
    Recipient,
    Recovery,
    Role,
)
from lightproof.breach.severity import MANY, Severity, decimal, severity, unintelligible
from lightproof.evidence.entries import rfc3339
from lightproof.law.regimes import Regime
from lightproof.locale import gettext as _

Duty = Literal["document", "notify", "communicate"]
Choice = Literal["yes", "no", "undetermined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why, naming the facts it rests on and the factor of Guidelines 9/2022, IV.B."""

    id: str
    text: str
    facts: tuple[str, ...] = ()
    factor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of the three answers."""

    duty: Duty
    choice: Choice
    article: str
    reasons: tuple[Reason, ...]
    would_change: tuple[str, ...] = ()
    exemption: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What one regime says of one breach."""

    regime: Regime
    severity: Severity
    clock: Clock
    answers: tuple[Answer, ...]
    missing: tuple[str, ...]
    """Facts that matter and that nobody has established."""
    warnings: tuple[str, ...]

    def answer(self, duty: Duty) -> Answer:
        """The answer about this duty."""
        return next(answer for answer in self.answers if answer.duty == duty)


def assess(facts: BreachFacts, regime: Regime) -> Assessment:
    """The three answers of this regime, in the current language."""
    scored = severity(facts)
    runs = clock(facts, regime.hours or 72)
    told = _notify(facts, regime, scored)
    answers = (_document(regime), told, _communicate(facts, regime, scored, told))
    warnings = [*runs.warnings]
    if regime.state == "proposed":
        warnings.append(_("This regime is only proposed: it is not the law."))
    if facts.revealed_by_authority is not None and (rule := regime.rule("revealed-by-authority")):
        warnings.append(str(rule.advice))
    return Assessment(
        regime=regime,
        severity=scored,
        clock=runs,
        answers=answers,
        missing=tuple(_missing(facts)),
        warnings=tuple(warnings),
    )


def recorded(assessment: Assessment) -> dict[str, object]:
    """The assessment as JSON values, for the ledger and for scripts; scores are decimal texts."""
    scored, runs = assessment.severity, assessment.clock
    return {
        "regime": assessment.regime.id,
        "version": assessment.regime.version.isoformat(),
        "score": decimal(scored.score),
        "level": scored.level,
        "elements": [
            {"name": one.name, "value": decimal(one.value), "fact": one.fact, "because": one.because}
            for one in scored.elements
        ],
        "flags": list(scored.flags),
        "aggravations": list(scored.aggravations),
        "clock": {"aware_at": _at(runs.aware_at), "deadline": _at(runs.deadline), "reg1182": _at(runs.informative)},
        "answers": [
            {
                "duty": one.duty,
                "choice": one.choice,
                "article": one.article,
                "reasons": [
                    {"id": why.id, "text": why.text, "facts": list(why.facts), "factor": why.factor}
                    for why in one.reasons
                ],
                "would_change": list(one.would_change),
                "exemption": one.exemption,
                "evidence": list(one.evidence),
            }
            for one in assessment.answers
        ],
        "missing": list(assessment.missing),
        "warnings": list(assessment.warnings),
    }


# The register


def _document(regime: Regime) -> Answer:
    duty = regime.telling("register")
    reason = Reason(id="always", text=_("Every breach is documented, whether or not anyone is told."))
    return Answer(duty="document", choice="yes", article=duty.article if duty else "", reasons=(reason,))


# The authority


def _notify(facts: BreachFacts, regime: Regime, scored: Severity) -> Answer:
    telling = regime.telling("authority")
    article = telling.article if telling else ""

    def answer(
        choice: Choice, reasons: Sequence[Reason], change: Sequence[str] = (), evidence: Sequence[str] = ()
    ) -> Answer:
        return Answer(
            duty="notify",
            choice=choice,
            article=article,
            reasons=tuple(reasons),
            would_change=tuple(change),
            evidence=tuple(evidence),
        )

    if not _affected(facts):
        return answer(
            "undetermined", [_nothing_said()], [_("To say how the data were affected: read, altered or lost.")]
        )
    if facts.role is Role.PROCESSOR:
        text = _("You process these data for someone else: tell that controller without undue delay (Article 33(2)).")
        return answer("no", [Reason(id="processor", text=text, facts=("role",))], [_("To be the controller.")])
    rule = regime.rule("revealed-by-authority")
    revealed = facts.revealed_by_authority
    if rule is not None and revealed is not None and revealed.own_information:
        reasons = [Reason(id="revealed-by-authority", text=str(rule.words), facts=("revealed_by_authority",))]
        return answer("no", reasons, [_("To learn that the authority had its information from you.")])
    grounds = _grounds(facts)
    if grounds:
        change = [_("That the evidence named turns out wrong or incomplete.")]
        return answer("no", grounds, change, evidence=_evidence_of(facts, grounds))
    high_only = telling is not None and telling.test == "high-risk-likely"
    if high_only and not _high(facts, scored):
        return answer(
            "no",
            [_score(scored), *_factors(facts)],
            [_("A severity of high or more, or readable health data in unknown hands.")],
        )
    choice: Choice = "yes" if _risky(facts, scored) else "undetermined"
    reasons = [_not_unlikely(facts), _score(scored), *_factors(facts)]
    return answer(choice, reasons, _what_would_lower(facts))


def _affected(facts: BreachFacts) -> bool:
    return any(one is not None for one in (facts.confidentiality, facts.integrity, facts.availability))


def _nothing_said() -> Reason:
    return Reason(
        id="nothing-said",
        text=_("The facts do not say whether data were read, altered or lost."),
        facts=("confidentiality", "integrity", "availability"),
    )


def _risky(facts: BreachFacts, scored: Severity) -> bool:
    """Default yes from a severity of medium, or for health data that strangers could read."""
    return scored.score >= 2 or _readable_by_strangers(facts) or _availability_open(facts) or facts.care in _HARMS_CARE


def _high(facts: BreachFacts, scored: Severity) -> bool:
    return (
        scored.score >= 3
        or (_readable_by_strangers(facts) and bool(facts.sensitive))
        or facts.care is CareEffect.ENDANGERED
    )


_HARMS_CARE: Final = (CareEffect.DELAYED, CareEffect.ENDANGERED)
_KNOWN: Final = frozenset({Recipient.INTERNAL, Recipient.KNOWN_TRUSTED})


def _readable_by_strangers(facts: BreachFacts) -> bool:
    return (
        facts.confidentiality is not None
        and not unintelligible(facts)
        and not set(facts.recipients) <= (_KNOWN if facts.recipients else frozenset())
    )


def _availability_open(facts: BreachFacts) -> bool:
    return facts.availability is not None and facts.availability_effect is not AvailabilityEffect.WITHOUT_DIFFICULTY


def _grounds(facts: BreachFacts) -> list[Reason]:
    """Why a risk is unlikely: a ground with evidence for each way in which the data were affected; else none."""
    found: list[Reason] = []
    for affected, ground in (
        (facts.confidentiality is not None, _unread),
        (facts.integrity is not None, _unaltered),
        (facts.availability is not None, _restored),
    ):
        if affected:
            reason = ground(facts)
            if reason is None:
                return []
            found.append(reason)
    return [] if facts.care in _HARMS_CARE else found


def _unread(facts: BreachFacts) -> Reason | None:
    shown = facts.evidence
    if unintelligible(facts) and "intelligibility" in shown:
        return Reason(
            id="unintelligible",
            text=_("The data are encrypted by a sound method and the key is safe: nobody can read them."),
            facts=("intelligibility",),
            factor="identification",
        )
    if facts.access is Access.PROVED_NONE and "access" in shown and Recipient.MALICIOUS not in facts.recipients:
        return Reason(
            id="nobody-came",
            text=_("Complete logs prove that nobody fetched anything while the data were within reach."),
            facts=("access",),
            factor="type",
        )
    trusted = bool(facts.recipients) and set(facts.recipients) <= _KNOWN
    if trusted and facts.recovery is not Recovery.NONE and "recovery" in shown and not facts.malicious:
        return Reason(
            id="trusted-recipient",
            text=_("The recipients are known and trusted, and the data were recovered or their deletion confirmed."),
            facts=("recipients", "recovery"),
            factor="severity",
        )
    return None


def _unaltered(facts: BreachFacts) -> Reason | None:
    if facts.integrity_effect is IntegrityEffect.RECOVERED_UNUSED and "integrity_effect" in facts.evidence:
        return Reason(
            id="put-right",
            text=_("Altered data were put right before anyone used them."),
            facts=("integrity_effect",),
            factor="severity",
        )
    return None


def _restored(facts: BreachFacts) -> Reason | None:
    if facts.availability_effect is AvailabilityEffect.WITHOUT_DIFFICULTY and "availability_effect" in facts.evidence:
        return Reason(
            id="restored",
            text=_("The data were restored without difficulty, from a copy that was verified."),
            facts=("availability_effect",),
            factor="severity",
        )
    return None


def _evidence_of(facts: BreachFacts, reasons: Sequence[Reason]) -> tuple[str, ...]:
    lines = [line for reason in reasons for name in reason.facts for line in facts.evidence.get(name, ())]
    return tuple(dict.fromkeys(lines))


def _not_unlikely(facts: BreachFacts) -> Reason:
    return Reason(
        id="risk-not-unlikely",
        text=_("Nothing proved makes a risk to persons unlikely."),
        facts=("access", "intelligibility", "recovery") if facts.confidentiality else (),
        factor="general",
    )


def _score(scored: Severity) -> Reason:
    levels = {"low": _("low"), "medium": _("medium"), "high": _("high"), "very high": _("very high")}
    text = _("The severity is {level} ({score}, by the method of ENISA).")
    return Reason(
        id="severity", text=text.format(level=levels[scored.level], score=decimal(scored.score)), factor="severity"
    )


def _factors(facts: BreachFacts) -> list[Reason]:
    """The factors of Guidelines 9/2022, IV.B, that these facts speak to."""
    found: list[Reason] = []

    def say(factor: str, text: str, *names: str) -> None:
        found.append(Reason(id=factor, text=text, facts=names, factor=factor))

    if facts.confidentiality is not None and set(facts.recipients) & {
        Recipient.PUBLIC,
        Recipient.UNKNOWN,
        Recipient.MALICIOUS,
    }:
        say("type", _("The data were within reach of people whom nobody knows."), "confidentiality", "recipients")
    if _availability_open(facts):
        say("type", _("Data are lost or out of reach."), "availability", "availability_effect")
    if facts.sensitive:
        say("nature", _("They are sensitive data (Article 9): health."), "sensitive")
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
    if facts.care in _HARMS_CARE:
        say("severity", _("The care of patients suffered."), "care")
    return found


def _what_would_lower(facts: BreachFacts) -> tuple[str, ...]:
    change: list[str] = []
    if facts.confidentiality is not None:
        change.append(_("Complete access logs that prove that nobody came (access = proved_none, with its evidence)."))
        if facts.intelligibility.protection is not Protection.NONE and facts.intelligibility.key is not KeyState.SAFE:
            change.append(_("Proof that the key was safe (intelligibility, with its evidence)."))
        if set(facts.recipients) & _KNOWN:
            change.append(_("A confirmed deletion by the known recipients (recovery, with its evidence)."))
    if _availability_open(facts):
        change.append(_("A verified restore of everything (availability_effect, with its evidence)."))
    return tuple(change)


# The persons


def _communicate(facts: BreachFacts, regime: Regime, scored: Severity, told: Answer) -> Answer:
    telling = regime.telling("persons")
    article = telling.article if telling else ""
    if not _affected(facts):
        return Answer(duty="communicate", choice="undetermined", article=article, reasons=(_nothing_said(),))
    if facts.role is Role.PROCESSOR:
        text = _("The controller tells the persons; help it (Article 28(3)(f)).")
        return Answer(
            duty="communicate",
            choice="no",
            article=article,
            reasons=(Reason(id="processor", text=text, facts=("role",)),),
        )
    grounds = _grounds(facts)
    if grounds:
        exemption = next((_EXEMPTION_OF[reason.id] for reason in grounds if reason.id in _EXEMPTION_OF), "")
        return Answer(
            duty="communicate",
            choice="no",
            article=article,
            reasons=tuple(grounds),
            exemption=exemption,
            evidence=_evidence_of(facts, grounds),
            would_change=told.would_change,
        )
    if not _high(facts, scored):
        reason = Reason(
            id="no-high-risk", text=_("No high risk to persons is likely, as far as the facts show."), factor="severity"
        )
        change = (_("A severity of high or more, or health data readable by people whom nobody knows."),)
        return Answer(
            duty="communicate", choice="no", article=article, reasons=(reason, _score(scored)), would_change=change
        )
    if exempt := _exempt(facts, article):
        return exempt
    reasons = (
        Reason(
            id="high-risk", text=_("A high risk to the rights and freedoms of persons is likely."), factor="general"
        ),
        _score(scored),
        *_factors(facts),
    )
    return Answer(
        duty="communicate", choice="yes", article=article, reasons=reasons, would_change=_what_would_lower(facts)
    )


_EXEMPTION_OF: Final = {"unintelligible": "34(3)(a)", "nobody-came": "34(3)(b)", "trusted-recipient": "34(3)(b)"}


def _exempt(facts: BreachFacts, article: str) -> Answer | None:
    """(b) and (c) of Art. 34(3), which need a statement and its evidence; (a) is a ground already."""
    for key, stated, name, text in (
        ("34(3)(b)", bool(facts.risk_removed), "risk_removed", _("Measures taken afterwards removed the high risk.")),
        (
            "34(3)(c)",
            facts.disproportionate_effort is not None and bool(facts.disproportionate_effort.notice),
            "disproportionate_effort",
            _("Telling each person would be disproportionate: the public notice is due instead, as effective."),
        ),
    ):
        if stated and name in facts.evidence:
            return Answer(
                duty="communicate", choice="no", article=article, exemption=key, evidence=tuple(facts.evidence[name]),
                reasons=(Reason(id=name, text=text, facts=(name,)),),
                would_change=(_("That the evidence named turns out wrong or incomplete."),),
            )  # fmt: skip
    return None


def _missing(facts: BreachFacts) -> list[str]:
    wanted = ["aware_at", "started_at", "persons", "records", "recipients", "identifiability"]
    missing = [name for name in wanted if getattr(facts, name) in (None, ())]
    if facts.confidentiality is not None and facts.access is Access.UNKNOWN:
        missing.append("access")
    if facts.care is CareEffect.UNKNOWN and facts.availability is not None:
        missing.append("care")
    return missing


def _at(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
