"""Which ports answer, and to what: one epoll loop for very many targets.

Rules of this file. Nothing is kept for a target that is not being called at this moment; a *line* (a socket and a few
fields) is used for one target after the other. Every call has one deadline until it is picked up and one for its whole
answer, whatever the peer sends in between, and a cap on bytes. What this machine itself could not do (no port, no
descriptor left) is tried again later and is never told as the target's state.

A second connect() tells how the first one went: a refusal on loopback needs no epoll round.

A round does one kind of work after the other: it places calls, greets all that picked up, takes in and judges what was
said, and hangs up. Each kind finds its code and data in the processor's caches: a twentieth of the whole cost where
other work presses on them (measured).
"""

import contextlib
import errno
import gc
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from lightproof.check.sweeping.deadlines import Deadlines
from lightproof.check.sweeping.hearing import SILENCES, Hearing
from lightproof.check.sweeping.lines import Job, Line, Lines, call_from_elsewhere, is_itself, source_ports
from lightproof.check.sweeping.order import Order
from lightproof.check.sweeping.questions import Outcome, Question
from lightproof.check.sweeping.readiness import WRITABLE, Readiness, best_readiness
from lightproof.check.sweeping.turns import Pace, Turns, unhurried_outside
from lightproof.check.targets import TargetSpace

if TYPE_CHECKING:
    from lightproof.evidence.records import Target

R = TypeVar("R")


_UNINTERESTING: Final = frozenset({Outcome.CLOSED, Outcome.SILENT, Outcome.UNREACHABLE})
_UNHEARD: Final = frozenset({Outcome.SILENT, Outcome.UNREACHABLE, Outcome.NOT_TRIED})
"""Of a first question; a second one is only asked where the first was heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard a sweep may press."""

    rate: float | None = None
    """Calls started a second, in all; None for as many as go."""
    in_flight: int = 8_192
    """Calls at once; less when the system allows fewer descriptors."""
    connect_s: float = 3.5
    """Linux repeats an unanswered SYN after one second and after three."""
    pace: Pace = unhurried_outside


class Answer(NamedTuple, Generic[R]):
    """A target that picked up, or that this machine could not call."""

    position: int
    """In the sweep's order."""
    place: tuple[str, int]
    """Address and port."""
    outcome: Outcome
    question: str
    """The last one that was asked."""
    found: R | None

    @property
    def target(self) -> "Target":
        """The place, as a target."""
        from lightproof.evidence.records import Target  # noqa: PLC0415 - as long to load as a thousand calls to place

        return Target(*self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[R]):
    """What became known since the last batch."""

    done: tuple[tuple[int, int], ...]
    """Positions that have their answer: half-open ranges, ascending."""
    answers: tuple[Answer[R], ...]
    counts: dict[Outcome, int] = field(default_factory=dict[Outcome, int])
    """How the finished calls ended, these answers included."""
    hearing: Hearing = field(default_factory=Hearing)
    """Who was heard, and which of the watched machines were not."""

    @property
    def targets(self) -> int:
        """How many targets this batch finishes."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(Generic[R]):
    """Calls every target of a space in a repeatable order and tells how that went, batch after batch."""

    space: TargetSpace
    question: Question[R]
    seed: int = 0
    limits: Limits = Limits()
    shard: int = 0
    """This process takes the positions shard, shard + shards, ..."""
    shards: int = 1
    clock: Callable[[], float] = time.monotonic
    stop: Callable[[], bool] = lambda: False
    """Asked four times a second at least; once it says yes, nothing more is sent."""
    readiness: Callable[[], Readiness] = best_readiness
    watched: frozenset[str] = frozenset()
    """Addresses of which it is told whether they were heard."""
    unanswered: Callable[[tuple[tuple[int, int], ...]], None] = lambda _positions: None
    """Is told, as a sweep ends that was stopped, the positions that were called and that no batch tells."""

    def run(self, done: Sequence[tuple[int, int]] = ()) -> Generator[Batch[R]]:
        """Sweeps all positions but those in `done` (ascending half-open ranges, as batches tell them)."""
        lines: Lines[R] = Lines(self.readiness(), self.limits.in_flight)
        loop = _Loop(self, self._pending(done), lines)
        try:
            yield from loop.batches()
        finally:
            if called := loop.called():
                self.unanswered(called)
            lines.hang_up()

    def _pending(self, done: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        order = Order(len(self.space), self.seed)
        return chain.from_iterable(
            order.walk(range(start + (self.shard - start) % self.shards, stop, self.shards))
            for start, stop in _gaps(done, len(self.space))
        )


def untried(space: TargetSpace, seed: int, done: Sequence[tuple[int, int]]) -> "Iterator[Target]":
    """What a sweep of the space would still try when these positions are done (ascending half-open ranges)."""
    order = Order(len(space), seed)
    return (space[index] for gap in _gaps(done, len(space)) for _, index in order.walk(range(*gap)))


def _gaps(done: Sequence[tuple[int, int]], total: int) -> Iterator[tuple[int, int]]:
    """The positions between those that are done."""
    return zip([0, *(stop for _, stop in done)], [*(start for start, _ in done), total], strict=True)


_PENDING: Final = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR})
_OURS: Final = frozenset({errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})
"""This machine's own trouble, most often that all its ports towards one target are in use."""
_PICKED_UP_AND_ENDED: Final = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})
_STARTS_A_ROUND: Final = 256
_EVENTS_A_ROUND: Final = 512
_BATCH_S: Final = 0.25
_BATCH_TARGETS: Final = 16_384
_LONGEST_WAIT_S: Final = 0.2
_GATHERING_S: Final = 0.05
"""Once all calls are placed, news is left to gather: peers that say one byte at a time would cost a round each."""
_RETRY_S: Final = 0.2
_ATTEMPTS: Final = 50
_MOST_WAITING: Final = 8_192


