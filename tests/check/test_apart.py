"""What meets the network does so in a process apart: it holds no key, is heard strictly, and ends with the other."""

import asyncio
import fcntl
import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check.memory import family
from check.services import Behaviour, serving, silent
from check.watchers import Unwatched
from lightproof.check.apart import _hear, apart  # pyright: ignore[reportPrivateUsage]
from lightproof.check.hearsay import Bounds, Hearsay
from lightproof.check.watching import Look, Opening, Span, Watcher
from lightproof.errors import LightproofError, UsageRefused
from lightproof.evidence.records import Observation, Probe, Target, Unchecked

AT = datetime(2026, 11, 27, 10, tzinfo=UTC)
SEEN = Observation(at=AT, detector="dicom", target=Target("127.0.0.1", 104), service="dicom", signal="dicom-aborted")
LEFT = Unchecked(target=Target("127.0.0.1", 105), detector="identify", reason="silent")

SENT = Probe(
    at=AT, target=Target("127.0.0.1", 21), detector="ftp", ports=(21, 50_021), connections=2, bytes_out=70,
    sha256="5e" * 32,
)  # fmt: skip


class Heard(Unwatched):
    """A watcher that keeps all it hears."""

    def __init__(self) -> None:
        self.counts: list[tuple[int, ...]] = []
        self.records: list[Observation | Probe | Unchecked] = []
        self.positions: list[tuple[int, int]] = []

    def swept(self, done: int, total: int, answering: int) -> None:
        self.counts.append((done, total, answering))

    def tried(self, positions: Sequence[tuple[int, int]]) -> None:
        self.positions += positions

    def visited(self, done: int, total: int) -> None:
        self.counts.append((done, total))

    def probed(self, probe: Probe) -> None:
        self.records.append(probe)

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        self.records += (*observations, *unchecked)


def looking(look: Look) -> Callable[[], Opening]:
    return lambda: lambda: nullcontext(look)


def test_what_is_learnt_apart_is_heard_as_it_was_told() -> None:
    here = os.getpid()

    def look(watcher: Watcher) -> Span:
        assert os.getpid() != here
        watcher.swept(5, 9, 1)
        watcher.tried([(0, 3), (7, 9)])
        watcher.probed(SENT)
        watcher.learnt([SEEN], [LEFT])
        watcher.visited(1, 1)
        return Span(AT, AT, answered=False)

    heard = Heard()
    with apart(looking(look)) as looked:
        assert looked(heard) == Span(AT, AT, answered=False)
    assert heard.counts == [(5, 9, 1), (1, 1)]
    assert heard.positions == [(0, 3), (7, 9)]
    assert heard.records == [SENT, SEEN, LEFT]


def test_all_that_a_run_leaves_is_told_however_much_it_is() -> None:
    left = [LEFT] * 200_000

    def look(watcher: Watcher) -> Span:
        watcher.learnt([SEEN], left)
        return Span(AT, AT)

    heard = Heard()
    with apart(looking(look)) as looked:
        looked(heard)
    assert heard.records == [SEEN, *left]


def test_nothing_is_looked_at_before_the_word_is_given(tmp_path: Path) -> None:
    def look(watcher: Watcher) -> Span:
        (tmp_path / "looked").touch()
        return Span(AT, AT)

    with apart(looking(look)):
        time.sleep(0.2)
    assert not (tmp_path / "looked").exists()


def test_a_refusal_keeps_its_words_and_its_exit_code() -> None:
    def look(watcher: Watcher) -> Span:
        raise UsageRefused("journal-in-use", "Cause.", "Fix.")

    with apart(looking(look)) as looked, pytest.raises(LightproofError) as refusal:
        looked(Heard())
    assert (refusal.value.error_id, refusal.value.cause, refusal.value.fix) == ("journal-in-use", "Cause.", "Fix.")
    assert refusal.value.exit_code == UsageRefused.exit_code


def test_a_fault_is_told_without_the_words_of_a_stranger() -> None:
    word = "^".join(["CANARY", "DUPONT"])

    def look(watcher: Watcher) -> Span:
        raise ValueError(word)

    with apart(looking(look)) as looked, pytest.raises(LightproofError) as told:
        looked(Heard())
    assert told.value.error_id == "check-cut-short"
    assert any("ValueError" in note and "test_apart" in note for note in told.value.__notes__)
    assert word not in "".join([str(told.value), *told.value.__notes__])


