"""The notification to the authority (Art. 33(3), 33(4)): every question of the form with its answer, or openly without.

Rules of this file:
- it is a pure function of the incident, the settings and the assessment; it transmits nothing: a person files it;
- an open question is listed as open, with whether it is needed now or may follow (Art. 33(4));
- a late notice is not complete without reasons, and a supplementary one not without the number of the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast

from lightproof.breach.answers import Answer, as_json
from lightproof.breach.asked import FACTS_BEHIND, Asked, Judgement
from lightproof.breach.clock import Clock
from lightproof.breach.filling import answers
from lightproof.breach.incident import Incident, Notified, Stage
from lightproof.errors import UsageRefused
from lightproof.law.forms import Form, FormField, form
from lightproof.locale import gettext as _
from lightproof.storage.settings import Organisation

State = Literal["filled", "to-confirm", "open-now", "open-later", "optional", "not-applicable"]

_ALWAYS: Final = ("kind", "earlier_ref", "name", "siren", "contact")
"""What a supplementary notice says besides what changed: which notice it adds to, and whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question and its answer."""

    question: FormField
    answer: Answer
    open: bool
    """Nobody has answered, and an answer is due now or later."""
    needed_now: bool
    """Open, and this notice is not complete without it."""
    changed: bool = False
    """Not as in the notice before."""
    why_changed: str = ""

    @property
    def key(self) -> str:
        """The question's key."""
        return self.question.key

    @property
    def state(self) -> State:
        """How far the answer is."""
        if self.open:
            return "open-now" if self.needed_now else "open-later"
        if not self.answer.applies:
            return "not-applicable"
        if self.answer.value is None:
            return "optional"
        return "to-confirm" if self.answer.proposed else "filled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notice ready for a person to file."""

    breach: str
    stage: Stage
    regime: str
    """The law under which it is filed."""
    form: Form
    made: datetime
    fields: tuple[Field, ...]
    late: bool
    aware_at: datetime | None
    deadline: datetime | None
    informative: datetime | None
    earlier: Notified | None = None
    """The notice of this regime that was filed last."""
    judgement: Judgement | None = None

    def field(self, key: str) -> Field:
        """The field with this key. Raises KeyError."""
        return {field.key: field for field in self.fields}[key]

    @property
    def shown(self) -> tuple[Field, ...]:
        """What this notice says: everything; a supplementary one, what changed or is still open."""
        if self.stage != "supplementary":
            return self.fields
        return tuple(field for field in self.fields if field.changed or field.open or field.key in _ALWAYS)

    def in_state(self, *states: State) -> tuple[Field, ...]:
        """The fields in one of these states, in the order of the form."""
        return tuple(field for field in self.fields if field.state in states)

    @property
    def still_open(self) -> tuple[str, ...]:
        """Keys of the open questions."""
        return tuple(field.key for field in self.fields if field.open)


def next_stage(told: Incident, regime: str) -> Stage:
    """The stage that comes next under this regime."""
    return "supplementary" if any(filed.regime == regime for filed in told.notifications) else "initial"


def notification(
    told: Incident,
    organisation: Organisation,
    judgement: Judgement | None,
    clock: Clock,
    stage: Stage,
    *,
    now: datetime,
    regime: str = "gdpr/fr",
    delay_reason: str = "",
    before: Mapping[str, object] | None = None,
) -> Notification:
    """The notice of this stage. `before`: question -> value of the notice filed last (`filed_values`).

    Raises UsageRefused for a supplementary notice when none was filed before.
    """
    filed = tuple(one for one in told.notifications if one.regime == regime)
    if stage == "supplementary" and not filed:
        raise UsageRefused(
            "initial-missing",
            _("There is no initial notification to add to."),
            _("Record the initial one first: --stage initial."),
        )
    first = filed[0].filed_at if filed else now
    late = clock.late(first)
    asked = Asked(
        told=told,
        organisation=organisation,
        judgement=judgement,
        form=form(),
        stage=stage,
        late=late,
        filed=filed,
        delay_reason=delay_reason.strip(),
    )
    given = answers(asked)
    compared = before if stage == "supplementary" else None
    return Notification(
        breach=told.id,
        stage=stage,
        regime=regime,
        form=asked.form,
        made=now,
        fields=tuple(_field(asked, question, given[question.key], compared) for question in asked.form.fields),
        late=late,
        aware_at=told.facts.aware_at,
        deadline=clock.deadline,
        informative=clock.informative,
        earlier=filed[-1] if filed else None,
        judgement=judgement,
    )


def _field(asked: Asked, question: FormField, answer: Answer, before: Mapping[str, object] | None) -> Field:
    unanswered = answer.applies and answer.value is None and not question.optional
    forced = question.key == "delay_reason" or (question.key == "earlier_ref" and asked.stage != "initial")
    needed = unanswered and (question.needed_in_initial or forced or asked.stage == "complete")
    changed = asked.stage == "supplementary" and (
        answer.value is not None if before is None else as_json(answer.value) != before.get(question.key)
    )
    return Field(
        question=question,
        answer=answer,
        open=unanswered,
        needed_now=needed,
        changed=changed,
        why_changed=_why(asked, question.key) if changed else "",
    )


def _why(asked: Asked, key: str) -> str:
    """The reason that was recorded for the change since the last notice."""
    since = asked.filed[-1].entry
    for step in reversed(asked.told.steps):
        if step.what == "corrected" and step.entry > since:
            stated = cast("Mapping[str, Any]", step.payload)
            if set(stated["facts"]) & set(FACTS_BEHIND.get(key, ())):
                return _("{reason} (entry {entry})").format(reason=stated["reason"], entry=step.entry)
    return ""
