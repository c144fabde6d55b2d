"""The text of settings.toml as `init` writes it: every setting explained, those that are known in force."""

import json
import textwrap
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict

from lightproof.locale import Language, language

_WIDTH: Final = 110


class _Both(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    en: str
    fr: str

    def text(self, wished: Language) -> str:
        return {"en": self.en, "fr": self.fr}[wished]


class _Section(_Both):
    name: str


class _Setting(_Both):
    key: str
    example: str


class Described(BaseModel):
    """What is said of each section and setting (settings_described.toml)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    opening: _Both
    section: tuple[_Section, ...]
    setting: tuple[_Setting, ...]


@cache
def described() -> Described:
    """The descriptions that ship with the program."""
    raw = files("lightproof.storage").joinpath("settings_described.toml").read_text("utf-8")
    return Described.model_validate(tomllib.loads(raw))


def default_settings(known: Mapping[str, str | int] | None = None) -> str:
    """A commented settings.toml in the current language; the keys of `known` are in force with their values."""
    wished, known = language(), known or {}
    lines = _paragraph(described().opening.text(wished))
    for section in described().section:
        lines += ["", f"[{section.name}]", *_paragraph(section.text(wished))]
        for setting in described().setting:
            above, _dot, name = setting.key.rpartition(".")
            if above != section.name:
                continue
            lines += _paragraph(setting.text(wished))
            if setting.key in known:
                lines.append(f"{name} = {_literal(known[setting.key])}")
            else:
                lines.append(_commented(f"{name} = {setting.example}"))
    return "\n".join(lines) + "\n"


def _paragraph(text: str) -> list[str]:
    return [_commented(line) for line in textwrap.wrap(text, _WIDTH)]


def _commented(line: str) -> str:
    return f"# {line}"


def _literal(value: str | int) -> str:
    """A TOML value. JSON's escapes are TOML's; settings hold no control characters, the one difference."""
    return json.dumps(value, ensure_ascii=False)
