"""Adding to the ledger, inside one transaction of the database.

Rules of this file:
- before anything is added, the end of the tree must be the one last signed: nothing is ever signed on top of damage;
- the clocks are read while nobody else can write: the order of the entries is that of the readings, and a wall clock
  that was moved since the entry before is told by an entry of its own;
- rows are written once, at the end, and one checkpoint covers them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, cast

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or

from lightproof.errors import LightproofError, UsageRefused
from lightproof.evidence import merkle
from lightproof.evidence.checkpoint import NoteRefused, Signer, VerifierKey, opened
from lightproof.evidence.entries import (
    JUMPED,
    MEDIA_TYPE,
    SALT_BYTES,
    Entry,
    EntryRefused,
    json_value,
    parse_entry,
    rfc3339,
)
from lightproof.evidence.instants import Clock, Instant, jump
from lightproof.locale import gettext as _
from lightproof.storage import tables

OURSELVES: Final = "lightproof"
"""Who acted when nobody did: the program itself."""
ATTACHMENT_BYTES: Final = 128 << 20
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_CHECKPOINT: Final = select(tables.checkpoint).order_by(tables.checkpoint.c.size.desc()).limit(1)
SIZE: Final = select(func.coalesce(func.max(tables.entry.c.idx) + 1, 0))
_LAST_ENTRY: Final = (
    select(tables.entry.c.bytes, tables.entry.c.leaf)
    .where(tables.entry.c.bytes.is_not(None))
    .order_by(tables.entry.c.idx.desc())
    .limit(1)
)


class LedgerBroken(LightproofError):
    """The ledger is not what was signed."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the ledger ends: all that adding to it needs."""

    note: str
    """The newest checkpoint; empty when there is none."""
    frontier: merkle.Frontier
    last: Instant | None
    """Both clocks at the last entry."""


def read_tail(connection: Connection, key: VerifierKey, known: Tail | None = None) -> Tail:
    """The end of the ledger, held against its newest checkpoint; `known` when that has not changed since.

    Raises LedgerBroken when they differ: entries were cut off, added without a signature, or the tree was altered.
    """
    newest = connection.execute(_LAST_CHECKPOINT).first()
    size = connection.execute(SIZE).scalar_one()
    if known is not None and known.note == (newest.note if newest else "") and known.frontier.size == size:
        return known
    if newest is None:
        if size:
            raise broken()
        return Tail("", merkle.Frontier(), None)
    try:
        checkpoint = opened(newest.note, key)
        if not newest.size == checkpoint.size == size:
            raise broken()
        frontier = merkle.frontier(size, lookup(connection))
        last = connection.execute(_LAST_ENTRY).first()
        if frontier.root() != checkpoint.root or (last is not None and merkle.leaf_hash(last.bytes) != last.leaf):
            raise broken()
        return Tail(newest.note, frontier, parse_entry(last.bytes).instant if last else None)
    except (NoteRefused, EntryRefused) as error:
        raise broken() from error


def lookup(connection: Connection) -> merkle.Lookup:
    """The stored hashes of the tree. Asked for one that is not there, it raises LedgerBroken."""

    def found(level: int, index: int) -> bytes:
        if level == 0:
            wanted = select(tables.entry.c.leaf).where(tables.entry.c.idx == index)
        else:
            wanted = select(tables.node.c.hash).where(tables.node.c.level == level, tables.node.c.idx == index)
        hash_ = connection.execute(wanted).scalar()
        if hash_ is None:
            raise broken()
        return hash_

    return found


