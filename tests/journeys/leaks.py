"""Looks for words where a search of bytes would miss them: in streams of PDF, ZIP files, gzip, mail, databases.

An encrypted database shows nothing to a search of its bytes, so the home is read as its owner reads it: unlocked.
"""

import email
import email.policy
import gzip
import io
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pikepdf

from peers.processes import program

_DEEPEST = 6
_DUMP = """
import sys
from sqlalchemy import text
from lightproof.cli.home import opened
with opened() as home, home.ledger.database.reading() as connection:
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    for name in names:
        for row in connection.execute(text(f'SELECT * FROM "{name}"')):
            for value in row:
                sys.stdout.buffer.write(value if isinstance(value, bytes) else str(value).encode())
                sys.stdout.buffer.write(b"\\n")
"""


def leaks(words: Iterable[str], folders: Iterable[Path], **outputs: bytes) -> list[str]:
    """Where any of `words` stands: in the name of a file, in its bytes, in what its bytes hold; and in `outputs`.

    Letters count in either case, as UTF-8 and as UTF-16.
    """
    wanted = tuple(word.lower() for word in words)
    spelled = tuple(form for word in wanted for form in (word.encode(), word.encode("utf-16-le")))
    found: list[str] = []

    def search(where: str, content: bytes) -> None:
        for inside, data in unpacked(where, content):
            lowered = data.lower()
            found.extend(f"{form!r} in {inside}" for form in spelled if form in lowered)

    for name, content in outputs.items():
        search(name, content)
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        found.extend(f"{word!r} in the name {path}" for word in wanted if word in str(path).lower())
        if path.is_file():
            search(str(path), path.read_bytes())
    return found


def unpacked(where: str, content: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """`content`, and all that is packed in it, each with where it was."""
    yield where, content
    if depth == _DEEPEST:
        return
    inner: list[tuple[str, bytes]] = []
    if content.startswith(b"PK\x03\x04"):
        inner = list(_members(content))
    elif content.startswith(b"%PDF-"):
        inner = list(_of_pdf(content))
    elif content.startswith(b"\x1f\x8b"):
        with suppress(OSError, EOFError, zlib.error):
            inner = [("gzip", gzip.decompress(content))]
    elif where.endswith(".eml"):
        inner = list(_of_mail(content))
    elif where.endswith(".ics"):
        inner = [("unfolded", content.replace(b"\r\n ", b""))]
    for name, data in inner:
        yield from unpacked(f"{where}!{name}", data, depth + 1)


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        yield "names", "\n".join(packed.namelist()).encode()
        for name in packed.namelist():
            yield name, packed.read(name)


def _of_pdf(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Every stream decompressed, every string, every attachment, and the text as a reader shows it."""
    with pikepdf.open(io.BytesIO(content)) as document:
        for number, held in enumerate(document.objects):
            yield f"object {number}", repr(held).encode("utf-8", "surrogateescape")
            if isinstance(held, pikepdf.Stream):
                with suppress(pikepdf.PdfError):
                    yield f"stream {number}", held.read_bytes()
        for name, attached in document.attachments.items():
            yield f"attachment {name}", attached.get_file().read_bytes()
    shown = subprocess.run([program("pdftotext"), "-", "-"], input=content, capture_output=True, check=True)
    # Words that a line was broken in are whole again without it.
    yield "text", shown.stdout + b"\n" + b"".join(shown.stdout.split())


def _of_mail(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The head as a reader shows it, and every part with its encoding taken off."""
    letter = email.message_from_bytes(content, policy=email.policy.default)
    yield "head", str(letter.items()).encode()
    for number, part in enumerate(letter.walk()):
        if isinstance(payload := part.get_payload(decode=True), bytes):
            yield f"part {number}", payload


def unlocked(home: Path) -> bytes:
    """Every value of every table of a home's encrypted database, as its owner reads it."""
    done = subprocess.run(
        [sys.executable, "-c", _DUMP],
        env={**os.environ, "LIGHTPROOF_HOME": str(home)},
        capture_output=True,
        check=True,
    )
    return done.stdout
