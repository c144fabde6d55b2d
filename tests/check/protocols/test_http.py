"""HTTP as hostile servers speak it: every answer is bounded, nothing is followed, nothing is unpacked."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check.services import Behaviour, dripping, flooding, saying, serving
from check.visiting import NOW
from check.web_services import Asked, answering
from lightproof.check.protocols.http import HttpSession, Response, origin, path_here
from lightproof.check.protocols.web_answers import (
    demands_identity,
    is_html,
    json_of,
    printable,
    redirects_to,
    shows_sign_in,
    title_of,
)
from lightproof.check.wire import Budget, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Target
from peers.nginx import Nginx


def a_wire(port: int, budget: Budget | None = None) -> Wire:
    return Wire(Target("127.0.0.1", port), detector="test", now=lambda: NOW, budget=budget or Budget(total_s=3))


async def ask(
    behaviour: Behaviour, path: str = "/", *, budget: Budget | None = None, body_limit: int = 1024
) -> Response:
    async with serving(behaviour) as port, HttpSession(a_wire(port, budget)) as web:
        return await web.request(path, body_limit=body_limit)


def a_response(
    status: int = 200, body: bytes = b"", *, headers: dict[str, str] | None = None, truncated: bool = False
) -> Response:
    return Response(
        status=status, headers=headers or {}, body=body, truncated=truncated, request="GET /", request_sha256=""
    )


def streaming(head: bytes, piece: bytes) -> Behaviour:
    """An answer whose `piece` never ends."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return behave


@pytest.mark.parametrize(
    "behaviour",
    [
        flooding,
        saying(b"\x00\x01\x02 no such protocol\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"),
        saying(b"HTTP/1.1 999999 OK\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n"),
        saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        streaming(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"a" * 1000 + b"\r\n"),
        streaming(b"HTTP/1.1 200 ", b"O" * 1000),
        streaming(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ],
    ids=[
        "noise",
        "not http",
        "two lengths",
        "negative length",
        "a length of 5,000 digits",
        "no status",
        "a NUL in a header",
        "switching protocols",
        "a hundred continues",
        "endless headers",
        "an endless reason",
        "endless informational answers",
    ],
)
async def test_what_is_not_http_is_said_so_at_once(behaviour: Behaviour) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        await ask(behaviour)
    assert refused.value.reason == "not-http"


async def test_a_server_that_drips_ends_with_the_deadline() -> None:
    with pytest.raises(ProtocolViolation) as refused:
        await ask(dripping(b"HTTP/1.1 200 OK\r\n"), budget=Budget(total_s=0.4))
    assert refused.value.reason == "deadline"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 10_000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", b"a" * 10_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + b"a" * 1000 + b"\r\n"),
    ],
    ids=["until closed", "huge length", "chunked"],
)
async def test_an_endless_body_is_cut_at_what_was_asked_for(head: bytes, piece: bytes) -> None:
    async with serving(streaming(head, piece)) as port:
        wire = a_wire(port)
        async with HttpSession(wire) as web:
            answer = await web.request("/", body_limit=1024)
    assert answer.truncated
    assert answer.body == b"a" * 1024
    assert wire.bytes_in < 64 * 1024


async def test_a_chunk_whose_length_never_ends_is_an_answer_broken_off() -> None:
    answer = await ask(streaming(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 1000))
    assert (answer.status, answer.body, answer.truncated) == (200, b"", True)


async def test_a_gzip_bomb_stays_packed() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    tracemalloc.start()
    async with serving(saying(head + bomb)) as port:
        with pytest.raises(ProtocolViolation, match="packed-answer"):
            async with HttpSession(a_wire(port)) as web:
                answer = await web.request("/", body_limit=128 * 1024)
                assert answer.body == bomb
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("status", "coding", "body_limit", "packed"),
    [
        (200, "gzip", 1024, True),
        (206, "br", 1024, True),
        (200, "identity, ZSTD", 1024, True),
        (200, "identity", 1024, False),
        (200, "", 1024, False),
        (404, "gzip", 1024, False),  # nothing is wanted of an error but that it is one
        (200, "gzip", 0, False),
    ],
)
async def test_an_answer_in_a_coding_that_nobody_asked_for_is_told_once_all_is_asked(
    status: int, coding: str, body_limit: int, packed: bool
) -> None:
    answers = {"/packed": (status, f"text/plain\r\nContent-Encoding: {coding}", "xyz"), "/": (200, "text/plain", "ok")}
    asked = Asked()
    told = ""
    async with serving(answering(answers, asked=asked)) as port:
        try:
            async with HttpSession(a_wire(port)) as web:
                await web.request("/packed", body_limit=body_limit)
                assert (await web.request("/other")).body == b"ok"
        except ProtocolViolation as violation:
            told = violation.reason
    assert told == ("packed-answer" if packed else "")
    assert asked.accepted_codings == {"identity"}


