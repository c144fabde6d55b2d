"""Taking the content of entries away for good: retention (GDPR Art. 5(1)(e)) against a record that only grows.

Rules of this file:
- the hash stays, so the tree does not change; time and kind stay, subject, person and content go;
- an entry says what was erased, when, by whom and why: content that is gone without it is a fault;
- what the ledger says about itself is never erased.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from lightproof.errors import UsageRefused
from lightproof.evidence.appending import Writing
from lightproof.evidence.entries import ERASED, Entry
from lightproof.evidence.verification import DIGEST
from lightproof.locale import gettext as _
from lightproof.storage import tables

SUBJECT = "ledger"
AT_ONCE = 1_000
"""Entries that one entry of erasure names."""


def erase(writing: Writing, indices: Sequence[int], reason: str, *, principal: str) -> tuple[Entry, ...]:
    """Erases these entries; gives those that say so. Raises UsageRefused before anything is erased."""
    wanted = sorted(set(indices))
    said: list[Entry] = []
    for start in range(0, len(wanted), AT_ONCE):
        rows = [_erasable(writing.connection, index) for index in wanted[start : start + AT_ONCE]]
        writing.connection.execute(
            update(tables.entry)
            .where(tables.entry.c.idx.in_([row.idx for row in rows]))
            .values(bytes=None, subject=None, principal=None)
        )
        payload = {"reason": reason, "entries": [[row.idx, row.at, row.kind] for row in rows]}
        said.append(writing.append(ERASED, SUBJECT, payload, principal=principal))
    _forget_files(writing.connection)
    return tuple(said)


def row_of(connection: Connection, index: int) -> Row[Any]:
    """The row of an entry that has its content. Raises UsageRefused: `entry-unknown`, `entry-erased`."""
    row = connection.execute(select(tables.entry).where(tables.entry.c.idx == index)).first()
    if row is None:
        raise unknown(index)
    if row.bytes is None:
        raise UsageRefused(
            "entry-erased",
            _("The content of entry {index} of the ledger was erased.").format(index=index),
            _("A later entry of the kind “{kind}” says when and why.").format(kind=ERASED),
        )
    return row


def unknown(index: int) -> UsageRefused:
    """The ledger does not go that far."""
    return UsageRefused(
        "entry-unknown",
        _("The ledger has no entry {index}.").format(index=index),
        _("Entries are numbered from 0; “lightproof ledger verify” says how many there are."),
    )


def _erasable(connection: Connection, index: int) -> Row[Any]:
    row = row_of(connection, index)
    if row.kind.startswith(f"{SUBJECT}."):
        raise UsageRefused(
            "entry-kept",
            _("Entry {index} is what the ledger says about itself: it cannot be erased.").format(index=index),
            _("Leave it out."),
        )
    return row


def _forget_files(connection: Connection) -> None:
    """Removes the files that no entry mentions any more."""
    orphans = set(connection.execute(select(tables.attachment.c.sha256)).scalars())
    if not orphans:
        return
    left = select(tables.entry.c.bytes).where(tables.entry.c.bytes.is_not(None))
    for content in connection.execute(left).scalars():
        orphans.difference_update(digest.decode() for digest in DIGEST.findall(content))
    for digest in orphans:
        connection.execute(delete(tables.attachment).where(tables.attachment.c.sha256 == digest))
