"""Which format a file name asks for; the report in it; and a file that is written whole or not at all.

A report says where images can be read, so its file is its owner's alone (mode 0600). A format is loaded when it is
asked for: few runs write more than one.
"""

import errno
import os
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lightproof.documents import json, ndjson
from lightproof.documents.model import Attachment, Document
from lightproof.errors import MissingExtra, UsageRefused, system_reason
from lightproof.evidence.records import ExposureReport
from lightproof.locale import gettext as _


class Format(StrEnum):
    """Formats of an exposure report, each named by the end of its file name; longer endings first."""

    DEFECTDOJO = ".dojo.json"
    NDJSON = ".ndjson"
    SARIF = ".sarif"
    HTML = ".html"
    JSON = ".json"
    CSV = ".csv"
    PDF = ".pdf"


def format_of(path: Path) -> Format:
    """The format that the end of the file name asks for.

    Raises:
        UsageRefused: no format ends so.
    """
    return Format(ending_of(path, tuple(Format)))


def ending_of(path: Path, endings: Sequence[str]) -> str:
    """The first of these endings that the file name has. Raises UsageRefused, which lists them, when it has none."""
    for ending in endings:
        if path.name.lower().endswith(ending):
            return ending
    raise UsageRefused(
        "report-format-unknown",
        _("The end of “{name}” does not say which format is wanted.").format(name=path.name),
        _("End it in one of: {endings}.").format(endings=", ".join(endings)),
    )


def render(report: ExposureReport, wanted: Format) -> bytes:
    """The report in this format and the current language; the same report gives the same bytes.

    Raises:
        MissingExtra: PDF without the part `pdf`.
    """
    match wanted:
        case Format.HTML:
            from lightproof.documents.exposure import exposure_document
            from lightproof.documents.html import html

            return html(exposure_document(report))
        case Format.PDF:
            from lightproof.documents.exposure import exposure_document
            from lightproof.documents.pdf import pdf

            evidence = Attachment(
                "exposure.json", "application/json", _("The whole report as data"), json.dumps(report)
            )
            return pdf(exposure_document(report, attachments=(evidence,)))
        case Format.JSON:
            return json.dumps(report)
        case Format.NDJSON:
            return b"".join(ndjson.lines(report))
        case Format.SARIF:
            from lightproof.documents.sarif import sarif

            return sarif(report)
        case Format.CSV:
            from lightproof.documents.csv import findings_csv

            return findings_csv(report)
        case Format.DEFECTDOJO:
            from lightproof.documents.defectdojo import defectdojo

            return defectdojo(report)


def write(report: ExposureReport, path: Path) -> Format:
    """Render the report in the format its file name asks for, and put it there.

    Raises:
        UsageRefused: unknown format, or a place that cannot be written.
        MissingExtra: PDF without the part `pdf`.
    """
    wanted = format_of(path)
    put(render(report, wanted), path)
    return wanted


class DocumentFormat(StrEnum):
    """Formats of any document for people, each named by the end of its file name."""

    HTML = ".html"
    PDF = ".pdf"
    ODT = ".odt"
    DOCX = ".docx"


DOCUMENT_ENDINGS: Final = tuple(wanted.value for wanted in DocumentFormat)


def write_document(document: Document, path: Path) -> None:
    """Render a document in the format its file name asks for, and put it there.

    Raises:
        UsageRefused: unknown format, or a place that cannot be written.
        MissingExtra: PDF without the part `pdf`, ODT and DOCX without the part `office`.
    """
    put(render_document(document, document_format_of(path)), path)


def document_format_of(path: Path) -> DocumentFormat:
    """The format that the end of the file name asks for. Raises UsageRefused when no format ends so."""
    return DocumentFormat(ending_of(path, DOCUMENT_ENDINGS))


def render_document(document: Document, wanted: DocumentFormat) -> bytes:
    """The document in this format. Raises MissingExtra as `write_document` does."""
    match wanted:
        case DocumentFormat.HTML:
            from lightproof.documents.html import html

            return html(document)
        case DocumentFormat.PDF:
            from lightproof.documents.pdf import pdf

            return pdf(document)
        case DocumentFormat.ODT:
            from lightproof.documents.odt import odt

            return odt(document)
        case DocumentFormat.DOCX:
            from lightproof.documents.docx import docx

            return docx(document)


def ready_to_write(path: Path) -> None:
    """That a report could be written there now: asked before the work whose result it is to be.

    Raises:
        UsageRefused: unknown format, or a place that cannot be written.
        MissingExtra: PDF without the part `pdf`.
    """
    if format_of(path) is Format.PDF and find_spec("typst") is None:
        raise MissingExtra("pdf")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "")
        descriptor, draft = tempfile.mkstemp(prefix=".lightproof-", dir=path.parent)
        os.close(descriptor)
        Path(draft).unlink()
    except OSError as error:
        raise _not_written(path, error) from error


def put(content: bytes, path: Path) -> None:
    """The file with this content, mode 0600; whoever looks sees the old file or the whole new one.

    Raises:
        UsageRefused: the place cannot be written.
    """
    try:
        descriptor, draft = tempfile.mkstemp(prefix=".lightproof-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(path)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> UsageRefused:
    return UsageRefused(
        "report-not-written",
        _("The report could not be written to “{path}”: {reason}.").format(path=path, reason=system_reason(error)),
        _("Name a file in a folder that exists and that you may write to, on a disk with room."),
    )
