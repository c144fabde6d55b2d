"""Opening the database: made where none is, brought up to date where it is older, refused where it is newer.

Rules of this file:
- a database appears whole under its name, or not at all; an empty file under that name is damage, never a new database;
- nor is a new one made where one was: the file of its lock remembers that it was opened. A ledger that is gone would
  else come back empty, and verify;
- before anything is changed there is a copy, and the copy has been read from end to end;
- a database that is up to date costs one query, and a new one is made from the tables that the newest revision leaves:
  Alembic is loaded only when it has work (a quarter of a second, and 10 MB of every first check).
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lightproof.errors import LightproofError
from lightproof.locale import gettext as _
from lightproof.storage.database import (
    Database,
    DriverError,
    connect,
    damaged,
    driver_connection,
    explained,
    refused_by_system,
)
from lightproof.storage.durable import force_folder, make_folder
from lightproof.storage.tables import metadata

DATABASE_FILE: Final = "lightproof.db"
_LOCK: Final = ".lock"
_REVISION: Final = text("SELECT version_num FROM alembic_version")
_KEPT_BY_ALEMBIC: Final = (
    "CREATE TABLE alembic_version ("
    "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Where the migrations are, and the newest of them. They are numbered: a newer program's is known when met."""

    folder: Path
    head: str
    tables: MetaData | None = None
    """What the newest leaves, where that is known."""


OURS: Final = Revisions(Path(__file__).parent / "migrations", "0001", metadata)


def open_database(path: Path, key: bytes, *, backups: Path | None = None, revisions: Revisions = OURS) -> Database:
    """The database in this file, made or brought up to date first when that is needed.

    `key` is 32 bytes (`root.derive("database")`). Copies from before a change are kept in `backups`, by default the
    folder of that name beside the file.

    Raises:
        LightproofError: `database-sealed`, `database-damaged`, `database-gone`, `database-newer`, `migration-failed`,
            `backup-failed`, `database-busy`, `disk-full`, `disk-refuses`.
    """
    try:
        if not path.exists():
            make_folder(path.parent)
            with _alone(path) as lock:
                if not path.exists():
                    if os.fstat(lock).st_size:
                        raise _gone(path)
                    _make(path, key, revisions)
        if path.stat().st_size == 0:
            raise damaged(path)
        database = connect(path, key)
        try:
            if _revision(database, revisions) != revisions.head:
                with _alone(path):
                    if _revision(database, revisions) != revisions.head:
                        _bring_up(database, key, backups or path.parent / "backups", revisions)
            _remember(path)
        except BaseException:
            database.close()
            raise
    except OSError as error:
        raise refused_by_system(path, error) from error
    except DriverError as error:
        raise explained(error, path) or damaged(path) from error
    return database


def _revision(database: Database, revisions: Revisions) -> str:
    """Which revision the tables have. Raises LightproofError for a newer program's, and for none."""
    with database.reading() as connection:
        try:
            found = connection.execute(_REVISION).scalars().all()
        except DBAPIError as error:
            raise explained(error, database.path) or damaged(database.path) from error
    if len(found) != 1 or not str(found[0]).isdecimal():
        raise damaged(database.path)
    if int(found[0]) > int(revisions.head):
        raise LightproofError(
            "database-newer",
            _("The database was written by a newer lightproof (revision {found}; this one knows {known}).").format(
                found=int(found[0]), known=int(revisions.head)
            ),
            _("Install the newer version again: pip install --upgrade lightproof"),
        )
    return found[0]


