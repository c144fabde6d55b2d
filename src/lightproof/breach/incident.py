"""The life of a breach, read from the ledger: opened, assessed, notified, communicated, closed.

Rules of this file:
- an incident is what its entries say, in their order, and nothing else: whoever has the ledger has the incident;
- a correction adds an entry; what was stated before stays and is shown with the time at which it was stated;
- nothing here writes: `procedure` makes the entries, `register` lists them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, cast

from lightproof.breach.facts import FACT_NAMES, Access, BreachFacts
from lightproof.breach.outgrown import GRAVITY, Basis, Choice, Duty, exemption_lost, facts_graver
from lightproof.evidence.entries import Entry
from lightproof.law.regimes import shipped

Stage = Literal["initial", "supplementary", "complete"]

SUBJECT: Final = "breach/"
DUTIES: Final[tuple[Duty, ...]] = ("document", "notify", "communicate")
_LATE: Final = timedelta(hours=1)
"""An instant stated so much later than it was is shown as stated late."""
_LATE_STEP: Final = timedelta(minutes=15)
"""The same for what a person did outside (filed, sent): it can be recorded at once."""
DONE_OUTSIDE: Final = frozenset({"filed_at", "sent_at"})
"""Instants that a person states of what was done outside, beside the facts."""
_UNNAMED: Final = ("gdpr/eu",)
"""The law of a breach whose entries name none: its period is the shortest there is."""
_DATED: Final = ("started_at", "ended_at", "hint_at", "aware_at")


class Status(StrEnum):
    """Where the procedure stands."""

    OPEN = "open"
    ASSESSED = "assessed"
    NOTIFIED = "notified"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the breach was opened from."""

    kind: Literal["finding", "alert", "report"]
    entry: int | None = None
    """Entry of the ledger that holds the finding or the alert."""
    findings: tuple[str, ...] = ()
    report_sha256: str = ""
    """Attachment of the ledger: the exposure report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """An instant that somebody stated, and when they did."""

    name: str
    value: datetime | None
    at: datetime
    by: str
    entry: int
    reason: str = ""

    @property
    def late(self) -> bool:
        """Stated long after it was: nothing wrong by itself, but it is seen."""
        tolerance = _LATE_STEP if self.name in DONE_OUTSIDE else _LATE
        return self.value is not None and self.at - self.value > tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a person decided about one duty, beside what was proposed."""

    duty: Duty
    choice: Choice
    reason: str
    by: str
    at: datetime
    entry: int
    proposed: Choice
    exemption: str = ""
    evidence: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    """Under which laws it holds; empty, in old entries: under every one."""

    def holds_under(self, law: str) -> bool:
        """Whether this law was among those decided about."""
        return not self.laws or law in self.laws


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A notification that a person filed, as that person told us."""

    stage: Stage
    regime: str
    authority: str
    filed_at: datetime
    """As that person stated it: delay is judged by it."""
    recorded_at: datetime
    """When the entry was written."""
    reference: str
    delay_reason: str
    sheet_sha256: str
    """Attachment of the ledger: the sheet that was keyed in."""
    still_open: tuple[str, ...]
    by: str
    entry: int
    bundled: tuple[str, ...] = ()
    """Other breaches that the same notice told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why a notice is late (Art. 33(1)), given with a notice or recorded after it."""

    regime: str
    reason: str
    by: str
    at: datetime
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Communicated:
    """Persons that were told (Art. 34)."""

    means: tuple[str, ...]
    count: int | None
    at: datetime
    """As a person stated it."""
    recorded_at: datetime
    """When the entry was written."""
    letters_sha256: tuple[str, ...]
    """Attachments of the ledger: the text of each letter, without names."""
    by_means: Mapping[str, int]
    """Persons reached by each means, where a list says so."""
    not_reached: int | None
    """Persons of the list that no letter reached."""
    list_digest: str
    """Keyed digest of the list of persons, which stays outside the evidence."""
    by: str
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """The authority ordered that the persons be told (Art. 34(4))."""

    at: datetime
    what: str
    """The order in the words of whoever recorded it."""
    by: str
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted:
    """One attempt at one alert."""

    deadline: datetime | None
    """The deadline that it spoke of, or the instant from which a follow-up is due; None in old entries."""
    hours_before: int
    sent: tuple[str, ...]
    """The channels on which it went out."""
    failed: tuple[str, ...] = ()
    follows_up: str = ""
    """The law whose notice left questions open, where that is what it spoke of; else the clock, as in old entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the life, for the history."""

    entry: int
    at: datetime
    what: str
    """`opened`, `corrected`, `assessed`, ..."""
    by: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One breach as its entries tell it."""

    id: str
    """`B-2026-0001`."""
    opened_at: datetime
    opened_by: str
    source: Source
    facts: BreachFacts
    opened_under: tuple[str, ...] = ()
    """The laws that the settings named when it was opened; empty in old entries."""
    stated: tuple[Stated, ...] = ()
    assessments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Regime -> the last assessment recorded, as JSON values."""
    decided: tuple[Decided, ...] = ()
    """Every decision, in order; a later one takes the place of an earlier one under the laws it is about."""
    bases: Mapping[int, Basis] = field(default_factory=dict[int, Basis])
    """Entry of a decision -> what was known and judged when it was taken."""
    notifications: tuple[Notified, ...] = ()
    explained: tuple[Explained, ...] = ()
    """Reasons for a delay, given with a notice or recorded after it."""
    communications: tuple[Communicated, ...] = ()
    orders: tuple[Ordered, ...] = ()
    """Orders of the authority to tell the persons."""
    access: tuple[Mapping[str, Any], ...] = ()
    """Summaries of access logs, as JSON values."""
    alerted: tuple[Alerted, ...] = ()
    """The alerts that were sent."""
    closed_at: datetime | None = None
    steps: tuple[Step, ...] = ()

    @property
    def laws(self) -> tuple[str, ...]:
        """The laws that judge this breach, as its entries say: a change of the settings afterwards takes none away.

        Of those that it was opened under, notified under or assessed by since, the ones in force on the day of
        awareness: a law that is only proposed makes no duty beside one that is in force.
        """
        day = (self.facts.aware_at or self.opened_at).date()
        notified = (filed.regime for filed in self.notifications)
        found = tuple(dict.fromkeys((*self.opened_under, *notified, *self.assessments)))
        return tuple(law for law in found if _judges(law, day)) or found or _UNNAMED

    @property
    def untold(self) -> tuple[str, ...]:
        """The laws whose authority is still to be told: neither was it notified, nor did anyone decide against it."""
        if self.closed_at is not None:
            return ()
        told = {filed.regime for filed in self.notifications}
        return tuple(law for law in self.laws if law not in told and _wants_it_told(law) and not self._against(law))

    @property
    def read_again(self) -> frozenset[int]:
        """Entries of readings of access logs that hold no more: a later one read every one of their logs again.

        One that looked at less time, or at another port, takes nothing back.
        """
        readings = [(step, _logs_of(step.payload)) for step in self.steps if step.what == "access"]
        return frozenset(
            step.entry
            for place, (step, read) in enumerate(readings)
            for later, read_later in readings[place + 1 :]
            if read and read <= read_later and str(step.payload.get("to", "")) <= str(later.payload.get("to", ""))
        )

    @property
    def proved_by(self) -> int | None:
        """The entry whose access logs prove that strangers were given data; None while none does."""
        again = self.read_again
        readings = (step for step in self.steps if step.what == "access" and step.entry not in again)
        return next((step.entry for step in readings if step.payload.get("conclusion") == Access.PROVED), None)

    @property
    def ordered(self) -> Ordered | None:
        """The authority's last order to tell the persons; None once they were told after it, or without one."""
        if not self.orders:
            return None
        last = self.orders[-1]
        return None if any(sent.entry > last.entry for sent in self.communications) else last

    @property
    def persons_untold(self) -> bool:
        """Whether the persons are still to be told: ordered by the authority, or decided."""
        if self.closed_at is not None:
            return False
        decided = self.decisions.get("communicate")
        wanted = decided is not None and decided.choice != "no" and not self.communications
        return self.ordered is not None or wanted

    def decision(self, duty: Duty, law: str) -> Decided | None:
        """The decision that holds about this duty under this law; None when nobody has decided, or must decide anew."""
        newest = self._newest(duty, law)
        return None if newest is None or self._outgrew(newest, law) else newest

    @property
    def outgrown(self) -> tuple[Decided, ...]:
        """The newest decisions that hold no more: the facts are graver since, or their exemption does not hold."""
        newest = ((self._newest(duty, law), law) for duty in DUTIES for law in self.laws)
        return tuple(dict.fromkeys(one for one, law in newest if one is not None and self._outgrew(one, law)))

    def outgrown_about(self, duty: Duty) -> Decided | None:
        """The last decision about this duty that holds no more, of whichever law; None when there is none."""
        return next((one for one in reversed(self.outgrown) if one.duty == duty), None)

    def _newest(self, duty: Duty, law: str) -> Decided | None:
        wanted = (one for one in reversed(self.decided) if one.duty == duty and one.holds_under(law))
        return next(wanted, None)

    def _outgrew(self, decided: Decided, law: str) -> bool:
        """Never in a closed file: what it was closed on stays on record, and is asked anew once it is opened again."""
        if decided.choice == "yes" or self.closed_at is not None:
            return False
        now = Basis(facts=self.facts, assessments=self.assessments)
        if decided.duty == "communicate" and exemption_lost(decided.exemption, decided.evidence, now):
            return True
        then = self.bases.get(decided.entry, now)
        return facts_graver(decided.duty, law, decided.choice, then=then, now=now, proposed=decided.proposed)

    @property
    def decisions(self) -> Mapping[str, Decided]:
        """Duty -> the decision that stands for all laws together, the gravest; none while one law has none."""
        found: dict[str, Decided] = {}
        for duty in DUTIES:
            each = [self.decision(duty, law) for law in self.laws]
            made = [one for one in each if one is not None]
            if len(made) == len(each):
                found[duty] = max(made, key=lambda one: (GRAVITY[one.choice], one.entry))
        return found

    def _against(self, law: str) -> bool:
        decided = self.decision("notify", law)
        return decided is not None and decided.choice == "no"

    @property
    def status(self) -> Status:
        """Where the procedure stands: notified once no authority is still to be told."""
        if self.closed_at is not None:
            return Status.CLOSED
        if self.notifications and not self.untold:
            return Status.NOTIFIED
        return Status.ASSESSED if self.assessments else Status.OPEN

    @property
    def last(self) -> Step:
        """The newest step."""
        return self.steps[-1]


