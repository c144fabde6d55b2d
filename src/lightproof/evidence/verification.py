"""Verifying the whole ledger of a database: every entry, node, checkpoint, attachment and stamp; all that is wrong.

Rules of this file:
- each stored value is held against the stored values next to it (bytes against leaf, node against its two children,
  checkpoint against the subtrees it covers): together they leave no freedom, and a fault stays where it is;
- the walk goes on after a fault, as long as the file can be read; it holds one path of the tree, never the ledger;
- rows are read as raw values: whoever altered them chose them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from lightproof.evidence.checkpoint import Checkpoint, NoteRefused, VerifierKey, opened
from lightproof.evidence.entries import ERASED, STAMPED, Entry, EntryRefused, parse_entry, rfc3339
from lightproof.evidence.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash
from lightproof.locale import gettext as _
from lightproof.storage.database import Database

DIGEST: Final = re.compile(rb"[0-9a-f]{64}")
"""A digest that an entry mentions, wherever in its bytes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    what: str
    """A word of ours: `entry-altered`."""
    index: int | None = None
    """The entry, or the size of the checkpoint; of a node, the first leaf under it."""
    name: str = ""
    """Which attachment or stamp, by its digest; which level of nodes; which table."""

    def sentence(self) -> str:
        """What it means."""
        return _meanings()[self.what]


def verify_database(database: Database, key: VerifierKey) -> tuple[Fault, ...]:
    """Everything that is wrong with the file and with the ledger in it; nothing when it is as it was signed.

    Raises LightproofError as `Database.reading` does.
    """
    with database.reading() as connection:
        pages = tuple(damaged_pages(connection))
    with database.reading() as connection:
        return (*pages, *verify(connection, key))


def verify(connection: Connection, key: VerifierKey) -> tuple[Fault, ...]:
    """Everything that is wrong with the ledger that this transaction reads."""
    return tuple(_Walk(connection, key).faults())


def damaged_pages(connection: Connection) -> Iterator[Fault]:
    """What SQLCipher and SQLite find themselves: pages whose code is wrong, indices that leave a row out.

    The connection is given up when anything is found: having met a damaged page, it refuses good ones too.
    """
    for what, check in (("page-damaged", "cipher_integrity_check"), ("table-damaged", "integrity_check")):
        try:
            found = [str(line) for (line,) in connection.exec_driver_sql(f"PRAGMA {check}") if line != "ok"]
        except DBAPIError:
            found = [check]
        if found:
            connection.invalidate()
            yield from (Fault(what, name=" ".join(line.split())[:200]) for line in found)
            return


