import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CursorResult, Row, insert, select, text

from lightproof.errors import LightproofError
from lightproof.storage.migrate import OURS, Revisions, open_database
from lightproof.storage.tables import attachment, metadata

KEY = bytes(range(32))
BY_MIGRATIONS = Revisions(OURS.folder, OURS.head)
"""Our revisions, for a program that does not know what they leave."""
CANARY = b"CANARY^PATIENT"
ADDS_A_COLUMN = """
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade():
    op.add_column("attachment", sa.Column("note", sa.Text))
"""
FAILS_HALF_WAY = ADDS_A_COLUMN + '    op.execute("UPDATE attachment SET note = nothing")\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "lightproof.db"


def later(folder: Path, revision: str) -> Revisions:
    """A later version of the program: our revisions and one more."""
    shutil.copytree(OURS.folder, folder)
    (folder / "versions" / "r0002.py").write_text(revision)
    return Revisions(folder, "0002")


def kept(path: Path, revisions: Revisions = OURS) -> list[bytes]:
    with open_database(path, KEY, revisions=revisions) as database, database.reading() as connection:
        return list(connection.execute(select(attachment.c.content)).scalars())


def a_database(path: Path) -> None:
    with open_database(path, KEY) as database, database.writing() as connection:
        connection.execute(insert(attachment).values(sha256="a", content=CANARY))


def test_a_database_that_is_gone_is_told_and_not_made_anew(path: Path) -> None:
    """A new ledger in its place would verify, and nobody would know that there had been another."""
    a_database(path)
    saved = path.read_bytes()
    path.unlink()
    for _again in range(2):
        with pytest.raises(LightproofError) as refused:
            open_database(path, KEY)
        assert refused.value.error_id == "database-gone"
        assert not path.exists()
    path.write_bytes(saved)
    assert kept(path) == [CANARY]


def test_a_database_that_was_put_in_place_is_remembered_too(path: Path) -> None:
    a_database(path)
    elsewhere = path.with_name("restored") / path.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(path.read_bytes())
    assert kept(elsewhere) == [CANARY]
    elsewhere.unlink()
    with pytest.raises(LightproofError) as refused:
        open_database(elsewhere, KEY)
    assert refused.value.error_id == "database-gone"


def test_the_migrations_make_the_tables_that_the_program_knows(path: Path) -> None:
    with open_database(path, KEY, revisions=BY_MIGRATIONS) as database, database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        tables = dict(connection.execute(text("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")).all())
    assert metadata.tables.keys() == tables.keys() - {"alembic_version"}
    assert all(sql.rstrip().endswith("STRICT") for name, sql in tables.items() if name in metadata.tables)
    assert "WITHOUT ROWID" in tables["node"]


def laid_out(path: Path, revisions: Revisions) -> dict[str, object]:
    """Every table: its columns, its key, its indexes, its kind."""
    with open_database(path, KEY, revisions=revisions) as database, database.reading() as connection:
        ask = connection.exec_driver_sql
        return {
            name: (
                (kind, without_rowid, strict),
                ask(f"PRAGMA table_xinfo({name})").all(),
                sorted(ask(f"PRAGMA foreign_key_list({name})").all()),
                {index[1]: (index[2:], ask(f"PRAGMA index_xinfo({index[1]})").all()) for index in indexes(ask, name)},
            )
            for _schema, name, kind, _columns, without_rowid, strict in ask("PRAGMA table_list").all()
        }


def indexes(ask: Callable[[str], CursorResult[Any]], table: str) -> Sequence[Row[Any]]:
    return ask(f"PRAGMA index_list({table})").all()


def test_a_new_database_is_laid_out_as_the_migrations_lay_it_out(tmp_path: Path) -> None:
    at_once = laid_out(tmp_path / "at-once.db", OURS)
    assert at_once == laid_out(tmp_path / "step-by-step.db", BY_MIGRATIONS)
    assert metadata.tables.keys() < at_once.keys()


def test_the_newest_revision_is_the_one_the_program_expects() -> None:
    assert ScriptDirectory(str(OURS.folder)).get_current_head() == OURS.head


