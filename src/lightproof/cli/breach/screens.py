"""Lists of breaches on a terminal and as JSON."""

import json
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

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


def assessments_as_text(said: Mapping[str, Mapping[str, Any]]) -> str:
    """Each regime's score and answers with their reasons, in running lines."""
    from lightproof.breach.words import choice_word, duty_word, level_word

    lines: list[str] = []
    for name, assessment in said.items():
        lines += [""] if lines else []
        lines.append(
            _("{regime}: severity {score} ({level})").format(
                regime=name, score=assessment["score"], level=level_word(assessment["level"])
            )
        )
        for answer in assessment["answers"]:
            lines.append(f"\n{duty_word(answer['duty'])} {choice_word(answer['choice']).upper()} ({answer['article']})")
            if period := answer.get("period"):
                lines += textwrap.wrap(_("When: {period}.").format(period=period), 78)
            lines += wrapped(reason["text"] for reason in answer["reasons"])
            if answer["would_change"]:
                lines.append(_("What would change this answer:"))
                lines += wrapped(answer["would_change"])
        if assessment["warnings"]:
            lines += ["", *wrapped(assessment["warnings"])]
    return "\n".join(lines) + "\n"


def wrapped(texts: Iterable[str]) -> list[str]:
    """A list in 80 columns."""
    return [line for text in texts for line in textwrap.wrap(text, 78, initial_indent="- ", subsequent_indent="  ")]
