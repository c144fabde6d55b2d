"""What a run has done so far, on disk, so that a killed run goes on where it stopped.

One JSON document a line, only ever appended. The first line names the plan; a journal of another plan is refused.
A line that a crash cut short is dropped: what it told is done again. It holds observations only: no patient data.

Whatever else is in a file that someone names is somebody's work: it is refused, and left as it is.
"""

import errno
import fcntl
import json
import os
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Any, Final, Self

from pydantic import TypeAdapter

from lightproof.check.sweeping.hearing import Hearing
from lightproof.check.watching import Span
from lightproof.errors import UsageRefused, system_reason
from lightproof.evidence.records import Observation, Target, Unchecked
from lightproof.locale import gettext as _

OBSERVATIONS: Final = TypeAdapter(tuple[Observation, ...])
UNCHECKED: Final = TypeAdapter(tuple[Unchecked, ...])
HEARING: Final = TypeAdapter(Hearing)
_FORMAT: Final = 1
_OPENING: Final = b'{"entry":"plan","format":'
"""How every journal begins, whichever its format."""
_COMPLETE: Final = b'{"entry":"complete"}\n'
"""How the journal of a run ends that had nothing left to do."""
_LONGEST_OPENING: Final = 1_024
_LOCK_S: Final = 3.0
"""How long the lock of a run that was just killed may linger."""

Learnt = tuple[tuple[Observation, ...], tuple[Unchecked, ...]]
"""What one visit told."""


