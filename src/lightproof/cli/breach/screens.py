"""Lists of breaches on a terminal and as JSON."""

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lightproof.locale import gettext as _
from lightproof.locale import ngettext

if TYPE_CHECKING:
    from lightproof.breach.register import Line, Page

_TITLE: Final = 40
_WIDTH: Final = 78


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
        f"{line.id:12}  {_left(line, now):>11}  {_state(line):10}  {for_terminal(_cut(line.title))}"
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
    """Each law's score and answers with their reasons, in running lines."""
    return "\n\n".join("\n".join(_assessment(name, one)) for name, one in said.items()) + "\n"


def _assessment(name: str, said: Mapping[str, Any]) -> Iterator[str]:
    from lightproof.breach.severity_told import also_weighs, element_rows, score_text, sum_text
    from lightproof.breach.words import choice_word, duty_word, fact_name, law_name

    yield _("{law}: severity {score}").format(law=law_name(name), score=score_text(said))
    if terms := element_rows(said):
        yield _("The score: {sum}").format(sum=sum_text(said))
        for value, term, because in terms:
            yield from _wrapped_beside(value, _("{fact}: {value}").format(fact=term, value=because))
    yield from wrapped(also_weighs(said))
    for answer in said["answers"]:
        yield ""
        article = f" ({answer['article']})" if answer["article"] else ""
        yield f"{duty_word(answer['duty'])} {choice_word(answer['choice']).upper()}{article}"
        if period := answer.get("period"):
            yield from textwrap.wrap(_("When: {period}.").format(period=period), _WIDTH)
        yield from wrapped(reason["text"] for reason in answer["reasons"])
        if answer["would_change"]:
            yield _("What would change this answer:")
            yield from wrapped(answer["would_change"])
    if said["missing"]:
        known = ", ".join(fact_name(one) for one in said["missing"])
        yield ""
        yield from textwrap.wrap(_("Nobody has established yet: {facts}.").format(facts=known), _WIDTH)
    if said["warnings"]:
        yield ""
        yield _("Look at this")
        yield from wrapped(said["warnings"])


def _wrapped_beside(lead: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"  {lead:<6}", subsequent_indent=" " * 8)


def wrapped(texts: Iterable[str]) -> list[str]:
    """A list in 80 columns."""
    return [line for text in texts for line in textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ")]