class Writing:
    """One transaction. `connection` is the caller's for rows of its own; entries become rows when it ends."""

    def __init__(
        self,
        connection: Connection,
        tail: Tail,
        signer: Signer,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.connection = connection
        self._signer = signer
        self._clock = clock
        self._random_bytes = random_bytes
        self._before = tail
        self._frontier = tail.frontier
        self._last = tail.last
        self._attached: dict[str, str] = {}
        self._entries: list[dict[str, Any]] = []
        self._nodes: list[dict[str, Any]] = []

    def append(self, kind: str, subject: str, payload: Mapping[str, object], *, principal: str) -> Entry:
        """Adds an entry; what was attached since the one before belongs to it.

        Raises UsageRefused `entry-refused`, which names the field, for what cannot be kept: a fraction, a text that is
        no text, more than 256 KiB.
        """
        now = self._clock()
        self._tell_a_moved_clock(now)
        attached, self._attached = self._attached, {}
        return self._add(now, kind, subject, payload, principal=principal, attached=attached)

    def written(self, kind: str, year: int) -> int:
        """How many entries of this kind the ledger had of this year (UTC) before; what was erased counts too."""
        at, beginning = tables.entry.c.at, str(year)
        wanted = select(func.count()).where(tables.entry.c.kind == kind, at >= beginning, at < str(year + 1))
        return self.connection.execute(wanted).scalar_one()

    def attach(self, content: bytes, media_type: str) -> str:
        """Keeps a file beside the ledger, encrypted as all of the database is; the next entry names it.

        Gives its SHA-256 in hexadecimal. Raises UsageRefused `attachment-too-long`.
        """
        if len(content) > ATTACHMENT_BYTES:
            raise UsageRefused(
                "attachment-too-long",
                _("A file of more than {megabytes} MB cannot be kept in the ledger.").format(
                    megabytes=ATTACHMENT_BYTES >> 20
                ),
                _("Keep the file elsewhere, and note its SHA-256 in the facts."),
            )
        if not MEDIA_TYPE.fullmatch(media_type):
            raise ValueError("a media type is type/subtype, in lower case")
        digest = sha256(content).hexdigest()
        self.connection.execute(
            insert_or(tables.attachment).values(sha256=digest, content=content).on_conflict_do_nothing()
        )
        self._attached[digest] = media_type
        return digest

    def finished(self) -> Tail:
        """Writes the rows and the checkpoint; gives the new end of the ledger. The transaction is not ended by it."""
        if self._attached:
            raise ValueError("what is attached belongs to an entry that comes after it")
        if not self._entries:
            return self._before
        self.connection.execute(insert(tables.entry), self._entries)
        if self._nodes:
            self.connection.execute(insert(tables.node), self._nodes)
        size = self._frontier.size
        note = self._signer.checkpoint(size, self._frontier.root(), previous=self._before.frontier.size)
        self.connection.execute(insert(tables.checkpoint).values(size=size, note=note))
        return Tail(note, self._frontier, self._last)

    def _tell_a_moved_clock(self, now: Instant) -> None:
        if self._last is None or (moved := jump(self._last, now)) is None:
            return
        payload = {
            "since_entry": self._frontier.size - 1,
            "moved_by_us": moved // _MICROSECOND,
            "expected": rfc3339(now.wall - moved) if now.boot == self._last.boot else None,
            "found": rfc3339(now.wall),
            "restarted": now.boot != self._last.boot,
        }
        self._add(now, JUMPED, "clock", payload, principal=OURSELVES, attached={})

    def _add(
        self,
        now: Instant,
        kind: str,
        subject: str,
        payload: Mapping[str, object],
        *,
        principal: str,
        attached: Mapping[str, str],
    ) -> Entry:
        try:
            entry = Entry(
                index=self._frontier.size,
                at=now.wall,
                kind=kind,
                subject=subject,
                principal=principal,
                payload=cast("Mapping[str, object]", json_value(payload)),
                salt=self._random_bytes(SALT_BYTES),
                attachments=attached,
                boot=now.boot,
                uptime_us=now.monotonic_ns // 1_000,
            )
            encoded = entry.encode()
        except EntryRefused as refused:
            raise UsageRefused(
                "entry-refused",
                _("This cannot be kept in the ledger: {field} ({reason}).").format(
                    field=refused.where, reason=refused.reason
                ),
                _("Shorten or rewrite that field; attach what is long as a file."),
            ) from refused
        self._frontier, made = self._frontier.appended(merkle.leaf_hash(encoded))
        self._last = entry.instant
        self._entries.append(
            {
                "idx": entry.index,
                "at": rfc3339(entry.at),
                "kind": kind,
                "subject": subject,
                "principal": principal,
                "bytes": encoded,
                "leaf": made[0][2],
            }
        )
        self._nodes += ({"level": level, "idx": index, "hash": hash_} for level, index, hash_ in made[1:])
        return entry


def broken() -> LedgerBroken:
    """What a person is told."""
    return LedgerBroken(
        "ledger-broken",
        _("The ledger is not the one that was last signed: it was changed or cut off outside lightproof."),
        _("Change nothing. “lightproof ledger verify” shows what differs; the latest good copy has what is missing."),
    )
