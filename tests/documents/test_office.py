"""ODT, DOCX, XLSX and ICS: read by readers that are not ours; hostile text stays text, and nothing is lost."""

import io
import zipfile
from datetime import UTC, datetime, timedelta

import docx as docx_reader
import icalendar
import odfdo
import openpyxl
import pytest
from lxml import etree

from lightproof.documents.docx import docx
from lightproof.documents.ics import Deadline, ics
from lightproof.documents.model import Document, FactList, Items, Paragraph, Section, Table
from lightproof.documents.odt import odt
from lightproof.documents.text import visible
from lightproof.documents.xlsx import xlsx

MADE = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "{{7*7}}", "${7*7}",
    "%s%n", "javascript:alert(1)", "file:///etc/passwd", "http://example.org/", "\x1b[31m", "\u202egnp.exe", "a\u200bb",
    "nul\x00byte", "\ud800", "]]>", "<!ENTITY x SYSTEM 'file:///etc/passwd'>", "' OR 1=1 --", "a\r\nBcc: x@example.org",
    "Ångström Ελληνικά русский עברית العربية 日本語 한국어 ไทย ß œ ﬁ €", "=HYPERLINK(\"http://example.org\")", "#REF!",
]  # fmt: skip


def a_document(text: str) -> Document:
    blocks = (Paragraph(text), Items(text, (text,)), FactList(((text, text),)), Table(text, (text,), ((text,),)))
    return Document(
        title=text, subtitle=text, language="fr", made=MADE, producer="lightproof", footer=text,
        sections=(Section(text, blocks), Section(text, blocks)),
    )  # fmt: skip


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_docx_shows_the_text_and_does_nothing(text: str) -> None:
    content = docx(a_document(text))
    shown = "\n".join(paragraph.text for paragraph in docx_reader.Document(io.BytesIO(content)).paragraphs)
    assert visible(text) in shown
    body = etree.fromstring(parts(content)["word/document.xml"])
    active = {"fldSimple", "instrText", "hyperlink", "object", "altChunk", "control"}
    assert not active & {etree.QName(element).localname for element in body.iter() if isinstance(element.tag, str)}
    assert not any(name.endswith((".bin", "vbaProject.bin")) for name in parts(content))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_an_odt_shows_the_text_and_does_nothing(text: str) -> None:
    content = odt(a_document(text))
    body = etree.fromstring(parts(content)["content.xml"])
    assert visible(text).strip() in "".join(body.itertext())
    names = {etree.QName(element).localname for element in body.iter() if isinstance(element.tag, str)}
    assert not names & {"a", "script", "event-listener", "object", "plugin", "applet", "database-display"}
    assert not any("formula" in name for element in body.iter() for name in element.attrib)
    odfdo.Document(io.BytesIO(content))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_cell_of_a_spreadsheet_is_text_whatever_it_begins_with(text: str) -> None:
    content = xlsx(text.translate({ord(c): "_" for c in "[]:*?/\\'"}) or "x", [text], [[text, 5]], MADE)
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    cell = sheet.cell(2, 1)
    assert cell.data_type == "s"
    assert sheet.cell(2, 2).value == 5
    assert cell.hyperlink is None
    drawn = parts(content)["xl/worksheets/sheet1.xml"]
    assert b"<f>" not in drawn
    assert b"hyperlink" not in drawn


@pytest.mark.parametrize("text", HOSTILE[:-4], ids=range(len(HOSTILE) - 4))
def test_a_deadline_holds_one_event_and_its_alarms(text: str) -> None:
    safe = text.encode("utf-8", "replace").decode()
    deadline = Deadline(uid="B-2026-0001@x", title=safe, description=safe, at=MADE, alarms_before=[timedelta(hours=1)])
    read = icalendar.Calendar.from_ical(ics(deadline, made=MADE))
    assert [event["DTSTART"].dt for event in read.walk("VEVENT")] == [MADE]
    assert len(read.walk("VALARM")) == 1
    assert {part.name for part in read.walk()} == {"VCALENDAR", "VEVENT", "VALARM"}


def test_a_title_of_any_length_is_a_title() -> None:
    assert docx_reader.Document(io.BytesIO(docx(a_document("x" * 400)))).core_properties.title == "x" * 255


def test_the_same_document_gives_the_same_bytes() -> None:
    assert docx(a_document("x")) == docx(a_document("x"))
    assert odt(a_document("x")) == odt(a_document("x"))
