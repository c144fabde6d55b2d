"""What meets the network runs in a process apart, which holds no key.

Strangers' bytes are parsed there, and nowhere else. The process that keeps the ledger starts it before the home is
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

import _thread
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from signal import SIGKILL
from types import TracebackType
from typing import Any, BinaryIO, Final, NoReturn, cast

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from lightproof.check.journal import OBSERVATIONS, UNCHECKED
from lightproof.check.sandbox import Confinement, confine
from lightproof.check.watching import Look, Opening, Span, Watcher
from lightproof.errors import LightproofError
from lightproof.evidence.records import Observation, Probe, Unchecked
from lightproof.locale import gettext as _

_PROBE: Final = TypeAdapter(Probe)
_POSITIONS: Final = TypeAdapter(tuple[tuple[NonNegativeInt, NonNegativeInt], ...])
_LONGEST_LINE: Final = 16 << 20
"""What one visit tells takes a few hundred kilobytes at most."""
_TO_END_S: Final = 2.0
"""How long it may take to write its journal down once it was told to stop."""
_GO: Final = b"\n"


@contextmanager
def apart(prepare: Callable[[], Opening]) -> Generator[Look]:
    """A `Look` that is carried out in a process apart. It begins at once, with `prepare`, and sends nothing yet.

    Call what is given once the run may start: files are opened then, and rights given up. Leaving the block stops it.
    It raises what was raised there for a person (LightproofError), and LightproofError `check-cut-short` when the
    process ended before it was done.
    """
    sys.stdout.flush()
    may_go, go = os.pipe()
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        os.close(go)
        os.close(ear)
        _carry_out(prepare, may_go, mouth)
    os.close(may_go)
    os.close(mouth)
    with os.fdopen(ear, "rb") as words, os.fdopen(go, "wb", buffering=0) as leash:

        def look(watcher: Watcher) -> Span:
            leash.write(_GO)
            try:
                return _hear(words, watcher)
            except KeyboardInterrupt:
                leash.close()
                with suppress(LightproofError):
                    _hear(words, watcher)  # what it had sent by then belongs into the record
                raise

        try:
            yield look
        finally:
            leash.close()
            words.close()
            _see_it_end(child)


def _see_it_end(child: int) -> None:
    gives_up = time.monotonic() + 2 * _TO_END_S
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > gives_up:
            os.kill(child, SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.002)


# In the process that keeps the ledger


def _hear(words: BinaryIO, watcher: Watcher) -> Span:
    """Passes on what the other process says, until it says that it is done."""
    while line := words.readline(_LONGEST_LINE):
        try:
            said: dict[str, Any] = json.loads(line)
            match said:
                case {"swept": [int(done), int(total), int(answering)]}:
                    watcher.swept(done, total, answering)
                case {"tried": positions}:
                    watcher.tried(_POSITIONS.validate_python(positions, strict=False))
                case {"probed": probe}:
                    watcher.probed(_PROBE.validate_python(probe, strict=False))
                case {"visited": [int(done), int(total)]}:
                    watcher.visited(done, total)
                case {"observations": observations, "unchecked": unchecked}:
                    watcher.learnt(
                        OBSERVATIONS.validate_python(observations, strict=False),
                        UNCHECKED.validate_python(unchecked, strict=False),
                    )
                case {"span": [str(started), str(finished), bool(answered)]}:
                    return Span(datetime.fromisoformat(started), datetime.fromisoformat(finished), answered)
                case {"refused": [str(error_id), str(cause), str(fix)], "exit_code": int(exit_code)}:
                    raise _refused(error_id, cause, fix, exit_code)
                case {"fault": str(kind), "frames": str(frames)}:
                    raise _cut_short(f"{kind}\n{frames}")
                case _:
                    raise ValueError(line[:80])
        except (ValueError, RecursionError, ValidationError) as error:
            raise _cut_short("") from error
    raise _cut_short("")


def _refused(error_id: str, cause: str, fix: str, exit_code: int) -> LightproofError:
    error = LightproofError(error_id, cause, fix)
    error.exit_code = exit_code
    return error


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
            _let_go_of_the_terminal(but=(may_go, mouth))
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


def _let_go_of_the_terminal(*, but: Collection[int]) -> None:
    """The passphrase that is asked for meanwhile, or what is piped in, is for the other process to read."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in {0, 1, 2}.difference(but):
        os.dup2(nothing, standard)


def _end_with_the_other(may_go: int) -> None:
    """Nothing more comes through this pipe but its end."""
    os.read(may_go, 1)
    _thread.interrupt_main()  # as Ctrl-C does: the journal is closed properly
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
        _say(
            self._words,
            {
                "observations": cast("object", OBSERVATIONS.dump_python(tuple(observations), mode="json")),
                "unchecked": cast("object", UNCHECKED.dump_python(tuple(unchecked), mode="json")),
            },
        )
