"""Hostile texts by the thousand into every format for people: nothing of them acts, nothing of them is lost.

Reliability goal 20: 5,000 injections × HTML, PDF, CSV, XLSX, ODT, e-mail (and DOCX), read by readers that are not ours.
"""

import csv
import io
import re
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import Element

import openpyxl
import pikepdf
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from defusedxml.ElementTree import fromstring

from documents.injections import CHARACTER_SETS, injections
from lightproof.breach.alerts import Alert, delivered, mail, send_everywhere
from lightproof.documents.docx import docx
from lightproof.documents.html import html
from lightproof.documents.model import Document, FactList, Heading, Items, Paragraph, Section, Table
from lightproof.documents.odt import odt
from lightproof.documents.pdf import pdf
from lightproof.documents.text import for_csv, visible, visible_lines
from lightproof.documents.xlsx import xlsx
from lightproof.storage.settings import Mail
from peers.processes import free_port, program

MADE = datetime(2026, 11, 23, 10, tzinfo=UTC)
SEED = 20_201_207
BATCH = 250
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
_FOOTER = re.compile(r"FOOTER page \d+/\d+")
_LINES = re.compile(r"\s+")


def squeezed(text: str) -> str:
    """Without white space: where a page breaks its lines is not the text's business."""
    return _LINES.sub("", text)


def a_document(texts: Sequence[str], footer: str = "") -> Document:
    """Every place of a document where a text can stand."""
    first = texts[0]
    blocks = (
        Heading(first),
        *map(Paragraph, texts),
        Items(first, tuple(texts[:20])),
        FactList(tuple((text, text) for text in texts[:20])),
        Table(first, (first, "b"), tuple((text, text) for text in texts[:20])),
    )
    return Document(
        title=first, subtitle=texts[-1], language="fr", made=MADE, producer="lightproof", footer=footer or first,
        sections=(Section(first, blocks), Section(texts[-1], (Paragraph(first),))),
    )  # fmt: skip


