"""A table as XLSX (ISO/IEC 29500): texts are texts, whatever they begin with; nothing is a formula or a link."""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from lightproof.documents.office import xml_text
from lightproof.documents.text import visible_lines
from lightproof.errors import MissingExtra

_CELL: int = 32_767
"""Characters that a cell holds."""


def xlsx(name: str, columns: Sequence[str], rows: Iterable[Sequence[str | int]], made: datetime) -> bytes:
    """One sheet with a head that stays in view; the same rows give the same bytes.

    Raises:
        MissingExtra: without the part `office`.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingExtra("office") from error
    library: Any = xlsxwriter
    drawn = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    book = library.Workbook(drawn, options)
    book.set_properties({"created": made.replace(tzinfo=None, microsecond=0), "title": xml_text(name)})
    head, wrapped = book.add_format({"bold": True, "bottom": 1}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(xml_text(name)[:31])
    for place, column in enumerate(columns):
        sheet.write_string(0, place, visible_lines(column), head)
    last = 0
    for last, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if isinstance(value, int):
                sheet.write_number(last, place, value, wrapped)
            else:
                sheet.write_string(last, place, visible_lines(value)[:_CELL], wrapped)
    sheet.freeze_panes(1, 0)
    if columns:
        sheet.autofilter(0, 0, max(last, 1), len(columns) - 1)
        sheet.set_column(0, len(columns) - 1, 24)
    book.close()
    return drawn.getvalue()
