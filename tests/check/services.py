"""Small TCP services in code, for what no real server can be made to do: drip, flood, reset, lie."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[int]:
    """A service on a free loopback port (or on this one); yields it. Connections still open at the end are dropped."""
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await behaviour(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            conversations.discard(task)
            # Before CPython 3.11.4 a TLS transport that ended twice has nothing left to abort.
            with suppress(AttributeError):
                writer.transport.abort()

    server = await asyncio.start_server(converse, address, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(conversations):
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """One direction of a relay; its end is passed on too: some servers take the next caller only after it."""
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, reads, says nothing."""
    while await reader.read(4096):
        pass


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts and closes."""


def dripping(data: bytes, *, every_s: float = 0.05) -> Behaviour:
    """Says `data` one byte at a time, over and over."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for byte in data:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(every_s)

    return behave


def saying(data: bytes, *, after_s: float = 0.0, on_request: bool = True) -> Behaviour:
    """Says `data` once (when first spoken to, unless told otherwise), and waits for the peer to leave."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if on_request:
            await reader.read(4096)
        await asyncio.sleep(after_s)
        writer.write(data)
        await writer.drain()
        while await reader.read(4096):
            pass

    return behave


async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says noise without end, as fast as it is taken."""
    noise = bytes(range(256)) * 256
    while True:
        writer.write(noise)
        await writer.drain()
