"""Networks of a test's own: what runs in them reaches nothing else, and they end with the process that holds them."""

import asyncio
import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from peers.processes import program

T = TypeVar("T")


@contextmanager
def a_network() -> Iterator[tuple[str, ...]]:
    """A loopback of its own; gives the words that run a command there. Ours, where we may not make one."""
    if os.geteuid() != 0:
        yield ()
        return
    own = Path("/proc/self/ns/net").readlink()
    with subprocess.Popen([program("unshare"), "--net", "sleep", "3600"]) as holder:
        try:
            while (there := Path(f"/proc/{holder.pid}/ns/net")).readlink() == own:
                time.sleep(0.01)
            enter = (program("nsenter"), f"--net={there}")
            subprocess.run([*enter, program("ip"), "link", "set", "lo", "up"], check=True)
            yield enter
        finally:
            holder.kill()


def inside(process: int, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `act` returns, run in the network of a process: in a thread, which never comes back out."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with Path(f"/proc/{process}/ns/net").open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")  # of this thread alone
            results.append(asyncio.run(act()))
        except BaseException as error:  # noqa: BLE001 - raised again where it belongs
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