def _make(path: Path, key: bytes, revisions: Revisions) -> None:
    """A new database, whole and on the disk before it gets its name."""
    if _beside(path, "-wal").exists():
        raise damaged(path)  # the rest of a database whose file is gone; a new one would take its pages for its own
    part = path.with_name(f".{path.name}.part")
    try:
        _new_file(part)
        with closing(driver_connection(part, key)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        with connect(part, key) as database:
            with database.writing() as connection:
                _lay_out(connection, revisions)
            # The log keeps its old name and goes: a disk too full to take it into the file is told now, or never.
            database.empty_log()
        part.replace(path)
    finally:
        _remove(part)
    force_folder(path.parent)


def _remember(path: Path) -> None:
    """Notes that there is a database here, once."""
    lock = _beside(path, _LOCK)
    if not lock.exists() or not lock.stat().st_size:
        with _alone(path) as descriptor:
            os.write(descriptor, b"made\n")


def _gone(path: Path) -> LightproofError:
    return LightproofError(
        "database-gone",
        _("The database {file} is gone from {folder}: there was one.").format(file=path.name, folder=path.parent),
        _(
            "Put the latest good copy in its place, then run “lightproof ledger verify”. Where there is none, what was "
            "kept is lost: move the folder away, and begin a new one with “lightproof init”."
        ),
    )


def _lay_out(connection: Connection, revisions: Revisions) -> None:
    """The tables of a new database (Alembic's cookbook, "Building an Up to Date Database from Scratch")."""
    if revisions.tables is None:
        upgrade(connection, revisions)
        return
    connection.exec_driver_sql(_KEPT_BY_ALEMBIC)
    revisions.tables.create_all(connection)
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": revisions.head})


def _bring_up(database: Database, key: bytes, backups: Path, revisions: Revisions) -> None:
    """Copies the database, then brings its tables to the newest revision; nobody writes in between."""
    with database.writing() as connection:
        copy = _backed_up(connection, database.path, key, backups)
        try:
            upgrade(connection, revisions)
        except SQLAlchemyError as error:
            told = explained(error, database.path) if isinstance(error, DBAPIError) else None
            raise told or LightproofError(
                "migration-failed",
                _("The database could not be brought up to date; it is as it was before."),
                _(
                    "Go on with the version of lightproof that wrote it, and report this. There is a copy: {copy}"
                ).format(copy=copy),
            ) from error


def upgrade(connection: Connection, revisions: Revisions, revision: str = "head") -> None:
    """Runs the migrations up to a revision, inside the transaction of this connection."""
    from alembic import command  # noqa: PLC0415 - half a second, and hardly ever needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(revisions.folder).replace("%", "%%"))
    command.upgrade(config, revision)


def _backed_up(connection: Connection, path: Path, key: bytes, backups: Path) -> Path:
    """Copies the database as this transaction finds it, reads the copy from end to end, and gives its path."""
    make_folder(backups)
    revision = connection.execute(_REVISION).scalar_one()
    copy = _free_name(backups, f"{path.stem}-revision-{revision}")
    try:
        _new_file(copy)
        # SQLite copies nothing through a connection that is writing; another one sees the same, as nobody else writes.
        with closing(driver_connection(path, key)) as source, closing(driver_connection(copy, key)) as target:
            source.backup(target)
        with connect(copy, key) as database, database.reading() as copied:
            if not _intact(copied) or _counts(copied) != _counts(connection):
                raise _backup_failed(copy)
    except BaseException as error:
        _remove(copy)
        if isinstance(error, DriverError):  # the driver's copying gives no code with its errors
            raise _backup_failed(copy) from error
        raise
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    force_folder(backups)
    return copy


def _intact(connection: Connection) -> bool:
    """Whether every page is what was written, and every table and index agree."""
    pages = connection.exec_driver_sql("PRAGMA cipher_integrity_check").all()
    return not pages and connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]


def _counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = connection.execute(text("SELECT name FROM sqlite_schema WHERE type = 'table'")).scalars().all()
    return {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}  # noqa: S608


def _backup_failed(copy: Path) -> LightproofError:
    return LightproofError(
        "backup-failed",
        _("The copy made before the database is changed cannot be written, or does not read back the same."),
        _("Nothing was changed. Make room on the disk that holds {folder}, look at its health, then try again.").format(
            folder=copy.parent
        ),
    )


@contextmanager
def _alone(path: Path) -> Generator[int]:
    """One program at a time makes or changes the tables; the lock goes away with the program, however it ends.

    Gives the descriptor of its file.
    """
    descriptor = os.open(_beside(path, _LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _new_file(path: Path) -> None:
    """An empty file for its owner only, in place of what a power cut left; SQLite gives its log the same rights."""
    _remove(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _remove(path: Path) -> None:
    for file in (path, _beside(path, "-wal"), _beside(path, "-shm"), _beside(path, "-journal")):
        file.unlink(missing_ok=True)


def _free_name(folder: Path, stem: str) -> Path:
    """A name that no copy has yet: an earlier try may have left one, and it is kept."""
    number = 1
    while (copy := folder / f"{stem}-{number}.db").exists():
        number += 1
    return copy


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
