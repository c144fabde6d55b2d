"""On which line each field of a TOML file stands, and each entry of its list: the parser does not tell. Pure.

For files that the parser has taken: nothing here judges, and what it cannot place has no line.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(
    r'(?P<text>"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*')"
    r"|(?P<comment>#[^\n]*)|(?P<end>\n)|(?P<mark>[\[\]{},=])|(?P<word>[^\s\"'#\[\]{},=]+)",
    re.DOTALL,
)


@dataclass(slots=True)
class Place:
    """The line of a field, and those on which the entries of its list begin."""

    line: int
    entries: list[int] = field(default_factory=list[int])


def places(text: str) -> dict[str, Place]:
    """Where the fields of the first level stand."""
    found: dict[str, Place] = {}
    here: Place | None = None
    key, line, depth, valued, awaited = "", 1, 0, False, False
    for token in _TOKEN.finditer(text):
        kind, word = token.lastgroup, token[0]
        if kind == "comment":
            continue
        if kind == "end":
            if depth == 0:
                if key and not valued:  # the head of a table
                    found.setdefault(_first_of(key), Place(line))
                key, here, valued = "", None, False
            line += 1
            continue
        if here is None or not valued:
            if word == "=" and depth == 0:
                valued = True
                here = found.setdefault(_first_of(key), Place(line))
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


def _first_of(key: str) -> str:
    """The first name of a key: `a` of `a.b`, of `"a"`, of `'a'.b`."""
    if key[:1] in ("'", '"'):
        return key[1 : key.find(key[0], 1)]
    return key.partition(".")[0]
