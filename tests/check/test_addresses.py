"""Ranges of addresses: strict reading, and set arithmetic that agrees with real sets."""

from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.addresses import AddressRange, NotAnAddress, joined, looks_numeric, range_of, without

SMALL = st.builds(
    lambda version, first, more: AddressRange(version, first, first + more),
    st.sampled_from([4, 6]),
    st.integers(0, 60),
    st.integers(0, 20),
)


def members(ranges: object) -> set[tuple[int, int]]:
    return {(r.version, n) for r in ranges for n in range(r.first, r.last + 1)}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("192.168.1.7", "192.168.1.7", "192.168.1.7"),
        ("192.168.1.0/24", "192.168.1.0", "192.168.1.255"),
        ("10.0.0.1-10.0.0.20", "10.0.0.1", "10.0.0.20"),
        ("10.0.0.1-20", "10.0.0.1", "10.0.0.20"),
        ("::1", "::1", "::1"),
        ("2001:db8::/120", "2001:db8::", "2001:db8::ff"),
        ("2001:db8::1-2001:db8::9", "2001:db8::1", "2001:db8::9"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:200/120", "192.0.2.0", "192.0.2.255"),
    ],
)
def test_a_range_is_read_as_it_is_written(text: str, first: str, last: str) -> None:
    found = range_of(text)
    assert (found.version, found.first, found.last) == (
        ip_address(first).version,
        int(ip_address(first)),
        int(ip_address(last)),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("010.0.0.1", "unreadable"),
        ("0177.0.0.1", "unreadable"),
        ("2130706433", "unreadable"),
        ("0x7f000001", "unreadable"),
        ("127.1", "unreadable"),
        ("1.2.3.4.5", "unreadable"),
        ("192.168.1.0/255.255.255.0", "unreadable"),
        ("192.168.1.7/24", "host-bits"),
        ("10.0.0.20-10", "backwards"),
        ("10.0.0.1-010", "unreadable"),
        ("10.0.0.1-256", "unreadable"),
        ("10.0.0.1-::1", "mixed"),
        ("fe80::1%eth0", "zone"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("0.0.0.0/0", "unspecified"),
        ("224.0.0.251", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::7f00:1", "reserved"),
        ("64:ff9b::7f00:1", "translated"),
        ("2002:7f00:1::", "translated"),
        ("::fffe:0:0/95", "mapped"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("", "unreadable"),
        ("10.0.0.1-", "unreadable"),
        ("١٠.0.0.1", "unreadable"),
    ],
)
def test_other_spellings_and_nobodys_addresses_are_refused(text: str, reason: str) -> None:
    with pytest.raises(NotAnAddress) as refused:
        range_of(text)
    assert refused.value.reason == reason


def test_text_that_a_resolver_would_take_for_an_address_is_seen_as_one() -> None:
    assert all(
        map(looks_numeric, ("127.1", "0x7f.1", "2130706433", "0x7f000001", "1.2.3.4.", "::1", "a.0x7f", "127.0x1"))
    )
    assert not any(map(looks_numeric, ("pacs.example.org", "pacs", "1a.example", "10.example.fr")))


@pytest.mark.parametrize("text", ["10.0.0.0/8", "192.0.2.1", "10.0.0.1-10.0.0.20", "2001:db8::/64"])
def test_a_range_prints_as_it_may_be_written(text: str) -> None:
    assert str(range_of(text)) == text
    assert range_of(str(range_of(text))) == range_of(text)


@given(st.lists(SMALL, max_size=12))
def test_joining_keeps_every_address_and_leaves_gaps_between_ranges(ranges: list[AddressRange]) -> None:
    result = joined(ranges)
    assert members(result) == members(ranges)
    assert all(a.version != b.version or a.last + 1 < b.first for a, b in pairwise(result))


@given(st.lists(SMALL, max_size=12), st.lists(SMALL, max_size=12))
def test_taking_away_is_set_difference(ranges: list[AddressRange], excluded: list[AddressRange]) -> None:
    result = without(ranges, excluded)
    assert members(result) == members(ranges) - members(excluded)
    assert result == joined(result)