def _logs_of(reading: Mapping[str, object]) -> frozenset[tuple[str, object]]:
    """The digests of the logs that were read, each with the port whose log it was said to be."""
    logs = cast("Iterable[Mapping[str, object]]", reading.get("logs", ()))
    return frozenset((str(log["sha256"]), log.get("port")) for log in logs)


def _judges(law: str, day: date) -> bool:
    known = shipped(law)
    return known is None or known.applies_on(day)


def _wants_it_told(law: str) -> bool:
    known = shipped(law)
    return known is None or known.telling("authority") is not None


def incident(entries: Iterable[Entry]) -> Incident:
    """The incident that these entries of one subject tell, in the order of the ledger.

    Raises ValueError when the first one opens nothing: the entries are not those of a breach.
    """
    told: Incident | None = None
    for entry in entries:
        what = entry.kind.removeprefix("breach.")
        payload = cast("Mapping[str, Any]", entry.payload)
        if told is None:
            if what != "opened":
                raise ValueError(f"entry {entry.index} opens no breach")
            told = _opened(entry, payload)
        else:
            told = _STEPS.get(what, _unchanged)(told, entry, payload)
        step = Step(entry=entry.index, at=entry.at, what=what, by=entry.principal, payload=payload)
        told = replace(told, steps=(*told.steps, step))
    if told is None:
        raise ValueError("no entries")
    return told


