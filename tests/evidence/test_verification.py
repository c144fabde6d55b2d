"""A ledger that holds one of everything, altered in every way that SQL allows to somebody who has the key."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from evidence.ledgers import KEY, SIGNER, MovedClock, a_ledger, fill, note
from lightproof.errors import UsageRefused
from lightproof.evidence import merkle
from lightproof.evidence.checkpoint import opened
from lightproof.evidence.entries import ERASED
from lightproof.evidence.ledger import Ledger
from lightproof.evidence.verification import Fault, verify, verify_database
from lightproof.locale import LANGUAGES, speaking
from lightproof.storage.migrate import open_database

TABLES = ("entry", "node", "checkpoint", "stamp", "attachment")
EDITS = 1_000
ERASED_ENTRIES = (3, 4, 17)
REPORT = 7
"""The entry with the attached report."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    clock = MovedClock()
    with a_ledger(tmp_path, clock) as ledger:
        fill(ledger, clock)
        assert ledger.verify() == ()
        yield ledger


@contextmanager
def undone(ledger: Ledger) -> Iterator[Connection]:
    """A transaction of somebody who has the key, and minds no constraint; it is undone at the end."""
    with ledger.database.reading() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        try:
            yield connection
        finally:
            connection.rollback()


def faults(ledger: Ledger, *statements: str) -> set[tuple[str, int | None]]:
    with undone(ledger) as connection:
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount, "nothing was changed"
        return {(fault.what, fault.index) for fault in verify(connection, SIGNER.key)}


def edited(entry: str, new: str) -> str:
    return f"CAST(replace(CAST(bytes AS TEXT), '{entry}', '{new}') AS BLOB)"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (f"UPDATE entry SET bytes = {edited('tester', 'nobody')} WHERE idx = 5", ("entry-altered", 5)),
        (f"UPDATE entry SET bytes = {edited('2026', '2025')} WHERE idx = 5", ("entry-altered", 5)),
        ("UPDATE entry SET bytes = x'00' WHERE idx = 5", ("entry-unreadable", 5)),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE idx = 5", ("entry-altered", 5)),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE idx = 3", ("node-differs", 2)),
        ("UPDATE entry SET leaf = zeroblob(3) WHERE idx = 3", ("entry-altered", 3)),
        ("UPDATE entry SET at = '2020' WHERE idx = 5", ("entry-field-differs", 5)),
        ("UPDATE entry SET at = '2020' WHERE idx = 3", ("entry-field-differs", 3)),
        ("UPDATE entry SET kind = 'test.other' WHERE idx = 5", ("entry-field-differs", 5)),
        ("UPDATE entry SET kind = 'test.other' WHERE idx = 3", ("entry-field-differs", 3)),
        ("UPDATE entry SET subject = NULL WHERE idx = 5", ("entry-field-differs", 5)),
        ("UPDATE entry SET principal = CAST(x'ff' AS TEXT) WHERE idx = 5", ("entry-field-differs", 5)),
        ("UPDATE entry SET principal = 'x' WHERE idx = 3", ("entry-field-differs", 3)),
        ("UPDATE entry SET bytes = NULL WHERE idx = 5", ("entry-erased-unsaid", 5)),
        ("UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE idx = 5) WHERE idx = 3", ("entry-came-back", 3)),
        ("DELETE FROM entry WHERE idx = 5", ("entry-missing", 5)),
        ("DELETE FROM entry WHERE idx = 22", ("entry-missing", 22)),
        ("UPDATE entry SET idx = 40 WHERE idx = 5", ("entry-extra", 40)),
        ("UPDATE entry SET idx = -1 WHERE idx = 5", ("entry-extra", -1)),
        ("DELETE FROM node WHERE level = 2 AND idx = 1", ("node-missing", 4)),
        ("UPDATE node SET hash = zeroblob(32) WHERE level = 2 AND idx = 1", ("node-differs", 4)),
        ("UPDATE node SET hash = x'' WHERE level = 1 AND idx = 10", ("node-differs", 20)),
        ("INSERT INTO node VALUES (-3, 5, zeroblob(32))", ("node-extra", 5)),
        ("INSERT INTO node VALUES (70, 5, zeroblob(32))", ("node-extra", 5)),
        ("INSERT INTO node VALUES (1, 999, zeroblob(32))", ("node-extra", 999)),
        ("UPDATE checkpoint SET note = replace(note, 'previous', 'later') WHERE size = 7", ("checkpoint-altered", 7)),
        ("UPDATE checkpoint SET note = CAST(x'ff' AS TEXT) WHERE size = 7", ("checkpoint-altered", 7)),
        ("UPDATE checkpoint SET size = 3 WHERE size = 7", ("checkpoint-altered", 3)),
        ("DELETE FROM checkpoint WHERE size = 7", ("checkpoint-missing", 7)),
        ("DELETE FROM checkpoint WHERE size = 1", ("checkpoint-missing", 1)),
        ("DELETE FROM checkpoint WHERE size = 23", ("entry-extra", 22)),
        ("UPDATE attachment SET content = x'00'", ("attachment-altered", None)),
        ("UPDATE attachment SET sha256 = 'x' || sha256", ("attachment-missing", None)),
        ("INSERT INTO attachment VALUES (lower(hex(zeroblob(32))), x'')", ("attachment-unnamed", None)),
        ("DELETE FROM attachment", ("attachment-missing", None)),
        ("UPDATE stamp SET token = x'00'", ("stamp-altered", 16)),
        ("UPDATE stamp SET size = 7", ("stamp-unnamed", 7)),
        ("DELETE FROM stamp", ("stamp-missing", 16)),
    ],
)  # fmt: skip
def test_each_alteration_is_found_where_it_was_made(ledger: Ledger, change: str, found: tuple[str, int | None]) -> None:
    assert found in faults(ledger, change)


