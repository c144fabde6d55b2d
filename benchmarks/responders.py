"""The simulated services of the lab, all in one process: `python responders.py` with the seats as JSON on stdin.

Prints one line, `ready`, when every seat listens; ends when stdin closes. What is still to be said is bound to the
connection object, never to its descriptor: a number that is used again would make a service of what is none.
The DICOM spoken here is written by hand on purpose: it must not share the errors of what it is to measure.
"""

import json
import random
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
IMPLICIT = b"1.2.840.10008.1.2"
ABORT = bytes.fromhex("07000000000400000200")
RELEASE_REPLY = bytes.fromhex("06000000000400000000")
HTTP_400 = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SLOW_S = {"slow-2.5": 2.5, "slow-6": 6.0}
DRIBBLE_S = 0.01
SPLIT_S = 0.3
REJECTIONS = {
    "reject-called": (1, 1, 7),
    "reject-calling": (1, 1, 3),
    "reject-no-reason": (1, 1, 1),
    "congestion": (2, 3, 1),
}


def item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def acceptance(request: bytes, *, result: int = 0) -> bytes:
    """An A-ASSOCIATE-AC that answers every context of the request with `result`."""
    contexts = b""
    at = 74
    while at + 4 <= len(request):
        kind, length = struct.unpack_from(">BxH", request, at)
        if kind == 0x20:
            contexts += item(0x21, bytes((request[at + 4], 0, result, 0)) + item(0x40, IMPLICIT))
        at += 4 + length
    user = item(0x51, struct.pack(">I", 16_384)) + item(0x52, b"2.25.999") + item(0x55, b"LAB_1")
    body = b"\0\1\0\0" + request[10:42] + bytes(32) + item(0x10, APPLICATION_CONTEXT) + contexts + item(0x50, user)
    return struct.pack(">BxI", 2, len(body)) + body


def is_request(heard: bytes) -> bool:
    return len(heard) >= 74 and heard[:2] == b"\1\0" and len(heard) >= 6 + int.from_bytes(heard[2:6], "big")


class Connection:
    """One call that came in."""

    __slots__ = ("answered", "heard", "kind", "sock")

    def __init__(self, sock: socket.socket, kind: str) -> None:
        self.sock: socket.socket | None = sock
        self.kind = kind
        self.heard = b""
        self.answered = False

    def say(self, words: bytes) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.send(words)

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None


class House:
    """All seats and their callers."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.listeners: dict[int, tuple[socket.socket, str]] = {}
        self.connections: dict[int, Connection] = {}
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.kept: list[socket.socket] = []
        self.noise = random.Random(2)

    def seat(self, address: str, port: int, kind: str) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        if kind == "drop":
            listener.listen(0)
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((address, port))
                self.kept.append(filler)
            self.kept.append(listener)
            return
        listener.listen(1_024)
        listener.setblocking(False)
        self.listeners[listener.fileno()] = listener, kind
        self.epoll.register(listener.fileno(), select.EPOLLIN)

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        heappush(self.agenda, (time.monotonic() + delay_s, self.noise.getrandbits(62), act))

    def serve(self) -> None:
        while True:
            wait = max(self.agenda[0][0] - time.monotonic(), 0) if self.agenda else -1
            for descriptor, _ in self.epoll.poll(wait):
                if descriptor == sys.stdin.fileno():
                    return
                if (found := self.listeners.get(descriptor)) is not None:
                    self.accept(*found)
                elif (connection := self.connections.get(descriptor)) is not None:
                    self.hear(connection)
            while self.agenda and self.agenda[0][0] <= time.monotonic():
                heappop(self.agenda)[2]()

    def accept(self, listener: socket.socket, kind: str) -> None:
        with suppress(BlockingIOError):
            while True:
                sock, _ = listener.accept()
                if kind == "close":
                    sock.close()
                    continue
                sock.setblocking(False)
                if kind in ("dribble", "split"):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(sock, kind)
                self.connections[sock.fileno()] = connection
                self.epoll.register(sock.fileno(), select.EPOLLIN)
                if kind == "ssh":
                    connection.say(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")

    def end(self, connection: Connection) -> None:
        if connection.sock is not None:
            self.connections.pop(connection.sock.fileno(), None)
            connection.close()

    def hear(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(65_536) if connection.sock is not None else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end(connection)
            return
        connection.heard = (connection.heard + data)[-65_536:]
        match connection.kind:
            case "http-400":
                connection.say(HTTP_400)
                self.end(connection)
            case "http-waiting":
                if b"\r\n\r\n" in connection.heard and b"HTTP/" in connection.heard:
                    connection.say(HTTP_400)
                    self.end(connection)
            case "echo":
                connection.say(data)
            case "tpkt":
                connection.say(bytes.fromhex("0300000b06d00000123400"))
            case "junk":
                connection.say(b"\2" + self.noise.randbytes(60))
            case "tarpit" | "ssh":
                pass
            case _:
                self.hear_dicom(connection)

    def hear_dicom(self, connection: Connection) -> None:
        heard = connection.heard
        if connection.answered:
            if heard[:1] == b"\5":
                connection.say(RELEASE_REPLY)
            elif heard[:1] == b"\7":
                self.end(connection)
            return
        if heard[0] != 1:
            connection.say(ABORT)
            self.end(connection)
            return
        if not is_request(heard):
            return
        connection.answered = True
        connection.heard = b""
        kind = connection.kind
        if kind in REJECTIONS:
            connection.say(struct.pack(">BxIxBBB", 3, 4, *REJECTIONS[kind]))
        elif kind == "abort":
            connection.say(ABORT)
            self.end(connection)
        elif kind == "silent-close":
            self.end(connection)
        elif kind == "context-reject":
            connection.say(acceptance(heard, result=3))
        elif kind in SLOW_S:
            self.later(SLOW_S[kind], lambda: connection.say(acceptance(heard)))
        elif kind == "split":
            answer = acceptance(heard)
            connection.say(answer[:3])
            self.later(SPLIT_S, lambda: connection.say(answer[3:]))
        elif kind == "dribble":
            self.dribble(connection, acceptance(heard))
        else:
            connection.say(acceptance(heard))

    def dribble(self, connection: Connection, left: bytes) -> None:
        if connection.sock is not None and left:
            connection.say(left[:1])
            self.later(DRIBBLE_S, lambda: self.dribble(connection, left[1:]))


def serve_tls(address: str, port: int, context: ssl.SSLContext) -> None:
    """A DICOM service inside TLS; few, so a thread each will do."""
    listener = socket.create_server((address, port), backlog=128)

    def one(sock: socket.socket) -> None:
        sock.settimeout(20)
        with suppress(OSError), context.wrap_socket(sock, server_side=True) as session:
            heard = b""
            while not is_request(heard):
                data = session.recv(65_536)
                if not data:
                    return
                heard += data
            session.sendall(acceptance(heard))
            session.recv(65_536)
        sock.close()

    def serve() -> None:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    house = House()
    for address, port, kind in plan["seats"]:
        if kind in ("tls", "mutual-tls"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(plan["certificate"], plan["key"])
            if kind == "mutual-tls":
                context.load_verify_locations(plan["authority"])
                context.verify_mode = ssl.CERT_REQUIRED
            serve_tls(address, port, context)
        else:
            house.seat(address, port, kind)
    house.epoll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    print("ready", flush=True)
    house.serve()


if __name__ == "__main__":
    main()