async def test_memory_stays_small_whatever_comes() -> None:
    async with serving(streaming(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 60_000)) as port:
        tracemalloc.start()
        async with HttpSession(a_wire(port)) as web:
            for _ in range(10):
                await web.request("/", body_limit=1024)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5_000_000


async def test_a_body_shorter_than_declared_is_an_answer_broken_off() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await writer.drain()

    answer = await ask(behave)
    assert (answer.body, answer.truncated) == (b"hello", True)


async def test_an_answer_given_twice_is_read_once_and_never_taken_for_the_next() -> None:
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab" + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxy"
    async with serving(saying(twice)) as port, HttpSession(a_wire(port)) as web:
        bodies = [(await web.request(path)).body for path in ("/1", "/2", "/3")]
    assert bodies == [b"ab", b"ab", b"ab"]


async def test_a_redirect_is_an_answer_and_never_a_place_to_go() -> None:
    others = Asked()
    async with serving(answering({}, asked=others)) as other_port:
        asked = Asked()
        for location in (f"http://127.0.0.1:{other_port}/", "/", "/loop"):
            redirect = (301, f"text/html\r\nLocation: {location}", "")
            answer = await ask(answering({}, otherwise=redirect, asked=asked))
            assert redirects_to(answer) == location
    assert others.connections == 0
    assert len(asked.requests) == 3


async def test_cookies_are_not_given_back() -> None:
    asked: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 204 X\r\nSet-Cookie: a=b\r\n\r\n")

    async with serving(behave) as port, HttpSession(a_wire(port)) as web:
        await web.request("/1")
        await web.request("/2")
    assert len(asked) == 2
    assert not any(b"cookie" in head.lower() for head in asked)
    assert b"user-agent: lightproof/" in asked[0].lower()


async def test_one_connection_serves_many_requests() -> None:
    asked = Asked()
    async with serving(answering({}, asked=asked)) as port, HttpSession(a_wire(port)) as web:
        for number in range(5):
            await web.request(f"/{number}")
    assert (asked.connections, len(asked.requests)) == (1, 5)


async def test_a_connection_closed_between_two_requests_is_opened_again() -> None:
    connections = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async with serving(behave) as port, HttpSession(a_wire(port)) as web:
        bodies = [(await web.request("/")).body for _ in range(3)]
    assert bodies == [b"ok"] * 3
    assert connections == 3


async def test_a_session_goes_on_after_an_answer_that_was_none() -> None:
    count = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"garbage\r\n\r\n" if count == 1 else b"HTTP/1.1 204 X\r\n\r\n")
        await writer.drain()

    async with serving(behave) as port, HttpSession(a_wire(port)) as web:
        with pytest.raises(ProtocolViolation):
            await web.request("/")
        assert (await web.request("/")).status == 204


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_to_be_left_alone_is(status: int) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        await ask(answering({}, otherwise=(status, "text/plain", "later")))
    assert refused.value.reason == "server-busy"


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/\x00", "/é", "", "/\ud800"])
async def test_a_path_that_cannot_be_asked_for_is_refused_before_anything_is_sent(path: str) -> None:
    asked = Asked()
    async with serving(answering({}, asked=asked)) as port, HttpSession(a_wire(port)) as web:
        with pytest.raises(ProtocolViolation) as refused:
            await web.request(path)
    assert refused.value.reason == "unusable-path"
    assert asked.requests == []


async def test_part_of_a_file_is_read_and_of_a_whole_one_no_more(nginx: Callable[..., Nginx]) -> None:
    web_server = nginx("location /whole { max_ranges 0; }")
    for name in ("part", "whole"):
        (web_server.root / name).write_bytes(b"x" * 128 + b"DICM" + b"PATIENT" * 1000)
    wire = a_wire(web_server.port)
    async with HttpSession(wire, narrow=True) as web:
        part = await web.request_bytes("/part", 128, 131)
        whole = await web.request_bytes("/whole", 128, 131)
    assert (part.status, part.body) == (206, b"DICM")
    assert (whole.status, whole.body) == (200, b"DICM")
    assert wire.bytes_in < 2 * 300 + 4 + 132


async def test_a_server_that_calls_a_whole_file_a_part_is_cut_off() -> None:
    async with serving(answering({}, otherwise=(206, "text/plain", "PATIENT" * 1000))) as port:
        async with HttpSession(a_wire(port), narrow=True) as web:
            answer = await web.request_bytes("/", 128, 131)
    assert len(answer.body) == 4


async def test_headers_are_text_whatever_bytes_they_hold() -> None:
    answer = await ask(
        saying(b"HTTP/1.1 200 OK\r\nServer: \xff\x1b[31m<b>\r\nContent-Type: te\xe9xt\r\nContent-Length: 0\r\n\r\n")
    )
    assert answer.headers["server"] == "ÿ\x1b[31m<b>"
    assert answer.proof().response == "HTTP 200 text"


