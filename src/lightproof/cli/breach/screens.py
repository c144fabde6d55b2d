"""Lists of breaches on a terminal and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from lightproof.locale import gettext as _
from lightproof.locale import ngettext

if TYPE_CHECKING:
    from lightproof.breach.register import Line, Page

_TITLE: Final = 36


def rows_as_json(page: "Page") -> str:
    """One JSON document: the rows, and how many there are in all."""
    said: Mapping[str, object] = {"total": page.total, "breaches": [asdict(line) for line in page.lines]}
    return json.dumps(said, ensure_ascii=True)


def rows_as_text(page: "Page", now: datetime) -> str:
    """At most 80 columns: number, what remains of the clock, state, title."""
    from lightproof.documents.text import for_terminal

    if not page.total:
        return _("No breach in the register.") + "\n"
    lines = [
        f"{line.id:12}  {_left(line, now):>10}  {_state(line):10}  {for_terminal(_cut(line.title))}"
        for line in page.lines
    ]
    if page.total > len(page.lines):
        shown = ngettext("{n} breach in all", "{n} breaches in all", page.total).format(n=page.total)
        lines.append(_("… {count}; more with --from and --limit").format(count=shown))
    return "\n".join(lines) + "\n"


def _state(line: "Line") -> str:
    from lightproof.breach.words import status_word

    return status_word(line.status)


def _left(line: "Line", now: datetime) -> str:
    if not line.deadline:
        return "–"
    left = datetime.fromisoformat(line.deadline) - now
    if left < timedelta(0):
        return _("late")
    hours = int(left / timedelta(hours=1))
    return _("{n} h left").format(n=hours)


def _cut(title: str) -> str:
    return title if len(title) <= _TITLE else title[: _TITLE - 1] + "…"