def test_one_altered_entry_is_one_fault(ledger: Ledger) -> None:
    change = f"UPDATE entry SET bytes = {edited('noted', 'other')} WHERE idx = 5"
    assert faults(ledger, change) == {("entry-altered", 5), ("entry-field-differs", 5)}
    assert faults(ledger, "UPDATE entry SET leaf = zeroblob(32) WHERE idx = 9") == {
        ("entry-altered", 9),
        ("node-differs", 8),
    }


def test_all_that_is_wrong_is_told(ledger: Ledger) -> None:
    found = faults(
        ledger,
        "UPDATE entry SET bytes = x'00' WHERE idx = 0",
        "DELETE FROM entry WHERE idx = 9",
        "UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND idx = 2",
        "DELETE FROM checkpoint WHERE size = 8",
        "UPDATE attachment SET content = x'00'",
        "DELETE FROM stamp",
        "UPDATE entry SET kind = 'x.y' WHERE idx = 22",
    )
    assert found >= {
        ("entry-altered", 0),
        ("entry-missing", 9),
        ("node-differs", 4),
        ("checkpoint-missing", 8),
        ("attachment-altered", None),
        ("stamp-missing", 16),
        ("entry-field-differs", 22),
    }


Edit = Callable[[random.Random, Any], Any]


def other(chance: random.Random, value: object) -> object:
    """Another value of the same type."""
    match value:
        case int():
            return value + chance.choice([-1, 1, 7, -(2**40)])
        case str():
            place = chance.randrange(len(value) + 1)
            return value[:place] + chance.choice("0aZ\n\x00é") + value[place + chance.randrange(2) :]
        case bytes():
            place = chance.randrange(len(value) + 1)
            return value[:place] + chance.randbytes(1) + value[place + chance.randrange(2) :]
        case _:
            return chance.choice(["x", b"x"])


