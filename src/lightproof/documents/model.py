"""A neutral document: what is said and in which order, before it is HTML, PDF or text on a terminal.

Rules of this file:
- blocks are frozen values and carry plain text; markup, colour values and page geometry belong to the renderers;
- meaning never rests on colour: a `Mark` is a tone and a word, and every renderer adds the tone's symbol;
- text may come from a hostile network: each renderer encodes it for its own sink (`text`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lightproof.locale import Language


class Tone(StrEnum):
    """How good or grave a thing is; each has a colour (`palette`) and a symbol."""

    GOOD = "good"
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Mark:
    """A judgement in a cell or a title: symbol, word and colour together."""

    tone: Tone
    word: str


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads to a `Card` of the same document, by the card's anchor."""

    text: str
    anchor: str


Cell = str | Mark | Link


@dataclass(frozen=True, slots=True)
class Verdict:
    """The large letter, or a number of two digits, with its word, one sentence in the reader's words, and why."""

    letter: str
    word: str
    tone: Tone
    sentence: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures on one line, each a whole phrase: `4 findings`."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rung:
    """One thing to do, and the letter it brings when those before it are done."""

    action: str
    letter: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Ladder:
    """From the letter of today to the best one, step by step."""

    title: str
    letter: str
    tone: Tone
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the section's own."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `ordered` when the order is the order of doing."""

    title: str
    items: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class FactList:
    """Terms and their values."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column heads. `left_out` says how many rows are not shown and where they are, `more` only how many."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: str = ""
    more: int = 0
    """Rows that are shown further on: for renderers that end before that."""
    widths: tuple[int, ...] = ()
    """Relative widths for renderers with a page; empty for equal ones."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart."""

    label: str
    value: int
    tone: Tone


@dataclass(frozen=True, slots=True)
class BarChart:
    """Horizontal bars; `description` says the same in words for those who do not see them."""

    title: str
    description: str
    label_head: str
    value_head: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A titled group that stays together: one kind of finding with its facts and its remedy."""

    anchor: str
    title: str
    mark: Mark
    references: tuple[str, ...]
    blocks: tuple["Block", ...]


Block = Verdict | Counts | Ladder | Paragraph | Heading | Items | FactList | Table | BarChart | Card


@dataclass(frozen=True, slots=True)
class Section:
    """A part that begins a page of its own. The first one is the summary and shows no title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels inside the document where the format allows it."""

    name: str
    media_type: str
    description: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document in one language."""

    title: str
    subtitle: str
    language: Language
    made: datetime
    """The instant the document speaks of; the only date in it, so that the same facts give the same bytes."""
    producer: str
    footer: str
    """Printed on every page beside `page n/m`."""
    sections: tuple[Section, ...]
    attachments: tuple[Attachment, ...] = ()
