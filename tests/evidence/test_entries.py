import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.evidence.entries import ENTRY_BYTES, Entry, EntryRefused, parse_entry
from lightproof.evidence.merkle import leaf_hash

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def an_entry(**changes: object) -> Entry:
    entry = Entry(
        index=3,
        at=NOON,
        kind="breach.opened",
        subject="breach/B-2026-0001",
        principal="Dr Zoé",
        payload={"b": [1, True, None], "a": "é\n"},
        salt=b"\x01" * 16,
        attachments={"ab" * 32: "application/json"},
        boot="0123456789abcdef",
        uptime_us=17,
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def test_an_entry_has_one_spelling() -> None:
    assert an_entry().encode() == (
        b'{"at":"2026-11-23T12:00:00.000000Z","attachments":{"' + b"ab" * 32 + b'":"application/json"},'
        b'"boot":"0123456789abcdef","index":3,"kind":"breach.opened","payload":{"a":"\\u00e9\\n","b":[1,true,null]},'
        b'"principal":"Dr Zo\\u00e9","salt":"01010101010101010101010101010101","subject":"breach/B-2026-0001",'
        b'"uptime_us":17}'
    )
    assert an_entry().leaf() == leaf_hash(an_entry().encode())


@given(st.dictionaries(texts, values, max_size=5), st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_reads_back(payload: dict[str, object], at: datetime) -> None:
    entry = an_entry(payload=payload, at=at)
    line = entry.encode()
    assert parse_entry(line) == entry
    assert b"\n" not in line
    assert line.isascii()


def test_tuples_read_back_as_lists_and_enumerations_as_their_values() -> None:
    class Colour(str, Enum):  # noqa: UP042
        RED = "red"

    read = parse_entry(an_entry(payload={"a": (1, (2,)), "c": Colour.RED}).encode())
    assert read.payload == {"a": [1, [2]], "c": "red"}


@pytest.mark.parametrize(
    ("payload", "where", "reason"),
    [
        ({"a": 0.5}, "payload.a", "type"),
        ({"a": [1, {"b": 2.0}]}, "payload.a[1].b", "type"),
        ({"a": 2**53}, "payload.a", "range"),
        ({"a": -(2**53)}, "payload.a", "range"),
        ({"a": "\ud800"}, "payload.a", "half-a-character"),
        ({"\udfff": 1}, "payload", "half-a-character"),
        ({1: 1}, "payload", "key-type"),
        ({"a": b""}, "payload.a", "type"),
        ({"a": NOON}, "payload.a", "type"),
    ],
)
def test_a_payload_that_readers_would_not_agree_on_is_refused(
    payload: dict[str, object], where: str, reason: str
) -> None:
    with pytest.raises(EntryRefused) as refused:
        an_entry(payload=payload).encode()
    assert (refused.value.where, refused.value.reason) == (where, reason)


def test_a_payload_too_long_or_too_deep_is_refused() -> None:
    with pytest.raises(EntryRefused, match="entry: too-long"):
        an_entry(payload={"a": "x" * ENTRY_BYTES}).encode()
    deep: list[object] = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(EntryRefused, match="too-deep"):
        an_entry(payload={"a": deep}).encode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("index", -1),
        ("at", datetime(2026, 11, 23)),  # noqa: DTZ001
        ("at", NOON.astimezone(timezone(timedelta(hours=1)))),
        ("kind", "opened"),
        ("kind", "breach.Opened"),
        ("kind", "breach..opened"),
        ("kind", "breach." + "x" * 64),
        ("kind", "breach.opened\n"),
        ("subject", ""),
        ("subject", "a b"),
        ("subject", "x" * 201),
        ("principal", ""),
        ("principal", "a\nb"),
        ("principal", "a\u2028b"),
        ("salt", b""),
        ("attachments", {"AB" * 32: "text/plain"}),
        ("attachments", {"ab" * 32: "text"}),
        ("boot", "x"),
        ("uptime_us", -1),
    ],
)
def test_a_field_out_of_form_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(EntryRefused) as refused:
        an_entry(**{field: value})
    assert refused.value.where == field


def rewritten(**changes: object) -> bytes:
    fields = {**json.loads(an_entry().encode()), **changes}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("line", "where", "reason"),
    [
        (b"", "entry", "not-json"),
        (b"\xff", "entry", "not-json"),
        (b"[" * 100_000, "entry", "not-json"),
        (b"1" * 10_000, "entry", "not-json"),
        (b" " * (ENTRY_BYTES + 1), "entry", "too-long"),
        (b"[]", "entry", "fields"),
        (b"{}", "entry", "fields"),
        (b'{"a":1,"a":1}', "entry", "repeated-key"),
        (rewritten(payload={"a": 1.5}), "entry", "fraction"),
        (rewritten(payload={"a": float("nan")}), "entry", "fraction"),
        (rewritten(payload={"patient": {"name": 2**60}}), "payload", "range"),
        (rewritten(payload=[]), "payload", "type"),
        (rewritten(index=True), "index", "type"),
        (rewritten(index="3"), "index", "type"),
        (rewritten(kind=3), "kind", "type"),
        (rewritten(at="2026-11-23T12:00:00Z"), "at", "form"),
        (rewritten(at="2026-11-31T12:00:00.000000Z"), "at", "form"),
        (rewritten(salt="00"), "salt", "form"),
        (rewritten(attachments={"ab" * 32: 1}), "attachments", "type"),
        (rewritten(other=1), "entry", "fields"),
        (an_entry().encode() + b"\n", "entry", "not-canonical"),
        (an_entry().encode().replace(b",", b", "), "entry", "not-canonical"),
        (an_entry().encode().replace(b"\\u00e9", "é".encode()), "entry", "not-canonical"),
        (an_entry().encode().replace(b"\\u00e9", b"\\u00E9"), "entry", "not-canonical"),
    ],
)
def test_a_line_that_is_no_entry_is_refused(line: bytes, where: str, reason: str) -> None:
    with pytest.raises(EntryRefused) as refused:
        parse_entry(line)
    assert (refused.value.where, refused.value.reason) == (where, reason)