@dataclass(slots=True)
class _Walk:
    """The state of one verification."""

    connection: Connection
    key: VerifierKey
    _named: dict[str, str] = field(default_factory=dict[str, str])
    """Attachments that entries declare."""
    _mentioned: set[str] = field(default_factory=set[str])
    _stamped: dict[str, int] = field(default_factory=dict[str, int])
    """Stamps that entries declare: digest -> size."""
    _missing: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])
    """Entries without bytes: index -> at, kind."""
    _erased: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])
    """Entries that a later one says were erased: index -> at, kind."""

    def faults(self) -> Iterator[Fault]:
        stages = {
            "entry": self._ledger,
            "erased": self._erasures,
            "attachment": self._attachments,
            "stamp": self._stamps,
        }
        for name, stage in stages.items():
            try:
                yield from stage()
            except DBAPIError:
                yield Fault("table-unreadable", name=name)
                self.connection.invalidate()
                return  # the connection refuses good pages as well from here on

    def _rows(self, sql: str) -> Iterator[Any]:
        return iter(self.connection.exec_driver_sql(sql))

    def _ledger(self) -> Iterator[Fault]:
        entries = _Ahead(
            self._rows(
                "SELECT idx, bytes, leaf, CAST(at AS BLOB), CAST(kind AS BLOB), CAST(subject AS BLOB), "
                "CAST(principal AS BLOB) FROM entry ORDER BY idx"
            ),
            lambda row: (row[0],),
        )
        # In the order in which leaves make them whole.
        nodes = _Ahead(
            self._rows("SELECT (idx + 1) << level AS whole, level, idx, hash FROM node ORDER BY whole, level, idx"),
            lambda row: (row[0], row[1], row[2]),
        )
        tree = _Tree()
        for size, checkpoint in self._checkpoints():
            if isinstance(checkpoint, Fault):
                yield checkpoint
                continue
            for index in range(tree.size, size):
                for row in entries.before((index,)):
                    yield Fault("entry-extra", row[0])
                row = entries.take((index,))
                if row is None:
                    yield Fault("entry-missing", index)
                else:
                    yield from self._entry(index, *row[1:])
                yield from tree.grow(_hash(row[2]) if row else None, nodes)
            if not tree.has_root(checkpoint.root):
                yield Fault("checkpoint-differs", size)
        for row in entries.rest():
            yield Fault("entry-extra", row[0])
        yield from map(_extra_node, nodes.rest())

    def _checkpoints(self) -> Iterator[tuple[int, Checkpoint | Fault]]:
        previous = 0
        for size, note in self._rows("SELECT size, CAST(note AS BLOB) FROM checkpoint ORDER BY size"):
            try:
                checkpoint = opened(note, self.key)
            except NoteRefused:
                yield size, Fault("checkpoint-altered", size)
                previous = size
                continue
            if checkpoint.size != size:
                yield size, Fault("checkpoint-altered", size)
                previous = size
                continue
            if checkpoint.previous != previous:
                yield size, Fault("checkpoint-missing", checkpoint.previous)
            yield size, checkpoint
            previous = size

    def _entry(self, index: int, content: object, leaf: object, *columns: bytes | None) -> Iterator[Fault]:
        at, kind, subject, principal = columns
        if content is None:
            self._missing[index] = (_words(at), _words(kind))
            if _hash(leaf) is None:
                yield Fault("entry-altered", index)
            if subject is not None or principal is not None:
                yield Fault("entry-field-differs", index)
            return
        if not isinstance(content, bytes) or leaf_hash(content) != leaf:
            yield Fault("entry-altered", index)
            content = content if isinstance(content, bytes) else b""
        try:
            entry = parse_entry(content)
        except EntryRefused:
            yield Fault("entry-unreadable", index)
            return
        told = (rfc3339(entry.at), entry.kind, entry.subject, entry.principal)
        if entry.index != index or columns != tuple(text.encode() for text in told):
            yield Fault("entry-field-differs", index)
        self._named.update(entry.attachments)
        self._mentioned.update(digest.decode() for digest in DIGEST.findall(content))
        if entry.kind == ERASED:
            yield from self._said_erased(entry)
        elif entry.kind == STAMPED:
            match entry.payload:
                case {"sha256": str(digest), "size": int(size)}:
                    self._stamped[digest] = size
                case _:
                    yield Fault("entry-unreadable", index)

    def _said_erased(self, entry: Entry) -> Iterator[Fault]:
        for line in cast("list[object]", entry.payload.get("entries", [])):
            match line:
                case [int(index), str(at), str(kind)] if index < entry.index:
                    self._erased[index] = (at, kind)
                case _:
                    yield Fault("entry-unreadable", entry.index)

    def _erasures(self) -> Iterator[Fault]:
        for index in sorted(self._missing.keys() | self._erased.keys()):
            if index not in self._erased:
                yield Fault("entry-erased-unsaid", index)
            elif index not in self._missing:
                yield Fault("entry-came-back", index)
            elif self._missing[index] != self._erased[index]:
                yield Fault("entry-field-differs", index)

    def _attachments(self) -> Iterator[Fault]:
        missing = set(self._named)
        for name, content in self._rows("SELECT CAST(sha256 AS BLOB), content FROM attachment ORDER BY sha256"):
            digest = _words(name)
            missing.discard(digest)
            if not isinstance(content, bytes) or sha256(content).hexdigest() != digest:
                yield Fault("attachment-altered", name=digest)
            if digest not in self._mentioned:
                yield Fault("attachment-unnamed", name=digest)
        for digest in sorted(missing):
            yield Fault("attachment-missing", name=digest)

    def _stamps(self) -> Iterator[Fault]:
        missing = dict(self._stamped)
        for name, size, token in self._rows("SELECT CAST(sha256 AS BLOB), size, token FROM stamp ORDER BY sha256"):
            digest = _words(name)
            if not isinstance(token, bytes) or sha256(token).hexdigest() != digest:
                yield Fault("stamp-altered", size, digest)
            if missing.pop(digest, None) != size:
                yield Fault("stamp-unnamed", size, digest)
        for digest, size in missing.items():
            yield Fault("stamp-missing", size, digest)


