import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from lightproof.errors import LightproofError
from lightproof.storage.database import Database, connect
from lightproof.storage.migrate import open_database
from lightproof.storage.tables import attachment

KEY = bytes(range(32))
CANARY = b"CANARY^PATIENT"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "lightproof.db"


def put(database: Database, name: str, content: bytes) -> None:
    with database.writing() as connection:
        connection.execute(insert(attachment).values(sha256=name, content=content))


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(attachment.c.sha256).order_by(attachment.c.sha256)).scalars())


def refusal(path: Path, key: bytes = KEY) -> LightproofError:
    with pytest.raises(LightproofError) as refused, open_database(path, key) as database:
        names(database)
    return refused.value


def test_nothing_of_what_is_kept_can_be_read_on_the_disk(path: Path) -> None:
    with open_database(path, KEY) as database:
        put(database, CANARY.decode(), CANARY * 1_000)
        files = list(path.parent.iterdir())
        assert {file.name for file in files} >= {"lightproof.db", "lightproof.db-wal"}
        assert not any(CANARY in file.read_bytes() for file in files)
    assert CANARY not in path.read_bytes()
    assert not path.read_bytes().startswith(b"SQLite format 3")


def test_only_its_owner_may_look_inside(path: Path) -> None:
    before = os.umask(0)
    try:
        with open_database(path, KEY) as database:
            put(database, "a", b"")
            assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_transaction_is_kept_whole_or_not_at_all(path: Path) -> None:
    with open_database(path, KEY) as database:
        put(database, "a", b"1")
        with pytest.raises(ZeroDivisionError), database.writing() as connection:
            connection.execute(insert(attachment).values(sha256="b", content=b"2"))
            raise ZeroDivisionError
    with open_database(path, KEY) as database:
        assert names(database) == ["a"]


def test_what_is_written_is_forced_to_the_disk(path: Path) -> None:
    with open_database(path, KEY) as database, database.writing() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "temp_store": 2,
        "busy_timeout": 30_000,
    }


def test_a_reader_sees_one_state_and_hinders_no_writer(path: Path) -> None:
    with open_database(path, KEY) as database:
        put(database, "a", b"")
        with database.reading() as connection:
            before = connection.execute(select(attachment.c.sha256)).scalars().all()
            put(database, "b", b"")
            assert connection.execute(select(attachment.c.sha256)).scalars().all() == before == ["a"]
        assert names(database) == ["a", "b"]


def test_threads_may_share_it(path: Path) -> None:
    with open_database(path, KEY) as database:
        threads = [threading.Thread(target=put, args=(database, f"{n}", b"")) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert names(database) == [str(n) for n in range(8)]


def test_another_key_does_not_open_it_and_says_nothing_but_that(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    open_database(path, KEY).close()
    assert refusal(path, bytes(32)).error_id == "database-sealed"
    with open_database(path, KEY) as database:
        assert names(database) == []
    assert capfd.readouterr() == ("", "")


def test_a_key_of_another_length_is_our_mistake(path: Path) -> None:
    open_database(path, KEY).close()
    with pytest.raises(ValueError, match="32 bytes"), connect(path, b"short").reading():
        pass


@pytest.mark.parametrize(
    ("damage", "error_id"),
    [
        (lambda content: b"", "database-damaged"),
        (lambda content: content[: 10 * 4096], "database-damaged"),
        (lambda content: content[: 10 * 4096 + 500], "database-damaged"),
        (lambda content: content[:-4096], "database-damaged"),
        (lambda content: content[:700], "database-sealed"),
        (lambda content: b"SQLite format 3\x00" + content[16:], "database-sealed"),
        (lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:], "database-sealed"),
    ],
)
def test_a_damaged_file_is_told_from_a_new_one(path: Path, damage, error_id: str) -> None:  # type: ignore[no-untyped-def]
    with open_database(path, KEY) as database:
        put(database, "a", os.urandom(100_000))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LightproofError) as refused, open_database(path, KEY) as database:
        with database.reading() as connection:
            connection.execute(select(attachment)).all()
    assert refused.value.error_id == error_id
    assert refused.value.fix


def test_one_changed_bit_in_any_page_is_found_when_that_page_is_read(path: Path) -> None:
    with open_database(path, KEY) as database:
        put(database, "a", os.urandom(50_000))
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 + 2_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(LightproofError) as refused, open_database(path, KEY) as database:
        names(database)
    assert refused.value.error_id == "database-damaged"


