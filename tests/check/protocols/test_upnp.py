"""What an internet box says is taken strictly, and only reading actions can be written."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.protocols.bounded_xml import read_xml
from lightproof.check.protocols.upnp import (
    READING,
    Control,
    Description,
    box_of,
    description_at,
    envelope,
    location_of,
    search,
)
from lightproof.errors import ProtocolViolation


def test_a_search_is_written_as_the_architecture_says() -> None:
    assert search("fd00::1", 1900, "upnp:rootdevice") == (
        b'M-SEARCH * HTTP/1.1\r\nHOST: [fd00::1]:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n'
    )


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("http://192.168.1.1:5000/desc.xml", Description(5000, "/desc.xml")),
        ("http://192.168.1.1", Description(80, "/")),
        ("HTTP://192.168.1.1:80/a?b=c#d", Description(80, "/a?b=c")),
    ],
)
def test_a_description_at_the_address_itself_is_taken(location: str, there: Description) -> None:
    assert description_at(location, "192.168.1.1") == there


@pytest.mark.parametrize(
    "location",
    [
        "http://192.168.1.2:5000/desc.xml",
        "http://box.example/desc.xml",
        "http://localhost/desc.xml",
        "https://192.168.1.1/desc.xml",
        "http://user@192.168.1.1/desc.xml",
        "http://192.168.1.1@192.168.1.2/",
        "http://192.168.1.1:0/desc.xml",
        "http://192.168.1.1:99999/desc.xml",
        "http://192.168.1.1:x/desc.xml",
        "http://3232235777/desc.xml",
        "http://0300.0250.1.1/desc.xml",
        "http://[::ffff:192.168.1.1]/",
        "http://[/",
        "http://192.168.1.1/\x1b[31m",
        "http://192.168.1.1/\u202e",
        "//192.168.1.1/desc.xml",
        "/desc.xml",
        "file:///etc/passwd",
        "file://192.168.1.1/etc/passwd",
        "",
    ],
)
def test_a_description_anywhere_else_is_not(location: str) -> None:
    assert description_at(location, "192.168.1.1") is None


def test_an_answer_to_a_search_names_one_location_in_any_case() -> None:
    assert location_of(b"HTTP/1.1 200 OK\r\nST: x\r\nLocation:http://a/ \r\n\r\n") == "http://a/"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff" * 2_000,
        b"NOTIFY * HTTP/1.1\r\nLOCATION: http://a/\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nLOCATION: http://a/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nLOCATION:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"LOCATION: http://a/\r\n" * 2,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100 + b"LOCATION: http://a/\r\n",
        b"HTTP/1.1 200 OK\r\nLOCATION: http://a/" + b"x" * 5_000,
    ],
)
def test_what_is_no_whole_answer_names_none(answer: bytes) -> None:
    assert location_of(answer) is None


def test_every_action_only_reads_and_holds_its_arguments_as_text() -> None:
    assert all(action.startswith("Get") for action in READING)
    control = Control("urn:schemas-upnp-org:service:WANIPConnection:1", "/ctl")
    request = envelope(control, "GetListOfPortMappings", protocol="<x>&")
    called = next(read_xml(request).every("GetListOfPortMappings"))
    assert called.value("NewProtocol") == "<x>&"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "not-xml"),
        (b"\xff\xfe\x00<", "not-xml"),
        (b"<root>", "not-xml"),
        (b"\x1f\x8b\x08\x00", "not-xml"),
        (b'<?xml version="1.0" encoding="nonsense"?><root/>', "not-xml"),
        (b'<?xml version="1.0" encoding="utf-7"?><root/>', "not-xml"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>', "not-xml"),
        (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', "not-xml"),
        (b'<!DOCTYPE r SYSTEM "http://127.255.255.254:9/x.dtd"><r/>', "not-xml"),
        (b"<a>" * 65 + b"</a>" * 65, "xml-limit"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "xml-limit"),
        (b"<r>" + b"<a/>" * 10_000 + b"</r>", "xml-limit"),
        (b"<r>" + b"x" * 100_000 + b"</r>", "xml-limit"),
    ],
)
def test_xml_is_read_whole_and_within_limits_or_not_at_all(document: bytes, reason: str) -> None:
    with pytest.raises(ProtocolViolation, match=reason):
        read_xml(document)


def test_xml_at_the_limit_of_depth_is_read() -> None:
    assert len(tuple(read_xml(b"<a>" * 64 + b"</a>" * 64).every("a"))) == 64


_LETTERS = [
    b"<",
    b">",
    b"/",
    b"root",
    b"device",
    b"deviceType",
    b"service",
    b"&",
    b"&#0;",
    b"<![CDATA[",
    b"]]>",
    b"\xff",
]


@given(st.lists(st.one_of(st.sampled_from(_LETTERS), st.binary(max_size=8)), max_size=60).map(b"".join))
def test_no_document_raises_anything_but_our_refusal(document: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        box_of(document)


@given(st.binary(max_size=300))
def test_no_datagram_breaks_the_reader(answer: bytes) -> None:
    location = location_of(answer) or answer.decode("latin-1")
    assert description_at(location, "192.168.1.1") is None or location.lower().startswith("http:")
