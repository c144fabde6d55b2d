"""The ledger: an append-only Merkle log in the database (RFC 6962), with a signed checkpoint for each transaction.

What happens is one entry; entries, the caller's own rows, the tree and the checkpoint are written in one transaction,
or none of them is. How it is added to is in `appending`, erased in `erasure`, verified in `verification`.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select

from lightproof.errors import UsageRefused
from lightproof.evidence import erasure, merkle
from lightproof.evidence.appending import OURSELVES, SIZE, LedgerBroken, Tail, Writing, broken, lookup, read_tail
from lightproof.evidence.checkpoint import Signer, VerifierKey, opened
from lightproof.evidence.entries import STAMPED, Entry, EntryRefused, parse_entry, rfc3339
from lightproof.evidence.instants import Clock, system_clock
from lightproof.evidence.verification import Fault, verify_database
from lightproof.locale import gettext as _
from lightproof.storage import tables
from lightproof.storage.database import Database

__all__ = ["Consistency", "Inclusion", "Ledger", "LedgerBroken", "Stamped", "Writing"]

_PAGE: Final = 1_000
"""Entries read in one transaction: a long one would keep the write-ahead log from being emptied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """Shows that the ledger of a checkpoint has an entry at its place (`merkle.includes`)."""

    index: int
    leaf: bytes
    proof: tuple[bytes, ...]
    note: str
    """The checkpoint, as signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """Shows that the ledger of a checkpoint begins with the ledger of `old` entries (`merkle.extends`)."""

    old: int
    proof: tuple[bytes, ...]
    note: str
    """The checkpoint, as signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A time stamp (RFC 3161) that the checkpoint of this size received."""

    size: int
    note: str
    """The checkpoint, as signed: what the stamp is of."""
    token: bytes
    """The authority's answer, as it came."""