def test_a_file_that_is_gone_does_not_come_back_empty(path: Path) -> None:
    with open_database(path, KEY) as database:
        put(database, "a", b"")
    path.unlink()
    with pytest.raises(LightproofError) as refused:
        names(connect(path, KEY))
    assert refused.value.error_id == "disk-refuses"
    assert not path.exists()


def test_a_writer_that_does_not_end_is_told_about(path: Path) -> None:
    with open_database(path, KEY) as first, open_database(path, KEY) as second:
        with second.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # its one connection, which it keeps
        with first.writing(), pytest.raises(LightproofError) as refused, second.writing():
            pass
        assert refused.value.error_id == "database-busy"
        put(second, "a", b"")


def test_our_own_mistakes_come_through_without_the_values(path: Path) -> None:
    with open_database(path, KEY) as database:
        put(database, "a", CANARY)
        with pytest.raises(IntegrityError) as mistake:
            put(database, "a", CANARY)
    assert CANARY.decode() not in str(mistake.value)


def test_what_is_deleted_leaves_the_log_too(path: Path) -> None:
    with open_database(path, KEY) as database:
        put(database, "a", os.urandom(100_000))
        with database.writing() as connection:
            connection.execute(text("DELETE FROM attachment"))
        database.empty_log()
        assert path.with_name("lightproof.db-wal").stat().st_size == 0


FILL = """
import resource
import sys
from pathlib import Path
from sqlalchemy import insert
from lightproof.errors import LightproofError
from lightproof.storage.migrate import open_database
from lightproof.storage.tables import attachment

if limits := [int(limit) for limit in sys.argv[2:]]:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits * 2)
database = open_database(Path(sys.argv[1]), bytes(range(32)))
print("opened", flush=True)
for number in range(1_000):
    try:
        with database.writing() as connection:
            for half in "ab":
                values = {"sha256": f"{number:04}{half}", "content": bytes(20_000)}
                connection.execute(insert(attachment).values(values))
    except LightproofError as error:
        print(error.error_id, flush=True)
        break
    print(number, flush=True)
"""


def filled(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


def assert_no_half(path: Path, acknowledged: list[str]) -> None:
    with open_database(path, KEY) as database:
        assert names(database) == [f"{int(number):04}{half}" for number in acknowledged for half in "ab"]
        put(database, "there is room again", b"")


def filled_on_a_disk_of(size: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Fills a database on a disk of this size; the home that is left there is copied to `tmp_path`."""
    mount = tmp_path / "mount"
    mount.mkdir()
    inside = f'mount -t tmpfs -o size={size} tmpfs {mount} && {sys.executable} -c "$0" {mount}/home/lightproof.db; '
    inside += f"cp -r {mount}/home {tmp_path}"
    command = [shutil.which("unshare") or "unshare", "-Urm", "sh", "-c"]
    try:
        subprocess.run([*command, f"mount -t tmpfs tmpfs {mount}"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk can be mounted here")
    return subprocess.run([*command, inside, FILL], capture_output=True, text=True, timeout=60)


def test_a_full_disk_loses_nothing_acknowledged_and_keeps_nothing_half_written(path: Path, tmp_path: Path) -> None:
    done = filled_on_a_disk_of("2m", tmp_path)
    assert done.stderr == ""
    opened, *acknowledged, error_id = done.stdout.split()
    assert (opened, error_id) == ("opened", "disk-full")
    assert len(acknowledged) > 10
    assert_no_half(path, acknowledged)


@pytest.mark.parametrize("size_kib", [80, 100, 120, 140])
def test_a_disk_that_fills_while_the_database_is_made_leaves_none(path: Path, tmp_path: Path, size_kib: int) -> None:
    done = filled_on_a_disk_of(f"{size_kib}k", tmp_path)
    assert "disk-full" in done.stderr + done.stdout
    if done.stdout:
        return  # it was large enough for a database, and none of what was to fill it
    assert not path.exists()
    assert_no_half(path, [])


@pytest.mark.parametrize("limit", [300_000, 500_000, 777_777, 1_000_000])
def test_a_disk_that_refuses_loses_nothing_acknowledged_either(path: Path, limit: int) -> None:
    opened, *acknowledged, error_id = filled(sys.executable, "-c", FILL, str(path), str(limit))
    assert (opened, error_id) == ("opened", "disk-refuses")
    assert acknowledged
    assert_no_half(path, acknowledged)
