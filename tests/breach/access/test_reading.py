"""Log files as rotation and copies leave them: compressed, cut, endless, empty, binary."""

import gzip
import os
from datetime import UTC
from hashlib import sha256
from pathlib import Path

import pytest

from lightproof.breach.access.log_lines import Act
from lightproof.breach.access.reading import log_file
from lightproof.errors import UsageRefused

LINE = b'203.0.113.5 - - [23/Nov/2026:10:00:00 +0100] "GET /patients HTTP/1.1" 200 90 "-" "-"\n'


def refused(path: Path) -> str:
    with pytest.raises(UsageRefused) as raised:
        list(log_file(path).read(UTC))
    assert raised.value.error_id == "log-unreadable"
    return raised.value.cause


def test_a_compressed_log_reads_as_the_plain_one(tmp_path: Path) -> None:
    plain, packed = tmp_path / "access.log", tmp_path / "access.log.1.gz"
    plain.write_bytes(LINE * 3)
    packed.write_bytes(gzip.compress(LINE * 3))
    assert list(log_file(plain).read(UTC)) == list(log_file(packed).read(UTC))
    assert log_file(packed).sha256 == sha256(packed.read_bytes()).hexdigest()


def test_lines_that_say_nothing_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(LINE + os.urandom(50).replace(b"\n", b"") + b"\n\n" + b"x" * 200_000 + b"\n" + LINE)
    file = log_file(path)
    assert [line.act for line in file.read(UTC)] == [Act.LISTED, Act.LISTED]
    assert file.unreadable == 5  # noise, and one line that is four times too long
    assert file.kinds == {"combined"}


def test_a_damaged_an_empty_and_a_missing_log_are_refused(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(LINE * 1_000)[:-20])
    empty = tmp_path / "empty.log"
    empty.touch()
    assert "damaged" in refused(cut)
    assert "empty" in refused(empty)
    assert "missing.log" in refused(tmp_path / "missing.log")


def test_a_log_that_grows_when_unpacked_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightproof.breach.access.reading._LARGEST", 1 << 20)
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(bytes(4 << 20)))
    assert "larger" in refused(bomb)