def test_a_process_that_dies_is_noticed() -> None:
    def look(watcher: Watcher) -> Span:
        watcher.learnt([SEEN], [])
        os.kill(os.getpid(), signal.SIGKILL)
        return Span(AT, AT)

    heard = Heard()
    with apart(looking(look)) as looked, pytest.raises(LightproofError) as told:
        looked(heard)
    assert told.value.error_id == "check-cut-short"
    assert heard.records == [SEEN]


def test_a_process_that_ended_before_the_word_is_heard_for_why() -> None:
    def prepare() -> Opening:
        raise UsageRefused("journal-in-use", "Cause.", "Fix.")

    with apart(prepare) as looked, pytest.raises(LightproofError) as refusal:
        time.sleep(0.5)  # its end of the pipe is closed by then
        looked(Heard())
    assert refusal.value.error_id == "journal-in-use"


def test_what_was_opened_above_a_limit_that_was_lowered_since_is_let_go_of(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("correct horse battery")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with (tmp_path / "passphrase").open() as file:
        high = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, soft - 1)

        def look(watcher: Watcher) -> Span:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.pread(high, 100, 0)
            return Span(AT, AT)

        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
            with apart(looking(look)) as looked:
                assert looked(Heard()) == Span(AT, AT)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            os.close(high)


def test_whoever_leaves_the_block_ends_a_process_that_does_not_listen() -> None:
    def look(watcher: Watcher) -> Span:
        watcher.swept(0, 1, 0)
        while True:
            with suppress(KeyboardInterrupt):
                time.sleep(60)

    class Enough(Heard):
        def swept(self, done: int, total: int, answering: int) -> None:
            raise KeyboardInterrupt

    before = set(family(os.getpid()))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), apart(looking(look)) as looked:
        looked(Enough())
    assert time.monotonic() - began < 10
    assert set(family(os.getpid())) <= before


_WORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "swept",
                    "tried",
                    "probed",
                    "visited",
                    "observations",
                    "unchecked",
                    "span",
                    "refused",
                    "exit_code",
                    "fault",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(st.lists(_WORDS.map(json.dumps).map(str.encode) | st.binary(max_size=60), max_size=4))
def test_whatever_it_says_is_understood_or_refused(lines: list[bytes]) -> None:
    with pytest.raises(LightproofError):
        _hear(io.BytesIO(b"\n".join(lines) + b"\n"), Hearsay(Heard(), Bounds()))


def test_a_line_that_never_ends_is_refused() -> None:
    endless = io.BytesIO(b'{"swept": [1, 1, ' + b"1" * (20 << 20))
    with pytest.raises(LightproofError):
        _hear(endless, Hearsay(Heard(), Bounds()))


# What a process that was taken over may try


def lies(*said: object, bounds: Bounds | None = None, after_s: float = 0) -> Heard:
    """What is heard of these words, of which the last ones are not believed."""
    heard = Heard()
    times = iter([0.0])
    hearsay = Hearsay(heard, bounds or Bounds(), lambda: next(times, after_s))
    lines = b"".join(json.dumps(words).encode() + b"\n" for words in said)
    with pytest.raises(LightproofError) as told:
        _hear(io.BytesIO(lines), hearsay)
    assert told.value.error_id == "check-cut-short"
    return heard


def probe(**changed: object) -> dict[str, object]:
    said: dict[str, object] = {
        "at": "2026-11-27T10:00:00Z", "target": {"address": "127.0.0.1", "port": 21}, "detector": "ftp", "ports": [21],
        "connections": 1, "bytes_out": 7, "sha256": "5e" * 32,
    }  # fmt: skip
    return {"probed": said | changed}


