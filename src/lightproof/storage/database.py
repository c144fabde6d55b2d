"""The embedded database: one SQLite file, encrypted whole with SQLCipher, opened with a raw key.

Rules of this file:
- the key goes to the library as bytes, never through SQL, a URL or a log;
- what a transaction wrote is on the disk when `writing` ends, or none of it is: write-ahead log, synchronous=FULL;
- what SQLite says becomes an error with a cause and a fix; the values that it complains about are hidden.
"""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, cast

import sqlcipher3.dbapi2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from lightproof.errors import LightproofError
from lightproof.locale import gettext as _

KEY_BYTES: Final = 32
BUSY_TIMEOUT_S: Final = 30.0
_PRAGMAS: Final = (
    "cipher_compatibility = 4",
    "foreign_keys = ON",
    "synchronous = FULL",
    "secure_delete = ON",  # what is erased is overwritten, not only unlinked
    "temp_store = MEMORY",  # what SQLite sorts never reaches a file, which would not be encrypted
    "trusted_schema = OFF",
)
_FREE_BYTES: Final = 1 << 20
"""A disk with less room than this is full, whatever name SQLite has for what it met."""

_SQLCIPHER: Final = cast(Any, sqlcipher3.dbapi2)
"""An untyped double of the standard library's sqlite3, which is not loaded beside it."""
DriverError: Final = cast("type[Exception]", _SQLCIPHER.Error)


class DriverConnection(Protocol):
    """What we ask of a connection of the driver."""

    def execute(self, sql: str) -> object: ...
    def set_key(self, key: bytes) -> None: ...
    def backup(self, target: "DriverConnection") -> None: ...
    def close(self) -> None: ...


class Database:
    """Guards the connections. Threads may share it; a process that forks must not."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self.path = path

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """One transaction that writes, alone among all processes; on the disk at the end, or undone by an exception.

        Raises:
            LightproofError: `database-busy` when others write for more than 30 s, `disk-full`, `disk-refuses`,
                `database-damaged`.
        """
        with self._connected("BEGIN IMMEDIATE") as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One transaction that reads: it sees one state from its first query on, and hinders nobody.

        Raises LightproofError as `writing` does.
        """
        with self._connected("BEGIN") as connection:
            connection.begin()
            yield connection  # undone when the connection is given back: there is nothing to commit

    @contextmanager
    def as_one(self) -> "Generator[Database]":
        """The database inside one transaction that writes: what is written and read through it is one with the rest.

        On the disk at the end, or undone by an exception; raises as `writing` does.
        """
        with self.writing() as connection:
            yield _OneTransaction(connection, self._engine, self.path)

    def close(self) -> None:
        """Lets go of the file; the last one to do so empties the write-ahead log into it."""
        self._engine.dispose()

    def empty_log(self) -> None:
        """Takes the write-ahead log into the file and empties it, unless someone is reading it now.

        Until then a copy of what was deleted may stay there. Raises LightproofError as `writing` does.
        """
        with self._connected("") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _connected(self, begin: str) -> Generator[Connection]:
        """A connection whose transactions begin with this statement; errors of the database come out explained."""
        try:
            with self._engine.connect().execution_options(begin=begin) as connection:
                yield connection
        except DBAPIError as error:
            told = explained(error, self.path)
            if told is None:
                raise
            if told.error_id == "database-damaged":
                self._engine.dispose()  # once it met a damaged page, a connection refuses good ones too
            raise told from error


class _OneTransaction(Database):
    """The database as those see it who work inside a transaction that is not over. For one thread, like it."""

    def __init__(self, connection: Connection, engine: Engine, path: Path) -> None:
        super().__init__(engine, path)
        self._connection = connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        with self._connection.begin_nested():  # an exception that somebody expects undoes its own part alone
            yield self._connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        yield self._connection

    def close(self) -> None:
        """The transaction ends where it began."""


