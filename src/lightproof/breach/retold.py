"""The texts that were drawn for a breach, in the language of whoever reads it now.

A breach is opened in one language and read in another: by an authority, a patient, a colleague. Entries are never
rewritten, so each text is drawn again from what it came from, in every language; where an entry holds it as drawn in
one, the reader gets it as drawn in theirs. What a person wrote is nobody's drawing: it stays as it was written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from lightproof.breach.facts import BreachFacts, dumped, reported_to
from lightproof.breach.incident import Incident
from lightproof.breach.opening import Measured, access_closed, facts_of_exposure
from lightproof.breach.triage import assess, recorded
from lightproof.law.regimes import regime
from lightproof.locale import LANGUAGES, speaking

Phrases = Mapping[str, str]
"""A text as drawn in any language -> the same in the current one."""


def phrases(told: Incident, measured: Measured | None) -> Phrases:
    """Every text that was drawn for this breach; `measured` is the check from which it was opened.

    Raises UsageRefused when a law it was judged by is not shipped any more.
    """
    here = _drawn(told, measured)
    known: dict[str, str] = {}
    for other in LANGUAGES:
        with speaking(other):
            there = _drawn(told, measured)
        known.update((old, new) for old, new in _pairs(there, here) if old != new)
    return known


def retold(told: Incident, known: Phrases) -> Incident:
    """The breach in the current language."""
    if not known:
        return told
    facts = BreachFacts.model_validate(_in(dumped(told.facts), known), strict=False)
    assessments = cast("Mapping[str, Mapping[str, object]]", _in(told.assessments, known))
    return replace(told, facts=facts, assessments=assessments)


def _drawn(told: Incident, measured: Measured | None) -> list[object]:
    """All that is drawn for a breach, in the current language, as JSON values."""
    drawn: list[object] = [access_closed(), reported_to(told.facts.aware_by)]
    if measured is not None:
        drawn.append(dumped(facts_of_exposure(measured, told.source.findings, aware_by=told.facts.aware_by)))
    return [*drawn, *(recorded(assess(told.facts, regime(name))) for name in told.assessments)]


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
