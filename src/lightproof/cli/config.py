"""`lightproof config`: the settings in force, and where each came from."""

import json
import os
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Final

import click

from lightproof.cli.named_laws import refuse_unknown_laws
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.storage.configuration import Configuration, Origin, Value

_WIDTH: Final = 80
_GAP: Final = "  "


@click.group(name="config", help=_("The settings: those in force, and where each comes from."))
def command() -> None:
    """The group itself does nothing."""


@command.command(
    "show",
    help=_(
        "Show every setting and its value. A flag beats a variable of the environment, which beats settings.toml in "
        "the home, which beats the default."
    ),
)
@click.option("--origin", is_flag=True, help=_("Say where each value comes from."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
@click.option("--schema", is_flag=True, help=_("Print the JSON Schema of --json."))
def show(origin: bool, as_json: bool, schema: bool) -> int:
    """Works without a home: everything has its default then. What is wrong is shown too, and told afterwards."""
    from lightproof.storage.configuration import SETTINGS_FILE, load
    from lightproof.storage.home import home

    if schema:
        click.echo(json.dumps(_SCHEMA, indent=2))
        return 0
    folder = home().absolute()
    loaded = load(folder, os.environ)
    if as_json:
        click.echo(json.dumps(_document(str(folder), loaded), indent=2, ensure_ascii=False))
        refuse_unknown_laws(loaded.settings.breach.regimes)
        return 0
    path = folder / SETTINGS_FILE
    click.echo(str(path) if path.exists() else _("{path} (not there)").format(path=path))
    for section, values in groupby(loaded.values, lambda value: value.key.rpartition(".")[0]):
        click.echo(f"\n[{section}]")
        for line in _lines(tuple(values), origin=origin):
            click.echo(line)
    sys.stdout.flush()
    refuse_unknown_laws(loaded.settings.breach.regimes)
    return 0


def _lines(values: "tuple[Value, ...]", *, origin: bool) -> Iterator[str]:
    """The settings of a section in columns: name, value and, when it fits beside them, origin."""
    names = [value.key.rpartition(".")[2] for value in values]
    indent = _GAP + " " * max(map(len, names)) + _GAP
    room = _WIDTH - len(indent)
    for name, value in zip(names, values, strict=True):
        pieces = textwrap.wrap(_shown(value), room) or [""]
        told = _told(value.origin) if origin else ""
        if told and len(pieces) == 1 and len(pieces[0]) + len(_GAP) + len(told) <= room:
            pieces = [pieces[0].ljust(room - len(told)) + told]
        elif told:
            pieces += [piece.rjust(room) for piece in textwrap.wrap(told, room)]
        yield (_GAP + name.ljust(len(indent) - 2 * len(_GAP)) + _GAP + pieces[0]).rstrip()
        yield from (indent + piece for piece in pieces[1:])


def _shown(value: "Value") -> str:
    if value.value is None:
        return "–"
    return ", ".join(value.value) if isinstance(value.value, tuple) else str(value.value)


def _told(origin: "Origin") -> str:
    if origin.kind == "default":
        return _("default")
    if origin.kind == "file":
        return _("file, line {line}").format(line=origin.line) if origin.line else _("file")
    return origin.name


def _document(folder: str, loaded: "Configuration") -> dict[str, object]:
    return {
        "home": folder,
        "settings": [
            {
                "key": value.key,
                "value": list(value.value) if isinstance(value.value, tuple) else value.value,
                "origin": {"kind": value.origin.kind, "name": value.origin.name or None, "line": value.origin.line},
            }
            for value in loaded.values
        ],
    }


_SCHEMA: Final[dict[str, object]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "lightproof config show --json",
    "type": "object",
    "required": ["home", "settings"],
    "properties": {
        "home": {"type": "string"},
        "settings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "value", "origin"],
                "properties": {
                    "key": {"type": "string"},
                    "value": {"type": ["string", "integer", "array", "null"], "items": {"type": "string"}},
                    "origin": {
                        "type": "object",
                        "required": ["kind", "name", "line"],
                        "properties": {
                            "kind": {"enum": ["flag", "environment", "file", "default"]},
                            "name": {"type": ["string", "null"]},
                            "line": {"type": ["integer", "null"]},
                        },
                    },
                },
            },
        },
    },
}
