"""HTTP/1.1 over a wire, for looking and never touching.

h11 speaks the protocol; this module holds what makes it safe against a hostile server: only reading methods, no
redirect followed, nothing decompressed, no cookie kept, headers and bodies cut at a cap.
"""

import hashlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self

import h11

from lightproof import __version__
from lightproof.check.wire import Stream, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Proof

ReadingMethod = Literal["GET", "HEAD", "OPTIONS", "PROPFIND"]
USER_AGENT: Final = f"lightproof/{__version__} (security check; reads no patient data)"
_HEAD_LIMIT: Final = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer. `body` is raw (never decompressed) and holds at most the bytes asked for."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers joined by commas; values decoded as Latin-1."""
    body: bytes
    truncated: bool
    request: str
    request_sha256: str

    @property
    def content_type(self) -> str:
        """The media type alone, lower case: `application/json`."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def proof(self, *, shown: str | None = None) -> Proof:
        """What this exchange proves: type, status and length of the answer, not the answer."""
        return Proof(
            request=shown or self.request,
            request_sha256=self.request_sha256,
            response=f"HTTP {self.status} {self.content_type[:64]}".rstrip(),
            status=str(self.status),
            length=len(self.body),
        )


class HttpSession:
    """Requests to one web server over one wire, on one kept-alive connection while the server allows it.

    Use as `async with HttpSession(wire) as web: answer = await web.request("/system")`. Raises what `Wire.connect`
    raises, and ProtocolViolation for answers that are not HTTP.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._stack = AsyncExitStack()
        self._stream: Stream | None = None
        self._connection = h11.Connection(h11.CLIENT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def request(
        self,
        path: str,
        *,
        method: ReadingMethod = "GET",
        headers: Mapping[str, str] | None = None,
        body_limit: int = 64 * 1024,
    ) -> Response:
        """Asks for `path` and reads at most `body_limit` bytes of the body; past that the connection is dropped."""
        return await self._exchange(method, path, headers or {}, b"", body_limit)

    async def soap(self, path: str, action: str, envelope: bytes, *, body_limit: int = 64 * 1024) -> Response:
        """Calls a SOAP action that reads (the caller holds the list of those). The only POST there is."""
        headers = {"content-type": 'text/xml; charset="utf-8"', "soapaction": f'"{action}"'}
        return await self._exchange("POST", path, headers, envelope, body_limit)

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes, body_limit: int
    ) -> Response:
        fresh = self._stream is None
        request = self._request(method, path, headers, content)
        try:
            return await self._once(request, method, path, content, body_limit)
        except (ProtocolViolation, OSError) as error:
            # A server may close a kept-alive connection between two requests: ask once more on a new one.
            if fresh or (isinstance(error, ProtocolViolation) and error.reason != "closed-early"):
                raise
        await self._drop()
        return await self._once(request, method, path, content, body_limit)

    def _request(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> h11.Request:
        target = self._wire.target
        host = f"[{target.address}]" if ":" in target.address else target.address
        all_headers = {"host": f"{host}:{target.port}", "user-agent": USER_AGENT, "accept": "*/*", **headers}
        if content:
            all_headers["content-length"] = str(len(content))
        try:
            return h11.Request(method=method, target=path, headers=list(all_headers.items()))
        except h11.LocalProtocolError as error:
            raise ProtocolViolation("unusable-path") from error

    async def _once(self, request: h11.Request, method: str, path: str, content: bytes, body_limit: int) -> Response:
        stream = await self._open()
        sent = self._connection.send(request) or b""
        if content:
            sent += self._connection.send(h11.Data(data=content)) or b""
        sent += self._connection.send(h11.EndOfMessage()) or b""
        await stream.send(sent)
        try:
            answer = await self._next_event(stream)
            while isinstance(answer, h11.InformationalResponse):
                answer = await self._next_event(stream)
            if not isinstance(answer, h11.Response):
                raise ProtocolViolation("closed-early")
            body = bytearray()
            complete = False
            while len(body) <= body_limit:
                event = await self._next_event(stream)
                if isinstance(event, h11.Data):
                    body += event.data
                else:
                    complete = isinstance(event, h11.EndOfMessage)
                    break
        except h11.RemoteProtocolError as error:
            await self._drop()
            raise ProtocolViolation("not-http") from error
        if complete and self._connection.our_state is h11.DONE and self._connection.their_state is h11.DONE:
            self._connection.start_next_cycle()
        else:
            await self._drop()
        return Response(
            status=answer.status_code,
            headers=_joined(answer),
            body=bytes(body[:body_limit]),
            truncated=not complete or len(body) > body_limit,
            request=f"{method} {path}",
            request_sha256=hashlib.sha256(sent).hexdigest(),
        )

    async def _open(self) -> Stream:
        if self._stream is None:
            self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
            self._stream = await self._stack.enter_async_context(self._wire.connect())
        return self._stream

    async def _next_event(self, stream: Stream) -> h11.Event:
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Event):
                return event
            if event is h11.PAUSED:  # bytes after the end of an answer that closes the connection
                raise ProtocolViolation("not-http")
            data = await stream.receive()
            if not data and self._connection.their_state is h11.SEND_RESPONSE:
                raise ProtocolViolation("closed-early")
            self._connection.receive_data(data)

    async def _drop(self) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream = None
            await self._stack.aclose()
            self._stack = AsyncExitStack()


def _joined(answer: h11.Response) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers:
        key = name.decode("latin-1")
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
