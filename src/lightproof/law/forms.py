"""What authorities ask about a breach, as dated data: the questions of a national form, and outlines filled from them.

Rules of this file:
- the national form (`Form`) holds the questions; it is the one model of a notification;
- an `Outline` (a draft template, a letter) puts the same answers in another order: it names every question once;
- a form of which something is not known says so (`unknown`); an option list from memory is marked `unverified`.
"""

import datetime
import tomllib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lightproof.errors import LightproofError, UsageRefused
from lightproof.locale import Language, language
from lightproof.locale import gettext as _

Text = Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]
Kind = Literal["text", "choice", "multi", "bool", "number", "range", "date", "datetime", "person", "list", "attachment"]
Trait = Literal["nature", "data", "sensitive", "recipients", "care"]
"""What a proposal may depend on; names of facts, and `nature` for the ways in which the data were affected."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Row):
    """The same in both languages."""

    en: Text
    fr: Text

    def in_(self, wished: Language) -> str:
        """In this language."""
        return self.fr if wished == "fr" else self.en

    def __str__(self) -> str:
        return self.in_(language())


class Option(_Row):
    """One answer that a form offers."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_()]+$")]
    label: Words


class FormField(_Row):
    """One question of a form."""

    number: int = Field(ge=1)
    section: int = Field(ge=1)
    key: Key
    label: Words
    type: Kind
    options: tuple[Option, ...] = ()
    option_status: Literal["verified", "unverified"] = "verified"
    article: str = ""
    needed_in_initial: bool
    optional: bool = False
    """May stay empty for good."""
    why: Words
    """Why this is asked."""

    @model_validator(mode="after")
    def _choices_have_options(self) -> "FormField":
        if (self.type in ("choice", "multi")) != bool(self.options):
            raise ValueError("options belong to choice and multi, and to nothing else")
        keys = [option.key for option in self.options]
        if len(set(keys)) != len(keys):
            raise ValueError("an option twice")
        return self

    def option(self, key: str) -> Words:
        """The label of an option. Raises KeyError for one that the form does not offer."""
        return {option.key: option.label for option in self.options}[key]


class FormSection(_Row):
    """A page of the form."""

    number: int = Field(ge=1)
    label: Words


class Proposal(_Row):
    """Answers that the law suggests in some cases, for a person to confirm."""

    field: Key
    options: tuple[str, ...] = Field(min_length=1)
    when: dict[Trait, tuple[str, ...]] = Field(min_length=1)
    """Any of the values, for each trait named."""
    because: Words
    source: Text


class _Sheet(_Row):
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    alias: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    """The short name that stays when the form's date changes."""
    status: Literal["in-force", "draft"]
    date: datetime.date
    source: Text
    title: Words
    laws: tuple[Text, ...] = Field(min_length=1)
    """Regimes under which it is filed."""
    where: Words
    """Where a person files it."""
    unknown: Words | None = None
    """What is not known of it."""


class Form(_Sheet):
    """The questions of a national form, in its order."""

    sections: tuple[FormSection, ...] = Field(alias="section", min_length=1)
    fields: tuple[FormField, ...] = Field(alias="field", min_length=1)
    proposals: tuple[Proposal, ...] = Field(alias="proposal", default=())
    levels: dict[Literal["low", "medium", "high", "very high"], str]
    """Level of the severity method -> option of `severity`."""

    @model_validator(mode="after")
    def _hangs_together(self) -> "Form":
        if [field.number for field in self.fields] != list(range(1, len(self.fields) + 1)):
            raise ValueError("fields: numbers are not 1, 2, 3, ...")
        if len({field.key for field in self.fields}) != len(self.fields):
            raise ValueError("fields: a key twice")
        places = [field.section for field in self.fields]
        if list(dict.fromkeys(places)) != [section.number for section in self.sections] or places != sorted(places):
            raise ValueError("sections: not the sections of the fields, in their order")
        for proposal in self.proposals:
            offered = {option.key for option in self.field(proposal.field).options}
            if not offered.issuperset(proposal.options):
                raise ValueError(f"proposal for {proposal.field}: an option that the form does not offer")
        if not {option.key for option in self.field("severity").options}.issuperset(self.levels.values()):
            raise ValueError("levels: an option that the form does not offer")
        return self

    def field(self, key: str) -> FormField:
        """The question with this key. Raises KeyError."""
        return {field.key: field for field in self.fields}[key]


class Area(_Row):
    """A part of an outline and the questions whose answers fill it."""

    number: int = Field(ge=1)
    label: Words
    article: str = ""
    keys: tuple[Key, ...] = Field(min_length=1)


class Outline(_Sheet):
    """The answers of a form under other headings."""

    areas: tuple[Area, ...] = Field(alias="area", min_length=1)


FORM: Final = "cnil-2023"
"""The form whose questions are the model."""
OUTLINES: Final = ("edpb-draft-2026", "art-33-3")


@cache
def form(name: str = FORM) -> Form:
    """The form with this id or alias.

    Raises UsageRefused when there is none, LightproofError when its file does not hold together.
    """
    loaded = _loaded(FORM, Form)
    if name in (loaded.id, loaded.alias):
        return loaded
    raise UsageRefused(
        "form-unknown",
        _("There is no form “{name}”.").format(name=name[:40]),
        _("Take one of: {names}.").format(names=", ".join(names())),
    )


@cache
def outline(name: str) -> Outline | None:
    """The outline with this id or alias; None when it is not one. Raises LightproofError for a bad file."""
    for known in OUTLINES:
        loaded = _loaded(known, Outline)
        if name in (loaded.id, loaded.alias):
            keys = [key for area in loaded.areas for key in area.keys]
            if sorted(keys) != sorted(field.key for field in form().fields):
                raise _refused(f"{known}.toml", "areas: not every question, once each")
            return loaded
    return None


@cache
def names() -> tuple[str, ...]:
    """The short names of all forms and outlines."""
    return (_loaded(FORM, Form).alias, *(_loaded(known, Outline).alias for known in OUTLINES))


S = TypeVar("S", bound=_Sheet)


@cache
def _loaded(name: str, shape: type[S]) -> S:
    return _read(files("lightproof.law") / "forms" / f"{name}.toml", shape)


def _read(file: Traversable, shape: type[S]) -> S:
    try:
        return shape.model_validate(tomllib.loads(file.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refused(file.name, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(file.name, str(error)) from error


def _refused(file: str, cause: str) -> LightproofError:
    return LightproofError(
        "data-row-refused",
        _("{file}: {cause}").format(file=file, cause=cause),
        _("Correct this row of the data file, or install lightproof again."),
    )
