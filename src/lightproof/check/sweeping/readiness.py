"""Which sockets have news: epoll where the system has it, else whatever `selectors` finds.

With epoll each socket is announced once, edge-triggered, and forgotten by the system when it is closed. Elsewhere a
socket must be watched for writing only until it is connected, and forgotten by hand.
"""

import select
import selectors
from collections.abc import Sequence
from typing import Final, Protocol

READABLE: Final = 0x1
"""EPOLLIN."""
WRITABLE: Final = 0x4
"""EPOLLOUT."""
_PEER_ENDED: Final = 0x2000
_EDGE: Final = 1 << 31
_CONNECTED: Final = READABLE | _PEER_ENDED | _EDGE
_CONNECTING: Final = _CONNECTED | WRITABLE


class Readiness(Protocol):
    """Watches sockets."""

    lines_are_reusable: bool
    """Whether a socket whose connection was refused can connect again, still watched (Linux)."""

    def watch(self, descriptor: int, connecting: bool, /) -> None:
        """Begins to watch a socket, also for the end of `connecting` where it is not yet connected."""
        ...

    def forget(self, descriptor: int, /) -> None:
        """Ends watching a socket that is about to be closed."""
        ...

    def wait(self, timeout_s: float, most: int, /) -> Sequence[tuple[int, int]]:
        """Descriptors with news and what it is: bits as epoll has them; anything but WRITABLE calls for a read."""
        ...

    def close(self) -> None:
        """Gives back what the system lent."""
        ...


class EpollReadiness:
    """Linux."""

    lines_are_reusable = True

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.wait = self._epoll.poll
        self.close = self._epoll.close

    def watch(self, descriptor: int, connecting: bool) -> None:
        self._epoll.register(descriptor, _CONNECTING if connecting else _CONNECTED)

    def forget(self, descriptor: int) -> None:
        """Closing the socket is enough."""


class SelectorReadiness:
    """Everything else."""

    lines_are_reusable = False

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, descriptor: int, connecting: bool) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ | (selectors.EVENT_WRITE if connecting else 0))

    def forget(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def wait(self, timeout_s: float, most: int) -> Sequence[tuple[int, int]]:
        news: list[tuple[int, int]] = []
        for key, events in self._selector.select(timeout_s)[:most]:
            if events & selectors.EVENT_WRITE:
                self._selector.modify(key.fd, selectors.EVENT_READ)
            bits = (READABLE if events & selectors.EVENT_READ else 0) | (
                WRITABLE if events & selectors.EVENT_WRITE else 0
            )
            news.append((key.fd, bits))
        return news

    def close(self) -> None:
        self._selector.close()


def best_readiness() -> Readiness:
    """The fastest that this system has."""
    return EpollReadiness() if hasattr(select, "epoll") else SelectorReadiness()
