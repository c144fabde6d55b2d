"""A breach as one JSON document, for scripts."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from lightproof.breach.beside import Beside, beside
from lightproof.breach.clock import Clock
from lightproof.breach.facts import dumped
from lightproof.breach.incident import Incident
from lightproof.breach.lateness import Late, late_filings
from lightproof.breach.pending import follow_ups, pending
from lightproof.documents.json import encoded
from lightproof.evidence.entries import rfc3339


def dumps(told: Incident, clock: Clock) -> bytes:
    """The breach: the same entries give the same bytes."""
    return encoded(document(told, clock))


def document(told: Incident, clock: Clock) -> Mapping[str, object]:
    """The breach as JSON values."""
    return {
        "id": told.id,
        "status": told.status.value,
        "opened_at": rfc3339(told.opened_at),
        "opened_by": told.opened_by,
        "source": asdict(told.source),
        "clock": {
            "aware_at": _instant(clock.aware_at),
            "deadline": _instant(clock.deadline),
            "reg1182": _instant(clock.informative),
            "warnings": list(clock.warnings),
        },
        "pending": [_plain(asdict(duty)) for duty in pending(told)],
        "follow_ups": [_plain(asdict(one)) for one in follow_ups(told)],
        "late": [_late(one) for one in late_filings(told)],
        "orders": [_plain(asdict(order)) for order in told.orders],
        "beside": [_duty(duty) for duty in beside(told)],
        "facts": dumped(told.facts),
        "assessments": told.assessments,
        "decisions": {duty: _plain(asdict(decided)) for duty, decided in told.decisions.items()},
        "outgrown": [_plain(asdict(decided)) for decided in told.outgrown],
        "decided": [_plain(asdict(decided)) for decided in told.decided],
        "notifications": [_plain(asdict(filed)) for filed in told.notifications],
        "communications": [_plain(asdict(sent)) for sent in told.communications],
        "access": list(told.access),
        "stated": [{**_plain(asdict(one)), "late": one.late} for one in told.stated],
        "steps": [
            {"entry": step.entry, "at": rfc3339(step.at), "what": step.what, "by": step.by} for step in told.steps
        ],
    }


def _duty(duty: Beside) -> dict[str, object]:
    return {**_plain(asdict(duty)), "steps": [_plain(asdict(step)) for step in duty.steps]}


def _late(one: Late) -> dict[str, object]:
    return {
        "law": one.law,
        "authority": one.filed.authority,
        "filed_at": rfc3339(one.filed.filed_at),
        "deadline": rfc3339(one.deadline),
        "reasons": [_plain(asdict(reason)) for reason in one.reasons],
        "untold": one.untold,
    }


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _instant(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
