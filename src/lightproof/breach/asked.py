"""What the answers of a notification come from: the incident, the settings, the assessment, the notices before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from lightproof.breach.answers import Answer, Origin, Value
from lightproof.breach.facts import BreachFacts
from lightproof.breach.incident import Choice, Incident, Notified, Stage
from lightproof.law.forms import Form
from lightproof.storage.settings import Organisation

FACTS_BEHIND: Final[Mapping[str, tuple[str, ...]]] = {
    "others": ("others",),
    "processor_notice_at": ("others",),
    "period_known": ("started_at", "ended_at", "ongoing"),
    "start": ("started_at",),
    "end": ("ended_at",),
    "ongoing": ("ongoing",),
    "aware_at": ("aware_at",),
    "date_comment": ("aware_basis",),
    "discovery": ("discovery",),
    "nature": ("confidentiality", "integrity", "availability"),
    "established": ("confidentiality", "integrity", "availability", "access"),
    "origin": ("origin",),
    "cause": ("cause",),
    "description": ("description", "title"),
    "data": ("data",),
    "sensitive": ("sensitive",),
    "records": ("records",),
    "person_categories": ("person_kinds",),
    "persons": ("persons",),
    "media": ("media",),
    "prior_measures": ("prior_measures", "missing_measures"),
    "conf_effects": ("effects",),
    "int_effects": ("effects",),
    "avail_effects": ("effects",),
    "harms": ("harms",),
    "measures": ("measures",),
    "cross_border": ("other_countries",),
    "countries": ("other_countries",),
    "lead_authority": ("lead_authority",),
    "third_countries": ("third_countries",),
    "other_bodies": ("other_bodies",),
}
"""Question -> the facts that answer it."""
NATURES: Final = ("confidentiality", "integrity", "availability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the assessment says, as far as the form asks."""

    level: str = ""
    """Level of severity: `low`, `medium`, `high`, `very high`."""
    notify: Choice = "undetermined"
    communicate: Choice = "undetermined"
    reasons: tuple[str, ...] = ()
    """Why the authority is told, or need not be, in the reader's language."""
    warnings: tuple[str, ...] = ()
    """What to look at before relying on it."""
    entry: int | None = None
    """Entry of the ledger that holds the assessment."""


def judgement_of(told: Incident, regime: str) -> Judgement | None:
    """The last assessment of this regime, as the ledger has it; None when there is none."""
    payload = told.assessments.get(regime)
    if payload is None:
        return None
    answers = {str(answer["duty"]): answer for answer in cast("list[Mapping[str, Any]]", payload.get("answers", []))}
    notify, communicate = answers.get("notify", {}), answers.get("communicate", {})
    return Judgement(
        level=str(payload.get("level", "")),
        notify=notify.get("choice", "undetermined"),
        communicate=communicate.get("choice", "undetermined"),
        reasons=tuple(str(reason["text"]) for reason in notify.get("reasons", ())),
        warnings=tuple(str(warning) for warning in payload.get("warnings", ())),
        entry=_entry_of(told, regime),
    )


def _entry_of(told: Incident, regime: str) -> int | None:
    """The entry that holds the last assessment of this regime."""
    steps = (step for step in reversed(told.steps) if step.what == "assessed" and step.payload.get("regime") == regime)
    return next((step.entry for step in steps), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that an answer may come from."""

    told: Incident
    organisation: Organisation
    judgement: Judgement | None
    form: Form
    stage: Stage
    late: bool
    """The first notice is, or was, after the deadline."""
    filed: tuple[Notified, ...]
    """Notices of this regime that a person filed before."""
    delay_reason: str

    @property
    def facts(self) -> BreachFacts:
        """What is known now."""
        return self.told.facts


def said(asked: Asked, names: Iterable[str], value: Value | None, *, note: str = "") -> Answer:
    """An answer that these facts give: with evidence, by a person, or because the event is of that kind."""
    if value is None or value in ((), ""):
        return Answer(note=note)
    sources = [source_of(asked.told, name) for name in names]
    refs = tuple(dict.fromkeys(ref for _origin, found in sources for ref in found))
    stated = {origin for origin, found in sources if found}
    source: Origin = "person" if "person" in stated else "evidence" if "evidence" in stated else "default"
    return Answer(value=value, source=source, evidence=refs, note=note)


def source_of(told: Incident, name: str) -> tuple[Origin, tuple[str, ...]]:
    """Where a fact comes from. A person's correction takes the place of what was measured before it."""
    origin: Origin = "default"
    refs: tuple[str, ...] = ()
    for step in told.steps:
        if step.what not in ("opened", "corrected"):
            continue
        stated = cast("Mapping[str, Any]", step.payload["facts"])
        shown = stated.get("evidence", {})
        if name in shown:
            origin, refs = "evidence", tuple(shown[name])
        elif name in stated:
            by_person = step.what == "corrected" or told.source.kind == "report"
            origin, refs = "person" if by_person else "default", (f"entry {step.entry}",)
    return origin, refs


def natures_of(facts: BreachFacts) -> tuple[str, ...]:
    """The ways in which the data were affected, presumed or established."""
    return tuple(name for name in NATURES if getattr(facts, name) is not None)


def keys(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(word) for word in words)


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
