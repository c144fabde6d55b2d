"""How far a long command has come, on a terminal that watches: one line, rewritten; nothing at all elsewhere."""

import sys
import time
from typing import Final

_EVERY_S: Final = 0.2
_QUIET_S: Final = 1.0
"""What ends sooner needs no progress."""


class ProgressLine:
    """Call `show` as often as you like, and `clear` at the end."""

    def __init__(self) -> None:
        self._watching = sys.stderr.isatty()
        self._began = time.monotonic()
        self._shown = 0.0
        self._length = 0

    def show(self, text: str) -> None:
        """Rewrites the line, with the time elapsed, a few times a second at most."""
        now = time.monotonic()
        if not self._watching or now - self._began < _QUIET_S or now - self._shown < _EVERY_S:
            return
        line = f"{text} · {now - self._began:.0f} s"
        sys.stderr.write("\r" + line.ljust(self._length))
        sys.stderr.flush()
        self._shown, self._length = now, len(line)

    def clear(self) -> None:
        """Takes the line away."""
        if self._length:
            sys.stderr.write("\r" + " " * self._length + "\r")
            sys.stderr.flush()
            self._length = 0
