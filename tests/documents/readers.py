"""What files for people say to readers that are not ours, and whether anything in them would act."""

import csv
import io
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import Element

import openpyxl
import pikepdf
from defusedxml.ElementTree import fromstring

from peers.processes import program

FORMULA = tuple("=+-@\t\r＝＋－＠%|")
PDF_ACTIVE = {
    "/JavaScript", "/JS", "/Launch", "/URI", "/GoToR", "/GoToE", "/SubmitForm", "/ImportData", "/Movie", "/Sound",
    "/OpenAction", "/AA", "/AcroForm", "/RichMedia", "/Rendition", "/EmbeddedFile",
}  # fmt: skip
OFFICE_ACTIVE = {
    "fldSimple", "instrText", "fldChar", "hyperlink", "object", "altChunk", "control", "a", "script", "event-listener",
    "event-listeners", "plugin", "applet", "floating-frame", "dde-source", "table-source", "f",
}  # fmt: skip
_CODE_POINT = re.compile(r"\[\s*U\s*\+\s*([0-9A-F\s]{4,12})\s*\]")
_PAGE = re.compile(r"[^\n]* page \d+/\d+")
_LINES = re.compile(r"\s+")


def squeezed(text: str) -> str:
    """Without white space: where a page breaks its lines is not the text's business."""
    return _LINES.sub("", text)


class _Reader(HTMLParser):
    """What a browser would make of the page: its elements, its attributes, its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def html_said(page: bytes, plain: bytes) -> str:
    """The text of a page which has no other kind of element or attribute than the same page with plain words."""
    reader, harmless = _Reader(page), _Reader(plain)
    assert reader.elements <= harmless.elements
    assert {name for name, _ in reader.attributes} <= {name for name, _ in harmless.attributes}
    assert all(re.fullmatch(r"#[a-z]+-\d+", value) for name, value in reader.attributes if name == "href")
    return "".join(reader.text)


def pdf_said(content: bytes, folder: Path, heads: Iterable[str] = ()) -> str:
    """The text of a PDF in which nothing acts. `heads`: of its tables, which stand again on top of each page."""
    path = folder / "document.pdf"
    path.write_bytes(content)
    with pikepdf.open(path) as document:
        for item in document.objects:
            held = item if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)) else {}
            for key, value in held.items():
                assert key not in PDF_ACTIVE
                assert not (key in ("/S", "/Type") and str(value) in PDF_ACTIVE)
    return pdf_text(path, heads)


def pdf_text(path: Path, heads: Iterable[str] = ()) -> str:
    """What pdftotext reads, without the foot of each page and the heads repeated on top of it."""
    told = subprocess.run(
        [program("pdftotext"), "-raw", "-enc", "UTF-8", path, "-"], capture_output=True, check=True, timeout=120
    )
    text = _PAGE.sub("", told.stdout.decode())
    for head in heads:
        # A cell that a page breaks goes on below them, after the short cell that stands beside it.
        text = re.sub(r"(\n(–|ledger entry \d+)\s*)?\f\s*" + r"\s*".join(map(re.escape, squeezed(head))), "", text)
    # Written back from code points: the font has no glyph for them, and PDF/A forbids to pretend.
    return _CODE_POINT.sub(lambda found: chr(int(squeezed(found[1]), 16)), text)


def _xml(package: bytes) -> Iterator[tuple[str, Element]]:
    with zipfile.ZipFile(io.BytesIO(package)) as parts:
        for name in parts.namelist():
            assert not name.endswith((".bin", ".js", ".vbs", ".exe"))
            assert ".." not in name
            if name.endswith((".xml", ".rels")) and (content := parts.read(name)):
                yield name, fromstring(content)


def office_said(package: bytes, plain: bytes) -> str:
    """The text of an office file which has no other kind of element than the same file with plain words."""
    allowed = {node.tag for _name, root in _xml(plain) for node in root.iter()}
    said: list[str] = []
    for name, root in _xml(package):
        for node in root.iter():
            assert node.tag in allowed, node.tag
            assert node.tag.rpartition("}")[2] not in OFFICE_ACTIVE
            outside = [value for key, value in node.attrib.items() if key.endswith(("TargetMode", "}href"))]
            assert not outside
        if name in ("content.xml", "word/document.xml"):
            said.append("".join(root.itertext()))
    return "".join(said)


def xlsx_said(content: bytes) -> list[list[object]]:
    """The cells of the first sheet, below its head, in a book without formula or link."""
    for _name, root in _xml(content):
        assert not any(node.tag.rpartition("}")[2] in ("f", "hyperlink", "ddeLink") for node in root.iter())
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line]
    assert all(cell.data_type in ("s", "n") and cell.hyperlink is None for cell in cells)
    return [[cell.value for cell in line] for line in sheet.iter_rows(min_row=2)]


def csv_said(content: str) -> list[list[str]]:
    """The cells of a table in which a spreadsheet finds no formula."""
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert not any(cell.lstrip().startswith(FORMULA) for row in rows for cell in row if cell not in ("–", "-"))
    return rows
