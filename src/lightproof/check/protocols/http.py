"""HTTP/1.1 over a wire, for looking and never touching.

h11 speaks the protocol; this module holds what makes it safe against a hostile server: only reading methods, no
redirect followed, nothing decompressed, no cookie kept, headers and bodies cut at a cap. An answer that comes packed
all the same is not read, and the session says so at its end. A server that asks to be left
alone (429, 503) ends the detector's work. Of an answer whose media type is DICOM's own, which holds patients' data and
nothing else, only the opening is ever read; a narrow session takes its head and that opening from the system and not
one byte more.
"""

import hashlib
import ipaddress
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import urljoin, urlsplit

import h11

from lightproof import __version__
from lightproof.check.wire import Stream, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Proof

ReadingMethod = Literal["GET", "HEAD", "OPTIONS"]
USER_AGENT: Final = f"lightproof/{__version__} (security check; reads no patient data)"
_HEAD_LIMIT: Final = 32 * 1024
_INFORMATIONAL_LIMIT: Final = 4
"""Servers send one or two (100, 103) before an answer; more is a flood."""
_READ_AT_ONCE: Final = 16 * 1024
_OPENING: Final = 16
"""Bytes that hold `[]` and white space around it, and of a match nothing but its brackets."""
_PATIENTS_DATA: Final = ("application/dicom+json", "application/dicom+xml", "application/dicom", "multipart/related")
_HEAD_ENDS: Final = b"\r\n\r\n"
_ERROR_PAGE: Final = 8 * 1024
"""Answers that hold no data are read so far though nobody asked for them: the connection can then be used again."""
_LEAVE_ALONE: Final = frozenset({429, 503})
_RESOURCE_TYPE_ONLY: Final = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer. `body` is raw (never decompressed) and holds at most the bytes asked for."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers joined by commas; values decoded as Latin-1."""
    body: bytes
    truncated: bool
    """There was more, or the server broke off: `body` is not all of it."""
    request: str
    request_sha256: str

    @property
    def content_type(self) -> str:
        """The media type alone, lower case: `application/json`."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int | None:
        """What the server declares; None when it declares none that can be read."""
        declared = self.headers.get("content-length", "")
        return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else None

    def proof(self, *, shown: str | None = None) -> Proof:
        """What this exchange proves: type, status and length of the answer, not the answer.

        `shown` stands for the request where its path holds what may not be kept (a file's name, an identifier).
        """
        return Proof(
            request=shown or self.request,
            request_sha256=self.request_sha256,
            response=f"HTTP {self.status} {_printable(self.content_type[:64])}".rstrip(),
            status=str(self.status),
            length=len(self.body),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One request, and how much of its answer's body is read."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""
    body_limit: int
    error_limit: int | None = None
    """The same of an answer that refuses or redirects, where that is more."""
    part: tuple[int, int] | None = None
    """First and last byte of what is wanted of a file: of a whole one, which comes where Range is ignored, no more than
    up to there is read; of any other answer nothing."""


class HttpSession:
    """Requests to one web server over one wire, on one kept-alive connection while the server allows it.

    Use as `async with HttpSession(wire) as web: answer = await web.request("/system")`. Raises what `Wire.connect`
    raises, ProtocolViolation("not-http") for answers that are not HTTP and ("server-busy") for 429 and 503. Leaving it
    raises ProtocolViolation("packed-answer") where what was wanted of an answer came in a coding that nobody asked for:
    what the others told stands, and that one is known not to be.
    `port` is for a server beside the target, at the same address: where an internet box describes itself. `narrow` is
    for questions about patients' data (see `Wire.connect`): slow for pages, and nothing is read beyond what was asked.
    """

    def __init__(self, wire: Wire, *, port: int | None = None, narrow: bool = False) -> None:
        self._wire = wire
        self._port = port
        self._narrow = narrow
        self._stack = AsyncExitStack()
        self._stream: Stream | None = None
        self._connection = h11.Connection(h11.CLIENT)
        self._packed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)
        if self._packed and kind is None:
            raise ProtocolViolation("packed-answer")

    async def request(
        self,
        path: str,
        *,
        method: ReadingMethod = "GET",
        headers: Mapping[str, str] | None = None,
        body_limit: int = 64 * 1024,
        error_limit: int | None = None,
    ) -> Response:
        """Asks for `path` and reads at most `body_limit` bytes of the body; past that the connection is dropped.

        `error_limit`: of a redirect or an error (300 and above), where more of those is wanted.
        """
        ask = _Ask(method=method, path=path, headers=headers or {}, body_limit=body_limit, error_limit=error_limit)
        return await self._exchange(ask)

    async def request_bytes(self, path: str, first: int, last: int) -> Response:
        """Bytes `first` to `last` of a file, inclusive (RFC 9110 section 14.2); none unless answered 206 or 200.

        A server that ignores Range and sends the whole file is cut off after byte `last`. For narrow sessions only.
        """
        self.must_be_narrow()
        headers = {"range": f"bytes={first}-{last}"}
        ask = _Ask(method="GET", path=path, headers=headers, body_limit=last - first + 1, part=(first, last))
        answer = await self._exchange(ask)
        return replace(answer, body=answer.body[first:]) if answer.status == 200 else answer

    def must_be_narrow(self) -> None:
        """Raises ValueError unless it is: whoever asks about patients' data says so here, as others read ahead."""
        if not self._narrow:
            raise ValueError("patients' data is asked about in a narrow session")

    async def propfind(self, path: str, *, body_limit: int = 4 * 1024) -> Response:
        """What kind of resource `path` is, not what it holds (RFC 4918 section 9.1, Depth 0, resourcetype alone)."""
        ask = _Ask(
            method="PROPFIND",
            path=path,
            headers={"depth": "0", "content-type": "application/xml"},
            content=_RESOURCE_TYPE_ONLY,
            body_limit=body_limit,
        )
        return await self._exchange(ask)

    async def soap(self, path: str, action: str, envelope: bytes, *, body_limit: int = 64 * 1024) -> Response:
        """Calls a SOAP action that reads (the caller holds the list of those). The only POST there is."""
        headers = {"content-type": 'text/xml; charset="utf-8"', "soapaction": f'"{action}"'}
        ask = _Ask(method="POST", path=path, headers=headers, content=envelope, body_limit=body_limit)
        return await self._exchange(ask)

    async def _exchange(self, ask: _Ask) -> Response:
        fresh = self._stream is None
        request = self._request(ask)
        try:
            answer = await self._once(request, ask)
        except (ProtocolViolation, OSError) as error:
            # A server may close a kept-alive connection between two requests: ask once more on a new one.
            if fresh or (isinstance(error, ProtocolViolation) and error.reason != "closed-early"):
                raise
            answer = await self._once(request, ask)
        if answer.status in _LEAVE_ALONE:
            raise ProtocolViolation("server-busy")
        return answer

    def _request(self, ask: _Ask) -> h11.Request:
        headers = {
            "host": origin(self._wire, self._port),
            "user-agent": USER_AGENT,
            "accept": "*/*",
            "accept-encoding": "identity",  # RFC 9110 section 12.5.3: without it, any coding may come
            **ask.headers,
        }
        if ask.content:
            headers["content-length"] = str(len(ask.content))
        try:
            return h11.Request(method=ask.method, target=ask.path, headers=list(headers.items()))
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise ProtocolViolation("unusable-path") from error

    async def _once(self, request: h11.Request, ask: _Ask) -> Response:
        try:
            return await self._send_and_read(request, ask)
        except BaseException:
            await self._drop()
            raise

    async def _send_and_read(self, request: h11.Request, ask: _Ask) -> Response:
        stream = await self._open()
        sent = self._connection.send(request) or b""
        if ask.content:
            sent += self._connection.send(h11.Data(data=ask.content)) or b""
        sent += self._connection.send(h11.EndOfMessage()) or b""
        await stream.send(sent)
        answer = await self._head(stream)
        wanted = ask.part is None or answer.status_code in (200, 206)
        headers = _joined(answer)
        kept, limit = ask.body_limit, ask.body_limit
        if ask.part is not None and answer.status_code == 200:
            kept = limit = ask.part[1] + 1
        elif answer.status_code >= 300:
            kept = ask.body_limit if ask.error_limit is None else ask.error_limit
            limit = max(kept, _ERROR_PAGE)
        elif headers.get("content-type", "").partition(";")[0].strip().lower() in _PATIENTS_DATA:
            kept = limit = min(ask.body_limit, _OPENING)
        body, complete = await self._body(stream, limit, exactly=ask.part is not None) if wanted else (b"", False)
        self._packed = self._packed or (answer.status_code < 300 and bool(body[:kept]) and _is_packed(headers))
        left_over, _ = self._connection.trailing_data
        if complete and not left_over and self._connection.their_state is h11.DONE is self._connection.our_state:
            self._connection.start_next_cycle()
        else:
            await self._drop()
        return Response(
            status=answer.status_code,
            headers=headers,
            body=body[:kept],
            truncated=not complete or len(body) > kept,
            request=f"{ask.method} {ask.path}",
            request_sha256=hashlib.sha256(sent).hexdigest(),
        )

    async def _head(self, stream: Stream) -> h11.Response:
        try:
            for _ in range(_INFORMATIONAL_LIMIT + 1):
                event = await self._next_event(stream)
                if isinstance(event, h11.Response):
                    return event
                if not isinstance(event, h11.InformationalResponse):
                    break
        except h11.RemoteProtocolError as error:
            raise ProtocolViolation("not-http") from error
        raise ProtocolViolation("not-http")

    async def _body(self, stream: Stream, limit: int, *, exactly: bool) -> tuple[bytes, bool]:
        """What came of the body, at least as much as `limit` if there is so much, and whether that is all of it.

        One byte more shows that there is more; `exactly` goes without.
        """
        body = bytearray()
        try:
            while len(body) < limit + 1 - exactly:
                event = await self._next_event(stream, limit + 1 - exactly - len(body))
                if not isinstance(event, h11.Data):
                    return bytes(body), isinstance(event, h11.EndOfMessage)
                body += event.data
        except (h11.RemoteProtocolError, OSError):  # broken off, or its framing is wrong: the head still stands
            pass
        return bytes(body), False

    async def _open(self) -> Stream:
        if self._stream is None:
            self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
            self._stream = await self._stack.enter_async_context(
                self._wire.connect(port=self._port, narrow=self._narrow)
            )
        return self._stream

    async def _next_event(self, stream: Stream, at_most: int | None = None) -> h11.Event:
        """The next event; a narrow session reads to the end of the head, or `at_most` bytes of the body."""
        head = b""
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Event):
                return event
            if event is h11.PAUSED:
                raise ProtocolViolation("not-http")
            data = await stream.receive((at_most or _missing(head)) if self._narrow else _READ_AT_ONCE)
            head = (head + data)[-len(_HEAD_ENDS) :]
            if not data and self._connection.their_state is h11.SEND_RESPONSE:
                raise ProtocolViolation("closed-early")
            self._connection.receive_data(data)

    async def _drop(self) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream = None
            stack, self._stack = self._stack, AsyncExitStack()
            await stack.aclose()


