"""Everything one detector may do to one target: all bytes pass here, under one deadline and one byte budget.

A time-out per read is no protection (a service that drips one byte a second never trips it), so a `Wire` has one
*total* deadline and one byte budget for all its connections together. It only ever connects to the address it was
given: whatever a service says about other hosts (redirects, PASV, LOCATION) is data, not a place to go. A name that the
target was called by is only said, in TLS (SNI, RFC 6066 section 3) and in HTTP (Host).
"""

import asyncio
import asyncio.sslproto
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol, cast

from lightproof.check.consent import Consent
from lightproof.check.tls_context import shared_tls_context
from lightproof.check.unbuffered import Unbuffered
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Probe, Proof, Scalar, Target

# asyncio sets 256 KiB aside for each connection and writes to all of it: 16 MB for 64 visits at once. A record of TLS
# holds 16 KiB (RFC 8446 section 5.1).
asyncio.sslproto.SSLProtocol.max_size = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one detector may spend on one target."""

    total_s: float = 12.0
    connect_s: float = 4.0
    bytes_in: int = 512 * 1024
    bytes_out: int = 64 * 1024
    connections: int = 24


class Admission(Protocol):
    """Decides when a connection to an address may start, and counts those that are open (politeness.Politeness)."""

    def connection(self, address: str) -> AbstractAsyncContextManager[None]: ...


class Unhurried:
    """Admits everyone at once: for one target, or where the caller limits the rate itself."""

    @asynccontextmanager
    async def connection(self, address: str) -> AsyncGenerator[None]:  # noqa: ARG002
        yield


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a handshake showed. `certificate` is the peer's in DER, unverified."""

    version: str
    cipher: str
    alpn: str | None
    certificate: bytes | None