class Reader(HTMLParser):
    """What a browser would make of the page: its elements, its attributes, its text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def in_html(texts: Sequence[str]) -> str:
    reader, plain = Reader(), Reader()
    reader.feed(html(a_document(texts)).decode())
    plain.feed(html(a_document(["plain  text", " text ", "alone"])).decode())
    assert reader.elements <= plain.elements
    assert {name for name, _ in reader.attributes} <= {name for name, _ in plain.attributes}
    assert all(re.fullmatch(r"#[a-z]+-\d+", value) for name, value in reader.attributes if name == "href")
    return "".join(reader.text)


def in_pdf(texts: Sequence[str], folder: Path) -> str:
    path = folder / "document.pdf"
    path.write_bytes(pdf(a_document(texts, "FOOTER")))
    with pikepdf.open(path) as document:
        for item in document.objects:
            held = item if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)) else {}
            for key, value in held.items():
                assert key not in PDF_ACTIVE
                assert not (key in ("/S", "/Type") and str(value) in PDF_ACTIVE)
    told = subprocess.run(
        [program("pdftotext"), "-raw", "-enc", "UTF-8", path, "-"], capture_output=True, check=True, timeout=120
    )
    text = _FOOTER.sub("", told.stdout.decode())
    # Written back from code points: the font has no glyph for them, and PDF/A forbids to pretend.
    return _CODE_POINT.sub(lambda found: chr(int(squeezed(found[1]), 16)), text)


def _xml(package: bytes) -> Iterator[tuple[str, Element]]:
    with zipfile.ZipFile(io.BytesIO(package)) as parts:
        for name in parts.namelist():
            assert not name.endswith((".bin", ".js", ".vbs", ".exe"))
            assert ".." not in name
            if name.endswith((".xml", ".rels")) and (content := parts.read(name)):
                yield name, fromstring(content)


def in_office(package: bytes, plain: bytes) -> str:
    """The text of an office file which has no other kind of element than the same file with plain words."""
    allowed = {node.tag for _name, root in _xml(plain) for node in root.iter()}
    said: list[str] = []
    for name, root in _xml(package):
        for node in root.iter():
            assert node.tag in allowed
            assert node.tag.rpartition("}")[2] not in OFFICE_ACTIVE
            outside = [value for key, value in node.attrib.items() if key.endswith(("TargetMode", "}href"))]
            assert not outside
        if name in ("content.xml", "word/document.xml"):
            said.append("".join(root.itertext()))
    return "".join(said)


def in_xlsx(texts: Sequence[str]) -> str:
    content = xlsx("Registre", ["text", "number"], [[text, 5] for text in texts], MADE)
    for _name, root in _xml(content):
        assert not any(node.tag.rpartition("}")[2] in ("f", "hyperlink", "ddeLink") for node in root.iter())
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    cells = [sheet.cell(place, 1) for place in range(2, len(texts) + 2)]
    assert all(cell.data_type in ("s", "n") and cell.hyperlink is None for cell in cells)
    assert all(isinstance(cell.value, str) for cell, text in zip(cells, texts, strict=True) if text)
    assert [sheet.cell(place, 2).value for place in range(2, len(texts) + 2)] == [5] * len(texts)
    return "\n".join(str(cell.value) for cell in cells)


def in_csv(texts: Sequence[str]) -> str:
    drawn = io.StringIO(newline="")
    writer = csv.writer(drawn)
    writer.writerows([for_csv(text), "5"] for text in texts)
    rows = list(csv.reader(io.StringIO(drawn.getvalue(), newline="")))
    assert [row[1] for row in rows] == ["5"] * len(texts)
    assert not any(row[0].lstrip().startswith(FORMULA) for row in rows)
    return "\n".join(row[0] for row in rows)


class Mailbox:
    def __init__(self) -> None:
        self.letters: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        self.letters.append(bytes(envelope.content or b""))
        return "250 OK"


async def in_mail(texts: Sequence[str]) -> str:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        here = {"host": "127.0.0.1", "port": controller.port, "tls": "none"}
        settings = Mail.model_validate({**here, "from": "a@example.org", "to": ["b@example.org"]})
        for text in texts:
            message = Alert(breach="B-2026-0001", hours_before=6, deadline=MADE, title=text, text=f"{text}\n{text}")
            assert delivered(await send_everywhere(message, {"mail": mail(settings, "")})) == ("mail",)
    finally:
        controller.stop()
    said: list[str] = []
    for content in box.letters:
        letter = message_from_bytes(content, policy=default)
        assert set(letter.keys()) <= {
            "From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "MIME-Version", "Content-Type", "X-Peer",
            "X-MailFrom", "X-RcptTo",
        }  # fmt: skip
        assert (letter["To"], letter.defects) == ("b@example.org", [])
        assert [part.get_content_type() for part in letter.walk()] == ["multipart/mixed", "text/plain", "text/calendar"]
        body = letter.get_body()
        assert body is not None
        said += [str(letter["Subject"]), str(body.get_content())]
    return "\n".join(said)


async def told(texts: Sequence[str], folder: Path) -> dict[str, str]:
    """What each format says to an independent reader, which has found nothing active in it."""
    document, plain = a_document(texts), a_document(["plain  text", " text ", "alone"])
    return {
        "HTML": in_html(texts),
        "PDF": in_pdf(texts, folder),
        "CSV": in_csv(texts),
        "XLSX": in_xlsx(texts),
        "ODT": in_office(odt(document), odt(plain)),
        "DOCX": in_office(docx(document), docx(plain)),
        "e-mail": await in_mail(texts),
    }


async def assert_all_is_told(texts: Sequence[str], folder: Path) -> None:
    for name, said in (await told(texts, folder)).items():
        whole = squeezed(said)
        shown = {text: (squeezed(visible(text)), squeezed(visible_lines(text))) for text in texts}
        lost = [text for text, manners in shown.items() if not any(manner in whole for manner in manners)]
        assert not lost, (name, len(lost), lost[:3])


async def test_two_hundred_injections_do_nothing_and_lose_nothing(tmp_path: Path) -> None:
    await assert_all_is_told(list(injections(200, SEED)), tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3_000)
async def test_five_thousand_injections_do_nothing_and_lose_nothing(tmp_path: Path) -> None:
    texts = list(injections(5_000, SEED + 1))
    for start in range(0, len(texts), BATCH):
        await assert_all_is_told(texts[start : start + BATCH], tmp_path)


async def test_a_name_in_any_character_set_comes_out_whole(tmp_path: Path) -> None:
    assert len(CHARACTER_SETS) == 21
    await assert_all_is_told(list(CHARACTER_SETS.values()), tmp_path)
