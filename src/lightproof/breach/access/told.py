"""What the reading of access logs is to a person: the answer, its reasons, and who came."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from lightproof.documents import wording
from lightproof.documents.model import Block, FactList, Items, Table
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

Said = Callable[[Mapping[str, Any]], str]


def access_blocks(kept: Mapping[str, Any]) -> list[Block]:
    """One reading of logs, as `conclusion.summary` keeps it."""
    begin = _when(kept["from"]) if kept.get("from") else _("the beginning of the logs")
    digests = ", ".join(f"{log['sha256'][:12]}…" for log in _every(kept, "logs"))
    lines = sum(int(log["lines"]) for log in _every(kept, "logs"))
    own = ", ".join(cast("Sequence[str]", kept.get("own", ())))
    blocks: list[Block] = [
        FactList(
            (
                (_("Answer"), conclusion_word(str(kept["conclusion"]))),
                (_("Period"), _("{begin} to {end}").format(begin=begin, end=_when(kept["to"]))),
                (_("Lines read"), wording.number(lines)),
                (_("Files"), digests),
                *([(_("Named as your own addresses"), own)] if own else []),
                (_("Visitors from inside"), wording.number(int(kept["inside"]))),
                (_("Visitors from outside"), wording.number(int(kept["strangers"]))),
            )
        ),
        Items(_("Why"), tuple(reason_text(reason) for reason in _every(kept, "reasons"))),
    ]
    if sources := _every(kept, "sources"):
        columns = (_("Visitor (hashed)"), _("First seen"), _("Last seen"), _("What it was given"))
        blocks.append(Table(_("From outside"), columns, tuple(_source(one) for one in sources), widths=(3, 3, 3, 5)))
    return blocks


def conclusion_word(conclusion: str) -> str:
    """What the logs prove, in one line."""
    said = _CONCLUSIONS.get(conclusion)
    return said() if said else conclusion


def reason_text(reason: Mapping[str, Any]) -> str:
    """One reason, with its figures."""
    said = _REASONS.get(str(reason.get("name")))
    return said(reason) if said else str(reason.get("name"))


def _source(one: Mapping[str, Any]) -> tuple[str, ...]:
    acts = cast("Mapping[str, int]", one["acts"])
    given = ", ".join(f"{_ACTS[act]()} × {count}" for act, count in acts.items() if act in _ACTS)
    return str(one["source"]), _when(one["first"]), _when(one["last"]), given


_CONCLUSIONS: Final[Mapping[str, Callable[[], str]]] = {
    "proved": lambda: _("Strangers were given patients' data: it is established."),
    "proved_none": lambda: _("No stranger was given anything: the logs prove it for this period."),
    "unknown": lambda: _("Not known: the logs prove neither that strangers had the data nor that none did."),
}
_ACTS: Final[Mapping[str, Callable[[], str]]] = {
    "fetched": lambda: _("images"),
    "listed": lambda: _("lists of patients or exams"),
    "queried": lambda: _("query, answer not logged"),
    "contact": lambda: _("answered"),
    "refused": lambda: _("refused"),
}
_REASONS: Final[Mapping[str, Said]] = {
    "images-given": lambda r: ngettext(
        "Images were given once to a visitor from outside.",
        "Images were given {times} times, to {sources} visitors from outside.",
        int(r["times"]),
    ).format(times=wording.number(int(r["times"])), sources=wording.number(int(r["sources"]))),
    "lists-given": lambda r: ngettext(
        "A list of patients or exams was given once to a visitor from outside.",
        "Lists of patients or exams were given {times} times, to {sources} visitors from outside.",
        int(r["times"]),
    ).format(times=wording.number(int(r["times"])), sources=wording.number(int(r["sources"]))),
    "none-answered": lambda _r: _(
        "The logs cover the whole period, our own check's visit is in them, and every visit from outside was refused."
    ),
    "begin-unknown": lambda _r: _(
        "Nobody has stated since when it was open: state it (--set started_at=… --reason …) and read the logs again."
    ),
    "ongoing": lambda _r: _("It is still open: close it, check again, then read the logs again."),
    "strangers-answered": lambda r: ngettext(
        "One visitor from outside was answered; the log does not say that it was given patients' data.",
        "{sources} visitors from outside were answered; the log does not say that they were given patients' data.",
        int(r["sources"]),
    ).format(sources=wording.number(int(r["sources"]))),
    "unattributed": lambda r: ngettext(
        "One visit is logged without the visitor's address.",
        "{times} visits are logged without the visitor's address.",
        int(r["times"]),
    ).format(times=wording.number(int(r["times"]))),
    "crowd": lambda r: _("There were more visitors than are told apart: {times} further visits.").format(
        times=wording.number(int(r["times"]))
    ),
    "unreadable": lambda r: ngettext(
        "One line could not be read.", "{lines} lines could not be read.", int(r["lines"])
    ).format(lines=wording.number(int(r["lines"]))),
    "one-inside-source": lambda _r: _(
        "Every visit comes from one inside address: a proxy or the box may stand before the true visitors. "
        "If it is your own machine, name your addresses with --own."
    ),
    "places-unknown": lambda _r: _(
        "The breach was not opened from a check: nobody has measured which services were open."
    ),
    "no-log": lambda r: _("No log names the visitors of {service} on port {port}.").format(**_place(r)),
    "check-not-in-log": lambda r: _(
        "The visit of our own check to {service} on port {port} is not in the log: the log does not write every visit "
        "down, or its clock or time zone is another (--zone)."
    ).format(**_place(r)),
    "begins-late": lambda r: _("The log begins on {when}, after the data came within reach.").format(
        when=_when(r["at"])
    ),
    "ends-early": lambda r: _("The log ends on {when}, before the data were out of reach.").format(when=_when(r["at"])),
    "silence": lambda r: _("The log is silent from {begin} to {end}: it may have been off.").format(
        begin=_when(r["from"]), end=_when(r["to"])
    ),
}


def _place(reason: Mapping[str, Any]) -> dict[str, str]:
    return {"service": str(reason["service"]), "port": str(reason["port"])}


def _every(kept: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return cast("Sequence[Mapping[str, Any]]", kept.get(name) or ())


def _when(text: object) -> str:
    return wording.instant(datetime.fromisoformat(str(text)))
