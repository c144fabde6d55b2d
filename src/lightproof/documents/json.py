"""The report as JSON: the stable core that scripts rely on, everything else beside it, its schema, and back.

The bytes depend on the report alone. They are ASCII: a report shown on a terminal or pasted into a mail carries no
control, reordering or invisible character, only their `\\u` escapes.
"""

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Final, cast

from pydantic import TypeAdapter, ValidationError

from lightproof.errors import UsageRefused
from lightproof.evidence.records import ExposureReport
from lightproof.locale import gettext as _

SCHEMA_ID: Final = "urn:lightproof:schema:exposure-report:1"

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE: Final = re.compile(r"\\ud[89a-f]")


def dumps(report: ExposureReport) -> bytes:
    """The report as one JSON document in ASCII; each entry of a list on a line of its own."""
    return encoded(cast("Mapping[str, object]", _adapter().dump_python(report, mode="json")))


def loads(content: bytes) -> ExposureReport:
    """The report that `dumps` wrote.

    Raises:
        UsageRefused: the bytes are not a report, or one of a shape this version does not know.
    """
    try:
        return _adapter().validate_json(content)
    except ValidationError as error:
        raise UsageRefused(
            "report-unreadable",
            _("This file is not an exposure report of lightproof."),
            _("Give the file that “lightproof check --report FILE.json” wrote."),
        ) from error


def schema() -> dict[str, object]:
    """JSON Schema (2020-12) of what `dumps` writes."""
    described = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **described}


def encoded(values: Mapping[str, object]) -> bytes:
    """An object as ASCII: one key a line, one entry of a list a line, so that reports can be compared line by line."""
    lines = [f"{json.dumps(key)}: {_value(value)}" for key, value in values.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def compact(values: object) -> str:
    """JSON in ASCII on one line. A lone surrogate becomes U+FFFD, which every reader accepts (RFC 8259, 8.2)."""
    try:
        text = json.dumps(values, ensure_ascii=True, allow_nan=False)
    except ValueError:
        return json.dumps(_wellformed(values), ensure_ascii=True)
    if _SURROGATE_ESCAPE.search(text):
        return json.dumps(_wellformed(values), ensure_ascii=True)
    return text


def _value(value: object) -> str:
    if isinstance(value, list) and value:
        return "[\n  " + ",\n  ".join(map(compact, cast("list[object]", value))) + "\n]"
    return compact(cast("object", value))


def _wellformed(value: object) -> object:
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            entries = cast("dict[str, object]", value)
            return {_SURROGATE.sub("\ufffd", key): _wellformed(entry) for key, entry in entries.items()}
        case list():
            return [_wellformed(entry) for entry in cast("list[object]", value)]
        case _:
            return value


@cache
def _adapter() -> TypeAdapter[ExposureReport]:
    return TypeAdapter(ExposureReport)