@pytest.mark.parametrize("there", [True, False], ids=["up to date", "new"])
def test_a_database_opens_without_loading_alembic(path: Path, there: bool) -> None:
    if there:
        a_database(path)
    script = (
        "import sys; from pathlib import Path; from lightproof.storage.migrate import open_database;"
        f"open_database(Path({str(path)!r}), bytes(range(32))).close();"
        "print([name for name in sys.modules if name.partition('.')[0] in ('alembic', 'mako')])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"


def test_programs_that_open_it_first_at_the_same_time_all_find_one_database(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from sqlalchemy import insert;"
        "from lightproof.storage.migrate import open_database; from lightproof.storage.tables import attachment;"
        "sys.stdin.readline();"
        f"database = open_database(Path({str(path)!r}), bytes(range(32)));\n"
        "with database.writing() as connection:\n"
        "    connection.execute(insert(attachment).values(sha256=sys.argv[1], content=b''))\n"
    )
    programs = [
        subprocess.Popen([sys.executable, "-c", script, str(number)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in range(4)
    ]
    for program in programs:
        assert program.stdin
        program.stdin.write(b"go\n")
        program.stdin.flush()
    errors = [program.communicate(timeout=60)[1] for program in programs]
    assert errors == [b""] * 4
    assert len(kept(path)) == 4
    assert sorted(file.name for file in path.parent.iterdir()) == ["lightproof.db", "lightproof.db.lock"]


def test_what_a_power_cut_left_of_a_new_database_is_made_anew(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(".lightproof.db.part").write_bytes(os.urandom(5_000))
    path.with_name(".lightproof.db.part-wal").write_bytes(os.urandom(5_000))
    assert kept(path) == []
    assert not list(path.parent.glob(".*"))


def test_the_rest_of_a_database_whose_file_is_gone_is_not_built_upon(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("lightproof.db-wal").write_bytes(os.urandom(5_000))
    with pytest.raises(LightproofError) as refused:
        open_database(path, KEY)
    assert refused.value.error_id == "database-damaged"
    assert not path.exists()


def test_an_older_database_is_copied_then_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    a_database(path)
    revisions = later(tmp_path / "later", ADDS_A_COLUMN)
    with open_database(path, KEY, revisions=revisions) as database, database.reading() as connection:
        assert connection.execute(text("SELECT content, note FROM attachment")).all() == [(CANARY, None)]
    (copy,) = (path.parent / "backups").iterdir()
    assert copy.name == "lightproof-revision-0001-1.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert CANARY not in copy.read_bytes()
    assert kept(copy) == [CANARY]  # our revision opens the copy: nothing in it was changed
    assert kept(path, revisions) == [CANARY]
    assert len(list((path.parent / "backups").glob("*.db"))) == 1


def test_a_migration_that_fails_leaves_the_database_as_it_was(path: Path, tmp_path: Path) -> None:
    a_database(path)
    revisions = later(tmp_path / "later", FAILS_HALF_WAY)
    for tries in (1, 2):
        with pytest.raises(LightproofError) as refused:
            open_database(path, KEY, revisions=revisions)
        assert refused.value.error_id == "migration-failed"
        assert len(list((path.parent / "backups").iterdir())) == tries
    assert kept(path) == [CANARY]


def test_programs_that_bring_it_up_to_date_at_the_same_time_do_it_once(path: Path, tmp_path: Path) -> None:
    a_database(path)
    revisions = later(tmp_path / "later", ADDS_A_COLUMN)
    script = (
        "import sys; from pathlib import Path; from lightproof.storage.migrate import Revisions, open_database;"
        f"open_database(Path({str(path)!r}), bytes(range(32)), revisions=Revisions(Path(sys.argv[1]), '0002')).close()"
    )
    command = [sys.executable, "-c", script, str(revisions.folder)]
    programs = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [program.communicate(timeout=60)[1] for program in programs] == [b""] * 3
    assert len(list((path.parent / "backups").iterdir())) == 1
    assert kept(path, revisions) == [CANARY]


def test_without_room_for_the_copy_nothing_is_changed(path: Path, tmp_path: Path) -> None:
    with open_database(path, KEY) as database, database.writing() as connection:
        connection.execute(insert(attachment).values(sha256="a", content=CANARY * 50_000))
    revisions = later(tmp_path / "later", ADDS_A_COLUMN)
    script = (
        "import resource, sys; from pathlib import Path; from lightproof.errors import LightproofError;"
        "from lightproof.storage.migrate import Revisions, open_database\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n"
        f"    open_database(Path({str(path)!r}), bytes(range(32)), revisions=Revisions(Path(sys.argv[1]), '0002'))\n"
        "except LightproofError as error: print(error.error_id)\n"
    )

    done = subprocess.run([sys.executable, "-c", script, str(revisions.folder)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("backup-failed\n", "")
    assert kept(path) == [CANARY * 50_000]
    assert not list((path.parent / "backups").iterdir())


def test_a_newer_database_is_refused_by_an_older_program(path: Path, tmp_path: Path) -> None:
    revisions = later(tmp_path / "later", ADDS_A_COLUMN)
    open_database(path, KEY, revisions=revisions).close()
    with pytest.raises(LightproofError) as refused:
        open_database(path, KEY)
    assert refused.value.error_id == "database-newer"
    assert re.search(r"\b2\b.*\b1\b", refused.value.cause)


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM alembic_version", "UPDATE alembic_version SET version_num = 'x'", "DROP TABLE alembic_version"],
)
def test_a_database_without_its_revision_is_damaged(path: Path, change: str) -> None:
    with open_database(path, KEY) as database, database.writing() as connection:
        connection.execute(text(change))
    with pytest.raises(LightproofError) as refused:
        open_database(path, KEY)
    assert refused.value.error_id == "database-damaged"


def test_a_folder_that_cannot_be_used_is_told_about(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LightproofError) as refused:
        open_database(tmp_path / "file" / "lightproof.db", KEY)
    assert refused.value.error_id == "disk-refuses"
