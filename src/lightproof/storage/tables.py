"""The tables of the embedded database, as the newest migration leaves them.

Rules of this file:
- what the ledger holds is written once; the only change ever made to it is an erasure, and that is an entry itself;
- `breach` is a projection: everything in it can be drawn again from entries;
- every table is STRICT: a value of another type than its column's cannot hide from an index;
- times are text, RFC 3339 in UTC, so that their order is that of the text.
"""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

entry: Final = Table(
    "entry",
    metadata,
    Column("idx", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text),
    Column("principal", Text),
    Column("bytes", LargeBinary),
    Column("leaf", LargeBinary, nullable=False),
    Index(None, "subject"),  # SQLite ends every index with the row's number: in order of idx
    Index(None, "kind"),
    sqlite_strict=True,
)
"""Entries of the ledger: canonical bytes, their hash, and copies of fields to look for. Erased: only at, kind, leaf."""

node: Final = Table(
    "node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Whole subtrees above the leaves: level from 1; the leaves are in `entry`."""

checkpoint: Final = Table(
    "checkpoint",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    sqlite_strict=True,
)
"""Signed notes, one a transaction; each names the size of the one before."""

stamp: Final = Table(
    "stamp",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size", Integer, ForeignKey("checkpoint.size"), nullable=False),
    Column("token", LargeBinary, nullable=False),
    sqlite_strict=True,
)
"""Time stamps (RFC 3161) of checkpoints: the authority's answer as it came, by its digest."""

attachment: Final = Table(
    "attachment",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    sqlite_strict=True,
)
"""Files that entries name by their digest; the entry says of which type."""

breach: Final = Table(
    "breach",
    metadata,
    Column("id", Text, primary_key=True),
    Column("opened_at", Text, nullable=False),
    Column("aware_at", Text, nullable=False),
    Column("deadline", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("regime", Text, nullable=False),
    Column("updated_entry", Integer, nullable=False),
    Column("row_sha", Text, nullable=False),
    Index(None, "opened_at"),
    Index(None, "status"),
    Index(None, "deadline"),
    sqlite_strict=True,
)
"""The register of Art. 33(5), one row a breach; empty text where there is no instant."""