@pytest.mark.parametrize(
    "changed",
    [
        {"detector": "ftp\x1b]0;owned\x07"},
        {"detector": "\ud800"},
        {"detector": "f" * 1_000},
        {"sha256": "\x1b[2J"},
        {"connections": 2**60},
        {"connections": -1},
        {"bytes_out": 2**60},
        {"ports": list(range(1, 60_000)), "connections": 60_000},
        {"ports": [70_000]},
        {"ports": []},
        {"at": "2026-11-27T10:00:00"},
    ],
)
def test_what_would_not_fit_the_ledger_or_would_write_to_a_terminal_is_not_taken_for_a_probe(
    changed: dict[str, object],
) -> None:
    assert lies(probe(), probe(**changed)).records == [
        Probe(
            at=AT, target=Target("127.0.0.1", 21), detector="ftp", ports=(21,), connections=1, bytes_out=7,
            sha256="5e" * 32,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["detector", "service", "signal"])
def test_the_words_of_an_observation_are_words(word: str) -> None:
    seen = {
        "at": "2026-11-27T10:00:00Z", "detector": "dicom", "target": {"address": "127.0.0.1", "port": 104},
        "service": "dicom", "signal": "dicom-aborted",
    }  # fmt: skip
    told = {"observations": [seen], "unchecked": []}
    untold = {"observations": [seen | {word: "\x1b[31mA"}], "unchecked": []}
    assert lies(told, untold).records == [SEEN]


def test_a_refusal_writes_nothing_but_words_to_a_terminal() -> None:
    said = {"refused": ["journal-in-use", "a\x1b[2J", "b\u202e"], "exit_code": 2}
    with pytest.raises(LightproofError) as refusal:
        _hear(io.BytesIO(json.dumps(said).encode() + b"\n"), Hearsay(Heard(), Bounds()))
    assert (refusal.value.cause, refusal.value.fix) == ("a\\x1b[2J", "b\\u202e")
    lies({"refused": ["x\x1b", "a", "b"], "exit_code": 2})
    lies({"refused": ["fine", "a", "b"], "exit_code": 0})


def test_a_position_is_told_once_and_is_one_of_the_plan() -> None:
    bounds = Bounds(positions=100)
    assert lies({"tried": [[0, 60]]}, {"tried": [[0, 60]]}, bounds=bounds).positions == [(0, 60)]
    assert lies({"tried": [[90, 101]]}, bounds=bounds).positions == []
    assert lies({"tried": [[5, 5]] * 9}, bounds=bounds).positions == []


def test_no_more_conversations_are_told_than_the_rate_allows() -> None:
    told = lies(*[probe()] * 5_000, bounds=Bounds(rate=2.0), after_s=100)
    assert len(told.records) == 1_000 + 2 * 100


def test_no_more_is_learnt_than_a_ledger_keeps() -> None:
    hearsay = Hearsay(Unwatched(), Bounds())
    line = json.dumps({"observations": [], "unchecked": [], "padding": "x" * (8 << 20)}).encode() + b"\n"
    with pytest.raises(LightproofError):
        _hear(io.BytesIO(line * 17), hearsay)


def test_nothing_is_told_of_what_the_plan_does_not_hold() -> None:
    bounds = Bounds(includes=lambda target: target.port == 21)
    other = probe(target={"address": "127.0.0.1", "port": 22})
    assert len(lies(probe(), other, bounds=bounds).records) == 1
    unknown = {"target": {"address": "127.0.0.1", "port": 22}, "detector": "visit", "reason": "silent"}
    assert lies({"observations": [], "unchecked": [unknown]}, bounds=bounds).records == []


def test_it_reads_nothing_that_was_handed_in_through_a_descriptor(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("correct horse battery")
    with (tmp_path / "passphrase").open() as handed_in:

        def look(watcher: Watcher) -> Span:
            watcher.swept(0, len(os.pread(handed_in.fileno(), 100, 0)), 0)
            return Span(AT, AT)

        heard = Heard()
        with apart(looking(look)) as looked:
            looked(heard)
        assert heard.counts == [(0, 0, 0)]
        assert handed_in.read() == "correct horse battery"


def talking(watcher: Watcher) -> Span:
    """Heeds no word to stop, and goes on talking."""
    watcher.swept(0, 1, 0)
    while True:
        with suppress(KeyboardInterrupt):
            while True:
                watcher.swept(0, 1, 0)


def test_a_process_that_goes_on_talking_is_ended_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightproof.check.apart._TO_END_S", 60.0)  # nor does it end itself

    class Enough(Heard):
        def swept(self, done: int, total: int, answering: int) -> None:
            if not self.counts:
                self.counts.append((done,))
                raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), apart(looking(talking)) as looked:
        looked(Enough())
    assert time.monotonic() - began < 1.5


def test_a_signal_stops_it_while_the_ledger_is_slow(tmp_path: Path) -> None:
    file = tmp_path / "alive"

    def opening() -> nullcontext[Look]:
        alive = os.open(file, os.O_WRONLY | os.O_CREAT)

        def look(watcher: Watcher) -> Span:
            watcher.swept(0, 1, 0)
            while True:
                os.write(alive, b".")
                time.sleep(0.02)

        return nullcontext(look)

    class Slow(Heard):
        def swept(self, done: int, total: int, answering: int) -> None:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            hashlib.pbkdf2_hmac("sha256", b"", b"", 8_000_000)  # as a disk does: one call that no signal ends

    began = time.time()
    with pytest.raises(KeyboardInterrupt), apart(lambda: opening) as looked:
        looked(Slow())
    assert time.time() - began > 1.3
    assert file.stat().st_mtime - began < 1.2


# The command itself


@contextmanager
def checking(home: Path, *targets: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "lightproof", "check", "--json", "--no-box", *targets],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LIGHTPROOF_HOME": str(home)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def child_of(process: subprocess.Popen[bytes]) -> int:
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def memory_of(pid: int) -> bytes:
    """All that a process may write to, and so may hold of its own."""
    held = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(number, 16) for number in span.split("-"))
                memory.seek(start)
                try:
                    held += memory.read(end - start)
                except OSError:  # pages of devices
                    continue
    return bytes(held)


