"""A log file, line by line, under limits; compressed ones too, as rotation leaves them.

Rules of this file:
- a line that is too long, or that no kind of log knows, is counted and left out; it never stops the reading;
- what was read is told by the digest of the file: the file itself stays where it is.
"""

import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from hashlib import file_digest
from pathlib import Path
from typing import Final, Protocol, cast

from lightproof.breach.access.dating import Years, dated
from lightproof.breach.access.kinds.combined import Combined
from lightproof.breach.access.kinds.dicom_audit import DicomAudit
from lightproof.breach.access.kinds.orthanc import Orthanc
from lightproof.breach.access.kinds.syslog import unwrapped
from lightproof.breach.access.kinds.text import Text
from lightproof.breach.access.kinds.vsftpd import Vsftpd
from lightproof.breach.access.log_lines import YEARLESS, Kind, LogLine
from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _

_LONGEST: Final = 64 * 1024
"""Octets of one line."""
_LARGEST: Final = 4 << 30
"""Octets of a whole log, after decompression."""
_GZIP: Final = b"\x1f\x8b"


@dataclass(slots=True)
class LogFile:
    """One file, and what its reading found of it; complete when `lines` has ended."""

    path: Path
    sha256: str
    octets: int
    written: datetime
    """When the file was last written, UTC."""
    lines: int = 0
    unreadable: int = 0
    kinds: set[str] = field(default_factory=set[str])

    def read(self, zone: tzinfo) -> Iterator[LogLine]:
        """Every line that says something, its instant in UTC; `zone` is that of the lines that name none.

        Raises UsageRefused when the file cannot be read to its end.
        """
        years = Years()
        for line in self._understood():
            years.follow(line)
        self.lines = self.unreadable = 0
        yield from dated(self._understood(), years.first(self.written, zone), zone)

    def _understood(self) -> Iterator[LogLine]:
        reader = Lines()
        for text in self._texts():
            self.lines += 1
            said = reader.read(text)
            if said is None:
                self.unreadable += bool(text.strip())
                continue
            for line in said:
                self.kinds.add(line.kind)
                yield line

    def _texts(self) -> Iterator[str]:
        try:
            with _opened(self.path) as stream:
                taken = 0
                while octets := stream.readline(_LONGEST):
                    taken += len(octets)
                    if taken > _LARGEST:
                        raise _unreadable(self.path, _("it is larger than 4 GiB: cut it to the days that matter"))
                    yield octets.decode("utf-8", errors="replace").rstrip("\r\n")
        except (OSError, EOFError, zlib.error) as error:
            # What is no gzip is an error of the system too, but has no number.
            if isinstance(error, OSError) and error.errno is not None:
                raise _unreadable(self.path, system_reason(error)) from error
            raise _unreadable(self.path, _("it is damaged")) from error


class Lines:
    """Reads lines of every kind, each as what it is; the kind of the line before is asked first."""

    def __init__(self) -> None:
        self._text: Kind = Text()
        self._kinds: list[Kind] = [DicomAudit(), Combined(), Orthanc(), Vsftpd()]

    def read(self, text: str) -> tuple[LogLine, ...] | None:
        """What this line says; None when it says nothing that any kind knows."""
        enveloped, inside = unwrapped(text)
        for place, kind in enumerate(self._kinds):
            said = kind.read(inside)
            if said is not None:
                if place:
                    self._kinds.insert(0, self._kinds.pop(place))
                return tuple(_placed(line, enveloped) for line in said)
        return self._text.read(text)


def log_file(path: Path) -> LogFile:
    """This file, its digest taken. Raises UsageRefused when it cannot be read or holds nothing."""
    try:
        with path.open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, system_reason(error)) from error
    if not status.st_size:
        raise _unreadable(path, _("it is empty"))
    return LogFile(
        path=path, sha256=digest, octets=status.st_size, written=datetime.fromtimestamp(status.st_mtime, tz=UTC)
    )


class _Stream(Protocol):
    def readline(self, size: int, /) -> bytes: ...


@contextmanager
def _opened(path: Path) -> Generator[_Stream]:
    with path.open("rb") as plain:
        compressed = plain.read(2) == _GZIP
        plain.seek(0)
        if compressed:
            with gzip.open(plain) as opened:
                yield cast("_Stream", opened)
        else:
            yield plain


def _placed(line: LogLine, enveloped: datetime | None) -> LogLine:
    """A line inside an envelope that names a year or a zone which the line itself leaves out."""
    if enveloped is None or line.at.tzinfo is not None or line.at.year != YEARLESS:
        return line
    return replace(line, at=enveloped)


def _unreadable(path: Path, reason: str) -> UsageRefused:
    return UsageRefused(
        "log-unreadable",
        _("The log “{path}” cannot be read: {reason}.").format(path=path, reason=reason),
        _("Check its name and your rights, or copy it from the server again."),
    )
