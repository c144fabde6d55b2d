"""An answer of the notification in words: lines that a person reads, or keys in. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from lightproof.breach.answers import Contact, Origin
from lightproof.breach.facts import Range
from lightproof.breach.notification import Field
from lightproof.breach.words import range_text
from lightproof.documents.text import LONGEST
from lightproof.documents.wording import day, fact_word, instant, local_instant, number
from lightproof.law.countries import country_name
from lightproof.law.forms import Words
from lightproof.locale import gettext as _
from lightproof.locale import language

_COUNTRIES: Final = frozenset({"country", "countries", "third_countries"})
_ROOM: Final = LONGEST - 50
_SENTENCE_END: Final = re.compile(r"(?<=[.;!?])\s+")


def shown(field: Field, zone: tzinfo) -> tuple[str, ...]:
    """The lines of an answer; none when there is no answer. Instants: in the zone and in UTC.

    No line is longer than documents show.
    """
    match field.answer.value:
        case None:
            return ()
        case bool() as value:
            lines = [fact_word(value)]
        case int() as value:
            lines = [number(value)]
        case datetime() as value:
            lines = [both_instants(value, zone)]
        case date() as value:
            lines = [day(value)]
        case Range() as value:
            lines = [range_text(value)]
        case Contact() as value:
            lines = [str(value)]
        case tuple() as value:
            lines = [_option(field, one) for one in value]
        case str() as value:
            lines = [_option(field, one) for one in value.splitlines() if one]
    return tuple(piece for line in lines for piece in pieces(line))


def both_instants(at: datetime, zone: tzinfo) -> str:
    """An instant in a zone, and in UTC where the zone's clocks show another hour."""
    if not at.astimezone(zone).utcoffset():
        return instant(at)
    return _("{local}, that is {utc}").format(local=local_instant(at, zone), utc=_hour(at))


def source_text(origin: Origin | None) -> str:
    """Where an answer comes from."""
    words: dict[Origin, str] = {
        "evidence": _("measured"),
        "settings": _("settings"),
        "register": _("register"),
        "law": _("suggested by the law"),
        "default": _("usual for such an event"),
        "person": _("stated by a person"),
    }
    return words[origin] if origin else ""


def evidence_text(refs: Sequence[str], *, short: bool) -> str:
    """What shows an answer: entries of the ledger, digests of files. In short, entries where there are any."""
    entries = [ref for ref in refs if ref.startswith("entry ")]
    return ", ".join(_ref(ref, short) for ref in (entries if short and entries else refs))


def bilingual(words: Words) -> str:
    """The label as the on-line form has it, in French, with what it means for who reads English."""
    return words.fr if language() == "fr" or words.fr == words.en else f"{words.fr} · {words.en}"


def pieces(text: str) -> Iterable[str]:
    """The text in pieces that documents show whole, cut between sentences or words."""
    while len(text) > _ROOM:
        ends = [match.start() for match in _SENTENCE_END.finditer(text, 0, _ROOM)]
        cut = ends[-1] if ends else text.rfind(" ", 1, _ROOM)
        cut = cut if cut > 0 else _ROOM
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    if text:
        yield text


def _option(field: Field, key: str) -> str:
    if field.key in _COUNTRIES:
        return country_name(key)
    labels = {option.key: option.label for option in field.question.options}
    return bilingual(labels[key]) if key in labels else key


def _ref(ref: str, short: bool) -> str:
    kind, space, entry = ref.partition(" ")
    if kind == "entry" and space:
        return _("ledger entry {entry}").format(entry=entry)
    return f"{ref[:15]}…" if short and ref.startswith("sha256:") else ref


def _hour(at: datetime) -> str:
    at = at.astimezone(UTC)
    return _("{hour:02d}:{minute:02d} UTC").format(hour=at.hour, minute=at.minute)
