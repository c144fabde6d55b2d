"""The legal test, pure: from the facts of a breach and a regime to three answers, each with its reasons.

Rules of this file:
- every breach is documented; whom else a law wants told, and under which test, is data of its regime;
- a reason that lowers an answer needs evidence that can be looked up: a person's word alone lowers nothing;
- worse facts never turn a yes into a no;
- the severity informs, the facts decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from lightproof.breach.clock import Clock, clock_under
from lightproof.breach.exemptions import Ground, exemption, lacking
from lightproof.breach.facts import Access, BreachFacts, CareEffect, Role
from lightproof.breach.grounds import Reason, evidence_of, unshown
from lightproof.breach.incident import Choice, Duty
from lightproof.breach.legal_tests import Outcome, tested
from lightproof.breach.severity import Severity, data_unknown, decimal, severity
from lightproof.documents import wording
from lightproof.evidence.entries import rfc3339
from lightproof.law.forms import Words
from lightproof.law.regimes import Exemption, Regime, Telling
from lightproof.locale import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of the three answers."""

    duty: Duty
    choice: Choice
    article: str
    reasons: tuple[Reason, ...]
    period: str = ""
    """Within which the law wants it done, in words; empty where it does not want it."""
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


def assess(facts: BreachFacts, regime: Regime, *, alone: bool = False) -> Assessment:
    """The three answers of this regime, in the current language.

    `alone`: without a ledger in which the evidence named could be looked up, which the answer then says.
    """
    scored = severity(facts)
    runs = clock_under(facts, regime)
    answers = (_document(regime), _notify(facts, regime, scored), _communicate(facts, regime, scored))
    warnings = [*runs.warnings]
    warnings += _standing(facts, regime)
    if unverified := [telling.article for telling in regime.tellings if telling.status == "unverified"]:
        articles = ", ".join(unverified)
        warnings.append(
            _("Nobody has verified these articles: read them before relying on them ({articles}).").format(
                articles=articles
            )
        )
    warnings += _revealed(facts, regime)
    warnings += _media(facts, regime, answers[2])
    if names := unshown(facts):
        text = _("Without evidence (an entry of the ledger, the digest of a file) these facts lower nothing: {names}.")
        warnings.append(text.format(names=", ".join(names)))
    if alone and facts.evidence:
        warnings.append(_("The evidence named was not looked up: a file judged alone has no ledger."))
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
        "state": assessment.regime.state,
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
                "period": one.period,
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


_WORDED: Final = frozenset({"text", "because", "period"})
_SENTENCES: Final = frozenset({"would_change", "warnings", "flags", "aggravations"})


def substance(said: object) -> object:
    """What `recorded` gave, without its wording: the same in every language. Of sentences, how many there are."""
    match said:
        case Mapping():
            return {
                name: len(cast("list[object]", part)) if name in _SENTENCES else substance(part)
                for name, part in cast("Mapping[str, object]", said).items()
                if name not in _WORDED
            }
        case list():
            return [substance(part) for part in cast("list[object]", said)]
        case _:
            return said


# The register


def _document(regime: Regime) -> Answer:
    duty = regime.telling("register")
    reason = Reason(id="always", text=_("Every breach is documented, whether or not anyone is told."))
    return Answer(duty="document", choice="yes", article=duty.article if duty else "", reasons=(reason,))


# The authority


def _notify(facts: BreachFacts, regime: Regime, scored: Severity) -> Answer:
    telling = regime.telling("authority")
    if telling is None:
        return _not_asked("notify")
    early = _cannot_say("notify", facts, telling.article)
    if early:
        return early
    if facts.role is Role.PROCESSOR:
        reason = Reason(id="processor", text=_tell_the_controller(regime), facts=("role",))
        change = (_("To be the controller."),)
        return Answer(duty="notify", choice="no", article=telling.article, reasons=(reason,), would_change=change)
    rule = regime.rule("revealed-by-authority")
    if rule is not None and _spared(facts) is None:
        reason = Reason(id="revealed-by-authority", text=str(rule.words), facts=("revealed_by_authority",))
        change = (_("To learn that the authority had its information from you, or that you knew before it told you."),)
        return Answer(
            duty="notify", choice="no", article=telling.article, reasons=(reason,), would_change=change,
            evidence=facts.shown("revealed_by_authority"),
        )  # fmt: skip
    return _as_tested("notify", tested(telling.test, facts, scored), facts, telling)


def _tell_the_controller(regime: Regime) -> str:
    duty = regime.telling("controller")
    if duty is None:
        return _("You process these data for someone else: tell that controller.")
    return _("You process these data for someone else: tell that controller, {when} ({article}).").format(
        when=duty.period.words, article=duty.article
    )


# The persons


def _communicate(facts: BreachFacts, regime: Regime, scored: Severity) -> Answer:
    telling = regime.telling("persons")
    if telling is None:
        return _not_asked("communicate")
    early = _cannot_say("communicate", facts, telling.article)
    if early:
        return early
    if facts.role is Role.PROCESSOR:
        reason = Reason(id="processor", text=_("The controller tells the persons; help it."), facts=("role",))
        return Answer(duty="communicate", choice="no", article=telling.article, reasons=(reason,))
    outcome = tested(telling.test, facts, scored)
    known = {row.key: row for row in regime.exemptions}
    if outcome.choice == "yes" and (exempt := _exempt(facts, telling.article, known)):
        return exempt
    answer = _as_tested("communicate", outcome, facts, telling)
    if outcome.choice == "yes":
        ways = [_("Article {key}: {words} (evidence: {evidence}).").format(key=row.key, words=row.words,
                evidence=row.evidence) for row in regime.exemptions]  # fmt: skip
        answer = replace(answer, would_change=(*answer.would_change, *ways))
    exemptions = (_EXEMPTION_OF.get(ground.id, "") for ground in outcome.grounds)
    return replace(answer, exemption=next((key for key in exemptions if key in known), ""))


