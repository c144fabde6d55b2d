"""A person at a terminal: a pseudo-terminal on which a command asks and answers are typed."""

import os
import pty
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def at_a_terminal(
    *arguments: object, home: Path, answers: Sequence[tuple[str, str]], language: str = "en", timeout_s: float = 60
) -> tuple[int, str]:
    """Runs `lightproof ARGUMENTS` and types each answer once its question has appeared; exit code and screen."""
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**os.environ, "LIGHTPROOF_HOME": str(home), "LIGHTPROOF_LANG": language}
        os.execve(sys.executable, [sys.executable, "-m", "lightproof", *map(str, arguments)], environment)
    screen, looked_at, left = "", 0, list(answers)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        screen += read.decode("utf-8", "replace")
        if left and left[0][0] in screen[looked_at:]:
            looked_at = len(screen)
            os.write(terminal, left.pop(0)[1].encode() + b"\n")
    else:
        os.kill(pid, 9)
    _pid, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert not left, f"never asked: {left[0][0]}\n{screen}"
    return os.waitstatus_to_exitcode(status), screen
