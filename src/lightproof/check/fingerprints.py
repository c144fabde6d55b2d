"""Which product answered: DICOM implementation identifiers, and what a web portal shows of itself.

A fingerprint is a hint: anyone can send any name. It chooses which remedy is shown first and which known
vulnerabilities are possible; it never makes or unmakes an exposure.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from pydantic import Field, model_validator

from lightproof.check import tables

_LONGEST_UID: Final = 64
_LONGEST_NAME: Final = 64
_LONGEST_TEXT: Final = 65_536
_TEMPLATE: Final = re.compile(r"(\{version\}|\{digits\}|\*)")
_PIECES: Final = {
    "{version}": r"(?P<version>[0-9][0-9A-Za-z.+-]{0,31})",
    "{digits}": r"(?P<digits>[0-9]{3,4})",
    "*": r".*",
}


class _Implementation(tables.Sourced):
    """`uid` and `name` are templates: `*` is anything, `{version}` a version, `{digits}` one without its dots."""

    product: str = Field(min_length=2)
    uid: str = ""
    name: str = ""
    both: bool = False
    """The name must fit too; otherwise it only tells the version."""
    evidence: Literal["A", "S", "F"]
    """Seen in an association, in a toolkit's source, or in files only."""
    note: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> "_Implementation":
        if not self.uid and not self.name:
            raise ValueError("neither uid nor name")
        return self


class _Portal(tables.Sourced):
    """One sign by which a web portal is known; exactly one of the five."""

    product: str = Field(min_length=2)
    title: str = ""
    """Template of the page's title."""
    body: str = ""
    """Template of a piece of the page."""
    header: str = ""
    """`Name: template` of a response header."""
    favicon_mmh3: int | None = None
    favicon_md5: str = ""

    @model_validator(mode="after")
    def _has_one_sign(self) -> "_Portal":
        signs = (self.title, self.body, self.header, self.favicon_md5, self.favicon_mmh3 is not None)
        if sum(map(bool, signs)) != 1:
            raise ValueError("exactly one of title, body, header, favicon_mmh3, favicon_md5")
        return self


class _Telling(tables.Sourced):
    """Where a portal tells its version."""

    product: str = Field(min_length=2)
    path: str = Field(default="", pattern="^(/.*)?$")
    """Empty: in the page that it is known by."""
    template: str = Field(pattern=r"\{version\}")
    """Of a piece of that page, or of the whole answer at `path`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A web product, as far as its page tells."""

    product: str
    version: str | None = None


def dicom_product(class_uid: str, version_name: str) -> tuple[str, str | None] | None:
    """Product and version behind an Implementation Class UID and Version Name (PS3.7 D.3.3.2); None when unknown.

    The first row that fits wins, so the file goes from the particular to the general.
    """
    uid, name = class_uid.strip("\0 ")[:_LONGEST_UID], version_name.strip("\0 ")[:_LONGEST_NAME]
    for row, by_uid, by_name in _implementations():
        uid_found = by_uid.fullmatch(uid) if by_uid else None
        name_found = by_name.fullmatch(name) if by_name else None
        if by_uid is None or row.both:
            fits = name_found is not None and (by_uid is None or uid_found is not None)
        else:
            fits = uid_found is not None
        if fits:
            return row.product, _version(name_found) or _version(uid_found)
    return None


