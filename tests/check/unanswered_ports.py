"""Ports where nobody picks up: closed ones, and one whose queue is full."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def dropping_calls(address: str = "127.0.0.1") -> Iterator[int]:
    """A port whose queue is full: the system drops what else arrives there, as a filter would."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
