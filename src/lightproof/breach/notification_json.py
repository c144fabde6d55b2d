"""A notification as JSON, with its schema (2020-12), and what a sheet filed earlier said."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, get_args

from lightproof import __version__
from lightproof.breach.answers import CONTACT_PARTS, Origin, as_json
from lightproof.breach.incident import Incident, Stage
from lightproof.breach.notification import Field, Notification, State
from lightproof.documents.json import encoded
from lightproof.evidence.entries import rfc3339
from lightproof.law.forms import FormField, form

SCHEMA_ID: Final = "urn:lightproof:schema:notification:1"


def dumps(notice: Notification) -> bytes:
    """The notice as one JSON document: the same notice gives the same bytes."""
    return encoded(document(notice))


def document(notice: Notification) -> dict[str, object]:
    """The notice as JSON values."""
    return {
        "schema": SCHEMA_ID,
        "lightproof": __version__,
        "breach": notice.breach,
        "regime": notice.regime,
        "form": notice.form.id,
        "stage": notice.stage,
        "made": _instant(notice.made),
        "late": notice.late,
        "clock": {
            "aware_at": _instant(notice.aware_at),
            "deadline": _instant(notice.deadline),
            "reg1182": _instant(notice.informative),
        },
        "earlier": None
        if notice.earlier is None
        else {
            "stage": notice.earlier.stage,
            "filed_at": _instant(notice.earlier.filed_at),
            "reference": notice.earlier.reference,
            "sheet_sha256": notice.earlier.sheet_sha256,
        },
        "open": list(notice.still_open),
        "needed_now": [field.key for field in notice.fields if field.needed_now],
        "fields": [_field(field) for field in notice.fields],
    }


def filed_values(sheet: bytes) -> Mapping[str, object] | None:
    """Question -> value of a notice that was filed; None when the sheet is no notice in JSON."""
    try:
        told = json.loads(sheet)
        if told["schema"] != SCHEMA_ID:
            return None
        return {str(field["key"]): field["value"] for field in told["fields"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def filled_before(told: Incident, regime: str, attachment: Callable[[str], bytes]) -> Mapping[str, object] | None:
    """Question -> value of the notice of this regime that was filed last; None when none was, or not as JSON."""
    filed = [one for one in told.notifications if one.regime == regime and one.sheet_sha256]
    return filed_values(attachment(filed[-1].sheet_sha256)) if filed else None


def in_our_language(
    filed: Mapping[str, object], drawn_there: Notification, drawn_here: Notification
) -> Mapping[str, object]:
    """What was filed, each answer that it shares with the notice drawn in another language as it is drawn here.

    A notice filed in one language is compared with the next in another: what only reads otherwise has not changed.
    """
    here = {field.key: as_json(field.answer.value) for field in drawn_here.fields}
    there = {field.key: as_json(field.answer.value) for field in drawn_there.fields}
    return {key: here.get(key, value) if value == there.get(key) else value for key, value in filed.items()}


def schema() -> dict[str, object]:
    """JSON Schema (2020-12) of `document`."""
    instant: dict[str, object] = {"type": ["string", "null"], "format": "date-time"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "A personal data breach notification, question by question",
        "type": "object",
        "required": [
            "schema",
            "breach",
            "regime",
            "form",
            "stage",
            "made",
            "late",
            "clock",
            "open",
            "needed_now",
            "fields",
        ],
        "properties": {
            "schema": {"const": SCHEMA_ID},
            "lightproof": {"type": "string"},
            "breach": {"type": "string", "pattern": "^B-[0-9]{4}-[0-9]{4,}$"},
            "regime": {"type": "string"},
            "form": {"const": form().id},
            "stage": {"enum": list(get_args(Stage))},
            "made": {"type": "string", "format": "date-time"},
            "late": {"type": "boolean", "description": "The first notice comes after the 72 hours."},
            "clock": {
                "type": "object",
                "properties": {"aware_at": instant, "deadline": instant, "reg1182": instant},
                "additionalProperties": False,
            },
            "earlier": {
                "type": ["object", "null"],
                "properties": {
                    "stage": {"enum": list(get_args(Stage))},
                    "filed_at": instant,
                    "reference": {"type": "string"},
                    "sheet_sha256": {"type": "string"},
                },
            },
            "open": {"type": "array", "items": {"$ref": "#/$defs/key"}},
            "needed_now": {"type": "array", "items": {"$ref": "#/$defs/key"}},
            "fields": {
                "type": "array",
                "prefixItems": [_field_schema(question) for question in form().fields],
                "minItems": len(form().fields),
                "items": False,
            },
        },
        "additionalProperties": False,
        "$defs": {"key": {"enum": [question.key for question in form().fields]}},
    }


def _field(field: Field) -> dict[str, object]:
    answer = field.answer
    return {
        "number": field.question.number,
        "key": field.key,
        "value": as_json(answer.value),
        "source": answer.source if answer.value is not None else None,
        "evidence": list(answer.evidence),
        "state": field.state,
        "open": field.open,
        "needed_now": field.needed_now,
        "changed": field.changed,
        "note": answer.note,
    }


def _field_schema(question: FormField) -> dict[str, object]:
    return {
        "type": "object",
        "title": question.label.en,
        "description": question.why.en,
        "required": ["number", "key", "value", "source", "evidence", "state", "open", "needed_now", "changed", "note"],
        "properties": {
            "number": {"const": question.number},
            "key": {"const": question.key},
            "value": {"anyOf": [{"type": "null"}, _value_schema(question)]},
            "source": {"enum": [*get_args(Origin), None]},
            "evidence": {"type": "array", "items": {"type": "string"}},
            "state": {"enum": list(get_args(State))},
            "open": {"type": "boolean"},
            "needed_now": {"type": "boolean"},
            "changed": {"type": "boolean"},
            "note": {"type": "string"},
        },
        "additionalProperties": False,
    }


def _value_schema(question: FormField) -> dict[str, object]:
    options = [option.key for option in question.options]
    match question.type:
        case "text" | "attachment":
            return {"type": "string"}
        case "choice":
            return {"enum": options}
        case "multi":
            return {"type": "array", "items": {"enum": options}, "uniqueItems": True}
        case "bool":
            return {"type": "boolean"}
        case "number":
            return {"type": "integer", "minimum": 0}
        case "date":
            return {"type": "string", "format": "date"}
        case "datetime":
            return {"type": "string", "format": "date-time"}
        case "list":
            return {"type": "array", "items": {"type": "string"}}
        case "person":
            parts: dict[str, object] = {name: {"type": "string"} for name in CONTACT_PARTS}
            return {"type": "object", "properties": parts, "additionalProperties": False}
        case "range":
            return {
                "type": "object",
                "required": ["at_least", "at_most", "estimated", "method"],
                "properties": {
                    "at_least": {"type": "integer", "minimum": 0},
                    "at_most": {"type": ["integer", "null"], "minimum": 0},
                    "estimated": {"type": "boolean"},
                    "method": {"type": "string"},
                },
                "additionalProperties": False,
            }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