def _opened(entry: Entry, payload: Mapping[str, Any]) -> Incident:
    source = payload["source"]
    facts = BreachFacts.model_validate(payload["facts"], strict=False)
    return Incident(
        id=entry.subject.removeprefix(SUBJECT),
        opened_at=entry.at,
        opened_by=entry.principal,
        source=Source(
            kind=source["kind"],
            entry=source.get("entry"),
            findings=tuple(source.get("findings", ())),
            report_sha256=source.get("report_sha256", ""),
        ),
        facts=facts,
        opened_under=tuple(payload.get("regimes", ())),
        stated=tuple(
            Stated(name=name, value=getattr(facts, name), at=entry.at, by=entry.principal, entry=entry.index)
            for name in _DATED
            if getattr(facts, name) is not None
        ),
    )


def corrected(facts: BreachFacts, changes: Mapping[str, object]) -> BreachFacts:
    """The facts with these fields put in place of what they held; JSON null empties one.

    Evidence showed the value that it was given for: one that takes its place comes with evidence of its own, or
    without any. Raises pydantic.ValidationError when a value is of another shape.
    """
    values = facts.model_dump(mode="json", exclude_defaults=True)
    for name, value in changes.items():
        if value is None:
            values.pop(name, None)
        elif name == "evidence":
            values["evidence"] = {**values.get("evidence", {}), **cast("Mapping[str, object]", value)}
        else:
            values[name] = value
    after = BreachFacts.model_validate(values)
    given = cast("Mapping[str, object]", changes.get("evidence") or {})
    bare = {name for name in changes if name not in given and _stated_otherwise(facts, after, name)}
    if bare.isdisjoint(after.evidence):
        return after
    return after.model_copy(
        update={"evidence": {name: refs for name, refs in after.evidence.items() if name not in bare}}
    )