class _Ahead:
    """Rows in the order of their keys, looked at one ahead."""

    def __init__(self, rows: Iterator[Any], key: Callable[[Any], tuple[int, ...]]) -> None:
        self._rows = rows
        self._key = key
        self._next: Any = next(rows, None)

    def before(self, key: tuple[int, ...]) -> Iterator[Any]:
        """The rows that come before this key, none of which anyone expects."""
        while self._next is not None and self._key(self._next) < key:
            yield self._next
            self._next = next(self._rows, None)

    def take(self, key: tuple[int, ...]) -> Any | None:
        """The row with this key, if it is the next one."""
        if self._next is None or self._key(self._next) != key:
            return None
        row, self._next = self._next, next(self._rows, None)
        return row

    def rest(self) -> Iterator[Any]:
        """All that is left."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)


class _Tree:
    """The stored hashes along one path of the tree: None where nothing is stored and nothing can be computed."""

    def __init__(self) -> None:
        self.size = 0
        self._path: list[bytes | None] = []

    def grow(self, leaf: bytes | None, nodes: _Ahead) -> Iterator[Fault]:
        """One more leaf, and the nodes that it makes whole."""
        self._path.append(leaf)
        index, level = self.size, 0
        while index & 1:
            index, level = index >> 1, level + 1
            right, left = self._path.pop(), self._path.pop()
            computed = node_hash(left, right) if left is not None and right is not None else None
            key = ((index + 1) << level, level, index)
            yield from map(_extra_node, nodes.before(key))
            row = nodes.take(key)
            stored = _hash(row[3]) if row is not None else None
            if row is None:
                yield Fault("node-missing", index << level, str(level))
            elif stored is None or computed not in (None, stored):
                yield Fault("node-differs", index << level, str(level))
            self._path.append(computed if stored is None else stored)
        self.size += 1

    def has_root(self, root: bytes) -> bool:
        """Whether the stored hashes give this root; true as well where one is missing, which is a fault of its own."""
        if not self._path:
            return root == EMPTY_ROOT
        computed = self._path[-1]
        for left in reversed(self._path[:-1]):
            if left is None or computed is None:
                return True
            computed = node_hash(left, computed)
        return computed in (None, root)


def _extra_node(row: Any) -> Fault:
    return Fault("node-extra", row[2], str(row[1]))


def _hash(value: object) -> bytes | None:
    return value if isinstance(value, bytes) and len(value) == HASH_BYTES else None


def _words(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def _meanings() -> Mapping[str, str]:
    return {
        "entry-altered": _("The entry is not what was hashed when it was written."),
        "entry-came-back": _("The entry was erased, and its content is there again."),
        "entry-erased-unsaid": _("The content of the entry is gone, and no later entry says that it was erased."),
        "entry-extra": _("No signed checkpoint covers this entry."),
        "entry-field-differs": _("A field by which the entry is found differs from the entry itself."),
        "entry-missing": _("A signed checkpoint covers an entry here, and there is none."),
        "entry-unreadable": _("The bytes of the entry do not read as an entry."),
        "node-differs": _("A hash of the tree is not that of the two below it."),
        "node-extra": _("There is a hash that the tree does not have."),
        "node-missing": _("A hash of the tree is missing."),
        "checkpoint-altered": _("The checkpoint is not one that this ledger signed, or not of this size."),
        "checkpoint-differs": _("The entries do not give the root that the checkpoint signed."),
        "checkpoint-missing": _("A later checkpoint names this one as the one before, and it is missing."),
        "attachment-altered": _("The attached file is not the one with this digest."),
        "attachment-missing": _("An entry names this attached file, and it is missing."),
        "attachment-unnamed": _("No entry names this attached file."),
        "stamp-altered": _("The time stamp is not the one with this digest."),
        "stamp-missing": _("An entry names this time stamp, and it is missing."),
        "stamp-unnamed": _("No entry names this time stamp for this checkpoint."),
        "page-damaged": _("A page of the database was changed outside lightproof."),
        "table-damaged": _("The database contradicts itself."),
        "table-unreadable": _("This part of the database cannot be read."),
    }
