"""A table as XLSX (ISO/IEC 29500): texts are texts, whatever they begin with; nothing is a formula or a link."""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from lightproof.documents.office import xml_text
from lightproof.documents.text import visible_lines
from lightproof.errors import MissingExtra

_CELL: int = 32_767
"""Characters that a cell holds."""
_WIDTH: int = 24


def xlsx(
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | int]],
    made: datetime,
    *,
    widths: Sequence[int] = (),
) -> bytes:
    """One sheet whose head and first column stay in view; the same rows give the same bytes.

    `widths`: characters of each column; by default all the same.

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
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
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
    sheet.freeze_panes(1, 1)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    if columns:
        sheet.autofilter(0, 0, max(last, 1), len(columns) - 1)
    for place, width in zip_longest(range(len(columns)), widths[: len(columns)], fillvalue=_WIDTH):
        sheet.set_column(place, place, width)
    book.close()
    return drawn.getvalue()
