"""Small web servers in code, for products that cannot be installed here and for answers no product gives."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from check.services import Behaviour

Answer = tuple[int, str, str]
"""Status, content type (may go on with further header lines), body."""
NOT_FOUND: Answer = (404, "text/html", "<html>Not found</html>")


@dataclass
class Asked:
    """What a server was asked, in order: `GET /path`."""

    requests: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    """As what: Host headers."""
    accepted_codings: set[str] = field(default_factory=set)
    """Accept-Encoding headers; one that was not sent is empty."""
    heads: list[str] = field(default_factory=list)
    """In full, as they came."""
    connections: int = 0


def answering(answers: Mapping[str, Answer], *, otherwise: Answer = NOT_FOUND, asked: Asked | None = None) -> Behaviour:
    """Answers by the first key with which `METHOD path` or the path begins. HEAD gets no body."""
    record = asked or Asked()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record.connections += 1
        while (first := await reader.read(1)).isalpha():
            head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line = head.partition(" HTTP/")[0]
            method, _, path = line.partition(" ")
            length = head.lower().partition("content-length: ")[2].partition("\r")[0]
            await reader.readexactly(int(length or 0))
            record.requests.append(line)
            record.heads.append(head)
            record.hosts.add(head.lower().partition("\r\nhost: ")[2].partition("\r\n")[0])
            found = next((a for start, a in answers.items() if line.startswith(start) or path.startswith(start)), None)
            record.accepted_codings.add(head.lower().partition("\r\naccept-encoding: ")[2].partition("\r\n")[0])
            status, content_type, body = found or otherwise
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body.encode())}\r\n\r\n"
                f"{'' if method == 'HEAD' else body}".encode()
            )
            await writer.drain()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    return behave