def http_portal(
    *,
    title: str = "",
    headers: Mapping[str, str] | None = None,
    body_start: str = "",
    favicon: bytes | None = None,
) -> Portal | None:
    """The imaging product behind a web page; None when nothing of it is known.

    `title`, `headers` (any case) and `body_start` (the first 64 KiB are looked at) are the page's, `favicon` its icon.
    """
    lowered = {name.lower(): value[:1024] for name, value in (headers or {}).items()}
    icon_md5 = _md5(favicon) if favicon else None
    icon_mmh3 = favicon_mmh3(favicon) if favicon else None
    for row, pattern in _portals():
        if row.favicon_mmh3 is not None:
            if row.favicon_mmh3 == icon_mmh3:
                return Portal(product=row.product)
            continue
        if row.favicon_md5:
            if row.favicon_md5 == icon_md5:
                return Portal(product=row.product)
            continue
        if pattern is None:
            continue
        if row.title:
            found = pattern.fullmatch(title.strip()[:256])
        elif row.body:
            found = pattern.search(body_start[:_LONGEST_TEXT])
        else:
            found = pattern.fullmatch(lowered.get(row.header.partition(":")[0].strip().lower(), "").strip())
        if found:
            return Portal(product=row.product, version=_version(found))
    return None


def version_path(product: str) -> str | None:
    """Where a portal tells its version apart from its page; None when no such place is known."""
    return next((row.path for row, _ in _tellings() if row.product == product and row.path), None)


def version_in(product: str, text: str, *, path: str = "") -> str | None:
    """The version that a portal tells in its page, or in the answer at `path`."""
    for row, pattern in _tellings():
        if (row.product, row.path) != (product, path) or pattern is None:
            continue
        found = pattern.fullmatch(text.strip()[:256]) if path else pattern.search(text[:_LONGEST_TEXT])
        if (version := _version(found)) is not None:
            return version
    return None


def favicon_mmh3(icon: bytes) -> int:
    """The icon's hash as search engines key icons: MurmurHash3, signed, of its base64 with line ends."""
    h = murmur3_32(base64.encodebytes(icon))
    return h - (1 << 32) if h & 0x80000000 else h


def murmur3_32(data: bytes) -> int:
    """MurmurHash3, x86, 32 bit, seed 0 (Appleby, public domain)."""
    h = 0
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        h ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        h = ((h << 13) | (h >> 19)) & 0xFFFFFFFF
        h = (h * 5 + 0xE6546B64) & 0xFFFFFFFF
    if whole < len(data):
        h ^= _mixed(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return h ^ (h >> 16)


def _mixed(k: int) -> int:
    k = (k * 0xCC9E2D51) & 0xFFFFFFFF
    k = ((k << 15) | (k >> 17)) & 0xFFFFFFFF
    return (k * 0x1B873593) & 0xFFFFFFFF


def _md5(icon: bytes) -> str:
    return hashlib.md5(icon, usedforsecurity=False).hexdigest()


def _version(found: "re.Match[str] | None") -> str | None:
    if found is None:
        return None
    groups = found.groupdict()
    if digits := groups.get("digits"):
        return ".".join(digits[:2]) + "." + digits[2:]
    version = groups.get("version")
    return version.rstrip(".-+") if version else None


def _compiled(template: str) -> "re.Pattern[str] | None":
    if not template:
        return None
    parts = (_PIECES.get(part) or re.escape(part) for part in _TEMPLATE.split(template))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


@cache
def _implementations() -> "tuple[tuple[_Implementation, re.Pattern[str] | None, re.Pattern[str] | None], ...]":
    file = files("lightproof.check") / "fingerprints.toml"
    found = tables.rows(file, tables.read(file), "implementation", _Implementation)
    return tuple((row, _compiled(row.uid), _compiled(row.name)) for row in found)


@cache
def _portals() -> "tuple[tuple[_Portal, re.Pattern[str] | None], ...]":
    file = files("lightproof.check") / "fingerprints.toml"
    found = tables.rows(file, tables.read(file), "portal", _Portal)
    return tuple((row, _compiled(row.title or row.body or row.header.partition(":")[2].strip())) for row in found)


@cache
def _tellings() -> "tuple[tuple[_Telling, re.Pattern[str] | None], ...]":
    file = files("lightproof.check") / "fingerprints.toml"
    found = tables.rows(file, tables.read(file), "version", _Telling)
    return tuple((row, _compiled(row.template)) for row in found)
