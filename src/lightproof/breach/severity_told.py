"""The severity to a person: the score as the sum it is, each term with its reason, and what else weighs."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, cast

from lightproof.breach.severity import decimal
from lightproof.breach.words import Said, level_word
from lightproof.documents import wording
from lightproof.locale import gettext as _

Recorded = Mapping[str, Any]
"""An assessment as `triage.recorded` gives it and the ledger keeps it."""


def score_text(said: Recorded) -> str:
    """`4.5 (very high)`."""
    return _("{score} ({level})").format(
        score=wording.decimal(str(said.get("score", "–"))), level=level_word(str(said.get("level", "")))
    )


def sum_text(said: Recorded) -> str:
    """`4.5 = 4.0 × 1.0 + 0.5`: data times identification, and the circumstances added; empty where it is not kept."""
    values = {str(one["name"]): Fraction(str(one["value"])) for one in _elements(said)}
    if not {"dpc", "ei"} <= values.keys():
        return ""
    added = sum((value for name, value in values.items() if name not in ("dpc", "ei")), Fraction(0))
    terms = (said["score"], *map(decimal, (values["dpc"], values["ei"], added)))
    score, data, identified, circumstances = (wording.decimal(str(term)) for term in terms)
    return f"{score} = {data} × {identified} + {circumstances}"


def element_rows(said: Recorded) -> tuple[tuple[str, str, str], ...]:
    """Value, name and reason of each term."""
    return tuple(
        (
            wording.decimal(str(one["value"])),
            _NAMES[one["name"]]() if one["name"] in _NAMES else str(one["name"]),
            str(one["because"]),
        )
        for one in _elements(said)
    )


def also_weighs(said: Recorded) -> tuple[str, ...]:
    """What the method marks beside the score, and what would have raised it above its highest value."""
    above = _("It would raise the kind of data above the highest value: {reason}")
    raised = (above.format(reason=reason) for reason in cast("Sequence[str]", said.get("aggravations", ())))
    return (*cast("Sequence[str]", said.get("flags", ())), *raised)


def _elements(said: Recorded) -> Sequence[Mapping[str, Any]]:
    return cast("Sequence[Mapping[str, Any]]", said.get("elements", ()))


_NAMES: Final[Mapping[str, Said]] = {
    "dpc": lambda: _("Kind of data (DPC)"),
    "ei": lambda: _("Ease of identification (EI)"),
    "confidentiality": lambda: _("Circumstances (CB), read by others"),
    "integrity": lambda: _("Circumstances (CB), altered"),
    "availability": lambda: _("Circumstances (CB), lost"),
    "malicious": lambda: _("Circumstances (CB), meant to harm"),
}