def _stated_otherwise(before: BreachFacts, after: BreachFacts, name: str) -> bool:
    """Whether a value took the place of another; what is said for the first time takes the place of none."""
    if name not in FACT_NAMES:
        return False
    unsaid = BreachFacts.model_fields[name].get_default(call_default_factory=True)
    return getattr(before, name) not in (unsaid, getattr(after, name))


def _corrected(told: Incident, entry: Entry, payload: Mapping[str, Any]) -> Incident:
    changes: Mapping[str, object] = payload["facts"]
    facts = corrected(told.facts, changes)
    stated = tuple(
        Stated(
            name=name,
            value=getattr(facts, name),
            at=entry.at,
            by=entry.principal,
            entry=entry.index,
            reason=payload.get("reason", ""),
        )
        for name in _DATED
        if name in changes
    )
    return replace(told, facts=facts, stated=(*told.stated, *stated))


def _assessed(told: Incident, _entry: Entry, payload: Mapping[str, Any]) -> Incident:
    return replace(told, assessments={**told.assessments, payload["regime"]: payload})


def _decided(told: Incident, entry: Entry, payload: Mapping[str, Any]) -> Incident:
    decided = Decided(
        duty=payload["duty"],
        choice=payload["choice"],
        reason=payload["reason"],
        by=entry.principal,
        at=entry.at,
        entry=entry.index,
        proposed=payload["proposed"],
        exemption=payload.get("exemption", ""),
        evidence=tuple(payload.get("evidence", ())),
        laws=tuple(payload.get("laws", ())),
    )
    basis = Basis(facts=told.facts, assessments=told.assessments)
    return replace(told, decided=(*told.decided, decided), bases={**told.bases, entry.index: basis})


