"""A document as DOCX (ISO/IEC 29500), for people to go on writing in, with headings, lists and tables as such."""

import io
from datetime import datetime
from typing import Any, Final

from lightproof.documents.model import Document
from lightproof.documents.office import Bullets, Grid, Text, Title, pieces, same_every_time, xml_text
from lightproof.documents.text import visible
from lightproof.errors import MissingExtra

_LANGUAGES: Final = {"en": "en-GB", "fr": "fr-FR"}
_PROPERTY: Final = 255
"""Characters that a property of the file holds."""


def docx(document: Document) -> bytes:
    """The document as DOCX.

    Raises:
        MissingExtra: without the part `office`.
    """
    try:
        import docx as library
    except ImportError as error:
        raise MissingExtra("office") from error
    word: Any = library
    written = word.Document()
    _about(written, document)
    for piece in pieces(document):
        match piece:
            case Title():
                written.add_heading(xml_text(piece.text), level=piece.level)
            case Text():
                written.add_paragraph().add_run(xml_text(piece.text)).bold = piece.bold or None
            case Bullets():
                for item in piece.items:
                    written.add_paragraph(xml_text(item), style="List Number" if piece.ordered else "List Bullet")
            case Grid():
                _grid(written, piece)
    written.sections[0].footer.paragraphs[0].text = visible(document.footer)
    drawn = io.BytesIO()
    written.save(drawn)
    return same_every_time(drawn.getvalue(), "[Content_Types].xml")


def _about(written: Any, document: Document) -> None:
    about = written.core_properties
    about.title, about.author, about.last_modified_by = visible(document.title)[:_PROPERTY], "", ""
    about.comments, about.language = "", _LANGUAGES[document.language]
    made: datetime = document.made.replace(tzinfo=None, microsecond=0)
    about.created = about.modified = made
    about.revision = 1
    run = written.styles["Normal"].element.get_or_add_rPr()
    language = run.makeelement(f"{{{run.nsmap['w']}}}lang", {f"{{{run.nsmap['w']}}}val": _LANGUAGES[document.language]})
    run.append(language)


def _grid(written: Any, grid: Grid) -> None:
    columns = len(grid.heads) or max((len(row) for row in grid.rows), default=0)
    if not columns:
        return
    table = written.add_table(rows=0, cols=columns, style="Table Grid")
    if grid.heads:
        cells = table.add_row().cells
        for cell, head in zip(cells, grid.heads, strict=True):
            cell.paragraphs[0].add_run(xml_text(head)).bold = True
        properties = table.rows[0]._tr.get_or_add_trPr()
        properties.append(properties.makeelement(f"{{{properties.nsmap['w']}}}tblHeader", {}))
    for row in grid.rows:
        for cell, text in zip(table.add_row().cells, row, strict=False):
            cell.text = xml_text(text)
    written.add_paragraph()