class Ledger:
    """Guards what the database holds of the ledger: nothing else writes those tables.

    Before anything is read or added, its end is held against the newest checkpoint; only `verify` and `size` go
    without, so that a broken ledger can still be looked at.
    """

    def __init__(
        self,
        database: Database,
        signer: Signer,
        clock: Clock = system_clock,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Reads nothing yet."""
        self.database = database
        self._signer = signer
        self._clock = clock
        self._random_bytes = random_bytes
        self._tail: Tail | None = None

    @property
    def key(self) -> VerifierKey:
        """The public key that checkpoints are signed with."""
        return self._signer.key

    # Writing

    @contextmanager
    def writing(self) -> Generator[Writing]:
        """One transaction: entries, files and the caller's own rows are on the disk at its end, or none of them is.

        Inside it, `entries` and `entry` still show the ledger as it was before.

        Raises LedgerBroken when the end of the ledger is not the one last signed, and as `Database.writing` does.
        """
        with self.database.writing() as connection:
            tail = read_tail(connection, self.key, self._tail)
            writing = Writing(connection, tail, self._signer, self._clock, self._random_bytes)
            yield writing
            after = writing.finished()
        self._tail = after

    @contextmanager
    def as_one(self) -> "Generator[Ledger]":
        """The ledger inside one transaction: each `writing` of it reads what those before it wrote, and all of them are
        on the disk at the end, or none is. Raises as `writing` does.
        """
        with self.database.as_one() as database:
            inside = Ledger(database, self._signer, self._clock, random_bytes=self._random_bytes)
            inside._tail = self._tail
            yield inside
        self._tail = inside._tail

    def stamp(self, size: int, token: bytes, at: datetime, *, principal: str = OURSELVES) -> Entry:
        """Keeps a verified time stamp of the checkpoint of this size; an entry remembers its digest and its time."""
        digest = sha256(token).hexdigest()
        with self.writing() as writing:
            writing.connection.execute(insert(tables.stamp).values(sha256=digest, size=size, token=token))
            payload = {"size": size, "sha256": digest, "stamped_at": rfc3339(at)}
            return writing.append(STAMPED, erasure.SUBJECT, payload, principal=principal)

    def erase(
        self,
        indices: Iterable[int],
        reason: str,
        *,
        principal: str,
        along: Callable[[Connection], None] = lambda _connection: None,
    ) -> tuple[Entry, ...]:
        """Takes the content of entries away for good, and the files that no other entry mentions.

        Hash, time and kind stay. `along` takes away, in the same transaction, what was drawn from them elsewhere. Gives
        the entries that say so. Copies of the database made before still have it.
        Raises UsageRefused: `entry-unknown`, `entry-erased`, `entry-kept` for what the ledger says about itself.
        """
        with self.writing() as writing:
            said = erasure.erase(writing, list(indices), reason, principal=principal)
            along(writing.connection)
        self.database.empty_log()
        return said

    # Reading

    def size(self) -> int:
        """How many entries there are, signed or not: as `verify`, it looks at a broken ledger too."""
        with self.database.reading() as connection:
            return connection.execute(SIZE).scalar_one()

    def entries(
        self, *, subject: str | None = None, under: str | None = None, kind: str | None = None, after: int = -1
    ) -> Iterator[Entry]:
        """Entries in the order of the ledger, from the one after `after`; without those that were erased.

        `subject` is a whole subject, `under` its beginning: `breach/`. Raises LedgerBroken at an altered entry.
        """
        wanted = select(tables.entry).where(tables.entry.c.bytes.is_not(None))
        if subject is not None:
            wanted = wanted.where(tables.entry.c.subject == subject)
        if under is not None:
            wanted = wanted.where(tables.entry.c.subject >= under, tables.entry.c.subject < under + "\x7f")
        if kind is not None:
            wanted = wanted.where(tables.entry.c.kind == kind)
        wanted = wanted.order_by(tables.entry.c.idx).limit(_PAGE)
        while True:
            with self._reading() as connection:
                rows = connection.execute(wanted.where(tables.entry.c.idx > after)).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].idx

    def entry(self, index: int) -> Entry:
        """One entry. Raises UsageRefused: `entry-unknown`, `entry-erased`; LedgerBroken when it was altered."""
        with self._reading() as connection:
            return _entry(erasure.row_of(connection, index))

    def attachment(self, digest: str) -> bytes:
        """The attached file with this SHA-256. Raises UsageRefused `attachment-unknown`, LedgerBroken when altered."""
        with self._reading() as connection:
            wanted = select(tables.attachment.c.content).where(tables.attachment.c.sha256 == digest)
            content = connection.execute(wanted).scalar()
        if content is None:
            raise UsageRefused(
                "attachment-unknown",
                _("The ledger holds no file with this digest."),
                _("Take the digest from the entry that names the file; files of erased entries are erased with them."),
            )
        if sha256(content).hexdigest() != digest:
            raise broken()
        return content

    def checkpoint(self) -> str:
        """The newest checkpoint, as signed; of a ledger without entries, one that says so."""
        with self._reading() as connection:
            return self._newest(connection)

    def checkpoints(self) -> tuple[str, ...]:
        """Every checkpoint, as signed, the oldest first."""
        with self._reading() as connection:
            wanted = select(tables.checkpoint.c.note).order_by(tables.checkpoint.c.size)
            return tuple(connection.execute(wanted).scalars())

    def stamps(self) -> tuple[Stamped, ...]:
        """Every time stamp, in the order of the checkpoints."""
        wanted = (
            select(tables.stamp.c.size, tables.checkpoint.c.note, tables.stamp.c.token)
            .join_from(tables.stamp, tables.checkpoint)
            .order_by(tables.stamp.c.size, tables.stamp.c.sha256)
        )
        with self._reading() as connection:
            rows = connection.execute(wanted)
            return tuple(Stamped(size=row.size, note=row.note, token=row.token) for row in rows)

    # Proofs

    def inclusion(self, index: int) -> Inclusion:
        """That the newest checkpoint covers this entry. Raises UsageRefused `entry-unknown`."""
        return self.inclusions([index])[0]

    def inclusions(self, indices: Iterable[int]) -> tuple[Inclusion, ...]:
        """The same for many entries: all proofs lead to one checkpoint, and what they share is read once."""
        with self._reading() as connection:
            note = self._newest(connection)
            size = opened(note, self.key).size
            stored = cache(lookup(connection))
            return tuple(_inclusion(index, size, stored, note) for index in indices)

    def consistency(self, old: int) -> Consistency:
        """That the newest checkpoint begins with the ledger of `old` entries. Raises UsageRefused `entry-unknown`."""
        with self._reading() as connection:
            note = self._newest(connection)
            size = opened(note, self.key).size
            if not 0 <= old <= size:
                raise erasure.unknown(old)
            return Consistency(old=old, proof=merkle.consistency_proof(old, size, lookup(connection)), note=note)

    def verify(self) -> tuple[Fault, ...]:
        """Everything that is wrong in any row of the ledger's tables; nothing when all is as it was signed."""
        return verify_database(self.database, self.key)

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        with self.database.reading() as connection:
            if self._tail is None:
                self._tail = read_tail(connection, self.key)
            yield connection

    def _newest(self, connection: Connection) -> str:
        tail = read_tail(connection, self.key, self._tail)
        return tail.note or self._signer.checkpoint(0, merkle.EMPTY_ROOT)


def _inclusion(index: int, size: int, stored: merkle.Lookup, note: str) -> Inclusion:
    if not 0 <= index < size:
        raise erasure.unknown(index)
    return Inclusion(index=index, leaf=stored(0, index), proof=merkle.inclusion_proof(index, size, stored), note=note)


def _entry(row: Row[Any]) -> Entry:
    """The entry of a row, when it is the one that was hashed."""
    try:
        entry = parse_entry(row.bytes)
    except EntryRefused as error:
        raise broken() from error
    if merkle.leaf_hash(row.bytes) != row.leaf or entry.index != row.idx:
        raise broken()
    return entry
