"""A killed run goes on where it stopped, and never with another run's past."""

import itertools
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.journal import Journal, clear_away, journal_of, merged, read, refuse_unusable
from lightproof.check.sweeping.hearing import Hearing
from lightproof.errors import UsageRefused
from lightproof.evidence.records import Facts, Observation, Target, Unchecked

SEEN = Observation(
    at=datetime(2026, 11, 23, 10, tzinfo=UTC),
    detector="dicom",
    target=Target("127.0.0.1", 104),
    service="dicom",
    signal="dicom-echo-answered",
    facts=Facts(reachable=True, open=True),
    details={"contexts_accepted": 3},
)
HEARD = Hearing(anybody=True, machines={"127.0.0.1"})
MISSED = Hearing(silence="no-answer", unheard={"127.0.0.9": ("no-answer", 104)})


def written(path: Path) -> Path:
    with Journal(path) as journal:
        journal.begin("plan", "2026-11-23T10:00:00Z")
        journal.swept([(0, 10), (20, 30)], [SEEN.target], HEARD)
        journal.swept([(10, 20)], [], MISSED)
        journal.visited(SEEN.target, [SEEN], [Unchecked(target=SEEN.target, detector="web", reason="deadline")])
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    done = read(written(tmp_path / "j"), "plan")
    assert done.started == "2026-11-23T10:00:00Z"
    assert done.swept == [(0, 30)]
    assert list(done.answering) == [SEEN.target]
    assert done.hearing == Hearing(True, "no-answer", {"127.0.0.1"}, {"127.0.0.9": ("no-answer", 104)})
    assert done.visited[SEEN.target] == ((SEEN,), (Unchecked(target=SEEN.target, detector="web", reason="deadline"),))


def test_a_journal_cut_anywhere_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = written(tmp_path / "j").read_bytes()
    first_line = whole.index(b"\n") + 1
    for cut in range(first_line, len(whole)):
        torn = tmp_path / "torn"
        torn.write_bytes(whole[:cut])
        read(torn, "plan")
        with journal_of(torn, "plan", resume=True, started="2026-11-24T10:00:00Z") as (journal, _done):
            journal.swept([(90, 91)], [], Hearing())
        assert (90, 91) in read(torn, "plan").swept


def test_a_journal_of_another_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageRefused) as refusal:
        read(written(tmp_path / "j"), "other")
    assert refusal.value.error_id == "journal-of-another-run"


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b'{"entry": "surprise"}\n'
    path.write_bytes(b"".join(lines))
    with pytest.raises(UsageRefused, match="3"):
        read(path, "plan")


def test_two_runs_do_not_write_to_one_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "j"), pytest.raises(UsageRefused) as refusal:
        Journal(tmp_path / "j")
    assert refusal.value.error_id == "journal-in-use"


def test_a_second_run_takes_nothing_from_the_first(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with journal_of(path, "plan", resume=False, started="2026-11-23T10:00:00Z") as (first, _done):
        first.swept([(0, 10)], [], Hearing())
        with pytest.raises(UsageRefused), journal_of(path, "plan", resume=False, started="2026-11-23T10:05:00Z"):
            pass
        first.swept([(10, 20)], [], Hearing())
        assert read(path, "plan").swept == [(0, 20)]


def test_a_run_waits_for_one_that_is_just_ending_and_gets_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "j"
    ending = Journal(path)
    ending.begin("plan", "2026-11-23T10:00:00Z")

    def end() -> None:
        with ending:
            path.unlink()

    threading.Timer(0.2, end).start()
    with Journal(path) as journal:
        journal.begin("plan", "2026-11-23T10:05:00Z")
        assert read(path, "plan").started == "2026-11-23T10:05:00Z"


def test_the_journal_of_a_complete_run_is_taken_away_unless_another_has_taken_it(tmp_path: Path) -> None:
    path = tmp_path / "j"
    clear_away(path)
    clear_away(written(path))
    assert read(path, "plan").visited  # there is more to do
    with Journal(path) as journal:
        journal.complete()
        clear_away(path)
        assert read(path, "plan").visited  # a run that was killed before its result was kept loses nothing
    clear_away(path)
    assert not path.exists()


def test_a_run_that_is_not_resumed_begins_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    with journal_of(path, "plan", resume=False, started="2026-11-23T11:00:00Z") as (_journal, done):
        assert (done.started, done.swept, done.visited) == ("2026-11-23T11:00:00Z", [], {})
        assert read(path, "plan").swept == []


def test_a_run_that_is_stopped_leaves_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with pytest.raises(KeyboardInterrupt), journal_of(path, "plan", resume=False, started="2026-11-23T10:00:00Z"):
        raise KeyboardInterrupt
    with journal_of(path, "plan", resume=True, started="2026-11-23T11:00:00Z") as (_journal, done):
        assert done.started == "2026-11-23T10:00:00Z"


def test_a_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    assert written(tmp_path / "j").stat().st_mode & 0o077 == 0


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda t: (t[0], t[0] + t[1]))))
def test_merged_ranges_hold_the_same_positions(ranges: list[tuple[int, int]]) -> None:
    joined = merged(ranges)
    assert {p for a, b in joined for p in range(a, b)} == {p for a, b in ranges for p in range(a, b)}
    assert all(left[1] < right[0] for left, right in itertools.pairwise(joined))


