"""Ranges of addresses, as numbers: read strictly, compared, joined and taken apart without listing what is in them.

One address has one spelling here. IPv4 inside IPv6 (`::ffff:192.0.2.1`) becomes the IPv4 address it is; spellings that
tools read differently (octal, decimal, short forms), translators' addresses and those that are nobody's machine
(unspecified, multicast, broadcast, reserved) are refused, so that what is authorised is what is connected to.
"""

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from typing import Final, Literal

Version = Literal[4, 6]


@dataclass(frozen=True, slots=True, order=True)
class AddressRange:
    """All addresses from `first` to `last`, both included, of one IP version."""

    version: Version
    first: int
    last: int

    @property
    def size(self) -> int:
        """How many addresses."""
        return self.last - self.first + 1

    def __contains__(self, other: "AddressRange") -> bool:
        return self.version == other.version and self.first <= other.first and other.last <= self.last

    def overlaps(self, other: "AddressRange") -> bool:
        """Whether any address is in both."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        first, last = address_of(self.version, self.first), address_of(self.version, self.last)
        if self.first == self.last:
            return str(first)
        blocks = [str(block) for block in summarize_address_range(first, last)]  # type: ignore[type-var]
        return blocks[0] if len(blocks) == 1 else f"{first}-{last}"


def address_of(version: Version, number: int) -> IPv4Address | IPv6Address:
    """The address with this number."""
    return IPv4Address(number) if version == 4 else IPv6Address(number)


def _block(text: str) -> AddressRange:
    network = ip_network(text)
    return AddressRange(4 if network.version == 4 else 6, int(network.network_address), int(network.broadcast_address))


_MAPPED: Final = _block("::ffff:0:0/96")

NOBODYS: Final[dict[AddressRange, str]] = {
    _block("0.0.0.0/8"): "unspecified",
    _block("224.0.0.0/4"): "multicast",
    _block("240.0.0.0/4"): "reserved",
    _block("::/128"): "unspecified",
    AddressRange(6, 2, (1 << 32) - 1): "reserved",
    _MAPPED: "mapped",
    _block("64:ff9b::/96"): "translated",
    _block("64:ff9b:1::/48"): "translated",
    _block("2001::/32"): "translated",
    _block("2002::/16"): "translated",
    _block("ff00::/8"): "multicast",
}
"""What no target may be in: no machine of its own answers there, or the machine that does is another address."""

LOOPBACK: Final = (_block("127.0.0.0/8"), _block("::1/128"))
PRIVATE: Final = (
    _block("10.0.0.0/8"),
    _block("172.16.0.0/12"),
    _block("192.168.0.0/16"),
    _block("169.254.0.0/16"),
    _block("fc00::/7"),
    _block("fe80::/10"),
)
"""RFC 1918, RFC 3927, RFC 4193 and RFC 4291 link-local; not 100.64.0.0/10, which is a provider's (RFC 6598)."""


class NotAnAddress(ValueError):
    """`reason`: `unreadable`, `zone`, `host-bits`, `backwards`, `mixed`, or a word of NOBODYS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def range_of(text: str) -> AddressRange:
    """The range that `text` writes: one address, a CIDR block, or two addresses (or a last octet) joined by a hyphen.

    Raises NotAnAddress.
    """
    if "%" in text:
        raise NotAnAddress("zone")
    if "/" in text:
        found = _network(text)
    elif "-" in text:
        found = _span(text)
    else:
        version, number = _single(text)
        found = AddressRange(version, number, number)
    if found in _MAPPED:
        found = AddressRange(4, found.first - _MAPPED.first, found.last - _MAPPED.first)
    for block, reason in NOBODYS.items():
        if block.overlaps(found):
            raise NotAnAddress(reason)
    return found


def readable(addresses: Iterable[str]) -> Iterator[AddressRange]:
    """The addresses that a target could have among those that a system lists; interfaces also bear others."""
    for address in addresses:
        text = address.partition("%")[0]
        if "/" in text or "-" in text:
            continue
        with contextlib.suppress(NotAnAddress):
            yield range_of(text)


def looks_numeric(text: str) -> bool:
    """Whether `text` tries to write an address rather than a name: such text is never handed to a resolver.

    Resolvers read `0x7f.1`, `2130706433` and `0177.0.0.1` as addresses; we do not.
    """
    parts = text.rstrip(".").split(".")
    last = parts[-1].lower()
    return ":" in text or not last or last.isdigit() or (last.startswith("0x") and _is_hexadecimal(last[2:]))


def _is_hexadecimal(text: str) -> bool:
    return all(c in "0123456789abcdef" for c in text)


def _single(text: str) -> tuple[Version, int]:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise NotAnAddress("unreadable") from error
    return (4 if address.version == 4 else 6), int(address)


def _network(text: str) -> AddressRange:
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise NotAnAddress("unreadable") from error
    # A mask such as 192.168.1.0/255.255.255.0 or /0.0.0.255 is read by ip_network; we keep to prefix lengths.
    address, _, prefix = text.partition("/")
    if not prefix.isdecimal() or not prefix.isascii():
        raise NotAnAddress("unreadable")
    if network.network_address != ip_address(address):
        raise NotAnAddress("host-bits")
    return _block(str(network))


def _span(text: str) -> AddressRange:
    low, _, high = text.partition("-")
    version, first = _single(low)
    if version == 4 and high.isascii() and high.isdecimal():
        if (len(high) > 1 and high.startswith("0")) or int(high) > 255:
            raise NotAnAddress("unreadable")
        last_version, last = version, (first & ~0xFF) | int(high)
    else:
        last_version, last = _single(high)
    if last_version != version:
        raise NotAnAddress("mixed")
    if last < first:
        raise NotAnAddress("backwards")
    return AddressRange(version, first, last)


def joined(ranges: Iterable[AddressRange]) -> tuple[AddressRange, ...]:
    """The same addresses in the fewest ranges, ascending, none touching another."""
    result: list[AddressRange] = []
    for found in sorted(ranges):
        if result and result[-1].version == found.version and found.first <= result[-1].last + 1:
            if found.last > result[-1].last:
                result[-1] = AddressRange(found.version, result[-1].first, found.last)
        else:
            result.append(found)
    return tuple(result)


def without(ranges: Iterable[AddressRange], excluded: Iterable[AddressRange]) -> tuple[AddressRange, ...]:
    """What is in `ranges` and not in `excluded`, joined."""
    holes = joined(excluded)
    result: list[AddressRange] = []
    start = 0
    for found in joined(ranges):
        while start < len(holes) and (holes[start].version, holes[start].last) < (found.version, found.first):
            start += 1
        first = found.first
        for hole in _from(holes, start, found):
            if hole.first > first:
                result.append(AddressRange(found.version, first, hole.first - 1))
            first = hole.last + 1
        if first <= found.last:
            result.append(AddressRange(found.version, first, found.last))
    return tuple(result)


def common(some: Iterable[AddressRange], others: Iterable[AddressRange]) -> tuple[AddressRange, ...]:
    """What is in both, joined."""
    some = tuple(some)
    return without(some, without(some, others))


def lies_in(one: AddressRange, ranges: Sequence[AddressRange]) -> bool:
    """Whether one address is in any of these ranges, which are joined."""
    after = bisect_right(ranges, AddressRange(one.version, one.first, 1 << 128))
    return after > 0 and one in ranges[after - 1]


def _from(holes: Sequence[AddressRange], start: int, found: AddressRange) -> Iterable[AddressRange]:
    for position in range(start, len(holes)):
        if not holes[position].overlaps(found):
            return
        yield holes[position]
