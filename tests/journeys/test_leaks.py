"""The search for leaks finds what it is to find, wherever it hides: without this, a clean search proves nothing."""

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.running import lightproof
from journeys.leaks import leaks, unlocked
from lightproof.cli.home import opened
from lightproof.documents.docx import docx
from lightproof.documents.model import Attachment, Document, Paragraph, Section
from lightproof.documents.odt import odt
from lightproof.documents.pdf import pdf

WORD = "CANARY00007"


def a_document(*, text: str = "nothing", attached: bytes = b"nothing") -> Document:
    return Document(
        title="title", subtitle="", language="en", made=datetime(2026, 11, 23, tzinfo=UTC), producer="lightproof",
        footer="", sections=(Section("", (Paragraph(text),)),),
        attachments=(Attachment("evidence.json", "application/json", "evidence", attached),),
    )  # fmt: skip


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as folder:
        folder.writestr("inside", content)
    return packed.getvalue()


HIDDEN: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda word: b"before " + word + b" after",
    "in the other case": lambda word: word.lower(),
    "utf-16": lambda word: word.decode().encode("utf-16"),
    "gzip": gzip.compress,
    "zip": zipped,
    "zip in zip": lambda word: zipped(zipped(word)),
    "pdf text": lambda word: pdf(a_document(text=word.decode())),
    "pdf attachment": lambda word: pdf(a_document(attached=word)),
    "pdf in zip": lambda word: zipped(pdf(a_document(text=word.decode()))),
    "docx": lambda word: docx(a_document(text=word.decode())),
    "odt": lambda word: odt(a_document(text=word.decode())),
}


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_a_hidden_word_is_found(hide: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(hide(WORD.encode()))
    assert leaks([WORD], [tmp_path])
    (tmp_path / "file").write_bytes(hide(b"other words"))
    assert not leaks([WORD], [tmp_path])


def test_a_word_in_the_name_of_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / f"{WORD}.txt").touch()
    assert leaks([WORD], [tmp_path])


@pytest.mark.parametrize("attached", [False, True], ids=["in an entry", "in an attachment"])
def test_a_word_in_the_encrypted_database_is_found_in_what_is_unlocked_and_exported(
    attached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, folder = tmp_path / "home", tmp_path / "exported"
    assert lightproof("check", "127.0.0.1:9", "--no-box", home=home).code in (0, 4)
    monkeypatch.setenv("LIGHTPROOF_HOME", str(home))
    with opened() as kept, kept.ledger.writing() as writing:
        said: dict[str, object] = {"named": "nothing" if attached else WORD}
        if attached:
            said["sha256"] = writing.attach(WORD.encode(), "text/plain")
        writing.append("check.alert", "check", said, principal="test")
    assert lightproof("ledger", "export", folder, "--with-attachments", home=home).code == 0
    assert leaks([WORD], [folder])
    assert leaks([WORD], [], database=unlocked(home))
    assert not leaks([WORD], [home])  # encrypted: its bytes tell nothing, so to search them proves nothing