ASKED_AS: Final = "asked_as"
"""Detail of every observation that was made by a name: other names of the same port may answer otherwise."""
_WINDOW_BYTES: Final = 1_024
"""Of a connection on which patients' data might come unasked: what a peer can send before we have read (measured: two
more matches at most, instead of 65 KB)."""
_TLS_WINDOW_BYTES: Final = 4_096
"""The same inside TLS: a certificate must fit, or handshakes wait for delayed acknowledgements (60 ms, measured)."""
_WIDE_WINDOW_BYTES: Final = 256 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Stream:
    """One connection of a wire. Reads and writes spend the wire's budget and end at its deadline."""

    def __init__(
        self, wire: "Wire", reader: asyncio.StreamReader | Unbuffered, writer: asyncio.StreamWriter | Unbuffered
    ) -> None:
        self._wire = wire
        self._reader = reader
        self._writer = writer
        self._pending = bytearray()
        self._aborted = False

    @property
    def tls(self) -> TlsFacts | None:
        """What the TLS handshake showed; None in clear."""
        session = cast("ssl.SSLObject | None", self._writer.get_extra_info("ssl_object"))
        if session is None:
            return None
        cipher = session.cipher()
        certificate: bytes | None = None
        with contextlib.suppress(ValueError):  # the peer asked for another handshake, which is not done yet
            certificate = session.getpeercert(binary_form=True)
        return TlsFacts(
            version=session.version() or "",
            cipher=cipher[0] if cipher else "",
            alpn=session.selected_alpn_protocol(),
            certificate=certificate,
        )

    async def send(self, data: bytes) -> None:
        """Writes all of `data`. Raises ProtocolViolation when budget or deadline is spent, OSError when it is gone."""
        self._wire.spend_out(data)
        async with self._wire.until_deadline():
            self._writer.write(data)
            await self._writer.drain()
        self._acknowledge_at_once()

    async def secure(self) -> None:
        """Goes on inside TLS, when the peer agreed to it (RFC 4217 section 4). What it said before is forgotten.

        Raises ssl.SSLError (an OSError) when the handshake fails, ProtocolViolation when the deadline has passed.
        """
        self._pending.clear()
        async with self._wire.until_deadline(at_most=self._wire.budget.connect_s):
            await self._writer.start_tls(shared_tls_context(), server_hostname=self._wire.name)

    async def receive(self, at_most: int = 65_536) -> bytes:
        """What has arrived, 1 to `at_most` bytes; `b""` when the peer has closed."""
        if self._pending:
            taken = bytes(self._pending[:at_most])
            del self._pending[:at_most]
            return taken
        async with self._wire.until_deadline():
            data = await self._reader.read(at_most)
        self._wire.spend_in(len(data))
        return data

    async def receive_exactly(self, count: int) -> bytes:
        """`count` bytes. Raises ProtocolViolation("closed-early") when the peer closes before."""
        while len(self._pending) < count:
            await self._more()
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    async def receive_line(self, limit: int = 4_096) -> bytes:
        """One line without its end (LF or CR LF). Raises ProtocolViolation("line-too-long") past `limit` bytes."""
        while (end := self._pending.find(b"\n")) < 0:
            if len(self._pending) > limit:
                raise ProtocolViolation("line-too-long")
            await self._more()
        if end > limit:
            raise ProtocolViolation("line-too-long")
        line = bytes(self._pending[:end])
        del self._pending[: end + 1]
        return line.removesuffix(b"\r")

    async def _more(self) -> None:
        pending, self._pending = self._pending, bytearray()
        data = b""
        try:
            data = await self.receive()
        finally:
            self._pending = pending + data
        if not data:
            raise ProtocolViolation("closed-early")

    def widen(self) -> None:
        """Lets a peer of a narrow connection send as much as it likes from now on: all of it is wanted."""
        sock = cast("socket.socket | None", self._writer.get_extra_info("socket"))
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WIDE_WINDOW_BYTES)
                if hasattr(socket, "TCP_WINDOW_CLAMP"):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, _WIDE_WINDOW_BYTES)

    def abort(self) -> None:
        """Drops the connection at once with a reset: nothing the peer still sends is read."""
        sock = cast("socket.socket | None", self._writer.get_extra_info("socket"))
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()
        self._aborted = True

    async def close(self) -> None:
        """Closes in order, without waiting for a peer that does not answer.

        What was aborted, or ended by the peer, is not closed again: before CPython 3.11.4 (Debian 12 has 3.11.2) that
        breaks TLS transports.
        """
        if self._aborted:
            return
        if not self._writer.is_closing():
            self._writer.close()
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            async with asyncio.timeout(0.5):
                await self._writer.wait_closed()
        self._writer.transport.abort()

    def _acknowledge_at_once(self) -> None:
        # Servers that write command and data set apart wait for our delayed ACK: 48 ms a query instead of 4.
        sock = cast("socket.socket | None", self._writer.get_extra_info("socket"))
        if sock is not None and hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class Wire:
    """One detector's conversation with one target. Use it for one job and drop it."""

    def __init__(
        self,
        target: Target,
        *,
        detector: str,
        now: Callable[[], datetime],
        budget: Budget | None = None,
        admission: Admission | None = None,
        tls: bool = False,
        name: str | None = None,
        consent: Consent | None = None,
        ended: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.target = target
        self.name = name
        """What the target is asked as; None: by its address alone."""
        self.detector = detector
        self.now = now
        self.tls = tls
        """Whether the service was found to speak inside TLS."""
        self.consent = consent or Consent()
        self.budget = budget or Budget()
        self._ended = ended
        self.bytes_in = 0
        self.bytes_out = 0
        self._connections = 0
        self._calls: list[tuple[datetime, int]] = []
        self._said = sha256()
        self._open_now = 0
        self._admission: Admission = admission or Unhurried()
        self._deadline: float | None = None

    def observed(
        self,
        service: str,
        signal: str,
        *,
        facts: Facts | None = None,
        product: str | None = None,
        version: str | None = None,
        protections: tuple[str, ...] = (),
        details: Mapping[str, Scalar] | None = None,
        counts: Mapping[str, int] | None = None,
        proof: Proof | None = None,
    ) -> Observation:
        """An observation of this wire's target, now, by its detector."""
        return Observation(
            at=self.now(),
            detector=self.detector,
            target=self.target,
            service=service,
            signal=signal,
            facts=facts or Facts(reachable=True),
            product=product,
            version=version,
            protections=protections,
            details={**(details or {}), ASKED_AS: self.name} if self.name is not None else details or {},
            counts=counts or {},
            proof=proof,
        )

    @asynccontextmanager
    async def connect(
        self,
        *,
        port: int | None = None,
        tls: bool | None = None,
        context: ssl.SSLContext | None = None,
        narrow: bool = False,
    ) -> AsyncGenerator[Stream]:
        """A TCP connection to the target's address (its port unless told), inside TLS when the service speaks it.

        `narrow`: for questions that a careless server answers with patients' data. The peer can send little before we
        read, and in clear nothing is read ahead of what is asked for; TLS decrypts whole records (at most 16 KB).
        Leaves no socket behind, however the block ends. Raises OSError when nobody answers, ssl.SSLError (an OSError)
        when the handshake fails, ProtocolViolation when budget or deadline is spent.
        """
        self._connections += 1
        if self._connections > self.budget.connections:
            raise ProtocolViolation("connection-budget")
        secure = self.tls if tls is None else tls
        self._refuse_when_ended()
        async with self._admitted():
            self._refuse_when_ended()
            async with self.until_deadline(at_most=self.budget.connect_s):
                window_bytes = (_TLS_WINDOW_BYTES if secure else _WINDOW_BYTES) if narrow else None
                self._note_call(port or self.target.port)
                sock = await self._call(port or self.target.port, window_bytes)
                reader = writer = Unbuffered(sock)
                if secure or not narrow:
                    reader, writer = await asyncio.open_connection(
                        sock=sock,
                        limit=_WINDOW_BYTES if narrow else 16_384,
                        ssl=(context or shared_tls_context()) if secure else None,
                        server_hostname=(self.name or "") if secure else None,
                        ssl_handshake_timeout=self.budget.connect_s if secure else None,
                    )
            stream = Stream(self, reader, writer)
            try:
                yield stream
            except BaseException:
                stream.abort()
                raise
            else:
                await stream.close()

    async def _call(self, port: int, window_bytes: int | None) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in self.target.address else socket.AF_INET)
        try:
            sock.setblocking(False)
            if window_bytes is not None:  # before the call: a window that was offered cannot be taken back
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
            await asyncio.get_running_loop().sock_connect(sock, (self.target.address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def ask_datagram(
        self, *requests: bytes, wait_s: float = 2.0, answers: int = 8, group: str | None = None
    ) -> tuple[bytes, ...]:
        """Sends UDP datagrams to the target and returns the answers that came from its address, at most `answers`.

        `group`: a multicast address (IPv4) that the target may listen to instead, on the link that leads to it; whoever
        else answers there is not heard.

        Asks again once halfway when nothing has come: datagrams get lost. Answers from other addresses are dropped;
        those from another port are not: routers made with libupnp answer a search from a fresh socket.
        """
        loop = asyncio.get_running_loop()
        received: asyncio.Queue[bytes] = asyncio.Queue(maxsize=answers)
        target = self.target

        class Listener(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                if addr[0] == target.address and not received.full():
                    received.put_nowait(data)

        collected: list[bytes] = []
        async with self._admitted(), self.until_deadline():
            self._note_call(target.port)
            transport, _ = await loop.create_datagram_endpoint(
                Listener, local_addr=("::" if ":" in target.address else "0.0.0.0", 0)
            )
            to = (group or target.address, target.port)
            try:
                if group is not None:
                    _speak_on_the_link_to(target, cast("socket.socket", transport.get_extra_info("socket")))
                for _attempt in range(2):
                    for request in requests:
                        self.spend_out(request)
                        transport.sendto(request, to)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait_s / 2):
                            while len(collected) < answers:
                                collected.append(await received.get())
                                self.spend_in(len(collected[-1]))
                    if collected:
                        break
            finally:
                transport.close()
        return tuple(collected)

    @asynccontextmanager
    async def _admitted(self) -> AsyncGenerator[None]:
        """Waits for admission; that wait is our politeness, so it does not count against the peer.

        A second connection beside an open one (FTP's data) belongs to the same visit: its turn would never come.
        """
        self._open_now += 1
        try:
            if self._open_now > 1:
                yield
                return
            clock = asyncio.get_running_loop().time
            asked = clock()
            async with self._admission.connection(self.target.address):
                if self._deadline is not None:
                    self._deadline += clock() - asked
                yield
        finally:
            self._open_now -= 1

    @asynccontextmanager
    async def until_deadline(self, *, at_most: float | None = None) -> AsyncGenerator[None]:
        """Bounds the block by the wire's deadline (which starts with its first use), and by `at_most` seconds."""
        loop = asyncio.get_running_loop()
        if self._deadline is None:
            self._deadline = loop.time() + self.budget.total_s
        ends = self._deadline if at_most is None else min(self._deadline, loop.time() + at_most)
        try:
            async with asyncio.timeout_at(ends):
                yield
        except TimeoutError as error:
            reason = "deadline" if loop.time() >= self._deadline else "no-answer"
            raise ProtocolViolation(reason) from error

    def spend_in(self, count: int) -> None:
        """Counts received bytes. Raises ProtocolViolation("byte-budget") past the budget."""
        self.bytes_in += count
        if self.bytes_in > self.budget.bytes_in:
            raise ProtocolViolation("byte-budget")

    def spend_out(self, data: bytes) -> None:
        """Counts what is to be sent. Raises ProtocolViolation("byte-budget") before any is sent past the budget, and
        with the reason why nothing more may be sent once that is so."""
        self._refuse_when_ended()
        if self.bytes_out + len(data) > self.budget.bytes_out:
            raise ProtocolViolation("byte-budget")
        self.bytes_out += len(data)
        self._said.update(data)

    def _note_call(self, port: int) -> None:
        self._calls.append((self.now(), port))

    @property
    def probe(self) -> Probe | None:
        """What was sent by this wire; None where it called nobody."""
        if not self._calls:
            return None
        return Probe(
            at=self._calls[0][0],
            target=self.target,
            detector=self.detector,
            ports=tuple(sorted({port for _at, port in self._calls})),
            connections=len(self._calls),
            bytes_out=self.bytes_out,
            sha256=self._said.hexdigest(),
        )

    def _refuse_when_ended(self) -> None:
        if (reason := self._ended()) is not None:
            raise ProtocolViolation(reason)


@contextmanager
def told(wire: Wire, probed: Callable[[Probe], None]) -> Generator[None]:
    """Has `probed` hear what the wire sent, however the block ends."""
    try:
        yield
    finally:
        if (probe := wire.probe) is not None:
            probed(probe)


def _speak_on_the_link_to(target: Target, sock: socket.socket) -> None:
    """Has multicasts leave where the target is, and die there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((target.address, target.port))  # sends nothing
        here = cast("str", probe.getsockname()[0])
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(here))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
