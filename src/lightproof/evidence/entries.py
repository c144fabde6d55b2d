"""An entry of the ledger, and the bytes that are hashed for it, pure.

Rules of this file:
- an entry has one spelling: one line of JSON, keys sorted, no space, ASCII; whatever reads back otherwise is refused;
- numbers are whole and fit 53 bits (RFC 7493 section 2.2): every reader in every language sees the same value;
- each entry carries 16 random bytes, so that nobody guesses an erased entry from the hash that stays.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn, cast

from lightproof.evidence.instants import Instant
from lightproof.evidence.merkle import leaf_hash

ENTRY_BYTES: Final = 262_144
"""What is longer is attached, and named by its digest."""
SALT_BYTES: Final = 16
ERASED: Final = "ledger.erased"
"""Kind of the entry that says which entries were erased, and why."""
STAMPED: Final = "ledger.stamped"
"""Kind of the entry that says which time stamp (RFC 3161) a checkpoint received."""
JUMPED: Final = "clock.jumped"
"""Kind of the entry that says that the wall clock was moved."""
DEPTH: Final = 32
_INTEGER: Final = 2**53 - 1
_KIND: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+", re.ASCII)
_SUBJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}", re.ASCII)
_PRINCIPAL: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")
MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}", re.ASCII)
_AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_BOOT: Final = re.compile(r"([0-9a-f]{16})?", re.ASCII)
_SALT: Final = re.compile(rf"[0-9a-f]{{{2 * SALT_BYTES}}}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEYS: Final = frozenset(
    {"at", "attachments", "boot", "index", "kind", "payload", "principal", "salt", "subject", "uptime_us"}
)


class EntryRefused(ValueError):
    """Something is no entry. `where` names the field, `reason` is a word of ours; what was there is not repeated."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. Raises EntryRefused when a field is not of its form."""

    index: int
    """Place in the ledger, from 0. The order of the ledger is that of the indices; time never reorders."""
    at: datetime
    """When it was written, by the wall clock, UTC."""
    kind: str
    """What happened, in dotted lower-case words: `breach.opened`."""
    subject: str
    """What it is about: `breach/B-2026-0001`, `check`, `ledger`."""
    principal: str
    """Who acted."""
    payload: Mapping[str, object]
    """What there is to say: JSON values, no fraction among the numbers."""
    salt: bytes
    attachments: Mapping[str, str] = field(default_factory=dict[str, str])
    """SHA-256 in hexadecimal -> media type, of what was kept beside the ledger with this entry."""
    boot: str = ""
    uptime_us: int = 0
    """Microseconds since the start of the machine that `boot` stands for: the wall clock is checked against it."""

    def __post_init__(self) -> None:
        _require(0 <= self.index <= _INTEGER, "index", "range")
        _require(self.at.utcoffset() == timedelta(0), "at", "not-utc")
        _require(len(self.kind) <= 64 and _KIND.fullmatch(self.kind), "kind", "form")
        _require(_SUBJECT.fullmatch(self.subject), "subject", "form")
        _require(_PRINCIPAL.fullmatch(self.principal), "principal", "form")
        _require(len(self.salt) == SALT_BYTES, "salt", "length")
        for digest, media_type in self.attachments.items():
            _require(_SHA256.fullmatch(digest) and MEDIA_TYPE.fullmatch(media_type), "attachments", "form")
        _require(_BOOT.fullmatch(self.boot), "boot", "form")
        _require(0 <= self.uptime_us <= _INTEGER, "uptime_us", "range")

    @property
    def instant(self) -> Instant:
        """Both clocks when it was written."""
        return Instant(self.at, self.boot, self.uptime_us * 1_000)

    def encode(self) -> bytes:
        """The canonical bytes: what is hashed, kept and exported. Raises EntryRefused."""
        line = {
            "at": rfc3339(self.at),
            "attachments": dict(self.attachments),
            "boot": self.boot,
            "index": self.index,
            "kind": self.kind,
            "payload": json_value(self.payload),
            "principal": _text(self.principal, "principal"),
            "salt": self.salt.hex(),
            "subject": self.subject,
            "uptime_us": self.uptime_us,
        }
        encoded = json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
        _require(len(encoded) <= ENTRY_BYTES, "entry", "too-long")
        return encoded

    def leaf(self) -> bytes:
        """Its hash in the tree."""
        return leaf_hash(self.encode())


