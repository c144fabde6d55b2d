"""Reads the settings: a flag beats the environment, which beats settings.toml, which beats the default.

Each value keeps its origin. What cannot be understood is refused with its line and key, or its variable.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Self, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _
from lightproof.storage.durable import read_whole
from lightproof.storage.settings import Settings
from lightproof.toml_lines import places

SETTINGS_FILE: Final = "settings.toml"

_PREFIX: Final = "LIGHTPROOF_"
_LONGEST_FILE: Final = 256 * 1024
_SHORT_NAMES: Final = {"unlock.passphrase_file": "LIGHTPROOF_PASSPHRASE_FILE"}
"""Variables with a name that people would guess, beside the systematic one."""

Table = dict[str, object]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from."""

    kind: Literal["flag", "environment", "file", "default"]
    name: str = ""
    """The flag, the variable, or the file."""
    line: int | None = None


DEFAULT: Final = Origin("default")


@dataclass(frozen=True, slots=True)
class Value:
    """One setting: its key with dots, its value (None: not set), its origin."""

    key: str
    value: str | int | tuple[str, ...] | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings in force, and where each came from."""

    settings: Settings
    values: tuple[Value, ...]


def load(folder: Path, environment: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Configuration:
    """The settings of the home in `folder`; all defaults where there is no settings.toml.

    `flags`: key -> value, as given on the command line. Raises UsageRefused `settings-unreadable`.
    """
    written = _Written.read(folder / SETTINGS_FILE, missing_is_empty=True)
    _refuse_unknown_variables(environment)
    for key in keys():
        for variable in variables(key):
            if environment.get(variable):
                written.put(key, environment[variable], Origin("environment", variable))
        if flags and key in flags:
            written.put(key, flags[key], Origin("flag", "--" + key.rpartition(".")[2].replace("_", "-")))
    return written.configuration(home=folder)


def load_settings(folder: Path, environment: Mapping[str, str]) -> Settings:
    """As `load`, the settings alone."""
    return load(folder, environment).settings


def read_organisation(path: Path) -> dict[str, str | int]:
    """An [organisation] section, or its keys alone, from a file: key with dots -> value.

    Raises UsageRefused `settings-unreadable`.
    """
    written = _Written.read(path, section="organisation")
    values = [value for value in written.configuration().values if value.origin is not DEFAULT]
    if other := next((value for value in values if not value.key.startswith("organisation.")), None):
        raise written.refused(other.key, _("only [organisation] belongs in this file"))
    return {value.key: value.value for value in values if isinstance(value.value, str | int)}


@cache
def keys() -> tuple[str, ...]:
    """Every key that can be set, with dots, in the order of the file."""
    return tuple(key for key, _names in _leaves(Settings))


def variables(key: str) -> tuple[str, ...]:
    """The environment variables that set a key; a later one beats an earlier."""
    systematic = _PREFIX + key.upper().replace(".", "_")
    return (systematic, _SHORT_NAMES[key]) if key in _SHORT_NAMES else (systematic,)


def _leaves(model: type[BaseModel]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each key with dots, and the attributes that lead to it."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = next(filter(None, map(_section, (field.annotation, *get_args(field.annotation)))), None)
        if inner is None:
            yield key, (name,)
        else:
            yield from ((f"{key}.{below}", (name, *path)) for below, path in _leaves(inner))


def _section(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written, by whom, before it is understood."""

    path: Path
    table: Table
    lines: Mapping[str, int]
    """Of each key and section in the file."""
    origins: dict[str, Origin]

    @classmethod
    def read(cls, path: Path, *, missing_is_empty: bool = False, section: str = "") -> Self:
        """Reads a file; when its keys stand outside `section`, they are taken as if they stood inside."""
        text = _text(path, missing_is_empty=missing_is_empty)
        table = _table(path, text)
        lines = {key: place.line for key, place in places(text).items()}
        if section and section not in table:
            table, lines = Table({section: table}), {f"{section}.{key}": line for key, line in lines.items()}
        written = cls(path, table, lines, {})
        written.origins.update((key, written.nearest(key)) for key in keys() if _holds(table, key))
        return written

    def nearest(self, key: str) -> Origin:
        """Where in the file a key stands, or the section it should stand in."""
        return Origin("file", str(self.path), next((self.lines[k] for k in _upwards(key) if k in self.lines), None))

    def put(self, key: str, value: str, origin: Origin) -> None:
        """Sets a key over what the file says."""
        *sections, last = key.split(".")
        at = self.table
        for section in sections:
            below = at.setdefault(section, {})
            if not isinstance(below, dict):
                raise self.refused(key.rpartition(".")[0], _("a section is expected, not a value"))
            at = cast("Table", below)
        at[last] = value
        self.origins[key] = origin

    def configuration(self, home: Path | None = None) -> Configuration:
        """What it means. Raises UsageRefused `settings-unreadable`."""
        try:
            settings = Settings.model_validate(_without_empty(self.table), context={"home": home})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            key = ".".join(part for part in problem["loc"] if isinstance(part, str))
            raise self.refused(key, _reason(problem, key)) from error
        return Configuration(settings, tuple(_values(settings, self.origins)))

    def refused(self, key: str, reason: str) -> UsageRefused:
        """Says where the first thing that does not fit was written."""
        origin = self.origins.get(key) or self._elsewhere(key) or self.nearest(key)
        place = _place(self.path, origin.line) if origin.kind == "file" else origin.name
        return _refused(place, key, reason)

    def _elsewhere(self, key: str) -> Origin | None:
        """A variable or flag of the section that a problem lies in; None when the file alone can have caused it."""
        section = key if any(known.startswith(f"{key}.") for known in keys()) else key.rpartition(".")[0]
        beside = (origin for known, origin in self.origins.items() if known.startswith(f"{section}."))
        return None if key in self.lines and section != key else next((o for o in beside if o.kind != "file"), None)