def connect(path: Path, key: bytes) -> Database:
    """The database in a file that exists and is up to date; `migrate.open_database` is the way in for everyone else.

    `key` is 32 bytes long. Nothing is read yet.
    """
    engine = create_engine(
        "sqlite://",
        module=_SQLCIPHER,
        creator=lambda: driver_connection(path, key),
        poolclass=QueuePool,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return Database(engine, path)


def driver_connection(path: Path, key: bytes) -> DriverConnection:
    """A connection of the driver itself, set up; it begins no transaction on its own. The file must exist."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key of a database is {KEY_BYTES} bytes long")
    # Without mode=rw a file that is gone would come back as an empty database.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection: DriverConnection = _SQLCIPHER.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    # SQLCipher writes to stderr on its own; what it meets comes to us as an error code as well.
    connection.execute("PRAGMA cipher_log_level = NONE")
    connection.set_key(f"x'{key.hex()}'".encode())  # its spelling of a key that needs no derivation
    # cipher_memory_security stays off: Python holds the same rows in memory that nobody wipes.
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _begin(connection: Connection) -> None:
    """The driver would begin by itself, late and without a lock; SQLAlchemy leaves the statement to us."""
    if begin := connection.get_execution_options().get("begin", "BEGIN"):
        connection.exec_driver_sql(begin)


def explained(error: Exception, path: Path) -> LightproofError | None:
    """What a person is told about an error of SQLAlchemy or of the driver; None for our own mistakes."""
    code = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlite_errorcode", 0)
    match code & 0xFF:
        case _SQLCIPHER.SQLITE_NOTADB:
            return LightproofError(
                "database-sealed",
                _("The key of this home does not open {file}: it is the database of another home, or damaged.").format(
                    file=path.name
                ),
                _("Put the file of this home back from a backup, or name its own home in LIGHTPROOF_HOME."),
            )
        case _SQLCIPHER.SQLITE_CORRUPT:
            return damaged(path)
        case _SQLCIPHER.SQLITE_BUSY | _SQLCIPHER.SQLITE_LOCKED:
            return LightproofError(
                "database-busy",
                _("Another program has been writing to the database for more than {seconds} seconds.").format(
                    seconds=int(BUSY_TIMEOUT_S)
                ),
                _("Wait until it has finished, or stop it; then do this again. Nothing was changed."),
            )
        case _SQLCIPHER.SQLITE_FULL:
            return _full(path)
        case _SQLCIPHER.SQLITE_IOERR:
            return _full(path) if _free_bytes(path) < _FREE_BYTES else _refuses(path)
        case _SQLCIPHER.SQLITE_CANTOPEN | _SQLCIPHER.SQLITE_READONLY | _SQLCIPHER.SQLITE_PERM:
            return _refuses(path)
        case _:
            return None


def damaged(path: Path) -> LightproofError:
    """The file is not what was written."""
    return LightproofError(
        "database-damaged",
        _("The database {file} is damaged: part of it is missing or was changed outside lightproof.").format(
            file=path.name
        ),
        _("Keep the damaged file, put the latest good copy in its place, then run “lightproof ledger verify”."),
    )


def _full(path: Path) -> LightproofError:
    return LightproofError(
        "disk-full",
        _("There is no room left on the disk that holds {folder}. Nothing was written by halves.").format(
            folder=path.parent
        ),
        _("Make room on that disk, then do this again."),
    )


def _refuses(path: Path) -> LightproofError:
    return LightproofError(
        "disk-refuses",
        _("The system refuses to read or write {file}. Nothing was written by halves.").format(file=path),
        _("Look at the rights of the file and its folder, at the quota of this user, and at the health of the disk."),
    )


def refused_by_system(path: Path, error: OSError) -> LightproofError:
    """What a person is told when the system itself refuses something about this file."""
    return _full(path) if error.errno == errno.ENOSPC else _refuses(path)


def _free_bytes(path: Path) -> int:
    about = os.statvfs(path.parent)
    return about.f_bavail * about.f_frsize