# Both


def _not_asked(duty: Duty) -> Answer:
    reason = Reason(id="not-asked", text=_("This law does not ask for it."))
    return Answer(duty=duty, choice="no", article="", reasons=(reason,))


def _cannot_say(duty: Duty, facts: BreachFacts, article: str) -> Answer | None:
    if any(one is not None for one in (facts.confidentiality, facts.integrity, facts.availability)):
        return None
    reason = Reason(
        id="nothing-said",
        text=_("The facts do not say whether data were read, altered or lost."),
        facts=("confidentiality", "integrity", "availability"),
    )
    change = (_("To say how the data were affected: read, altered or lost."),)
    return Answer(duty=duty, choice="undetermined", article=article, reasons=(reason,), would_change=change)


def _as_tested(duty: Duty, outcome: Outcome, facts: BreachFacts, telling: Telling) -> Answer:
    return Answer(
        duty=duty,
        choice=outcome.choice,
        article=telling.article,
        reasons=outcome.reasons,
        period="" if outcome.choice == "no" else str(telling.period.words),
        would_change=outcome.would_change,
        evidence=evidence_of(facts, outcome.grounds),
    )


_EXEMPTION_OF: Final = {"unintelligible": "34(3)(a)", "nobody-came": "34(3)(b)", "trusted-recipient": "34(3)(b)"}


_STATED: Final[tuple[tuple[Ground, str], ...]] = (
    ("34(3)(b)", "risk_removed"),
    ("34(3)(c)", "disproportionate_effort"),
)


def _sentence(words: Words) -> str:
    text = str(words)
    return f"{text[:1].upper()}{text[1:]}."


def _exempt(facts: BreachFacts, article: str, known: Mapping[str, Exemption]) -> Answer | None:
    """(b) and (c) of Art. 34(3), which need a statement and its evidence; (a) is a ground already."""
    for key, name in _STATED:
        shown = facts.shown(name)
        if key in known and shown and lacking(key, facts) is None:
            evidence = tuple(dict.fromkeys((*shown, *exemption(key, facts).evidence)))
            return Answer(
                duty="communicate", choice="no", article=article, exemption=key,
                evidence=evidence,
                reasons=(Reason(id=name, text=_sentence(known[key].words), facts=(name,)),),
                would_change=(_("That the evidence named turns out wrong or incomplete."),),
            )  # fmt: skip
    return None


def _standing(facts: BreachFacts, regime: Regime) -> list[str]:
    """What this law is worth: proposed only, of another day, or read with a caution."""
    said: list[str] = []
    if regime.state == "proposed":
        text = _("This regime is only proposed, as read on {version}: it is not the law.")
        said.append(text.format(version=wording.day(regime.version)))
    elif facts.aware_at is not None and not regime.applies_on(facts.aware_at.date()):
        said.append(_("This law does not apply to a breach of that day: it began later, or had ended."))
    if regime.note is not None:
        said.append(str(regime.note))
    return said


def _spared(facts: BreachFacts) -> str | None:
    """What the facts lack for the authority to have brought the news itself; None when it did, and evidence shows it.

    Empty where nobody says that it did. The rule is for those who learnt of their breach from the authority: whoever
    was aware before it had a notice due.
    """
    revealed = facts.revealed_by_authority
    if revealed is None or revealed.own_information is False:
        return ""
    if revealed.own_information is None:
        return _("say whether it had opened its control on information that it got elsewhere (own_information)")
    if facts.aware_at is None:
        return _("state when you became aware (aware_at)")
    if min((facts.aware_at, *facts.internal_messages_at)) < revealed.at:
        return _("you were aware before it told you")
    if not facts.shown("revealed_by_authority"):
        return _("attach what it wrote to you (--attach revealed_by_authority=FILE)")
    return None


def _revealed(facts: BreachFacts, regime: Regime) -> list[str]:
    rule = regime.rule("revealed-by-authority")
    if rule is None or facts.revealed_by_authority is None:
        return []
    missing = _spared(facts)
    if missing is None:
        return [str(rule.advice)]
    if not missing:
        return []
    said = _("The authority told you. The rule “{rule}” does not count here: {missing}.")
    return [said.format(rule=rule.words, missing=missing)]


def _media(facts: BreachFacts, regime: Regime, communicated: Answer) -> list[str]:
    duty, number = regime.telling("media"), facts.persons
    if duty is None or communicated.choice != "yes":
        return []
    most = number.at_most if number else None
    if most is not None and duty.threshold_persons is not None and most < duty.threshold_persons:
        return []
    return [_("The media are told too, {when} ({article}).").format(when=duty.period.words, article=duty.article)]


def _missing(facts: BreachFacts) -> list[str]:
    wanted = ["aware_at", "started_at", "persons", "records", "recipients", "identifiability"]
    missing = [name for name in wanted if getattr(facts, name) in (None, ())]
    if data_unknown(facts):
        missing += ["data", "sensitive"]
    if facts.confidentiality is not None and facts.access is Access.UNKNOWN:
        missing.append("access")
    if facts.care is CareEffect.UNKNOWN and facts.availability is not None:
        missing.append("care")
    return missing


def _at(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
