"""Programs that append at the same time, that are killed, that run out of disk: what was acknowledged is there."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evidence.ledgers import KEY, SIGNER
from lightproof.evidence.checkpoint import opened
from lightproof.evidence.ledger import Ledger
from lightproof.evidence.merkle import extends
from lightproof.evidence.verification import verify_database
from lightproof.storage.migrate import open_database

WRITER = """
import resource
import sys
from pathlib import Path
from lightproof.errors import LightproofError
from lightproof.evidence.checkpoint import Signer
from lightproof.evidence.ledger import Ledger
from lightproof.storage.migrate import open_database

path, name, transactions, ballast, limit = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
ledger = Ledger(open_database(path, bytes(range(32))), Signer(bytes(range(32, 64))))
print("ready", flush=True)
sys.stdin.readline()
for number in range(transactions):
    try:
        with ledger.writing() as writing:
            digest = writing.attach(f"{name} {number} {'x' * ballast}".encode(), "text/plain")
            texts = [f"{name} {number} {part}" for part in range(number % 4 + 1)]
            added = [writing.append("test.noted", "check", {"text": t}, principal=name) for t in texts]
    except LightproofError as error:
        print(error.error_id, flush=True)
        break
    for entry in added:
        print(entry.index, entry.payload["text"], digest, sep="|", flush=True)
"""


@contextmanager
def a_writer(
    path: Path, name: str, transactions: int, *, ballast: int = 0, limit: int = 0
) -> Iterator[subprocess.Popen[str]]:
    """A program that appends so many transactions; `limit` is the size in bytes beyond which no file may grow."""
    command = [sys.executable, "-c", WRITER, str(path), name, *map(str, (transactions, ballast, limit))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as writer:
        try:
            yield writer
        finally:
            writer.kill()


def begin(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin and writer.stdout  # noqa: PT018
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()


def acknowledged(output: str) -> dict[int, tuple[str, str]]:
    """Index -> text and attachment; the last line counts only when it is whole."""
    lines = [line.split("|") for line in output.splitlines(keepends=True) if line.endswith("\n") and "|" in line]
    return {int(index): (text, digest.strip()) for index, text, digest in lines}


def assert_kept(path: Path, promised: dict[int, tuple[str, str]]) -> int:
    """The ledger verifies and holds all that was promised; gives its size."""
    with open_database(path, KEY) as database:
        assert verify_database(database, SIGNER.key) == ()
        ledger = Ledger(database, SIGNER)
        found = {entry.index: entry.payload.get("text") for entry in ledger.entries()}
        assert {index: found.get(index) for index in promised} == {index: text for index, (text, _) in promised.items()}
        for text, digest in promised.values():
            assert ledger.attachment(digest).startswith(text.rpartition(" ")[0].encode())
        return ledger.size()


def test_programs_that_append_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lightproof.db"
    names = "abc"
    with a_writer(path, "a", 60) as a, a_writer(path, "b", 60) as b, a_writer(path, "c", 60) as c:
        for writer in (a, b, c):
            begin(writer)
        ended = [writer.communicate(timeout=60) for writer in (a, b, c)]
    assert [errors for _output, errors in ended] == [""] * 3
    promised = [acknowledged(output) for output, _errors in ended]
    assert [len(mine) for mine in promised] == [150] * 3
    for name, mine in zip(names, promised, strict=True):
        assert [text for text, _ in mine.values()] == [
            f"{name} {n} {part}" for n in range(60) for part in range(n % 4 + 1)
        ]
    assert assert_kept(path, promised[0] | promised[1] | promised[2]) == 450


def killed_at_any_moment(path: Path, times: int, chance: random.Random) -> None:
    """Kills a writer so many times, while it opens or writes; each time the ledger must be whole."""
    promised: dict[int, tuple[str, str]] = {}
    before = None
    while_writing = 0
    for number in range(times):
        with a_writer(path, f"w{number}", 100_000) as writer:
            if chance.random() < 0.8:
                begin(writer)
                time.sleep(chance.uniform(0, 0.06))
                while_writing += 1
            else:
                time.sleep(chance.uniform(0, 0.5))
            writer.send_signal(signal.SIGKILL)
            output, errors = writer.communicate(timeout=30)
        assert (writer.returncode, errors) == (-signal.SIGKILL, "")
        promised |= acknowledged(output)
        assert_kept(path, promised)
        with open_database(path, KEY) as database:
            ledger = Ledger(database, SIGNER)
            if before is not None:
                grown = ledger.consistency(before.size)
                now = opened(grown.note, SIGNER.key)
                assert extends(grown.proof, before.size, before.root, now.size, now.root)
            before = opened(ledger.checkpoint(), SIGNER.key)
    assert len(promised) > while_writing


def test_a_program_killed_at_any_moment_leaves_a_whole_ledger_with_all_that_it_acknowledged(tmp_path: Path) -> None:
    killed_at_any_moment(tmp_path / "lightproof.db", 20, random.Random(1))


@pytest.mark.soak
def test_a_program_killed_200_times_leaves_a_whole_ledger_with_all_that_it_acknowledged(tmp_path: Path) -> None:
    killed_at_any_moment(tmp_path / "lightproof.db", 200, random.Random(2))


@pytest.mark.parametrize("limit", [200_000, 345_678, 600_000])
def test_a_disk_that_takes_no_more_costs_nothing_acknowledged(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "lightproof.db"
    with a_writer(path, "w", 10_000, ballast=3_000, limit=limit) as writer:
        begin(writer)
        output, errors = writer.communicate(timeout=60)
    assert errors == ""
    assert output.endswith("disk-refuses\n")
    promised = acknowledged(output)
    assert promised
    assert assert_kept(path, promised) == len(promised)
    with a_writer(path, "again", 3) as writer:
        begin(writer)
        output, errors = writer.communicate(timeout=60)
    assert errors == ""
    assert assert_kept(path, promised | acknowledged(output)) == len(promised) + 6


def test_nothing_of_the_entries_can_be_read_in_any_file(tmp_path: Path) -> None:
    path = tmp_path / "lightproof.db"
    with a_writer(path, "CANARY", 50, ballast=5_000) as writer:
        begin(writer)
        deadline = time.monotonic() + 20
        while not path.with_name("lightproof.db-wal").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=30)
    files = [file for file in tmp_path.iterdir() if file.is_file()]
    assert files
    assert not any(word in file.read_bytes() for file in files for word in (b"CANARY", b"xxxxx", b"test.noted"))
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
