"""Targets that other tools found: masscan (JSON or list), zmap (CSV), nmap (XML), as addresses and ports.

The kind of file is told from its first bytes. Files are read piece by piece under limits, and what does not fit is
refused with its line: a target list that was half understood would be half checked.

Of the names in nmap's files only those that the person gave to nmap are taken (`type="user"`): a web server shows each
name another site. A name that nmap found by the address (`PTR`) is chosen by whoever runs the reverse DNS there.
"""

import csv
import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast
from xml.parsers import expat

from lightproof.check.addresses import NotAnAddress, looks_numeric, range_of
from lightproof.check.targets import Named, name_in_ascii, numbered_lines
from lightproof.errors import UsageRefused, cannot_read
from lightproof.locale import gettext as _

LONGEST_FILE: Final = 512 * 1024 * 1024
LONGEST_LINE: Final = 64 * 1024
MOST_TARGETS: Final = 1_000_000
MOST_NAMES: Final = 4_096
"""Each is a visit more to each port of its address."""
_PIECE: Final = 64 * 1024
_DEEPEST: Final = 32
_ENDS_TOO_SOON: Final = frozenset(
    expat.errors.codes[reason] for reason in (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)
)
_GOES_ON: Final = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
_ZMAP_TRUTH: Final = {"1": True, "0": False}
_BETWEEN_RECORDS: Final = re.compile(r"(?:[\s,\]]|\[(?!\s*\[)|\{finished: 1\})*")

Found = tuple[str, int]
Reader = Iterator[Found | Named]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds."""

    targets: tuple[Found, ...]
    """Open TCP ports, each once, ascending."""
    names: tuple[Named, ...] = ()
    """What single addresses were called, each name once, in the order of the file."""


def read_import(path: Path) -> Imported:
    """What a file of masscan, zmap or nmap holds.

    Raises UsageRefused naming file and line of what cannot be read.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(_PIECE).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise cannot_read(path, error) from error
    first = beginning[:1]
    if not first:
        return Imported(())
    pairs: Reader
    if first == b"<":
        pairs = _nmap(path)
    elif first in b"[{":
        pairs = _masscan_json(path)
    elif beginning.startswith((b"#masscan", b"open ")):
        pairs = _masscan_list(path)
    else:
        pairs = _zmap(path)
    found: set[Found] = set()
    names: dict[Named, None] = {}
    for pair in pairs:
        if isinstance(pair, Named):
            names[pair] = None
        else:
            found.add(pair)
        if len(found) > MOST_TARGETS:
            raise _too_large(_("{file} holds more than {most} targets.").format(file=path, most=MOST_TARGETS))
        if len(names) > MOST_NAMES:
            raise _too_many_names(path)
    return Imported(tuple(sorted(found)), tuple(names))


def _too_large(cause: str) -> UsageRefused:
    return UsageRefused("import-too-large", cause, _("Split it into several files and runs."))


def _too_many_names(path: Path) -> UsageRefused:
    return _too_large(_("{file} holds more than {most} names.").format(file=path, most=MOST_NAMES))


class _Misfit(ValueError):
    """A line that is not what its kind of file has."""


def _target(address: object, port: object) -> Found:
    if isinstance(port, str) and port.isascii() and port.isdecimal() and len(port) <= 5:
        port = int(port)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65_536:
        raise _Misfit
    return str(range_of(_single(address))), port


def _single(address: object) -> str:
    if not isinstance(address, str) or "/" in address or "-" in address:
        raise _Misfit
    return address


def _refused(path: Path, line: int, kind: str) -> UsageRefused:
    return UsageRefused(
        "import-unreadable",
        _("{file}, line {line}: this is not {kind}.").format(file=path, line=line, kind=kind),
        _("Write the file with masscan -oJ or -oL, zmap -f saddr,sport, or nmap -oX, and give it as it is."),
    )


def _masscan_json(path: Path) -> Iterator[Found]:
    """One record after the other, however they are laid out: masscan writes one a line, and not always a comma where
    JSON wants one; jq writes all of them on one line, or each on many."""
    decode = json.JSONDecoder().raw_decode
    held, at, line = "", 0, 1
    for piece in _texts(path, _("a record of masscan's JSON")):
        held, at = held[at:] + piece, 0
        while True:
            between = _BETWEEN_RECORDS.match(held, at)
            begins = between.end() if between else at
            line += held.count("\n", at, begins)
            at = begins
            if at == len(held):
                break
            try:
                record, ends = decode(held, at)
                yield from _masscan_record(record)
            except (ValueError, RecursionError) as error:
                unread = isinstance(error, json.JSONDecodeError)
                if unread and piece and len(held) - at <= LONGEST_LINE:
                    break  # its rest is still to come
                wrong = error.pos if isinstance(error, json.JSONDecodeError) else at
                raise _refused(path, line + held.count("\n", at, wrong), _("a record of masscan's JSON")) from error
            line += held.count("\n", at, ends)
            at = ends


def _texts(path: Path, kind: str) -> Iterator[str]:
    """A text file piece by piece, under limits, and an empty piece at its end. Raises UsageRefused."""
    decoder = getincrementaldecoder("utf-8-sig")()
    line, size = 1, 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                if size > LONGEST_FILE:
                    raise _refused(path, line, _("a file of acceptable length"))
                text = decoder.decode(piece)
                line += text.count("\n")
                yield text
            yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _refused(path, line + error.object[: error.start].count(b"\n"), kind) from error
    except OSError as error:
        raise cannot_read(path, error) from error