class _Loop(Generic[R]):
    """One run of a sweep."""

    def __init__(self, sweep: Sweep[R], pending: Iterator[tuple[int, int]], lines: Lines[R]) -> None:
        self._sweep = sweep
        self._clock = sweep.clock
        self._question = sweep.question
        self._pending = pending
        self._exhausted = False
        self._readiness = lines.readiness
        self._source_ports = source_ports()
        self._nobody_minds = sweep.limits.pace is unhurried_outside and sweep.space.is_ipv4_loopback
        self._lines = lines
        self._turns: Turns[Job[R]] = Turns(sweep.limits.pace)
        self._calls: dict[int, Line[R]] = {}
        """Calls in flight, by their number."""
        self._to_greet: list[tuple[Line[R], Job[R]]] = []
        """Those that picked up in this round."""
        self._last_call = 0
        self._next_jobs: deque[Job[R]] = deque()
        self._retries: deque[tuple[float, Job[R]]] = deque()
        self._to_pick_up = Deadlines(sweep.limits.connect_s)
        self._to_answer: dict[float, Deadlines] = {}
        self._credit = 1.0
        self._now = self._credited_at = self._clock()
        self._done: list[int] = []
        self._answers: list[Answer[R]] = []
        self._counts: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self._hearing = Hearing()
        self._watched = sweep.watched

    def batches(self) -> Generator[Batch[R]]:
        """Runs until everything is done or it is told to stop."""
        going_on = True
        while going_on:
            with _garbage_left_lying():
                going_on = self._until_worth_telling()
            if self._done:
                yield self._batch()

    def called(self) -> tuple[tuple[int, int], ...]:
        """Positions that were called at least once, and that no batch has told."""
        jobs = [line.job for line in self._calls.values() if line.job is not None]
        later = chain(self._next_jobs, self._turns.jobs(), (job for _at, job in self._retries))
        jobs += [job for job in later if job.question is not self._question]
        return _as_ranges([*self._done, *(job.position for job in jobs)])

    def _until_worth_telling(self) -> bool:
        """Works until there is a batch to tell; says whether there is more to do."""
        tell_at = self._clock() + _BATCH_S
        while not self._sweep.stop():
            now = self._now = self._clock()
            self._hang_up_overdue(now)
            started = self._start(now)
            self._greet()
            waiting = self._calls or self._retries or self._turns.waiting or self._next_jobs
            if self._exhausted and not (started or waiting):
                return False
            if not started:
                time.sleep(_GATHERING_S)
            arrived = self._readiness.wait(self._patience(now, started), _EVENTS_A_ROUND)
            self._now = self._clock()
            self._hear(arrived)
            self._lines.close_ended()
            if len(self._done) >= _BATCH_TARGETS or (now >= tell_at and self._done):
                return True
        return False

    def _batch(self) -> Batch[R]:
        counts = {outcome: count for outcome, count in self._counts.items() if count}
        done = _as_ranges(self._done)
        batch = Batch(done=done, answers=tuple(self._answers), counts=counts, hearing=self._hearing)
        self._done = []
        self._answers = []
        self._counts = dict.fromkeys(Outcome, 0)
        self._hearing = Hearing()
        return batch

    # Placing calls

    def _start(self, now: float) -> int:
        """Starts as many calls as limits and manners allow, in the order: retries, second questions, new targets."""
        room = min(_STARTS_A_ROUND, self._lines.most - len(self._calls))
        if self._sweep.limits.rate is not None:
            rate = self._sweep.limits.rate
            self._credit = min(self._credit + (now - self._credited_at) * rate, max(1.0, rate * _LONGEST_WAIT_S))
            self._credited_at = now
            room = min(room, int(self._credit))
        started = 0
        while started < room and (job := self._due_job(now)) is not None:
            self._place(job)
            started += 1
        if started < room and not self._exhausted and self._turns.waiting < _MOST_WAITING:
            started += self._start_new(room - started, now)
        self._credit -= started
        return started

    def _due_job(self, now: float) -> Job[R] | None:
        if self._retries and self._retries[0][0] <= now:
            return self._retries.popleft()[1]
        if (job := self._turns.due(self._last_call + 1, now)) is not None:
            return job
        while self._next_jobs:
            job = self._next_jobs.popleft()
            if self._turns.take(job.address[0], job, self._last_call + 1, now):
                return job
        return None

    def _start_new(self, room: int, now: float) -> int:
        """Calls new targets: those that need no manners at once, the others when it is their host's turn."""
        if self._nobody_minds:
            return self._start_at_once(room)
        turns, locate = self._turns, self._sweep.space.locate
        started = 0
        for position, index in self._pending:
            address = locate(index)
            job = Job(position, address, self._question)
            if turns.take(address[0], job, self._last_call + 1, now):
                self._place(job)
                started += 1
            if started >= room or turns.waiting >= _MOST_WAITING:
                return started
        self._exhausted = True
        return started

    def _start_at_once(self, room: int) -> int:
        """The way of a closed port on loopback, kept as short as it can be: two system calls, and no object."""
        locate, question, lines, watched = self._sweep.space.locate, self._question, self._lines, self._watched
        refused, again, closed = errno.ECONNREFUSED, _PENDING, self._done
        spare = lines.spare[socket.AF_INET]
        started = closed_now = 0
        for position, index in islice(self._pending, room):
            started += 1
            address = locate(index)
            if not spare and not lines.add_spare(socket.AF_INET):
                self._later(Job(position, address, question))
                continue
            connect = spare[-1].sock.connect_ex
            failed = connect(address)
            if failed in again:
                failed = connect(address)
            if failed == refused:
                closed.append(position)
                closed_now += 1
                if watched and address[0] in watched:
                    self._hearing.machines.add(address[0])
            else:
                self._follow(spare.pop(), Job(position, address, question), failed)
        self._exhausted = started < room
        self._counts[Outcome.CLOSED] += closed_now
        self._hearing.anybody |= closed_now > 0
        return started

    def _place(self, job: Job[R]) -> None:
        """Calls on a spare line, or a new one; when there is none to be had, later."""
        family = socket.AF_INET6 if ":" in job.address[0] else socket.AF_INET
        if not self._lines.spare[family] and not self._lines.add_spare(family):
            self._later(job)
            return
        line = self._lines.spare[family].pop()
        if job.attempts:
            call_from_elsewhere(line.sock, job)
        failed = line.sock.connect_ex(job.address)
        if failed in _PENDING and self._readiness.lines_are_reusable:
            failed = line.sock.connect_ex(job.address)
        self._follow(line, job, failed)

    def _follow(self, line: Line[R], job: Job[R], failed: int) -> None:
        """A call has been placed; `failed` is what connect said."""
        self._last_call += 1
        line.call = self._last_call
        line.job = job
        line.up = False
        self._calls[line.call] = line
        if failed in _PENDING:
            self._lines.watch(line, connecting=True)
            self._to_pick_up.add(line.call, self._now)
        else:
            self._connected(line, job, failed)

    # What becomes of them

    def _hear(self, arrived: Sequence[tuple[int, int]]) -> None:
        """Heeds the news: first who picked up, then what was said."""
        speaking: list[tuple[Line[R], Job[R]]] = []
        for descriptor, news in arrived:
            line = self._lines.by_descriptor.get(descriptor)
            if line is None or (job := line.job) is None:
                continue
            if not line.up:
                self._see_whether_up(line, job)
            if line.up and news & ~WRITABLE:
                speaking.append((line, job))
        self._greet()
        for line, job in speaking:
            if line.job is job:
                self._listen(line, job)

    def _see_whether_up(self, line: Line[R], job: Job[R]) -> None:
        if self._readiness.lines_are_reusable:
            failed = line.sock.connect_ex(job.address)
        else:
            failed = line.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed not in _PENDING:
            self._connected(line, job, failed)

    def _connected(self, line: Line[R], job: Job[R], failed: int) -> None:
        """The system has decided whether there is a connection."""
        if failed in (0, errno.EISCONN):
            self._picked_up(line, job)
        elif failed == errno.ECONNREFUSED:
            self._finish(line, job, Outcome.CLOSED)
        elif failed in _PICKED_UP_AND_ENDED:
            self._finish(line, job, Outcome.ENDED)
        elif failed == errno.ETIMEDOUT:
            self._finish(line, job, Outcome.SILENT)
        elif failed in _OURS:
            self._release(line)
            self._later(job)
        else:
            self._finish(line, job, Outcome.UNREACHABLE)

    def _picked_up(self, line: Line[R], job: Job[R]) -> None:
        host, port = job.address
        if port in self._source_ports and is_itself(line.sock):
            # A socket that calls a free port of its own address may be given that very port, and meet itself.
            self._finish(line, job, Outcome.CLOSED)
            return
        line.up = True
        if self._turns.callers:
            self._turns.connected(host, line.call)
        self._to_greet.append((line, job))

    def _greet(self) -> None:
        """Says hello to all that picked up."""
        picked_up, self._to_greet = self._to_greet, []
        for line, _job in picked_up:
            self._lines.watch(line, connecting=False)
        for line, job in picked_up:
            question = job.question
            words = question.hello
            if question.conversation is not None:
                line.talk = question.conversation()
                words = line.talk.begin()
            if not words:
                self._finish(line, job, Outcome.OPEN)
            elif self._say(line, job, words):
                deadlines = self._to_answer.get(question.answer_s)
                if deadlines is None:
                    deadlines = self._to_answer[question.answer_s] = Deadlines(question.answer_s)
                deadlines.add(line.call, self._now)

    def _say(self, line: Line[R], job: Job[R], words: bytes) -> bool:
        """Whether it could be said; if not, the call is over."""
        try:
            if line.sock.send(words) == len(words):
                return True
        except OSError:
            pass
        self._finish(line, job, Outcome.ENDED)
        return False

    def _listen(self, line: Line[R], job: Job[R]) -> None:
        """Takes what has come, and judges it."""
        question = job.question
        try:
            data = line.sock.recv(question.longest_answer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        found: R | None = None
        if line.talk is not None:
            words, found = line.talk.heard(data)
            if words and found is None:
                if not self._say(line, job, words):
                    return
            elif words:
                with contextlib.suppress(OSError):
                    line.sock.send(words)
        elif data and question.recognise is not None:
            if line.heard is None:
                line.heard = bytearray(data)
            else:
                line.heard += data
            found = question.recognise(line.heard)
        if found is not None:
            if question.farewell is not None and (words := question.farewell(found)):
                with contextlib.suppress(OSError):
                    line.sock.send(words)
            self._finish(line, job, Outcome.RECOGNISED, found)
        elif not data:
            self._finish(line, job, Outcome.ENDED)
        elif line.heard is not None and len(line.heard) >= question.longest_answer:
            self._finish(line, job, Outcome.FLOOD)

    def _hang_up_overdue(self, now: float) -> None:
        for call in self._to_pick_up.due(now):
            line = self._calls.get(call)
            if line is not None and line.job is not None and not line.up:
                self._finish(line, line.job, Outcome.SILENT)
        for deadlines in tuple(self._to_answer.values()):
            for call in deadlines.due(now):
                line = self._calls.get(call)
                if line is not None and line.job is not None:
                    self._finish(line, line.job, Outcome.MUTE)
        self._lines.close_ended()

    def _finish(self, line: Line[R], job: Job[R], outcome: Outcome, found: R | None = None) -> None:
        """The call is over: its line is given back, and its target is done unless there is more to ask."""
        self._release(line, reusable=outcome is Outcome.CLOSED and not line.up)
        question = job.question
        if question.then is not None and (again := question.then(outcome, found)) is not None:
            self._next_jobs.append(Job(job.position, job.address, again))
            return
        self._conclude(job, outcome, found)

    def _conclude(self, job: Job[R], outcome: Outcome, found: R | None = None) -> None:
        self._done.append(job.position)
        self._counts[outcome] += 1
        host, port = job.address
        if job.question is not self._question or outcome not in _UNHEARD:
            self._hearing.heard(host, watched=host in self._watched)
        elif (how := SILENCES.get(outcome)) is not None:
            self._hearing.missed(host, port, how, watched=host in self._watched)
        if outcome not in _UNINTERESTING or job.question is not self._question:
            self._answers.append(Answer(job.position, job.address, outcome, job.question.name, found))

    def _release(self, line: Line[R], *, reusable: bool = False) -> None:
        job = line.job
        if job is not None:
            if self._turns.callers:
                self._turns.ended(job.address[0], line.call)
            reusable = reusable and not job.attempts
        del self._calls[line.call]
        self._lines.give_back(line, reusable=reusable)

    def _later(self, job: Job[R]) -> None:
        """This machine's own trouble: the call is placed again in a while, many times, before we give up on it."""
        job.attempts += 1
        if job.attempts > _ATTEMPTS:
            self._conclude(job, Outcome.NOT_TRIED)
        else:
            self._retries.append((self._now + _RETRY_S, job))

    def _patience(self, now: float, started: int) -> float:
        """How long to wait for news: not at all while calls can be placed."""
        if started:
            return 0.0
        times = [d.next_due for d in (self._to_pick_up, *self._to_answer.values())]
        times += [self._turns.next_due, self._retries[0][0] if self._retries else None]
        if self._sweep.limits.rate is not None and (self._next_jobs or not self._exhausted):
            times.append(now + (1.0 - self._credit) / self._sweep.limits.rate)
        soonest = min((t for t in times if t is not None), default=now + _LONGEST_WAIT_S)
        return min(max(soonest - now, 0.001), _LONGEST_WAIT_S)


@contextlib.contextmanager
def _garbage_left_lying() -> Generator[None]:
    """The loop makes no cycles; looking for them among thousands of lines took a tenth of its time (measured)."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _as_ranges(positions: list[int]) -> tuple[tuple[int, int], ...]:
    if not positions:
        return ()
    ranges: list[tuple[int, int]] = []
    positions.sort()
    start = last = positions[0]
    for position in positions[1:]:
        if position != last + 1:
            ranges.append((start, last + 1))
            start = position
        last = position
    ranges.append((start, last + 1))
    return tuple(ranges)
