"""Standard output that says so when it cannot take what is printed: a full disk behind `> file`, a device that fails.

Whatever prints, and through however many layers, the refusal comes from here: one door for every command.
"""

import codecs
import io
import os
import select
import sys
import unicodedata
from typing import TYPE_CHECKING, Final, TextIO

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT: Final = 1
_STDERR: Final = 2
_STREAMS: Final = (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))
"""By their numbers, and what may be done with the stand-in of each: a closed output refuses what is written."""
_PLAINER: Final = "lightproof-plainer"
_PLAIN: Final = str.maketrans(
    {
        "’": "'",
        "“": '"',
        "”": '"',
        "«": '"',
        "»": '"',
        "→": "->",
        "–": "-",
        "—": "-",
        "·": "-",
        "×": "x",
        "œ": "oe",
        "Œ": "OE",
    }
)


class _Patient(io.FileIO):
    """Waits where there is no room yet: another program at the same terminal or pipe may have it never wait."""

    def write(self, data: "ReadableBuffer", /) -> int | None:
        while (written := super().write(data)) is None:
            select.select((), (self,), ())
        return written


class _Output(_Patient):
    """Raises UsageRefused where the system takes nothing more. A reader that left (`| head`) is no such case.

    Nobody is there to be told of that, and the command goes on to its own end and exit code.
    """

    deserted = False
    """Whether the reader left."""

    def write(self, data: "ReadableBuffer", /) -> int | None:
        try:
            return super().write(data)
        except BrokenPipeError:
            self.deserted = True
            _discard_output()
            return memoryview(data).nbytes
        except OSError as error:
            _discard_output()  # what is still held back would be tried again at the end, and fail again
            raise UsageRefused(
                "output-not-written",
                _("The result could not be printed: {reason}.").format(reason=system_reason(error)),
                _("Make room where the output goes, or send it elsewhere, and run the command again."),
            ) from error


class _Messages(_Patient):
    """A message that nobody can be told stops nothing, and changes no exit code."""

    def write(self, data: "ReadableBuffer", /) -> int | None:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def reader_left() -> bool:
    """Whether nobody reads any more what is printed."""
    raw: object = getattr(sys.stdout.buffer, "raw", None)
    return isinstance(raw, _Output) and raw.deserted


def _discard_output() -> None:
    """Nothing that is printed from now on goes anywhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDOUT)
    os.close(nowhere)


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """What stands for a character that the stream's encoding lacks: words of ours are never a reason to fail."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return bare.encode("ascii", "replace").decode("ascii"), error.end


def guard_output() -> None:
    """Has everything that this process prints pass here, in plainer letters where the encoding is poor (cp1252)."""
    codecs.register_error(_PLAINER, _plainer)
    _stand_in_for_closed()
    sys.stderr.flush()
    sys.stderr = _guarded(sys.stderr, _Messages, _STDERR)
    sys.stdout.flush()
    sys.stdout = _guarded(sys.stdout, _Output, _STDOUT)


def _stand_in_for_closed() -> None:
    """Where a stream was closed before we began, its number would go to the next file: the database, as stdout.

    Input then is at its end, messages go nowhere, and what is printed is refused as it would have been.
    """
    for number, (name, how) in enumerate(_STREAMS):
        if getattr(sys, name) is not None:
            continue
        stand_in = os.open(os.devnull, how)
        if stand_in != number:
            os.dup2(stand_in, number)
            os.close(stand_in)
        setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - it lasts as long as we do


def _guarded(before: TextIO, kind: type[_Patient], number: int) -> TextIO:
    stream: object = before
    if not isinstance(stream, io.TextIOWrapper) or stream.fileno() != number:
        return before  # somebody else's: a test's
    return io.TextIOWrapper(
        io.BufferedWriter(kind(number, "w", closefd=False)),
        encoding=stream.encoding,
        errors=_PLAINER if number == _STDERR or stream.errors == "strict" else stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
