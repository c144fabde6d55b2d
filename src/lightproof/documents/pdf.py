"""A document as PDF/A-3a and PDF/UA-1, with the data it speaks of attached.

Typst compiles one template of ours and refuses to write a file that breaks either standard. The document goes in as
JSON data. The bytes depend on the document alone: the date is the document's, the fonts are the package's.
"""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC
from importlib import resources
from typing import TYPE_CHECKING, Final, cast

from lightproof.documents.model import Bar, Document, Tone
from lightproof.documents.palette import COLOURS, OUTLINES
from lightproof.documents.text import visible
from lightproof.documents.wording import number
from lightproof.errors import MissingExtra
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

DRAWN: Final = frozenset(
    code
    for first, last in (
        (0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0xB4), (0xB6, 0x107), (0x10A, 0x113), (0x116, 0x11B), (0x11E, 0x123),
        (0x139, 0x13E), (0x141, 0x148), (0x150, 0x155), (0x158, 0x15B), (0x15E, 0x165), (0x16E, 0x17E), (0x218, 0x21B),
        (0x2009, 0x2009), (0x2013, 0x2014), (0x2018, 0x201A), (0x201C, 0x201E), (0x2020, 0x2022), (0x2026, 0x2026),
        (0x202F, 0x2030), (0x2039, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122), (0x2212, 0x2212), (0x2260, 0x2260),
        (0x2264, 0x2265),
    )
    for code in range(first, last + 1)
)  # fmt: skip
"""Characters the package's font draws; PDF/A forbids a glyph that stands for a missing one."""


def pdf(document: Document) -> bytes:
    """The document as one PDF file.

    Raises:
        MissingExtra: the part `pdf` (typst) is not installed.
    """
    try:
        import typst  # noqa: PLC0415 - an extra of 34 MB
    except ImportError as error:
        raise MissingExtra("pdf") from error
    package = resources.files("lightproof.documents")
    inputs = {
        "document": json.dumps(_data(document)),
        "theme": json.dumps(_theme(document)),
        **{attachment.name: attachment.content.decode("utf-8") for attachment in document.attachments},
    }
    with resources.as_file(package / "fonts") as fonts:
        return typst.compile(
            (package / "templates" / "document.typ").read_bytes(),
            format="pdf",
            font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[fonts]),
            sys_inputs=inputs,
            pdf_standards=["a-3a", "ua-1"],
            timestamp=document.made.astimezone(UTC).replace(microsecond=0),
        )


def _theme(document: Document) -> dict[str, object]:
    return {
        "page": _drawable(_("page")),
        "solid": {tone.value: COLOURS[tone].solid for tone in Tone},
        "outlines": {tone.value: OUTLINES[tone] for tone in Tone},
        "attachments": [
            {"name": a.name, "media_type": a.media_type, "description": _drawable(a.description)}
            for a in document.attachments
        ],
    }


def _data(value: object) -> object:
    """A block as JSON values: its kind, its fields, every text made drawable."""
    match value:
        case str():
            return _drawable(value)
        case bool() | int():
            return value
        case tuple():
            return [_data(entry) for entry in cast("Sequence[object]", value)]
        case Bar():
            return {
                "label": _drawable(value.label),
                "value": value.value,
                "shown": number(value.value),
                "tone": value.tone,
            }
        case _ if is_dataclass(value):
            return {"kind": type(value).__name__.lower(), **_fields(cast("DataclassInstance", value))}
        case _:
            return None


def _fields(block: "DataclassInstance") -> dict[str, object]:
    return {f.name: _data(getattr(block, f.name)) for f in fields(block) if f.name != "attachments"}


def _drawable(text: str) -> str:
    """Visible text in which a character that the font lacks is written by its code point."""
    shown = visible(text)
    if shown.isascii():
        return shown
    return "".join(c if ord(c) in DRAWN else f"[U+{ord(c):04X}]" for c in shown)
