"""Dated data read from TOML: rules, fingerprints, vulnerabilities. Every row is validated as it is loaded.

A bad row is refused with its file and its number, so that whoever edits the data finds it at once.
"""

import datetime
import tomllib
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lightproof.errors import LightproofError
from lightproof.locale import gettext as _


class Row(BaseModel):
    """One row of a table: no key that its shape does not know, never changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sourced(Row):
    """A row that says where its facts were read, and when."""

    source: str = Field(min_length=3)
    date: datetime.date


R = TypeVar("R", bound=Row)


def read(file: Traversable) -> Mapping[str, object]:
    """The tables of one TOML file. Raises LightproofError when it is not TOML."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(file.name, str(error)) from error


def rows(file: Traversable, tables: Mapping[str, object], key: str, shape: type[R]) -> tuple[R, ...]:
    """The rows `[[key]]` of a file, in order; none when it has no such table.

    Raises LightproofError naming file, row and key of what does not fit.
    """
    found = tables.get(key, [])
    if not isinstance(found, list):
        raise _refused(file.name, f"{key}: not an array of tables")
    return tuple(
        _row(file.name, f"{key} {number}", row, shape)
        for number, row in enumerate(cast("list[object]", found), start=1)
    )


def _row(file: str, place: str, row: object, shape: type[R]) -> R:
    if isinstance(row, dict):
        named = cast("dict[str, object]", row).get("id")
        place = f"{place} ({named})" if isinstance(named, str) else place
    try:
        return shape.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _refused(file, f"{place}: {where}: {first['msg']}") from error


def refused_row(file: str, key: str, row_id: str, cause: str) -> LightproofError:
    """The error for a row that has the right shape and still does not fit with the others."""
    return _refused(file, f"{key} ({row_id}): {cause}")


def _refused(file: str, cause: str) -> LightproofError:
    return LightproofError(
        "data-row-refused",
        _("{file}: {cause}").format(file=file, cause=cause),
        _("Correct this row of the data file, or install lightproof again."),
    )