def _is_packed(headers: Mapping[str, str]) -> bool:
    """Whether the body is in a content coding (RFC 9110 section 8.4): gzip, br, zstd."""
    codings = headers.get("content-encoding", "").lower().split(",")
    return any(coding.strip() not in ("", "identity") for coding in codings)


def origin(wire: Wire, port: int | None = None) -> str:
    """Whom a wire talks to, as a URL's authority and the Host header write it: `[::1]:8042`, `pacs.example.org`.

    A name goes without its scheme's usual port, as browsers say it: some servers compare the whole header. `port` is
    for a server beside the target.
    """
    target = wire.target
    there = port or target.port
    if wire.name is not None:
        return wire.name if there == _usual_port(wire) else f"{wire.name}:{there}"
    host = f"[{target.address}]" if ":" in target.address else target.address
    return f"{host}:{there}"


def _usual_port(wire: Wire) -> int:
    return 443 if wire.tls else 80


def path_here(wire: Wire, base: str, reference: str, *, port: int | None = None) -> str | None:
    """The path (and query) of a link found at path `base`; None when it leads to another scheme, host or port.

    A name stands for another host, unless it is the one that we ask by: what it resolves to is not ours to find out.
    `port` is the session's, if it has one.
    """
    scheme = "https" if wire.tls else "http"
    try:
        url = urlsplit(urljoin(f"{scheme}://{origin(wire, port)}{base}", reference.strip()))
        there = url.port or (443 if url.scheme == "https" else 80)
        host = url.hostname or ""
        same_host = host == wire.name or ipaddress.ip_address(host) == ipaddress.ip_address(wire.target.address)
    except ValueError:
        return None
    if url.scheme != scheme or not same_host or there != (port or wire.target.port):
        return None
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _missing(head: bytes) -> int:
    """How many bytes a head still lacks at least, of which these are the last: lines may end in LF alone (RFC 9112)."""
    if head.endswith((b"\n\r", b"\n")):
        return 1
    return 1 if head.endswith(b"\r") else 2


def _joined(answer: h11.Response) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers:
        key = name.decode("latin-1")
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isprintable())