def edit(chance: random.Random, connection: Connection) -> str:
    """One random edit of one row of one table; what was done."""
    table = chance.choice(TABLES)
    columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
    rows = [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
    row = chance.choice(rows)
    match chance.randrange(5):
        case 0:
            columns_of_row = " AND ".join(f"{name} IS ?" for name in columns)
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {columns_of_row}", row)
            return f"{table}: deleted"
        case 1:
            changed = [other(chance, value) if chance.randrange(2) else value for value in row]
            marks = ", ".join("?" * len(columns))
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", tuple(changed))
            return f"{table}: added"
        case 2:
            name = chance.choice(columns)
            value: object = chance.choice(rows)[columns.index(name)]
        case 3:
            name, value = chance.choice(columns), None
        case _:
            name = chance.choice(columns)
            value = other(chance, row[columns.index(name)])
    if value == row[columns.index(name)]:
        return ""
    where = " AND ".join(f"{name} IS ?" for name in columns)
    connection.exec_driver_sql(f"UPDATE {table} SET {name} = ? WHERE {where}", (value, *row))
    return f"{table}.{name}: {row[columns.index(name)]!r} -> {value!r}"


def test_every_random_edit_of_any_row_of_any_table_is_found(ledger: Ledger) -> None:
    chance = random.Random(20261123)
    done, missed = 0, list[str]()
    while done < EDITS:
        with undone(ledger) as connection:
            try:
                what = edit(chance, connection)
            except DBAPIError:
                continue  # a constraint does not allow it
            if what:
                done += 1
                if not verify(connection, SIGNER.key):
                    missed.append(what)
    assert missed == []


def reseal(connection: Connection) -> None:
    """What a careful forger without the signing key does: all hashes are computed anew."""
    rows = connection.exec_driver_sql("SELECT idx, bytes, leaf FROM entry ORDER BY idx").all()
    grown = merkle.Frontier()
    connection.exec_driver_sql("DELETE FROM node")
    for index, content, leaf in rows:
        hash_ = leaf if content is None else merkle.leaf_hash(content)
        connection.exec_driver_sql("UPDATE entry SET leaf = ? WHERE idx = ?", (hash_, index))
        grown, made = grown.appended(hash_)
        for node in made[1:]:
            connection.exec_driver_sql("INSERT INTO node VALUES (?, ?, ?)", node)


@pytest.mark.parametrize("index", range(23))
def test_a_forger_who_computes_every_hash_anew_is_found_at_each_checkpoint_from_there_on(
    ledger: Ledger, index: int
) -> None:
    if index in ERASED_ENTRIES:
        return
    with undone(ledger) as connection:
        back_dated = edited('"at":"2026-11', '"at":"2026-10')
        connection.exec_driver_sql(
            f"UPDATE entry SET at = replace(at, '2026-11', '2026-10'), bytes = {back_dated} WHERE idx = {index}"
        )
        reseal(connection)
        found = verify(connection, SIGNER.key)
        sizes = connection.exec_driver_sql("SELECT size FROM checkpoint").scalars().all()
    assert {fault.what for fault in found} == {"checkpoint-differs"}
    assert {fault.index for fault in found} == {size for size in sizes if size > index}


def test_a_ledger_cut_back_to_an_earlier_checkpoint_is_found_by_whoever_has_a_later_one(
    tmp_path: Path, ledger: Ledger
) -> None:
    witnessed = opened(ledger.checkpoint(), ledger.key)
    with ledger.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM entry WHERE idx >= 16")
        connection.exec_driver_sql("DELETE FROM node WHERE (idx + 1) << level > 16")
        connection.exec_driver_sql("DELETE FROM stamp")
        connection.exec_driver_sql("DELETE FROM checkpoint WHERE size > 16")
    with a_ledger(tmp_path) as cut:
        # The two erasures are forgotten with the entry that told of them.
        assert {(fault.what, fault.index) for fault in cut.verify()} == {
            ("entry-erased-unsaid", 3),
            ("entry-erased-unsaid", 4),
            ("attachment-unnamed", None),
        }
        with pytest.raises(UsageRefused):
            cut.consistency(witnessed.size)
        note(cut, *"1234567")
        forked = cut.consistency(witnessed.size)
        now = opened(forked.note, cut.key)
        assert not merkle.extends(forked.proof, witnessed.size, witnessed.root, now.size, now.root)


def test_an_erasure_that_was_forged_without_the_signing_key_is_found(ledger: Ledger) -> None:
    with undone(ledger) as connection:
        at = connection.exec_driver_sql("SELECT at FROM entry WHERE idx = 5").scalar_one()
        connection.exec_driver_sql("UPDATE entry SET bytes = NULL, subject = NULL, principal = NULL WHERE idx = 5")
        said = connection.exec_driver_sql("SELECT idx FROM entry WHERE kind = ?", (ERASED,)).scalar_one()
        one_more = edited("[[3,", f'[[5,"{at}","test.noted"],[3,')
        connection.exec_driver_sql(f"UPDATE entry SET bytes = {one_more} WHERE idx = {said}")
        reseal(connection)
        assert {fault.what for fault in verify(connection, SIGNER.key)} == {"checkpoint-differs"}


def test_every_damaged_page_is_told(tmp_path: Path, ledger: Ledger) -> None:
    ledger.database.close()
    content = (tmp_path / "lightproof.db").read_bytes()
    told = 0
    for page in range(2, len(content) // 4096):  # the first holds the tables' names, the second the revision
        path = tmp_path / f"{page}.db"
        place = page * 4096 + 1_000
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with open_database(path, KEY) as database:
            found = verify_database(database, SIGNER.key)
            assert found == verify_database(database, SIGNER.key)
        assert found[0] == Fault("page-damaged", name=f"HMAC verification failed for page {page + 1}")
        told += ("table-unreadable", "entry") in {(fault.what, fault.name) for fault in found}
    assert told > 3


def test_every_fault_is_told_in_words() -> None:
    source = Path(verify.__code__.co_filename).read_text()
    whats = set(re.findall(r'Fault\(\s*"([a-z-]+)"', source))
    assert len(whats) > 15
    for language in LANGUAGES:
        with speaking(language):
            assert all(Fault(what).sentence() for what in whats)
