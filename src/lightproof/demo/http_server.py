"""The smallest HTTP/1.1 server the demo needs: h11 speaks, a function answers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import h11

_IDLE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked. Header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said."""

    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


async def serve(address: str, port: int, answer: Callable[[Request], Answer], *, server_name: str) -> asyncio.Server:
    """Starts a server; port 0 takes a free one. `server_name` goes into every answer."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(reader, writer, answer, server_name)
        except (h11.RemoteProtocolError, OSError, TimeoutError):
            pass  # the peer broke off or made no sense: the demo has nobody to tell
        finally:
            writer.transport.abort()

    return await asyncio.start_server(converse, address, port)


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Callable[[Request], Answer],
    server_name: str,
) -> None:
    connection = h11.Connection(h11.SERVER)
    while (request := await _request(connection, reader)) is not None:
        said = answer(request)
        headers = {
            "server": server_name,
            "content-type": said.content_type,
            "content-length": str(len(said.body)),
            **said.headers,
        }
        writer.write(connection.send(h11.Response(status_code=said.status, headers=list(headers.items()))) or b"")
        if request.method != "HEAD" and said.body:
            writer.write(connection.send(h11.Data(data=said.body)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            writer.close()
            await writer.wait_closed()
            return
        connection.start_next_cycle()


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """The next request; None when the peer has closed."""
    asked: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            async with asyncio.timeout(_IDLE_S):
                connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            asked = event
        elif isinstance(event, h11.Data):
            body = (body + event.data)[:65_536]
        elif isinstance(event, h11.EndOfMessage) and asked is not None:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in asked.headers}
            return Request(
                method=asked.method.decode("latin-1"),
                path=asked.target.decode("latin-1"),
                headers=headers,
                body=body,
            )
        else:
            return None
