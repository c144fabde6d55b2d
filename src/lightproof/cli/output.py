"""Standard output that says so when it cannot take what is printed: a full disk behind `> file`, a device that fails.

Whatever prints, and through however many layers, the refusal comes from here: one door for every command.
"""

import codecs
import io
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Final

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT: Final = 1
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


class _Output(io.FileIO):
    """Raises UsageRefused where the system takes nothing more; a reader that left (BrokenPipeError) is no such case."""

    def write(self, data: "ReadableBuffer", /) -> int | None:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            discard_output()  # what is still held back would be tried again at the end, and fail again
            raise UsageRefused(
                "output-not-written",
                _("The result could not be printed: {reason}.").format(reason=system_reason(error)),
                _("Make room where the output goes, or send it elsewhere, and run the command again."),
            ) from error


def discard_output() -> None:
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
    messages: object = sys.stderr
    if isinstance(messages, io.TextIOWrapper):
        messages.reconfigure(errors=_PLAINER)
    before = sys.stdout
    if not isinstance(before, io.TextIOWrapper) or before.fileno() != _STDOUT:
        return  # closed, or somebody else's: a test's
    before.flush()
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(_STDOUT, "w", closefd=False)),
        encoding=before.encoding,
        errors=_PLAINER if before.errors == "strict" else before.errors,
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )
