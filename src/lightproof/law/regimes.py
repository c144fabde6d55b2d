"""Regimes: whom a law wants told of a breach, by when and under which test, as dated data with its sources.

Rules of this file:
- a change of the law is a new file with its own dates, never a change of code;
- a file may extend another: each key that it has replaces that of the other whole;
- what is only proposed is never chosen unless it is named, and says so wherever it is shown;
- each row says where it was read, and whether that was verified.
"""

import datetime
import tomllib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lightproof.errors import LightproofError, UsageRefused
from lightproof.law.forms import Words
from lightproof.locale import gettext as _

Status = Literal["verified", "secondary", "unverified"]
Test = Literal["always", "risk-not-unlikely", "high-risk-likely", "compromise-not-improbable"]
Who = Literal["register", "authority", "persons", "controller", "media"]
Text = Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sourced(_Row):
    """Anything that was read somewhere."""

    source: Text
    status: Status


class Period(_Row):
    """By when. Hours are elapsed; days are calendar days. None of both: without undue delay."""

    since: Literal["awareness", "discovery"] = "awareness"
    hours: Annotated[int, Field(gt=0)] | None = None
    days: Annotated[int, Field(gt=0)] | None = None
    words: Words


class Telling(Sourced):
    """One duty to tell someone, or to write down."""

    who: Who
    article: Text
    test: Test
    period: Period
    threshold_persons: Annotated[int, Field(gt=0)] | None = None
    """Only from so many persons."""


class Exemption(Sourced):
    """Why persons need not be told although the risk is high."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-z()]+$")]
    words: Words
    evidence: Words


class NationalRule(Sourced):
    """A rule that changes an answer."""

    key: Literal["revealed-by-authority"]
    words: Words
    advice: Words


class OtherStep(_Row):
    """One thing to do under another law, and by when since awareness; without hours: without delay."""

    words: Words
    hours: Annotated[int, Field(gt=0)] | None = None


class OtherClock(Sourced):
    """A duty of another law that runs beside: for the list, not for the judgement."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    words: Words
    period: Words
    steps: Annotated[tuple[OtherStep, ...], Field(min_length=1)]


class Authority(_Row):
    """Where a notification goes."""

    name: Words | Text
    channel: Words
    form: str = ""
    """The form or letter of `forms` that it takes; empty where none is known here."""


class Retention(Sourced):
    """How long the record is kept once closed."""

    years: Annotated[int, Field(gt=0)] | None = None
    words: Words


class Regime(_Row):
    """One law on breaches, in one place, from one day on."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)?$")]
    title: Words
    version: datetime.date
    state: Literal["in-force", "proposed"]
    applies_from: datetime.date | None = None
    applies_until: datetime.date | None = None
    note: Words | None = None
    instrument: Words | None = None
    """The act, as a letter names it after the article; None where no letter is written under this law."""
    authority: Authority
    tellings: tuple[Telling, ...] = Field(alias="telling", min_length=1)
    exemptions: tuple[Exemption, ...] = Field(alias="exemption", default=())
    rules: tuple[NationalRule, ...] = Field(alias="rule", default=())
    others: tuple[OtherClock, ...] = Field(alias="other", default=())
    retention: Retention

    @model_validator(mode="after")
    def _dated_once_in_force(self) -> Self:
        if self.state == "proposed" and self.applies_from is not None:
            raise ValueError("what is only proposed applies from no day")
        return self

    def applies_on(self, day: datetime.date) -> bool:
        """Whether this is the law on that day; what is only proposed is it on none."""
        if self.state == "proposed":
            return False
        began, ended = self.applies_from, self.applies_until
        return (began is None or began <= day) and (ended is None or day <= ended)

    def telling(self, who: Who) -> Telling | None:
        """The duty towards these; None where the law has none."""
        return next((telling for telling in self.tellings if telling.who == who), None)

    def rule(self, key: str) -> NationalRule | None:
        """The national rule of this name; None where there is none."""
        return next((rule for rule in self.rules if rule.key == key), None)


FILES: Final = ("gdpr/eu", "gdpr/fr", "gdpr/eu-omnibus-2025", "uk-gdpr/uk", "hipaa/us", "ch/ch")
"""Every regime that is shipped, by its file under `law/`."""
_FOLDER: Final = files("lightproof.law")
_OWN_DATES: Final = frozenset({"applies_from", "applies_until"})


@cache
def regime(name: str) -> Regime:
    """The regime of this id.

    Raises UsageRefused when there is none, LightproofError when its file does not hold together.
    """
    found = shipped(name)
    if found is not None:
        return found
    raise UsageRefused(
        "regime-unknown",
        _("There is no regime “{name}”.").format(name=name[:40]),
        _("Take one of: {names}.").format(names=", ".join(known.id for known in every_regime())),
    )


def shipped(name: str) -> Regime | None:
    """The regime of this id; None where none is shipped under it (any more)."""
    return next((known for known in every_regime() if known.id == name), None)


@cache
def every_regime() -> tuple[Regime, ...]:
    """All regimes that are shipped."""
    return tuple(load(_FOLDER / f"{name}.toml") for name in FILES)


def load(file: Traversable) -> Regime:
    """The regime in this file. Raises LightproofError `data-row-refused` naming file and key."""
    try:
        return Regime.model_validate(_whole(tomllib.loads(file.read_text("utf-8"))))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refused(file.name, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(file.name, str(error)) from error


def _whole(table: dict[str, Any]) -> dict[str, Any]:
    extended = table.pop("extends", None)
    if extended is None:
        return table
    if extended not in FILES:
        raise tomllib.TOMLDecodeError(f"extends: there is no regime {extended!r}")
    base = tomllib.loads((_FOLDER / f"{extended}.toml").read_text("utf-8"))
    return {key: value for key, value in base.items() if key not in _OWN_DATES} | table


def _refused(file: str, cause: str) -> LightproofError:
    return LightproofError(
        "data-row-refused",
        _("{file}: {cause}").format(file=file, cause=cause),
        _("Correct this row of the data file, or install lightproof again."),
    )
