"""The texts that were drawn for a breach, in the language of whoever reads it now.

A breach is opened in one language and read in another: by an authority, a patient, a colleague. Entries are never
rewritten, so each text is drawn again from what it came from, in every language; where an entry holds it as drawn in
one, the reader gets it as drawn in theirs. An assessment is drawn from the facts as they stood when it was made. What a
person wrote is nobody's drawing: it stays as it was written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from lightproof.breach import reasons
from lightproof.breach.facts import BreachFacts, dumped, reported_to, told_by
from lightproof.breach.incident import Incident, Step, corrected
from lightproof.breach.opening import Measured, access_closed, facts_of_exposure
from lightproof.breach.triage import assess, recorded, substance
from lightproof.errors import UsageRefused
from lightproof.law.regimes import regime
from lightproof.locale import LANGUAGES, speaking

Phrases = Mapping[str, str]
"""A text as drawn in any language -> the same in the current one."""


def retold(told: Incident, measured: Measured | None) -> Incident:
    """The breach in the current language; `measured` is the check from which it was opened."""
    judged = _judged_anew(told)
    known = _phrases(told, measured, judged)
    facts = BreachFacts.model_validate(_in(dumped(told.facts), known), strict=False)
    return replace(
        told,
        facts=facts,
        assessments={name: _assessment(payload, judged.get(name), known) for name, payload in told.assessments.items()},
        stated=tuple(replace(one, reason=known.get(one.reason, one.reason)) for one in told.stated),
        steps=tuple(_step(step, known) for step in told.steps),
    )


def _step(step: Step, known: Phrases) -> Step:
    """With its reason in the current language where lightproof gave it."""
    reason = known.get(str(step.payload.get("reason", "")))
    return step if reason is None else replace(step, payload={**step.payload, "reason": reason})


def _assessment(payload: Mapping[str, Any], anew: Mapping[str, Any] | None, known: Phrases) -> Mapping[str, Any]:
    """As it is drawn now where it says the same; else as recorded, with each text that is still drawn."""
    if anew is not None and substance(anew) == substance(payload):
        return anew
    return cast("Mapping[str, Any]", _in(payload, known))


def _judged_anew(told: Incident) -> dict[str, Mapping[str, Any]]:
    """Regime -> its last assessment, drawn in the current language; without those of a law not shipped any more."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, facts in _facts_judged(told).items():
        try:
            found[name] = recorded(assess(facts, regime(name)))
        except UsageRefused:
            continue
    return found


def _facts_judged(told: Incident) -> dict[str, BreachFacts]:
    """Regime -> the facts on which its last assessment was made."""
    judged: dict[str, BreachFacts] = {}
    facts = BreachFacts()
    for step in told.steps:
        payload = cast("Mapping[str, Any]", step.payload)
        match step.what:
            case "opened":
                facts = BreachFacts.model_validate(payload["facts"], strict=False)
            case "corrected":
                facts = corrected(facts, payload["facts"])
            case "assessed":
                judged[payload["regime"]] = facts
            case _:
                pass
    return judged


def _phrases(told: Incident, measured: Measured | None, judged: Mapping[str, object]) -> Phrases:
    """Every text that was drawn for this breach."""
    here = [judged, *_drawn(told, measured)]
    known: dict[str, str] = {}
    for other in LANGUAGES:
        with speaking(other):
            there = [_judged_anew(told), *_drawn(told, measured)]
        known.update((old, new) for old, new in _pairs(there, here) if old != new)
    return known


def _drawn(told: Incident, measured: Measured | None) -> list[object]:
    """What is drawn for the facts of a breach and beside them, in the current language, as JSON values."""
    first = cast("Mapping[str, Any]", told.steps[0].payload["facts"])
    who = str(first.get("aware_by", ""))
    drawn: list[object] = [access_closed(), reported_to(who)]
    drawn += [told_by(body.name) for body in told.facts.others]
    drawn += [reasons.logs_read(), reasons.stated_at_opening(), reasons.stated_by_a_person()]
    drawn += [reasons.found_closed(entry) for entry in _closing_checks(told)]
    if measured is not None:
        drawn.append(dumped(facts_of_exposure(measured, told.source.findings, aware_by=who)))
    return drawn


def _closing_checks(told: Incident) -> Iterator[int]:
    """Entries of the checks that were named as what shows the end."""
    for step in told.steps:
        if step.what == "corrected":
            changes = cast("Mapping[str, Any]", step.payload["facts"])
            for ref in changes.get("evidence", {}).get("ended_at", ()):
                kind, _space, number = str(ref).partition(" ")
                if kind == "entry" and number.isdecimal():
                    yield int(number)


def _pairs(there: object, here: object) -> Iterator[tuple[str, str]]:
    """The texts that stand in the same place. Lists of different lengths hold different things: none of theirs."""
    match there, here:
        case str(), str():
            yield there, here
        case Mapping(), Mapping():
            one, other = cast("Mapping[str, object]", there), cast("Mapping[str, object]", here)
            for name in one.keys() & other.keys():
                yield from _pairs(one[name], other[name])
        case list(), list():
            items, others = cast("list[object]", there), cast("list[object]", here)
            if len(items) == len(others):
                for item, its_other in zip(items, others, strict=True):
                    yield from _pairs(item, its_other)
        case _:
            pass


def _in(value: object, known: Phrases) -> object:
    match value:
        case str():
            return known.get(value, value)
        case Mapping():
            return {name: _in(item, known) for name, item in cast("Mapping[str, object]", value).items()}
        case list():
            return [_in(item, known) for item in cast("list[object]", value)]
        case _:
            return value
