"""Programs that a test starts on a loopback port and stops by their own process id."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ADDRESS = "127.0.0.1"
_READY_S = 15.0
_ATTEMPTS = 5


def program(name: str) -> str:
    """Path of a peer's program. Missing: the test is skipped, or fails where CI is set (a skip is no success)."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/bin")
    if found is None:
        message = f"{name} is not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def free_port() -> int:
    """A TCP port nobody listens on now, on any address: some peers cannot be told to bind one."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def answers(port: int, address: str = ADDRESS) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


@contextmanager
def running(
    command: Callable[[Sequence[int]], Sequence[str]],
    log: Path,
    *,
    ports: int = 1,
    at: Sequence[int] = (),
    abruptly: bool = False,
) -> Iterator[tuple[int, ...]]:
    """A process that listens on `ports` free ports, or on those named `at`, until the block ends; gives the ports.

    `command` builds the command line from the ports. Another process may take a port in between: then we try others.
    `abruptly` kills it at the end: for a program that takes seconds to tidy up what the test throws away.
    Output goes to `log`, for the message of a failed start.
    """
    for attempt in range(_ATTEMPTS):
        chosen = tuple(at) or tuple(free_port() for _ in range(ports))
        with log.open("wb") as output:
            process = subprocess.Popen(command(chosen), stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            if _ready(process, chosen):
                yield chosen
                return
        finally:
            _stop(process, abruptly=abruptly)
        if attempt == _ATTEMPTS - 1:
            pytest.fail(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _ready(process: subprocess.Popen[bytes], ports: Sequence[int]) -> bool:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        if all(answers(port) for port in ports):
            return process.poll() is None
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes], *, abruptly: bool) -> None:
    if abruptly:
        process.kill()
    else:
        process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)
