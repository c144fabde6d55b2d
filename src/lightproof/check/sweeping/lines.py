"""Lines to call on: sockets, each used for one target after the other, and the job that each carries.

A property of Linux makes it fast: a TCP socket whose connect was refused can connect again, so a closed port costs
neither socket() nor close(). What was picked up is hung up with a reset: nothing the peer still sends is read, and no
port of ours stays in TIME_WAIT.

Ended lines are closed together: a processor does one kind of work on many sockets faster than many kinds on one.
"""

import contextlib
import errno
import socket
import struct
from pathlib import Path
from typing import Final, Generic

from lightproof.check.sweeping.questions import Conversation, Question, R
from lightproof.check.sweeping.readiness import Readiness

_NONBLOCKING_STREAM: Final = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BIND_ADDRESS_NO_PORT: Final = 24
_SPARE_DESCRIPTORS: Final = 64


class Job(Generic[R]):
    """A call that is placed, or to be placed later."""

    __slots__ = ("address", "attempts", "position", "question")

    def __init__(self, position: int, address: tuple[str, int], question: Question[R]) -> None:
        self.position = position
        self.address = address
        self.question = question
        self.attempts = 0


class Line(Generic[R]):
    """A socket and the call it carries now."""

    __slots__ = ("call", "descriptor", "family", "heard", "job", "sock", "talk", "up", "watched")

    def __init__(self, sock: socket.SocketType, family: int) -> None:
        self.sock = sock
        self.descriptor = sock.fileno()
        self.family = family
        self.call = 0
        self.job: Job[R] | None = None
        self.up = False
        self.watched = False
        self.heard: bytearray | None = None
        self.talk: Conversation[R] | None = None


class Lines(Generic[R]):
    """All lines of one sweep; at most `most` at once, fewer when the system lends fewer."""

    def __init__(self, readiness: Readiness, most: int) -> None:
        self.most = min(most, _descriptors_left())
        self.spare: dict[int, list[Line[R]]] = {socket.AF_INET: [], socket.AF_INET6: []}
        """Lines that carry no call, by address family."""
        self.by_descriptor: dict[int, Line[R]] = {}
        self._ended: list[socket.SocketType] = []
        """Sockets of no line any more, to be closed."""
        self.readiness = readiness

    def add_spare(self, family: int) -> bool:
        """Adds a spare line; says no when the system has no descriptor left."""
        try:
            sock = socket.SocketType(family, _NONBLOCKING_STREAM)
        except OSError as error:
            if error.errno not in _NO_DESCRIPTOR:
                raise
            self.most = max(1, min(self.most, len(self.by_descriptor)))
            return False
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        line: Line[R] = Line(sock, family)
        self.by_descriptor[line.descriptor] = line
        self.spare[family].append(line)
        return True

    def watch(self, line: Line[R], *, connecting: bool) -> None:
        """Begins to watch a line, unless it is watched already: most closed ports on loopback never need it."""
        if not line.watched:
            self.readiness.watch(line.descriptor, connecting)
            line.watched = True

    def give_back(self, line: Line[R], *, reusable: bool) -> None:
        """Ends the line's call; keeps the line for another when its socket can still be used, or for `close_ended`."""
        line.job = line.heard = line.talk = None
        line.up = False
        if reusable and self.readiness.lines_are_reusable:
            self.spare[line.family].append(line)
        else:
            if line.watched:
                self.readiness.forget(line.descriptor)
            del self.by_descriptor[line.descriptor]
            self._ended.append(line.sock)

    def close_ended(self) -> None:
        """Hangs up all lines that were given back and cannot be used again."""
        for sock in self._ended:
            sock.close()
        self._ended.clear()

    def hang_up(self) -> None:
        """Closes everything."""
        self.close_ended()
        for line in self.by_descriptor.values():
            line.sock.close()
        self.by_descriptor.clear()
        self.readiness.close()


def call_from_elsewhere(sock: socket.SocketType, job: Job[R]) -> None:
    """All ports of 127.0.0.1 towards a target may be in use; loopback has 16 million addresses to call from."""
    if job.address[0].startswith("127."):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            sock.bind((f"127.{job.attempts}.{job.position >> 8 & 255}.{job.position & 255 or 1}", 0))


def source_ports() -> range:
    """The ports that this system gives to callers."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return range(int(low), int(high) + 1)
    except (OSError, ValueError):
        return range(1_024, 65_536)


def is_itself(sock: socket.SocketType) -> bool:
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:
        return False


def _descriptors_left() -> int:
    """How many more descriptors this process may open, with a few to spare for everything else."""
    try:
        import resource  # noqa: PLC0415 - not everywhere

        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except ImportError:
        soft = 512
    return max(1, (1 << 30 if soft < 0 else soft) - _SPARE_DESCRIPTORS)
