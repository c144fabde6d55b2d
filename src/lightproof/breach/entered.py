"""Facts as a person enters them on a command line: `persons=1..1200`, `recipients=public,unknown`, `ongoing=no`.

What is entered is turned into the JSON values that the facts are made of; `facts` judges them.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, get_args, get_origin

from lightproof.breach.facts import EARLIEST, FACT_NAMES, LATEST, BreachFacts, Range, from_json, refused
from lightproof.breach.reasons import stated_by_a_person
from lightproof.locale import gettext as _

_YES: Final = {"yes": True, "oui": True, "true": True, "no": False, "non": False, "false": False}
_NOTHING: Final = frozenset({"", "unknown-to-us", "null"})
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
"""A whole number that the ledger can hold. `str.isdigit` takes more for one than `int` can read."""


def entered_facts(pairs: Sequence[str]) -> dict[str, object]:
    """JSON values of these `name=value` pairs.

    Raises UsageRefused naming the field that does not exist, cannot be read, or is there twice.
    """
    entered: dict[str, object] = {}
    for pair in pairs:
        name, value = _entered(pair)
        if name in entered:
            raise refused(name, _("this fact is there twice"))
        entered[name] = value
    return entered


def entered_number(text: str) -> int | None:
    """A whole number as a person writes it; None for any other text."""
    return int(text) if _NUMBER.fullmatch(text) else None


def entered_instant(text: str, *, field: str) -> datetime:
    """An instant as a person writes it: `2026-11-23 10:00+01:00`.

    Raises UsageRefused naming the field; without a time zone, with the instant as this machine's zone would have it:
    a machine may stand in another zone than the person, so it is not assumed.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise refused(field, _("write an instant as 2026-11-23T10:00+01:00")) from None
    if not EARLIEST.year <= at.year <= LATEST.year:  # at the ends of the calendar no zone can be reckoned with
        raise refused(field, _("an instant lies between the years 1990 and 2200"))
    if at.tzinfo is None:
        here = at.astimezone().isoformat(timespec="minutes")
        raise refused(
            field, _("the time zone is missing: write {instant} if it is this machine's").format(instant=here)
        )
    if not EARLIEST <= at <= LATEST:
        raise refused(field, _("an instant lies between the years 1990 and 2200"))
    return at


def _entered(pair: str) -> tuple[str, object]:
    name, equals, text = pair.partition("=")
    name, text = name.strip(), text.strip()
    if not equals:
        raise refused(pair[:40], _("write name=value"))
    if name not in FACT_NAMES:
        raise refused(name[:40], _("there is no such fact"))
    if text in _NOTHING:
        return name, None
    if text[0] in "[{":
        return name, from_json(text, name)
    return name, _value(name, text)


def _value(name: str, text: str) -> object:
    kinds = _kinds(BreachFacts.model_fields[name].annotation)
    if any(isinstance(kind, type) and issubclass(kind, datetime) for kind in kinds) or name.endswith("_at"):
        if tuple not in kinds:
            return entered_instant(text, field=name).isoformat()
        return [entered_instant(part, field=name).isoformat() for part in text.split(",")]
    if bool in kinds:
        if text.lower() not in _YES:
            raise refused(name, _("answer yes or no"))
        return _YES[text.lower()]
    if Range in kinds:
        return _range(name, text)
    if tuple in kinds:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _range(name: str, text: str) -> dict[str, object]:
    """`1200`, `100..1200`, `100..` (nobody knows how many at most)."""
    low, dots, high = (part.strip().replace(" ", "") for part in text.partition(".."))
    at_least, above = entered_number(low), entered_number(high)
    if at_least is None or (high and above is None):
        raise refused(name, _("write a number, or two as 100..1200"))
    at_most = above if dots else at_least
    return {"at_least": at_least, "at_most": at_most, "estimated": bool(dots), "method": stated_by_a_person()}


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation is made of: `tuple[X, ...] | None` -> tuple, NoneType."""
    parts = get_args(annotation) if get_origin(annotation) not in (tuple, None) else (annotation,)
    return tuple(get_origin(part) or part for part in parts) if parts else (annotation,)