def _notified(told: Incident, entry: Entry, payload: Mapping[str, Any]) -> Incident:
    filed = Notified(
        stage=payload["stage"],
        regime=payload["regime"],
        authority=payload["authority"],
        filed_at=datetime.fromisoformat(payload["filed_at"]),
        recorded_at=entry.at,
        reference=payload.get("reference", ""),
        delay_reason=payload.get("delay_reason", ""),
        sheet_sha256=payload.get("sheet_sha256", ""),
        still_open=tuple(payload.get("still_open", ())),
        by=entry.principal,
        entry=entry.index,
        bundled=tuple(payload.get("bundled", ())),
    )
    stated = (*told.stated, _done_outside("filed_at", filed.filed_at, entry))
    told = replace(told, notifications=(*told.notifications, filed), stated=stated)
    return _with_reason(told, entry, filed.regime, filed.delay_reason)


def _explained(told: Incident, entry: Entry, payload: Mapping[str, Any]) -> Incident:
    return _with_reason(told, entry, payload["regime"], payload["reason"])


def _with_reason(told: Incident, entry: Entry, regime: str, reason: str) -> Incident:
    if not reason.strip():
        return told
    one = Explained(regime=regime, reason=reason, by=entry.principal, at=entry.at, entry=entry.index)
    return replace(told, explained=(*told.explained, one))


def _communicated(told: Incident, entry: Entry, payload: Mapping[str, Any]) -> Incident:
    sent = Communicated(
        means=tuple(payload["means"]),
        count=payload.get("count"),
        at=datetime.fromisoformat(payload["at"]),
        recorded_at=entry.at,
        letters_sha256=tuple(payload["letters_sha256"]),
        by_means=payload["by_means"],
        not_reached=payload["not_reached"],
        list_digest=payload["list_digest"],
        by=entry.principal,
        entry=entry.index,
    )
    stated = (*told.stated, _done_outside("sent_at", sent.at, entry))
    return replace(told, communications=(*told.communications, sent), stated=stated)


def _ordered(told: Incident, entry: Entry, payload: Mapping[str, Any]) -> Incident:
    order = Ordered(
        at=datetime.fromisoformat(payload["at"]), what=payload["what"], by=entry.principal, entry=entry.index
    )
    return replace(told, orders=(*told.orders, order))


def _done_outside(name: str, at: datetime, entry: Entry) -> Stated:
    return Stated(name=name, value=at, at=entry.at, by=entry.principal, entry=entry.index)


def _access(told: Incident, _entry: Entry, payload: Mapping[str, Any]) -> Incident:
    return replace(told, access=(*told.access, payload))


def _alerted(told: Incident, _entry: Entry, payload: Mapping[str, Any]) -> Incident:
    deadline = payload.get("deadline")
    one = Alerted(
        deadline=datetime.fromisoformat(deadline) if deadline else None,
        hours_before=payload["hours_before"],
        sent=tuple(payload["sent"]),
        failed=tuple(payload.get("failed", ())),
        follows_up=payload.get("follows_up", ""),
    )
    return replace(told, alerted=(*told.alerted, one))


def _closed(told: Incident, entry: Entry, _payload: Mapping[str, Any]) -> Incident:
    return replace(told, closed_at=entry.at)


def _reopened(told: Incident, _entry: Entry, _payload: Mapping[str, Any]) -> Incident:
    return replace(told, closed_at=None)


def _unchanged(told: Incident, _entry: Entry, _payload: Mapping[str, Any]) -> Incident:
    return told


_STEPS: Final = {
    "corrected": _corrected,
    "assessed": _assessed,
    "decided": _decided,
    "notified": _notified,
    "explained": _explained,
    "communicated": _communicated,
    "ordered": _ordered,
    "access": _access,
    "alerted": _alerted,
    "closed": _closed,
    "reopened": _reopened,
}
