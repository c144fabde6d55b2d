"""What meets the network runs in a process apart, which holds no key.

What services answer is parsed there, and nowhere else. The process that keeps the ledger starts it before the home is
unlocked, lets it go once the run is in the ledger, and hears line by line what it learns.

Rules of this file:
- the process apart is made of what is in memory before any key is;
- what it says is read strictly and under limits, as if a stranger said it: whoever took it over could lie about what
  it saw, and do nothing else with us;
- neither outlives the other: each notices the other's end by a pipe, however that end came;
- what it writes to is open before the first packet. Then it gives up all else that it never needs (sandbox.py).

Both are processes of one user. Where the system cannot take from one what the other has, what that user's files hold
is kept from it by a passphrase alone.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import BinaryIO, Final, NoReturn, cast

from pydantic import TypeAdapter

from lightproof.check.hearsay import LONGEST_LINE, Bounds, Fault, Hearsay, Unbelievable
from lightproof.check.journal import OBSERVATIONS, UNCHECKED
from lightproof.check.sandbox import Confinement, confine
from lightproof.check.watching import Look, Opening, Span, Watcher
from lightproof.errors import LightproofError
from lightproof.evidence.records import Observation, Probe, Unchecked
from lightproof.locale import gettext as _

_PROBE: Final = TypeAdapter(Probe)
_TO_END_S: Final = 0.7
"""How long it may take to write its journal down once it was told to stop."""
_KILLED_AFTER_S: Final = 0.9
"""Then it is ended, whatever became of it: who stops a check has it stopped within a second."""
_GO: Final = b"\n"
_A_LINE: Final = 10_000
"""Targets left unchecked that one line tells: a megabyte."""


@contextmanager
def apart(prepare: Callable[[], Opening], bounds: Bounds | None = None) -> Generator[Look]:
    """A `Look` that is carried out in a process apart. It begins at once, with `prepare`, and sends nothing yet.

    Call what is given once the run may start: files are opened then, and rights given up. Leaving the block stops it.
    It raises what was raised there for a person (LightproofError), and LightproofError `check-cut-short` when the
    process ended before it was done, or told what no run within these `bounds` tells.
    """
    sys.stdout.flush()
    may_go, go = os.pipe()
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        _carry_out(prepare, may_go, mouth)
    os.close(may_go)
    os.close(mouth)
    with os.fdopen(ear, "rb") as words, os.fdopen(go, "wb", buffering=0) as leash:

        def look(watcher: Watcher) -> Span:
            with suppress(BrokenPipeError):  # it has ended already, and its last words say why
                leash.write(_GO)
            hearsay = Hearsay(watcher, bounds or Bounds())
            try:
                with _pulled_by_signals(leash):
                    return _hear(words, hearsay)
            except KeyboardInterrupt:
                leash.close()
                with _killed_in_time(child), suppress(LightproofError):
                    _hear(words, hearsay)  # what it had sent by then belongs into the record
                raise

        try:
            yield look
        finally:
            leash.close()
            words.close()
            _see_it_end(child)


def _see_it_end(child: int) -> None:
    gives_up = time.monotonic() + _KILLED_AFTER_S
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > gives_up:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.002)


@contextmanager
def _killed_in_time(child: int) -> Generator[None]:
    """Ends the child, which was told to stop, where the block takes too long. Nobody has waited for it: the number is
    still its own."""
    killing = threading.Timer(_KILLED_AFTER_S, os.kill, (child, signal.SIGKILL))
    killing.daemon = True
    killing.start()
    try:
        yield
    finally:
        killing.cancel()
        killing.join()


@contextmanager
def _pulled_by_signals(leash: BinaryIO) -> Generator[None]:
    """Whatever signal we heed stops the other process at once, also while a slow disk keeps us from heeding it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are another thread's
        return
    os.set_blocking(leash.fileno(), False)
    before = signal.set_wakeup_fd(leash.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


# In the process that keeps the ledger


def _hear(words: BinaryIO, hearsay: Hearsay) -> Span:
    """Passes on what the other process says, until it says that it is done."""
    try:
        while line := words.readline(LONGEST_LINE):
            if (span := hearsay.take(line)) is not None:
                return span
    except Fault as fault:
        raise _cut_short(str(fault)) from fault
    except Unbelievable as error:
        raise _cut_short("") from error
    raise _cut_short("")


def _cut_short(note: str) -> LightproofError:
    """`note` is for --debug."""
    error = LightproofError(
        "check-cut-short",
        _("The process that looks at the network ended before it was done."),
        _("Run the same command again with --resume. If it ends so again, add --debug and send what it prints."),
    )
    if note:
        error.add_note(note)
    return error


# In the process apart


def _carry_out(prepare: Callable[[], Opening], may_go: int, mouth: int) -> NoReturn:
    """Runs to its end. It never returns: what the caller has open is the other process's to close."""
    with suppress(BaseException), os.fdopen(mouth, "wb") as words:
        confined: Confinement | None = None
        try:
            _let_go_of_what_is_open(but=(may_go, mouth))
            signal.signal(signal.SIGTERM, _interrupt)
            opening = prepare()
            if os.read(may_go, 1) == _GO:
                with opening() as look:
                    confined = confine()  # while there is one thread: another would keep its rights
                    threading.Thread(target=_end_with_the_other, args=(may_go,), daemon=True).start()
                    span = look(_Telling(words))
                _say(words, {"span": [span.started.isoformat(), span.finished.isoformat(), span.answered]})
        except LightproofError as error:
            _say(words, {"refused": [error.error_id, error.cause, error.fix], "exit_code": error.exit_code})
        except Exception as error:  # noqa: BLE001 - the last door: without its message, which may hold a stranger's bytes
            _say(words, {"fault": type(error).__name__, "frames": f"{confined}\n{_frames(error.__traceback__)}"})
    os._exit(0)


def _let_go_of_what_is_open(*, but: Collection[int]) -> None:
    """The passphrase that is asked for meanwhile, or handed in through a descriptor, is for the other process to read.

    So is whatever else we were begun with: what is open is no matter of paths, which are given up later.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        everything = {0, 1, 2, *map(int, os.listdir("/dev/fd"))}  # noqa: PTH208 - numbers, no paths
    except OSError:  # no such view of descriptors is mounted here
        everything = set(range(256))
    for number in everything.difference((nothing, *but)):
        try:
            os.dup2(nothing, number)  # whoever held it closes it by its number, which may be another's by then
        except OSError:  # opened before the limit on numbers was lowered, and above it: none will be another's
            with suppress(OSError):
                os.close(number)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """As Ctrl-C does: the journal is closed properly. Ctrl-C itself is not heard where whoever began us ignores it."""
    raise KeyboardInterrupt


def _end_with_the_other(may_go: int) -> None:
    """Nothing more comes through this pipe but the word to stop, or its end."""
    os.read(may_go, 1)
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGTERM)  # a real signal: it ends a wait for news of the network, too
    time.sleep(_TO_END_S)
    os._exit(1)


def _frames(trace: TracebackType | None) -> str:
    return "".join(traceback.format_tb(trace))


def _say(words: BinaryIO, said: dict[str, object]) -> None:
    words.write(json.dumps(said, separators=(",", ":"), ensure_ascii=True).encode() + b"\n")
    words.flush()


class _Telling:
    """The watcher of the process apart: tells the other one."""

    def __init__(self, words: BinaryIO) -> None:
        self._words = words

    def swept(self, done: int, total: int, answering: int) -> None:
        _say(self._words, {"swept": [done, total, answering]})

    def tried(self, positions: Sequence[tuple[int, int]]) -> None:
        _say(self._words, {"tried": positions})

    def probed(self, probe: Probe) -> None:
        _say(self._words, {"probed": cast("object", _PROBE.dump_python(probe, mode="json"))})

    def visited(self, done: int, total: int) -> None:
        _say(self._words, {"visited": [done, total]})

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        # A run whose permission ends has all that it leaves to tell at once, and a line has a limit.
        for start in range(0, max(len(unchecked), 1), _A_LINE):
            _say(
                self._words,
                {
                    "observations": cast("object", OBSERVATIONS.dump_python(tuple(observations), mode="json")),
                    "unchecked": cast(
                        "object", UNCHECKED.dump_python(tuple(unchecked[start : start + _A_LINE]), mode="json")
                    ),
                },
            )
            observations = ()