def silent_but(called: asyncio.Event) -> Behaviour:
    """Says nothing to whoever calls, and lets the test know of it."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await silent(reader, writer)

    return behave


async def test_the_process_that_meets_the_network_holds_no_key(tmp_path: Path) -> None:
    called = asyncio.Event()
    async with serving(silent_but(called)) as port:
        with checking(tmp_path, f"127.0.0.1:{port}") as process:
            await asyncio.wait_for(called.wait(), 20)
            key = (tmp_path / "unlock.key").read_bytes()
            assert len(key) >= 32
            child = child_of(process)
            assert key not in memory_of(child)
            loaded = Path(f"/proc/{child}/maps").read_text()
            assert "sqlcipher" not in loaded
            assert "_ssl" in loaded  # it is the one that speaks TLS
            assert "sqlcipher" in Path(f"/proc/{process.pid}/maps").read_text()


@pytest.mark.skipif(sys.platform != "linux" and not os.environ.get("CI"), reason="Linux only")
@pytest.mark.parametrize("kind", [(), ("--survey",)], ids=["check", "survey"])
async def test_it_is_confined_while_it_meets_the_network(kind: tuple[str, ...], tmp_path: Path) -> None:
    called = asyncio.Event()
    async with serving(silent_but(called)) as port:
        with checking(tmp_path, f"127.0.0.1:{port}", *kind) as process:
            await asyncio.wait_for(called.wait(), 20)
            child = child_of(process)
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{child}/status").read_text().splitlines())
            assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
            assert {Path(f"/proc/{child}/fd/{standard}").readlink() for standard in range(3)} == {Path(os.devnull)}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_it_ends_with_the_command_however_that_ends(end: signal.Signals, tmp_path: Path) -> None:
    called = asyncio.Event()
    async with serving(silent_but(called)) as port:
        with checking(tmp_path, f"127.0.0.1:{port}") as process:
            await asyncio.wait_for(called.wait(), 20)
            child = child_of(process)
            process.send_signal(end)
            ends_by = time.monotonic() + 1
            while is_running(child):
                assert time.monotonic() < ends_by
                await asyncio.sleep(0.01)
    assert list((tmp_path / "runs").glob("*.journal"))


async def test_when_it_is_killed_the_command_says_so_and_can_be_resumed(tmp_path: Path) -> None:
    called = asyncio.Event()
    async with serving(silent_but(called)) as port:
        with checking(tmp_path, f"127.0.0.1:{port}") as process:
            await asyncio.wait_for(called.wait(), 20)
            os.kill(child_of(process), signal.SIGKILL)
            _out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 1
    assert b"check-cut-short" in err
    assert b"--resume" in err
    assert list((tmp_path / "runs").glob("*.journal"))