SOMEBODYS = (
    b"my notes\nand more",
    b"no line end",
    b"{}\n",
    b'{"entry":"plan"}\n',
    b"\n\n",
    b'{"entry": "plan", "format": 1}',
)


@pytest.mark.parametrize("content", SOMEBODYS)
@pytest.mark.parametrize("resume", [False, True])
def test_a_file_that_is_no_journal_is_refused_and_stays_as_it_was(tmp_path: Path, content: bytes, resume: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(UsageRefused, match="journal-strange"):
        refuse_unusable(path)
    with pytest.raises(UsageRefused, match="journal-strange"):
        with journal_of(path, "plan", resume=resume, started="2026-11-23T10:00:00Z"):
            pass
    assert path.read_bytes() == content


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_no_journal_of_ours(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    os.chown(path, 12_345, -1)
    with pytest.raises(UsageRefused, match="journal-strange"):
        refuse_unusable(path)
    with pytest.raises(UsageRefused, match="journal-strange"):
        with journal_of(path, "plan", resume=True, started="2026-11-23T10:00:00Z"):
            pass
    os.chown(tmp_path, 12_345, -1)
    refuse_unusable(path)


def test_a_journal_that_is_refused_keeps_its_torn_line(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    torn = path.read_bytes()[:-5]
    path.write_bytes(torn)
    with pytest.raises(UsageRefused, match="journal-of-another-run"):
        with journal_of(path, "other", resume=True, started="2026-11-23T10:00:00Z"):
            pass
    assert path.read_bytes() == torn


def test_a_disk_that_fills_while_the_run_goes_on_is_told(tmp_path: Path) -> None:
    path = tmp_path / "j"
    program = """
import resource, sys
from pathlib import Path
from lightproof.check.journal import journal_of
from lightproof.check.sweeping.hearing import Hearing
from lightproof.errors import LightproofError
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    with journal_of(Path(sys.argv[1]), "plan", resume=False, started="2026-11-23T10:00:00Z") as (journal, _done):
        for position in range(100):
            journal.swept([(position, position + 1)], [], Hearing())
except LightproofError as error:
    print(error.error_id)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("journal-not-kept\n", "")
    with journal_of(path, "plan", resume=True, started="2026-11-23T11:00:00Z") as (_journal, done_before):
        assert done_before.started == "2026-11-23T10:00:00Z"


def test_a_place_where_no_journal_can_be_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, error_id in {
        tmp_path / "missing" / "j": "journal-not-kept",
        tmp_path / "folder": "journal-not-kept",
        tmp_path / "pipe": "journal-strange",
        Path(os.devnull): "journal-strange",
    }.items():
        with pytest.raises(UsageRefused, match=error_id) as refusal:
            refuse_unusable(path)
        assert refusal.value.exit_code == 2
        with pytest.raises(UsageRefused, match=error_id):
            Journal(path)
    refuse_unusable(written(tmp_path / "j"))
    refuse_unusable(tmp_path / "new")
    assert not (tmp_path / "new").exists()
