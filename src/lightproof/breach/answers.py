"""One answer to a question of the form: its value, where it comes from, and what shows it.

Values are of closed kinds, one for each type of question (`law.forms.Kind`), so that JSON and documents render them
without asking what they mean.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Literal

from lightproof.breach.facts import Range
from lightproof.evidence.entries import rfc3339

Origin = Literal["evidence", "settings", "register", "law", "default", "person"]
"""Measured; from the settings; from the steps of the ledger; suggested by the law; usual for such an event; stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Someone of the organisation that the authority, or a patient, may write to."""

    title: str = ""
    name: str = ""
    function: str = ""
    email: str = ""
    phone: str = ""

    def __str__(self) -> str:
        named = " ".join(part for part in (self.title, self.name) if part)
        return ", ".join(part for part in (named, self.function, self.email, self.phone) if part)

    def parts(self) -> Mapping[str, str]:
        """The parts that are known, by name."""
        return {name: value for name, value in asdict(self).items() if value}


CONTACT_PARTS = tuple(field.name for field in fields(Contact))

Value = str | bool | int | datetime | date | Range | Contact | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known for one question."""

    value: Value | None = None
    source: Origin | None = None
    evidence: tuple[str, ...] = ()
    """`entry 12`, `sha256:…`."""
    proposed: bool = False
    """Suggested where nobody has said anything: a person confirms or changes it."""
    applies: bool = True
    """False where the question has no object in this breach."""
    note: str = ""


def as_json(value: Value | None) -> object:
    """The value as JSON."""
    match value:
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case Range():
            return value.model_dump(mode="json")
        case Contact():
            return dict(value.parts())
        case tuple():
            return list(value)
        case _:
            return value
