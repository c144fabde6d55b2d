"""Networks of a test's own: what runs in them reaches nothing else, and they end with the process that holds them."""

import asyncio
import ctypes
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


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
