"""Runs the command line as a person does: a process of its own, a home of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def lightproof(
    *arguments: object, home: Path, language: str = "en", timeout_s: float = 100, typed: str = "", **environment: str
) -> Ran:
    """Runs `lightproof ARGUMENTS` without a terminal, with `typed` on its input. Raises TimeoutError."""
    words = [str(argument) for argument in arguments]
    around = {**os.environ, "LIGHTPROOF_HOME": str(home), "LIGHTPROOF_LANG": language, **environment}
    spoken = words[words.index("--lang") + 1] if "--lang" in words else around["LIGHTPROOF_LANG"]
    return _warm("fr" if spoken == "fr" else "en").run(words, around, typed, timeout_s)


class _Warm:
    """A process that has loaded the program already, and runs commands in copies of itself (cli.warm)."""

    def __init__(self, language: str) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._path = str(Path(self._folder.name, "socket"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._path)
            listener.listen(64)
            paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
            self._process = subprocess.Popen(  # ends with us: nobody else holds its stdin
                [sys.executable, "-m", "cli.warm", language, str(listener.fileno())],
                stdin=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": paths},
                pass_fds=[listener.fileno()],
            )

    def run(self, arguments: list[str], environment: Mapping[str, str], typed: str, timeout_s: float) -> Ran:
        wanted = {"arguments": arguments, "environment": environment, "folder": os.getcwd()}  # noqa: PTH109
        with (
            socket.socket(socket.AF_UNIX) as asking,
            tempfile.TemporaryFile() as input_,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            input_.write(typed.encode())
            input_.seek(0)
            asking.connect(self._path)
            asking.settimeout(timeout_s)
            socket.send_fds(asking, [json.dumps(wanted).encode()], [f.fileno() for f in (input_, out, err)])
            with asking.makefile("rb") as told:
                pid = int(told.readline())
                try:
                    code = told.readline()
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise
            out.seek(0)
            err.seek(0)
            return Ran(int(code) if code else -signal.SIGKILL, out.read(), err.read().decode())


@cache
def _warm(language: str) -> _Warm:
    return _Warm(language)