def _masscan_record(record: object) -> Iterator[Found]:
    if not isinstance(record, dict):
        raise _Misfit
    fields = cast("dict[str, object]", record)
    ports = fields.get("ports")
    if not isinstance(ports, list):
        raise _Misfit
    for entry in cast("list[object]", ports):
        if not isinstance(entry, dict):
            raise _Misfit
        port = cast("dict[str, object]", entry)
        if port.get("proto", "tcp") == "tcp" and port.get("status", "open") == "open":
            yield _target(fields.get("ip"), port.get("port"))


def _masscan_list(path: Path) -> Iterator[Found]:
    for number, line in numbered_lines(path, LONGEST_FILE, LONGEST_LINE):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            status, transport, port, address = words[:4]
            if status == "open" and transport == "tcp":
                yield _target(address, port)
        except ValueError as error:
            raise _refused(path, number, _("a line of masscan's list")) from error


def _zmap(path: Path) -> Iterator[Found]:
    lines = numbered_lines(path, LONGEST_FILE, LONGEST_LINE)
    number, header = next(_rows(path, lines), (1, list[str]()))
    columns = [name.strip().lower() for name in header]
    if "saddr" not in columns or "sport" not in columns:
        raise _refused(path, number, _("the header of a zmap file with the columns saddr and sport"))
    address_at, port_at = columns.index("saddr"), columns.index("sport")
    success_at = columns.index("success") if "success" in columns else None
    for number, row in _rows(path, lines):
        if not row:
            continue
        try:
            # A spelling that zmap does not write says nothing: rows that it meant would be left out without a word.
            if success_at is None or _ZMAP_TRUTH[row[success_at].strip()]:
                yield _target(row[address_at].strip(), row[port_at].strip())
        except (LookupError, NotAnAddress, _Misfit) as error:
            raise _refused(path, number, _("a row of a zmap file")) from error


def _rows(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines:
        try:
            yield from ((number, row) for row in csv.reader([line], strict=True))
        except csv.Error as error:
            raise _refused(path, number, _("a row of a zmap file")) from error


class _NmapReader:
    """Collects the open TCP ports of an nmap file, and what their machines were called, as its elements go by.

    `<address>` comes before `<hostnames>`, and these before `<ports>`.
    """

    def __init__(self, path: Path) -> None:
        self.found: list[Found | Named] = []
        self._path = path
        self._address: str | None = None
        self._names: list[Named] = []
        """What the machine was called that has shown no open port yet."""
        self._port: str | None = None
        self._open: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.EntityDeclHandler = self._refuse_entity
        self._parser.ExternalEntityRefHandler = self._refuse_entity

    def feed(self, piece: bytes, *, last: bool) -> list[Found | Named]:
        """The targets and names that this piece completes."""
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise self._unparsed(error.code) from error
        except (NotAnAddress, _Misfit, ValueError) as error:
            raise _refused(self._path, self._parser.CurrentLineNumber, _("nmap's XML")) from error
        found, self.found = self.found, []
        return found

    def _unparsed(self, code: int) -> UsageRefused:
        """What nmap itself leaves that is no XML is told with the way out of it."""
        line = self._parser.CurrentLineNumber
        if code in _ENDS_TOO_SOON and self._open:
            return UsageRefused(
                "import-broken-off",
                _("{file}, line {line}: the file breaks off; the scan that wrote it was interrupted.").format(
                    file=self._path, line=line
                ),
                _("Finish the scan (nmap --resume {file}), and give the file again.").format(file=self._path),
            )
        if code == _GOES_ON and not self._open:
            return UsageRefused(
                "import-several-scans",
                _("{file}, line {line}: another scan begins (--append-output).").format(file=self._path, line=line),
                _("Let each scan write a file of its own, and give each with --import."),
            )
        return _refused(self._path, line, _("nmap's XML"))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        if len(self._open) > _DEEPEST or (len(self._open) == 1 and name != "nmaprun"):
            raise _Misfit
        if name == "host":
            self._address = None
            self._names = []
        elif name == "address" and attributes.get("addrtype") in ("ipv4", "ipv6"):
            self._address = attributes.get("addr")
        elif name == "hostname" and attributes.get("type") == "user":
            self._called(attributes.get("name", ""))
        elif name == "port":
            self._port = attributes.get("portid") if attributes.get("protocol") == "tcp" else None
        elif name == "state" and self._port is not None and attributes.get("state") == "open":
            self.found += (*self._names, _target(self._address, self._port))
            self._names = []

    def _called(self, name: str) -> None:
        if not looks_numeric(name):  # nmap calls a name whatever its resolver took, as 127.1
            self._names.append(Named((range_of(_single(self._address)),), name=name_in_ascii(name)))
        if len(self._names) > MOST_NAMES:
            raise _too_many_names(self._path)

    def _end(self, name: str) -> None:
        self._open.pop()
        if name == "port":
            self._port = None

    def _refuse_entity(self, *_declared: object) -> int:
        raise _Misfit


def _nmap(path: Path) -> Reader:
    reader = _NmapReader(path)
    held = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            held += len(piece)
            if held > LONGEST_FILE:
                raise _refused(path, 1, _("an nmap file of acceptable length"))
            yield from reader.feed(piece, last=False)
    yield from reader.feed(b"", last=True)
