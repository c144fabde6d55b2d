"""Hostile texts by the thousand into every format for people: nothing of them acts, nothing of them is lost.

Reliability goal 20: 5,000 injections × HTML, PDF, CSV, XLSX, ODT, e-mail (and DOCX), read by readers that are not ours.
"""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from documents.injections import CHARACTER_SETS, injections
from documents.readers import csv_said, html_said, office_said, pdf_said, squeezed, xlsx_said
from lightproof.breach.alerts import Alert, delivered, mail, send_everywhere
from lightproof.documents.docx import docx
from lightproof.documents.html import html
from lightproof.documents.model import Document, FactList, Heading, Items, Paragraph, Section, Table
from lightproof.documents.odt import odt
from lightproof.documents.pdf import pdf
from lightproof.documents.text import for_csv, visible, visible_lines
from lightproof.documents.xlsx import xlsx
from lightproof.storage.settings import Mail
from peers.processes import free_port

MADE = datetime(2026, 11, 23, 10, tzinfo=UTC)
SEED = 20_201_207
BATCH = 250


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


def in_xlsx(texts: Sequence[str]) -> str:
    rows = xlsx_said(xlsx("Registre", ["text", "number"], [[text, 5] for text in texts], MADE))
    assert [number for _text, number in rows] == [5] * len(texts)
    assert all(isinstance(cell, str) for (cell, _number), text in zip(rows, texts, strict=True) if text)
    return "\n".join(str(cell) for cell, _number in rows)


def in_csv(texts: Sequence[str]) -> str:
    drawn = io.StringIO(newline="")
    csv.writer(drawn).writerows([for_csv(text), "5"] for text in texts)
    rows = csv_said(drawn.getvalue())
    assert [number for _text, number in rows] == ["5"] * len(texts)
    return "\n".join(text for text, _number in rows)


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
        "HTML": html_said(html(document), html(plain)),
        "PDF": pdf_said(pdf(a_document(texts, "FOOTER")), folder),
        "CSV": in_csv(texts),
        "XLSX": in_xlsx(texts),
        "ODT": office_said(odt(document), odt(plain)),
        "DOCX": office_said(docx(document), docx(plain)),
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