def parse_entry(line: bytes) -> Entry:
    """The entry that these canonical bytes spell. Raises EntryRefused for anything else."""
    _require(len(line) <= ENTRY_BYTES, "entry", "too-long")
    try:
        read: object = json.loads(
            line, parse_float=_no_fraction, parse_constant=_no_fraction, object_pairs_hook=_no_repeats
        )
    except EntryRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise EntryRefused("entry", "not-json") from error
    if not isinstance(read, dict) or (found := cast("dict[str, object]", read)).keys() != _KEYS:
        raise EntryRefused("entry", "fields")
    salt, at = _str(found, "salt"), _str(found, "at")
    _require(_SALT.fullmatch(salt), "salt", "form")
    _require(_AT.fullmatch(at), "at", "form")
    attachments = _object(found, "attachments")
    _require(all(isinstance(media_type, str) for media_type in attachments.values()), "attachments", "type")
    try:
        entry = Entry(
            index=_int(found, "index"),
            at=datetime.fromisoformat(at),
            kind=_str(found, "kind"),
            subject=_str(found, "subject"),
            principal=_str(found, "principal"),
            payload=_object(found, "payload"),
            salt=bytes.fromhex(salt),
            attachments=cast("dict[str, str]", attachments),
            boot=_str(found, "boot"),
            uptime_us=_int(found, "uptime_us"),
        )
        canonical = entry.encode()
    except EntryRefused as refused:  # a field's path may hold keys that a stranger chose
        raise EntryRefused(refused.where.partition(".")[0], refused.reason) from None
    except ValueError as error:
        raise EntryRefused("at", "form") from error
    _require(canonical == line, "entry", "not-canonical")
    return entry


def rfc3339(at: datetime) -> str:
    """An instant as entries spell it: UTC, microseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def json_value(value: object, where: str = "payload", depth: int = DEPTH) -> object:
    """The value as JSON reads it back: mappings with text keys, lists, text, whole numbers, true, false, null.

    Raises EntryRefused, naming the field, for a fraction, a number beyond 53 bits, half a character, or another type.
    """
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, where)
        case int():
            _require(abs(value) <= _INTEGER, where, "range")
            return int(value)
        case Mapping() | list() | tuple():
            _require(depth, where, "too-deep")
        case _:
            raise EntryRefused(where, "type")
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_key(key, where): json_value(inner, f"{where}.{key}", depth - 1) for key, inner in items}
    inside = cast("list[object] | tuple[object, ...]", value)
    return [json_value(inner, f"{where}[{number}]", depth - 1) for number, inner in enumerate(inside)]


def _text(text: str, where: str) -> str:
    """Half a surrogate pair is no character: other readers would see something else."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise EntryRefused(where, "half-a-character") from error
    return str.__str__(text)


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise EntryRefused(where, "key-type")
    return _text(key, where)


def _str(found: Mapping[str, object], name: str) -> str:
    value = found[name]
    if not isinstance(value, str):
        raise EntryRefused(name, "type")
    return value


def _int(found: Mapping[str, object], name: str) -> int:
    value = found[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise EntryRefused(name, "type")
    return value


def _object(found: Mapping[str, object], name: str) -> dict[str, object]:
    value = found[name]
    if not isinstance(value, dict):
        raise EntryRefused(name, "type")
    return cast("dict[str, object]", value)


def _no_fraction(_text: str) -> NoReturn:
    raise EntryRefused("entry", "fraction")


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    _require(len(found) == len(pairs), "entry", "repeated-key")
    return found


def _require(holds: object, where: str, reason: str) -> None:
    if not holds:
        raise EntryRefused(where, reason)