def _holds(table: Table, key: str) -> bool:
    at: object = table
    for part in key.split("."):
        if not isinstance(at, dict) or part not in at:
            return False
        at = at[part]  # pyright: ignore[reportUnknownVariableType]
    return True


def _values(settings: Settings, origins: Mapping[str, Origin]) -> Iterator[Value]:
    for key, path in _leaves(Settings):
        found: Any = settings
        for name in path:
            found = getattr(found, name, None)
        value = str(found) if isinstance(found, Path) else cast("str | int | tuple[str, ...] | None", found)
        yield Value(key, value, origins.get(key, DEFAULT))


def _text(path: Path, *, missing_is_empty: bool) -> str:
    try:
        raw, _mode = read_whole(path, _LONGEST_FILE)
    except OSError as error:
        if missing_is_empty and isinstance(error, FileNotFoundError):
            return ""
        refused = _refused(str(path), "", system_reason(error))
        refused.fix = _("Check its name and your rights.")
        raise refused from error
    if len(raw) > _LONGEST_FILE:
        raise _refused(str(path), "", _("the file is too long"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(str(path), "", _("not UTF-8 text")) from error


def _table(path: Path, text: str) -> Table:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        place = _place(path, int(found[1]) if found else None)
        reason = _("this is not TOML (text stands between quotes, each section stands once)")
        raise _refused(place, "", reason) from error


def _upwards(key: str) -> Iterator[str]:
    while key:
        yield key
        key = key.rpartition(".")[0]


def _place(path: Path, line: int | None) -> str:
    return str(path) if line is None else _("{path}, line {line}").format(path=path, line=line)


def _without_empty(table: Mapping[str, object]) -> Table:
    """A section whose every line is a comment is as good as none."""
    kept: Table = {}
    for key, value in table.items():
        if isinstance(value, dict):
            if below := _without_empty(cast("Table", value)):
                kept[key] = below
        else:
            kept[key] = value
    return kept


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = [variable for key in keys() for variable in variables(key)]
    sections = tuple(f"{_PREFIX}{name.upper()}_" for name in Settings.model_fields)
    for name in environment:
        if name.startswith(sections) and name not in known:
            raise _refused(name, "", _("there is no such setting") + _guess(name, known))


def _guess(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return " (" + _("did you mean {key}?").format(key=close[0]) + ")" if close else ""


def _reason(problem: ErrorDetails, key: str) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return _("there is no such setting") + _guess(key, keys())
    if kind == "missing":
        return _("it is missing")
    if kind == "literal_error":
        return _("one of these is expected: {values}").format(values=context["expected"].replace(" or ", ", "))
    if kind.startswith("int"):
        return _("a whole number is expected")
    if kind.startswith(("string_t", "path_t")):
        return _("text is expected, between quotes") if kind.endswith("_type") else _("it is empty, or too long")
    if kind.startswith(("greater", "less")):
        bound = next(iter(context.values()))
        return (
            _("at least {n} is expected").format(n=bound)
            if kind.startswith("greater")
            else _("at most {n} is expected").format(n=bound)
        )
    if kind.startswith(("tuple", "too_")):
        return _("a list is expected, with at least one value")
    if kind.startswith("model"):
        return _("a section is expected, not a value")
    return _("this value does not fit")


def _refused(place: str, key: str, reason: str) -> UsageRefused:
    return UsageRefused(
        "settings-unreadable",
        f"{place}: {key}: {reason}." if key else f"{place}: {reason}.",
        _("Correct it, or take it out: the default counts then."),
    )
