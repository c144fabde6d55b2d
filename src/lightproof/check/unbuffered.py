"""A connection on which nothing is read ahead: what a careless server sends unasked stays unread."""

import asyncio
import socket
import ssl


class Unbuffered:
    """Reader and writer of one connection in clear that takes from the system what is asked for, and nothing ahead."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._unsent = bytearray()

    @property
    def transport(self) -> "Unbuffered":
        return self

    async def read(self, at_most: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._sock, at_most)

    def write(self, data: bytes) -> None:
        self._unsent += data

    async def drain(self) -> None:
        data, self._unsent = self._unsent, bytearray()
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    def get_extra_info(self, name: str) -> object:
        return self._sock if name == "socket" else None

    async def start_tls(self, context: ssl.SSLContext, *, server_hostname: str | None) -> None:
        raise NotImplementedError  # nothing that is asked narrowly begins in clear and goes on inside TLS

    def is_closing(self) -> bool:
        return self._sock.fileno() < 0

    def abort(self) -> None:
        self._sock.close()

    close = abort

    async def wait_closed(self) -> None:
        pass
