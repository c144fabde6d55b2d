"""What each step of a breach said, in words: for its file, and for the register (“who changed what, and when”)."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from lightproof.breach.access.told import conclusion_word
from lightproof.breach.incident import Incident, Step
from lightproof.breach.words import (
    choice_word,
    duty_word,
    fact_name,
    law_name,
    means_word,
    stage_word,
    step_word,
)
from lightproof.documents import wording
from lightproof.locale import gettext as _
from lightproof.locale import ngettext


def said(step: Step) -> str:
    """What a step said; empty where its name says all."""
    payload = cast("Mapping[str, Any]", step.payload)
    match step.what:
        case "corrected":
            names = ", ".join(fact_name(name) for name in payload["facts"] if name != "evidence")
            return _("{facts}: {reason}").format(facts=names or fact_name("evidence"), reason=payload["reason"])
        case "decided":
            return " ".join((duty_word(payload["duty"]), choice_word(payload["choice"]), payload["reason"])).strip()
        case "notified":
            parts = (payload["authority"], stage_word(payload["stage"]), payload.get("reference", ""))
            return ", ".join(part for part in parts if part)
        case "communicated":
            return ", ".join(map(means_word, cast("Sequence[str]", payload["means"])))
        case "explained" | "closed" | "reopened":
            return str(payload["reason"])
        case "access":
            return conclusion_word(str(payload["conclusion"]))
        case "assessed":
            score = wording.decimal(str(payload.get("score", "")))
            return _("{law}: severity {score}").format(law=law_name(payload["regime"]), score=score)
        case "alerted":
            hours = int(payload["hours_before"])
            ways = ", ".join(cast("Sequence[str]", payload["sent"]))
            if payload.get("follows_up"):
                told = _("reminder of the questions left open")
                return f"{told} ({ways})" if ways else told
            told = ngettext("{n} hour before the deadline", "{n} hours before the deadline", hours).format(n=hours)
            return f"{told} ({ways})" if hours > 0 else ways
        case _:
            return ""


def changes(told: Incident) -> tuple[str, ...]:
    """Every step on a line of its own: when, by whom, what."""
    lines: list[str] = []
    for step in told.steps:
        line = _("{when}, {who}: {what}").format(when=wording.instant(step.at), who=step.by, what=step_word(step.what))
        text = said(step)
        lines.append(f"{line} ({text})" if text else line)
    return tuple(lines)
