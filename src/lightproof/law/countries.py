"""Names of countries, as data."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from lightproof.law.forms import Words


def country_name(code: str) -> str:
    """The country with this code (ISO 3166-1 alpha-2) in the current language; the code itself for one not listed."""
    name = _names().get(code)
    return code if name is None else str(name)


@cache
def _names() -> Mapping[str, Words]:
    content = (files("lightproof.law") / "countries.toml").read_text("utf-8")
    return TypeAdapter(dict[str, Words]).validate_python(tomllib.loads(content)["names"])
