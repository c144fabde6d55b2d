"""Checkpoints left with a witness: what it holds against a ledger that was rolled back, forked, or is simply longer."""

import shutil
from pathlib import Path

import pytest

from evidence.ledgers import a_ledger, note
from lightproof.evidence import witness


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "stick"
    place.mkdir()
    return place


def test_a_witness_holds_for_every_later_ledger(tmp_path: Path, folder: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        assert witness.keep(ledger, folder) == "absent"
        assert witness.testimony(ledger, folder) == "absent", "an empty ledger has nothing to witness"
        note(ledger, "a", "b")
        assert witness.keep(ledger, folder) == "absent"
        first = witness.witness_file(ledger, folder).read_bytes()
        note(ledger, "c")
        assert witness.keep(ledger, folder) == "holds"
        assert witness.witness_file(ledger, folder).read_bytes() != first
        assert witness.held(ledger, first), "an old checkpoint holds too"
        assert [path.name for path in folder.iterdir()] == [witness.witness_file(ledger, folder).name]


def test_a_ledger_that_was_rolled_back_is_known_and_the_proof_is_kept(tmp_path: Path, folder: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    home.mkdir()
    with a_ledger(home) as ledger:
        note(ledger, "a")
    shutil.copytree(home, copy)
    with a_ledger(home) as ledger:
        note(ledger, "b", "c")
        witness.keep(ledger, folder)
    with a_ledger(copy) as ledger:
        kept = witness.witness_file(ledger, folder).read_bytes()
        assert ledger.verify() == (), "the copy is whole: only the witness knows better"
        assert witness.keep(ledger, folder) == "broken"
        assert witness.witness_file(ledger, folder).read_bytes() == kept


def test_two_histories_do_not_both_hold(tmp_path: Path, folder: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    with a_ledger(one) as ledger:
        note(ledger, "a")
    shutil.copytree(one, other)
    with a_ledger(one) as ledger:
        note(ledger, "this happened")
        witness.keep(ledger, folder)
    with a_ledger(other) as ledger:
        note(ledger, "something else happened", "and more")
        assert witness.testimony(ledger, folder) == "broken"


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\xff" * 100, b"x" * 200_000])
def test_whatever_lies_in_the_witnesss_place_is_no_testimony(content: bytes, tmp_path: Path, folder: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        note(ledger, "a")
        witness.witness_file(ledger, folder).write_bytes(content)
        assert witness.testimony(ledger, folder) == "broken"


def test_a_folder_that_is_away_is_said_to_be(tmp_path: Path, folder: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        note(ledger, "a")
        folder.rmdir()
        with pytest.raises(OSError, match="No such file"):
            witness.keep(ledger, folder)
