"""Directory listings that hold DICOM files: counted, never kept, because file names are often patients' names.

That an image can be read is proved by four bytes at offset 128 (PS3.10 section 7.1), which say `DICM`; that a server
would give a file of such a name proves nothing. They are asked for only where the server says that it serves parts of
files: from one that sends the whole file instead, a patient's name is on its way before we have hung up. One that says
so and sends all is left after these four; the 128 bytes before are the application's and hold no patient's data.
"""

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from lightproof.check.detectors import WEB, Detector
from lightproof.check.protocols.http import HttpSession, Response, path_here
from lightproof.check.protocols.web_answers import (
    clear_text,
    demands_identity,
    is_html,
    printable,
    protections,
    title_of,
    version_disclosed,
)
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "http-listing"
_USUAL_PLACES: Final = ("/dicom/", "/DICOM/", "/images/", "/pacs/")
_PAGES: Final = 8
_PAGE_BYTES: Final = 40 * 1024
_BRANCHES: Final = 3
"""Subdirectories remembered of one page: studies lie deep (patient, study, series), the first leads there as well."""
_PREAMBLE_BYTES: Final = 128
_MAGIC: Final = b"DICM"

_LINK: Final = re.compile(rb"<a\s[^>]{0,200}?href\s{0,4}=\s{0,4}[\"']?([^\"'\s>]{1,1024})", re.IGNORECASE)
_DICOM_NAME: Final = re.compile(
    r".+\.(dcm|dicom|dic|dicm)|DICOMDIR|IM[-_]?\d{2,12}|I\d{5,10}|[012](\.\d{1,39}){5,30}", re.IGNORECASE
)
"""Extensions in use; PS3.10 names of exported media (`IM000001`); files named by their SOP Instance UID."""
_PROMISING: Final = re.compile(r"dicom|dcm|pacs|imag|radio|scan|stud|patient|pat\d|^st\d|^se\d|^\d+$", re.IGNORECASE)
_LISTING_TITLE: Final = re.compile(
    r"(index of|directory listing for|directory:|listing of) ?/|.* - /.*/?$", re.IGNORECASE
)
_ENOUGH_FILES: Final = 3
"""A page without a listing's title (Caddy, IIS, own scripts) is one when it links to so many DICOM files beside it."""
_SERVER: Final = re.compile(r"([A-Za-z][A-Za-z .-]{1,30})/(\d[0-9A-Za-z.]{0,15})")


@dataclass(frozen=True, slots=True)
class Listing:
    """What one page links to directly below itself: `files` with DICOM names, `directories` the promising first."""

    files: tuple[str, ...]
    directories: tuple[str, ...]


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Goes down into listings, depth first, a few pages at most, until one holds DICOM files."""
    async with HttpSession(wire) as web:
        waiting = [*reversed(_USUAL_PLACES), "/"]
        seen: set[str] = set()
        while waiting and len(seen) < _PAGES:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            page = await web.request(path, body_limit=_PAGE_BYTES)
            listing = read_listing(wire, path, page)
            if listing is None:
                continue
            if listing.files:
                async for observation in _found(wire, listing, page):
                    yield observation
                return
            waiting += reversed(listing.directories[:_BRANCHES])


def read_listing(wire: Wire, path: str, page: Response) -> Listing | None:
    """What a directory listing at `path` links to; None when this is none. Pure."""
    if page.status != 200 or not is_html(page):
        return None
    files: dict[str, None] = {}
    directories: dict[str, None] = {}
    for link in _LINK.findall(page.body):
        there = path_here(wire, path, html.unescape(link.decode("utf-8", "replace")))
        below = there.removeprefix(path) if there is not None and there.startswith(path) else ""
        name = unquote(urlsplit(below).path)
        if not below or "?" in below or not _one_level(name):
            continue
        if name.endswith("/"):
            directories[path + below] = None
        elif _DICOM_NAME.fullmatch(name):
            files[path + below] = None
    titled = _LISTING_TITLE.match(title_of(page) or "") is not None
    if not titled and len(files) < _ENOUGH_FILES:
        return None
    promising = sorted(directories, key=lambda d: _PROMISING.search(d.rstrip("/").rpartition("/")[2]) is None)
    return Listing(tuple(files), tuple(promising))


def _one_level(name: str) -> bool:
    return "/" not in name.rstrip("/") and name.rstrip("/") not in ("", ".", "..")


async def _found(wire: Wire, listing: Listing, page: Response) -> AsyncIterator[Observation]:
    product, version = _server(page)
    yield wire.observed(
        _SERVICE,
        "http-listing-dicom",
        facts=Facts(reachable=True, open=True, listable=True),
        product=product,
        version=version,
        protections=protections(wire),
        details={"more_than_counted": True} if page.truncated else {},
        counts={"files": len(listing.files)},
        proof=page.proof(shown="GET {directory}/"),
    )
    if (observation := await _readable(wire, listing.files[0])) is not None:
        yield observation
    for observation in (*clear_text(wire, _SERVICE), *version_disclosed(wire, _SERVICE, product or "", version)):
        yield observation


async def _readable(wire: Wire, path: str) -> Observation | None:
    async with HttpSession(wire, narrow=True) as web:
        head = await web.request(path, method="HEAD", body_limit=0)
        if demands_identity(head):
            facts = Facts(reachable=True, downloadable=False)
            proof = head.proof(shown="HEAD {file}")
            return wire.observed(_SERVICE, "http-listing-file-refused", facts=facts, proof=proof)
        if head.status != 200 or is_html(head) or "bytes" not in head.headers.get("accept-ranges", ""):
            return None
        four = await web.request_bytes(path, _PREAMBLE_BYTES, _PREAMBLE_BYTES + len(_MAGIC) - 1)
    if four.body != _MAGIC:
        return None
    shown = f"GET {{file}} Range: bytes={_PREAMBLE_BYTES}-{_PREAMBLE_BYTES + len(_MAGIC) - 1}"
    facts = Facts(reachable=True, open=True, downloadable=True)
    return wire.observed(_SERVICE, "http-listing-file-readable", facts=facts, proof=four.proof(shown=shown))


def _server(page: Response) -> tuple[str | None, str | None]:
    found = _SERVER.match(page.headers.get("server", ""))
    return (printable(found[1]), printable(found[2])) if found else (None, None)


DETECTOR: Final = Detector(
    name="http_listing",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({80, 81, 443, 5000, 5001, 8000, 8008, 8080, 8081, 8443}),
    speech=WEB,
)
