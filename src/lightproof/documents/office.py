"""A document as plain paragraphs, lists and tables: what the office formats have in common.

Letters and sheets are for people to go on writing in: no colour carries meaning, no field is active, nothing is loaded.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lightproof.documents.model import (
    BarChart,
    Block,
    Card,
    Cell,
    Counts,
    Document,
    FactList,
    Heading,
    Items,
    Ladder,
    Link,
    Mark,
    Paragraph,
    Table,
    Verdict,
)
from lightproof.documents.palette import SYMBOLS
from lightproof.documents.text import visible

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""What a ZIP calls the beginning of time."""
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Title:
    """A heading; level 1 is the document's own."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, whole or in bold."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; without heads its first column names the rows."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...] = ()


Piece = Title | Text | Bullets | Grid


def pieces(document: Document) -> Iterator[Piece]:
    """The document from the top, each text with its invisible characters made visible."""
    yield Title(visible(document.title), 1)
    if document.subtitle:
        yield Text(visible(document.subtitle))
    for place, section in enumerate(document.sections):
        if place and section.title:
            yield Title(visible(section.title), 2)
        for block in section.blocks:
            yield from _block(block)


def _block(block: Block) -> Iterator[Piece]:
    match block:
        case Verdict():
            yield Text(visible(f"{block.letter} {block.word}"), bold=True)
            yield Text(visible(block.sentence))
            if block.reasons:
                yield Bullets(tuple(map(visible, block.reasons)))
        case Counts():
            yield Text(visible(" · ".join(block.items)), bold=True)
        case Ladder():
            yield Title(visible(block.title), 3)
            yield Bullets(tuple(visible(f"{rung.action}: {rung.letter}") for rung in block.rungs), ordered=True)
        case Paragraph():
            yield Text(visible(block.text))
        case Heading():
            yield Title(visible(block.text), 3)
        case Items():
            if block.title:
                yield Title(visible(block.title), 3)
            yield Bullets(tuple(map(visible, block.items)), block.ordered)
        case FactList():
            yield Grid((), tuple((visible(name), visible(value)) for name, value in block.rows), (1, 3))
        case Table():
            yield from _table(block)
        case BarChart():
            yield Title(visible(block.title), 3)
            yield Grid(
                (visible(block.label_head), visible(block.value_head)),
                tuple((visible(bar.label), str(bar.value)) for bar in block.bars),
            )
        case Card():
            yield Title(visible(f"{_cell(block.mark)} {block.title}"), 3)
            if block.references:
                yield Text(visible(", ".join(block.references)))
            for inner in block.blocks:
                yield from _block(inner)


def _table(table: Table) -> Iterator[Piece]:
    if table.title:
        yield Title(visible(table.title), 3)
    rows = tuple(tuple(visible(_cell(cell)) for cell in row) for row in table.rows)
    yield Grid(tuple(map(visible, table.columns)), rows, table.widths)
    if table.left_out:
        yield Text(visible(table.left_out))


def _cell(cell: Cell) -> str:
    match cell:
        case Mark():
            return f"{SYMBOLS[cell.tone]} {cell.word}"
        case Link():
            return cell.text
        case str():
            return cell


def xml_text(text: str) -> str:
    """Without what XML 1.0 has no way to say (2.2 Characters)."""
    return _NOT_XML.sub("\ufffd", text)


def same_every_time(package: bytes, first: str = "") -> bytes:
    """The ZIP package with fixed dates: equal documents give equal bytes. `first` comes first, uncompressed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as drawn, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as again:
        for name in sorted(drawn.namelist(), key=lambda name: name != first):
            how = zipfile.ZIP_STORED if name == first else zipfile.ZIP_DEFLATED
            again.writestr(zipfile.ZipInfo(name, _EPOCH), drawn.read(name), how)
    return packed.getvalue()