@pytest.mark.parametrize(
    ("base", "reference", "there"),
    [
        ("/", "app/explorer.html", "/app/explorer.html"),
        ("/a/b", "../c?d=e#f", "/c?d=e"),
        ("/", "http://10.0.0.1:8042/x", "/x"),
        ("/", "//10.0.0.1:8042", "/"),
        ("/", "http://10.0.0.1/x", None),
        ("/", "https://10.0.0.1:8042/x", None),
        ("/", "http://10.0.0.2:8042/x", None),
        ("/", "http://pacs.example:8042/x", None),
        ("/", "http://10.0.0.1:8042@evil.example/x", None),
        ("/", "javascript:alert(1)", None),
        ("/", "file:///etc/passwd", None),
        ("/", "http://[::1", None),
        ("/", "http://10.0.0.1:99999/", None),
    ],
)
def test_a_link_leads_here_or_nowhere(base: str, reference: str, there: str | None) -> None:
    wire = Wire(Target("10.0.0.1", 8042), detector="test", now=lambda: NOW)
    assert path_here(wire, base, reference) == there


def test_a_link_to_an_ipv6_address_leads_here_however_it_is_written() -> None:
    wire = Wire(Target("fd00::1", 8042), detector="test", now=lambda: NOW, tls=True)
    assert path_here(wire, "/", "https://[fd00:0:0::1]:8042/x") == "/x"
    assert path_here(wire, "/", "https://[fd00::2]:8042/x") is None


def test_links_of_a_server_beside_the_target_stay_on_its_own_port() -> None:
    wire = Wire(Target("10.0.0.1", 1900, "udp"), detector="test", now=lambda: NOW)
    assert path_here(wire, "/desc.xml", "ctl", port=5000) == "/ctl"
    assert path_here(wire, "/desc.xml", "http://10.0.0.1:5000/ctl", port=5000) == "/ctl"
    assert path_here(wire, "/desc.xml", "http://10.0.0.1:1900/ctl", port=5000) is None


def test_a_link_to_the_name_that_we_ask_by_leads_here() -> None:
    wire = Wire(Target("10.0.0.1", 80), detector="test", now=lambda: NOW, name="practice.example")
    assert path_here(wire, "/", "http://Practice.example/x") == "/x"
    assert path_here(wire, "/", "http://practice.example:8042/x") is None
    assert path_here(wire, "/", "https://practice.example/x") is None
    assert path_here(wire, "/", "http://other.example/x") is None


@pytest.mark.parametrize(
    ("port", "tls", "host"),
    [(80, False, "practice.example"), (443, True, "practice.example"), (443, False, "practice.example:443")],
)
def test_a_name_is_said_with_its_port_unless_it_is_the_usual_one(port: int, tls: bool, host: str) -> None:
    wire = Wire(Target("10.0.0.1", port), detector="test", now=lambda: NOW, name="practice.example", tls=tls)
    assert origin(wire) == host


@given(st.text(), st.text())
def test_any_link_leads_to_a_path_or_nowhere(base: str, reference: str) -> None:
    there = path_here(Wire(Target("10.0.0.1", 80), detector="test", now=lambda: NOW), f"/{base}", reference)
    assert there is None or there.startswith("/")


@given(st.binary(max_size=400), st.sampled_from([200, 301, 401, 404]), st.text(max_size=40))
def test_any_answer_can_be_read(body: bytes, status: int, header: str) -> None:
    headers = {"content-type": header, "location": header, "www-authenticate": header, "content-length": header}
    answer = a_response(status, body, headers=headers)
    json_of(answer)
    is_html(answer)
    demands_identity(answer)
    shows_sign_in(answer)
    assert len(title_of(answer) or "") <= 120
    assert answer.content_length is None or answer.content_length >= 0
    assert answer.proof().response.isprintable()


@given(st.text(max_size=400), st.integers(min_value=1, max_value=80))
def test_printable_text_is_short_and_printable(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown is None or (0 < len(shown) <= limit and shown.isprintable())


def test_json_nested_past_reason_or_cut_off_says_nothing() -> None:
    assert json_of(a_response(200, b"[" * 100_000)) is None
    assert json_of(a_response(200, b"[1]", truncated=True)) is None
    assert json_of(a_response(200, b"1" * 10_000)) is None
    assert json_of(a_response(200, b"\xff")) is None


@pytest.mark.parametrize(
    ("status", "location", "demands"),
    [
        (401, "", True),
        (403, "", True),
        (302, "/login?next=/", True),
        (302, "https://sso.example/realms/dcm4che/protocol/openid-connect/auth", True),
        (303, "/Account/SignIn", True),
        (302, "/app/", False),
        (301, "https://pacs.example/", False),
        (200, "/login", False),
        (302, "http://[", False),
    ],
)
def test_identity_is_demanded_by_refusing_or_by_sending_to_sign_in(status: int, location: str, demands: bool) -> None:
    assert demands_identity(a_response(status, headers={"location": location} if location else {})) is demands
