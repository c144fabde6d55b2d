"""On which line each key of a TOML file stands, and each entry of its list: the parser does not tell. Pure.

For files that the parser has taken: nothing here judges, and what it cannot place has no line.
"""

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

_TOKEN: Final = re.compile(
    r'(?P<text>"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*')"
    r"|(?P<comment>#[^\n]*)|(?P<end>\n)|(?P<mark>[\[\]{},=])|(?P<word>[^\s\"'#\[\]{},=]+)",
    re.DOTALL,
)
_DEEPEST: Final = 16
"""Names of a key that are looked at: what is deeper stands where these do."""
_NAME: Final = re.compile(r"\"[^\"]*\"|'[^']*'|[^.\s\"']+")


@dataclass(slots=True)
class Place:
    """The line of a key, and those on which the entries of its list begin."""

    line: int
    entries: list[int] = field(default_factory=list[int])


def places(text: str) -> dict[str, Place]:
    """Where each key and table stands, by its names from the first level on, with dots between them."""
    found: dict[str, Place] = {}
    table: tuple[str, ...] = ()
    here: Place | None = None
    key, line, depth, valued, awaited = "", 1, 0, False, False
    for token in _TOKEN.finditer(text + "\n"):
        kind, word = token.lastgroup, token[0]
        if kind == "comment":
            continue
        if kind == "end":
            if depth == 0:
                if key and not valued:  # the head of a table
                    table = _names(key)
                    _place_of(table, found, line)
                key, here, valued = "", None, False
            line += 1
            continue
        if here is None or not valued:
            if word == "=" and depth == 0:
                valued = True
                here = _place_of((*table, *_names(key)), found, line)
            elif kind in ("text", "word"):
                key += word
        elif word in ("[", "{") and kind == "mark":
            if depth == 1 and awaited:
                here.entries.append(line)
            depth += 1
            awaited = depth == 1
        elif word in ("]", "}") and kind == "mark":
            depth -= 1
        elif word == "," and kind == "mark":
            awaited = depth == 1
        elif depth == 1 and awaited:
            here.entries.append(line)
            awaited = False
        line += word.count("\n")
    return found


def _place_of(names: tuple[str, ...], found: dict[str, Place], line: int) -> Place:
    """The place of a key; it and the tables that it is in are put here, unless they stand before."""
    place = Place(line)
    for end in range(1, len(names) + 1):
        place = found.setdefault(".".join(names[:end]), Place(line))
    return place


def _names(key: str) -> tuple[str, ...]:
    """The names of a key: `a` and `b` of `a.b`, of `"a"."b"`, of `'a'.b`."""
    return tuple(name[0].strip("\"'") for name in islice(_NAME.finditer(key), _DEEPEST))
