"""A document as ODT (ISO/IEC 26300), which administrations ask for: headings, lists and tables, nothing active."""

import io
from typing import Any, Final

from lightproof.documents.model import Document
from lightproof.documents.office import Bullets, Grid, Text, Title, pieces, same_every_time, xml_text
from lightproof.documents.text import visible
from lightproof.errors import MissingExtra

_BOLD: Final = "LightproofBold"
_LANGUAGES: Final = {"en": "en-GB", "fr": "fr-FR"}


def odt(document: Document) -> bytes:
    """The document as ODT.

    Raises:
        MissingExtra: without the part `office`.
    """
    try:
        import odfdo
    except ImportError as error:
        raise MissingExtra("office") from error
    library: Any = odfdo
    written = library.Document("text")
    written.body.clear()
    _about(written, document)
    written.insert_style(library.Style("text", name=_BOLD, bold=True), automatic=True)
    for number, piece in enumerate(pieces(document)):
        match piece:
            case Title():
                written.body.append(library.Header(piece.level, xml_text(piece.text)))
            case Text():
                paragraph = library.Paragraph(xml_text(piece.text))
                if piece.bold:
                    paragraph.set_span(_BOLD, regex=r"(?s).+")
                written.body.append(paragraph)
            case Bullets():
                said = (
                    (f"{place}. {item}" for place, item in enumerate(piece.items, 1)) if piece.ordered else piece.items
                )
                written.body.append(library.List([xml_text(item) for item in said]))
            case Grid():
                _grid(library, written, piece, f"table-{number}")
    written.body.append(library.Paragraph(visible(document.footer)))
    drawn = io.BytesIO()
    written.save(drawn)
    return same_every_time(drawn.getvalue(), "mimetype")


def _about(written: Any, document: Document) -> None:
    about = written.meta
    made = document.made.replace(tzinfo=None, microsecond=0)
    about.title = visible(document.title)
    about.language = _LANGUAGES[document.language]
    about.creation_date = made
    about.date = made
    about.creator = about.initial_creator = "lightproof"
    about.editing_cycles = 1


def _grid(library: Any, written: Any, grid: Grid, name: str) -> None:
    columns = len(grid.heads) or max((len(row) for row in grid.rows), default=0)
    if not columns:
        return
    table = library.Table(name)
    rows = ([grid.heads] if grid.heads else []) + list(grid.rows)
    for texts in rows:
        row = library.Row()
        for text in texts:
            row.append(library.Cell(text=xml_text(text), cell_type="string"))
        table.append(row)
    written.body.append(table)
    written.body.append(library.Paragraph(""))