@dataclass(slots=True)
class Done:
    """What earlier runs of the same plan have finished."""

    started: str | None = None
    """When the first run began (RFC 3339): a resumed run reports the same instant."""
    swept: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Positions of the sweep's order that have an answer: merged half-open ranges, ascending."""
    answering: dict[Target, None] = field(default_factory=dict[Target, None])
    """Targets that accepted a connection, in the order found."""
    hearing: Hearing = field(default_factory=Hearing)
    """Who was heard in those positions, and which of the machines that somebody named were not."""
    visited: dict[Target, Learnt] = field(default_factory=dict[Target, Learnt])
    """Targets whose detectors have all run, with what they said."""

    def sweep(self, ranges: Iterable[tuple[int, int]], hearing: Hearing) -> None:
        """These positions of the sweep have their answer too, and these were heard."""
        self.swept = merged([*self.swept, *ranges])
        self.hearing.add(hearing)

    def span(self, finished: datetime) -> Span:
        """Of the run that began with the journal and ends now."""
        assert self.started is not None
        return Span(datetime.fromisoformat(self.started), finished, answered=not self.hearing.nobody)


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Half-open ranges, joined where they touch, ascending."""
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def read(path: Path, plan: str) -> Done:
    """What the journal at `path` says is done. Raises UsageRefused when it is of another plan or not a journal."""
    done = Done()
    swept: list[tuple[int, int]] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                entry: dict[str, Any] = json.loads(line)
                if number == 1:
                    _refuse_other_plan(path, entry, plan)
                    done.started = str(entry["started"])
                    continue
                _take(entry, done, swept)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UsageRefused(
                    "journal-damaged",
                    _("Line {line} of {file} is not a lightproof journal entry.").format(line=number, file=path),
                    _("Start again without --resume; the old journal may be deleted."),
                ) from error
            if len(swept) > 10_000:
                swept = merged(swept)
    done.swept = merged(swept)
    return done


def _take(entry: dict[str, Any], done: Done, swept: list[tuple[int, int]]) -> None:
    match entry["entry"]:
        case "swept":
            swept.extend((int(start), int(stop)) for start, stop in entry["ranges"])
            for address, port in entry["answering"]:
                done.answering[Target(str(address), int(port))] = None
            done.hearing.add(HEARING.validate_python(entry["hearing"], strict=False))
        case "visited":
            target = Target(**entry["target"])
            done.visited[target] = (
                OBSERVATIONS.validate_python(entry["observations"], strict=False),
                UNCHECKED.validate_python(entry["unchecked"], strict=False),
            )
        case "complete":
            pass
        case _:
            raise ValueError(entry["entry"])


def _refuse_other_plan(path: Path, entry: dict[str, Any], plan: str) -> None:
    if entry["entry"] != "plan" or entry["format"] != _FORMAT or entry["plan"] != plan:
        raise UsageRefused(
            "journal-of-another-run",
            _("{file} belongs to a run with other targets, ports or options.").format(file=path),
            _("Repeat the first command exactly and add --resume, or name another journal."),
        )


@contextmanager
def journal_of(path: Path, plan: str, *, resume: bool, started: str) -> Generator[tuple["Journal", Done]]:
    """The journal of a run that begins now, and what it says is done: with `resume`, by earlier runs of the plan.

    Whoever keeps the result takes it away (`clear_away`); one that is left behind is of a run that was stopped.
    Raises UsageRefused when it is of another plan, damaged, in use, or no journal; then it is as it was.
    """
    with Journal(path) as journal:
        done = read(path, plan) if resume else Done()
        if done.started is None:
            done.started = started
            journal.begin(plan, started)
        else:
            journal.cut_torn_line()
        yield journal, done


def refuse_unusable(path: Path) -> None:
    """Raises UsageRefused where no journal can be kept: before a run, so that it need not be told by its end."""
    try:
        path.lstat()
    except FileNotFoundError:
        _refuse_folder(path)
    except OSError as error:
        raise _not_kept(path, error) from error
    else:
        file = _opened(path)
        try:
            _refuse_strange(path, file)
        finally:
            os.close(file)


def clear_away(path: Path) -> None:
    """Takes away the journal of a run that was complete: once its result is kept. One in use, or of less, stays."""
    with suppress(OSError):  # then it stays: whoever resumes from it has nothing to do
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            about = os.fstat(file)
            end = os.pread(file, len(_COMPLETE), max(0, about.st_size - len(_COMPLETE)))
            if S_ISREG(about.st_mode) and end == _COMPLETE and _is_at(path, file):
                path.unlink()
        finally:
            os.close(file)


class Journal:
    """Appends to a journal file. One writer a file: a second one is refused (UsageRefused) by the system's lock.

    A write is in the kernel when a method returns, so a killed process loses nothing; `sync` also survives a power cut.
    Raises UsageRefused `journal-not-kept` where the system takes nothing more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _locked(path)
        try:
            _refuse_strange(path, self._file)
        except UsageRefused:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.sync()
        finally:
            os.close(self._file)

    def begin(self, plan: str, started: str) -> None:
        """Writes the first line of a new journal, in place of what the file held."""
        with self._kept():
            os.ftruncate(self._file, 0)
        self._append({"entry": "plan", "format": _FORMAT, "plan": plan, "started": started})

    def cut_torn_line(self) -> None:
        """A line without its end was cut by a crash: it goes, or the next entry would be glued to it."""
        with self._kept():
            size = os.fstat(self._file).st_size
            tail = min(size, 1 << 20)
            while (last := os.pread(self._file, tail, size - tail).rfind(b"\n")) < 0 and tail < size:
                tail = min(size, tail * 2)
            keep = size - tail + last + 1
            if keep < size:
                os.ftruncate(self._file, keep)

    def swept(self, ranges: Sequence[tuple[int, int]], answering: Sequence[Target], hearing: Hearing) -> None:
        """These positions of the sweep have their answer, these targets accepted a connection, these were heard."""
        self._append(
            {
                "entry": "swept",
                "ranges": ranges,
                "answering": [(t.address, t.port) for t in answering],
                "hearing": HEARING.dump_python(hearing, mode="json"),
            }
        )

    def visited(self, target: Target, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        """All detectors for this target have run."""
        self._append(
            {
                "entry": "visited",
                "target": {"address": target.address, "port": target.port, "transport": target.transport},
                "observations": OBSERVATIONS.dump_python(tuple(observations), mode="json"),
                "unchecked": UNCHECKED.dump_python(tuple(unchecked), mode="json"),
            }
        )

    def sync(self) -> None:
        """Forces what was written to the disk."""
        with self._kept():
            os.fsync(self._file)

    def complete(self) -> None:
        """Everything is done. The file stays until its result is kept elsewhere: `clear_away` takes it then."""
        self._append({"entry": "complete"})

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
        with self._kept():
            while line:
                line = line[os.write(self._file, line) :]

    @contextmanager
    def _kept(self) -> Generator[None]:
        """A disk that fills or fails while the run goes on is told as one that was full before it."""
        try:
            yield
        except OSError as error:
            raise _not_kept(self._path, error) from error


def _opened(path: Path) -> int:
    try:
        # A pipe would keep a writer waiting for its reader.
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise _not_kept(path, error) from error


def _refuse_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise _not_kept(path, FileNotFoundError(errno.ENOENT, ""))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _not_kept(path, PermissionError(errno.EACCES, ""))


def _not_kept(path: Path, error: OSError) -> UsageRefused:
    return UsageRefused(
        "journal-not-kept",
        _("No journal can be kept at {file}: {why}.").format(file=path, why=system_reason(error)),
        _("Name a file in a folder that exists and that you may write to, on a disk with room."),
    )


def _refuse_strange(path: Path, file: int) -> None:
    """A file that holds something else is somebody's, and never ours to write to.

    One of another user, in a folder for everybody, shows that user what is found, and may tell us that all is done.
    """
    about = os.fstat(file)
    ours = about.st_uid in (os.geteuid(), path.parent.stat().st_uid)  # on some sticks all belongs to whoever mounted it
    begins = about.st_size == 0 or (S_ISREG(about.st_mode) and _begins_a_journal(os.pread(file, _LONGEST_OPENING, 0)))
    if ours and S_ISREG(about.st_mode) and begins:
        return
    raise UsageRefused(
        "journal-strange",
        _("{file} is not a journal of lightproof, or another user’s; it was left as it is.").format(file=path),
        _("Name a file that does not exist yet, or leave --journal out."),
    )


def _begins_a_journal(beginning: bytes) -> bool:
    line, ended, _rest = beginning.partition(b"\n")
    if not ended:
        return line.startswith(_OPENING)  # torn by a crash
    try:
        entry: object = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(entry, dict) and {"entry", "format", "plan"} <= entry.keys()


def _locked(path: Path) -> int:
    """The file, open and ours alone; waits a moment for a run that is just ending. Raises UsageRefused."""
    gives_up = time.monotonic() + _LOCK_S
    while True:
        file = _opened(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, file):
                return file
        except BlockingIOError as error:
            if time.monotonic() > gives_up:
                os.close(file)
                raise UsageRefused(
                    "journal-in-use",
                    _("Another run is writing to {file}.").format(file=path),
                    _("Wait for it to end, or name another journal."),
                ) from error
            time.sleep(0.05)
        os.close(file)


def _is_at(path: Path, file: int) -> bool:
    """Whether the file still has its name: a run that ended took it away while we waited."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
