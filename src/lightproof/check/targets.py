"""Which addresses and ports a check tries: arithmetic on ranges, so a country needs no more memory than a practice.

Targets are numbered; a keyed permutation of the numbers gives an order that spreads the load over hosts, is the same
for the same seed, and lets a run resume from positions alone. Names are resolved once, here, and pinned: nothing looks
them up again, so no later answer of a name server can move the check elsewhere.
"""

import hashlib
import ipaddress
import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from lightproof.errors import UsageRefused
from lightproof.evidence.records import Target
from lightproof.locale import gettext as _

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str], Sequence[str]]
"""A name to its numeric addresses; empty when there are none."""

_LARGEST_IPV6_PREFIX: Final = 112
"""65,536 addresses: nobody sweeps more of an IPv6 network, and nobody types it by intention."""
_NAME: Final = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+")
_SHORT_RANGE: Final = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})-(\d{1,3})")
_PORTS: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_HIGHEST_PORT: Final = 65_535
_LONGEST_LIST_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, order=True)
class AddressRange:
    """Consecutive addresses of one IP version, both ends included, as integers."""

    version: int
    first: int
    last: int

    def __contains__(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return parsed.version == self.version and self.first <= int(parsed) <= self.last

    def __str__(self) -> str:
        first, last = (_address(self.version, number) for number in (self.first, self.last))
        return first if first == last else f"{first}-{last}"


def parse_targets(texts: Iterable[str], resolve: Resolver, *, where: str = "") -> tuple[AddressRange, ...]:
    """Ranges of what was asked for: addresses, CIDR blocks, ranges, names. Raises UsageRefused naming what is wrong.

    `where` names the file, and then every text counts as a line of it.
    """
    ranges: list[AddressRange] = []
    for number, text in enumerate(texts, start=1):
        wanted = text.partition("#")[0].strip() if where else text.strip()
        if wanted:
            ranges.extend(_parse(wanted, resolve, f"{where}:{number}" if where else ""))
    return merged(ranges)


def read_targets(path: Path, resolve: Resolver) -> tuple[AddressRange, ...]:
    """Ranges listed in a file, one a line, `#` begins a comment. Raises UsageRefused naming the line."""
    return parse_targets(read_text(path).splitlines(), resolve, where=str(path))


def read_text(path: Path) -> str:
    """A text file under a limit. Raises UsageRefused when it cannot be read."""
    try:
        if path.stat().st_size > _LONGEST_LIST_BYTES:
            raise UsageRefused(
                "file-too-large",
                _("{file} is larger than 64 MB.").format(file=path),
                _("Cut it into several files and check them one after the other."),
            )
        return path.read_text(encoding="utf-8-sig", errors="strict")
    except OSError as error:
        raise UsageRefused(
            "file-unreadable",
            _("{file} cannot be read: {reason}.").format(file=path, reason=error.strerror),
            _("Check its name and that you may read it."),
        ) from error
    except UnicodeDecodeError as error:
        raise UsageRefused(
            "file-not-text",
            _("{file} is not a text file in UTF-8.").format(file=path),
            _("Save it as UTF-8 text."),
        ) from error


def parse_ports(text: str) -> tuple[int, ...]:
    """Ports of `104,11112,8000-8100`, ascending, each once. Raises UsageRefused."""
    ports: set[int] = set()
    for part in text.split(","):
        found = _PORTS.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last <= _HIGHEST_PORT:
            raise UsageRefused(
                "ports-unreadable",
                _("“{text}” is not a list of ports.").format(text=part.strip()[:40]),
                _("Write numbers from 1 to 65535, as 104,11112,8000-8100."),
            )
        ports.update(range(first, last + 1))
    return tuple(sorted(ports))


def merged(ranges: Iterable[AddressRange]) -> tuple[AddressRange, ...]:
    """The same addresses in as few ranges as possible, ascending."""
    joined: list[AddressRange] = []
    for item in sorted(ranges):
        if joined and joined[-1].version == item.version and item.first <= joined[-1].last + 1:
            joined[-1] = AddressRange(item.version, joined[-1].first, max(joined[-1].last, item.last))
        else:
            joined.append(item)
    return tuple(joined)


def without(ranges: Sequence[AddressRange], excluded: Sequence[AddressRange]) -> tuple[AddressRange, ...]:
    """The addresses of `ranges` that are not in `excluded`."""
    left: list[AddressRange] = []
    for item in merged(ranges):
        first = item.first
        for hole in merged(excluded):
            if hole.version != item.version or hole.last < first or hole.first > item.last:
                continue
            if hole.first > first:
                left.append(AddressRange(item.version, first, hole.first - 1))
            first = hole.last + 1
        if first <= item.last:
            left.append(AddressRange(item.version, first, item.last))
    return tuple(left)


class TargetSpace(Sequence[Target]):
    """All targets of a check, numbered: every port of every address of the ranges, then the single targets."""

    def __init__(self, ranges: Sequence[AddressRange], ports: Sequence[int], single: Iterable[Target] = ()) -> None:
        self.ranges = merged(ranges)
        self.ports = tuple(ports)
        self._ends = list(accumulate(r.last - r.first + 1 for r in self.ranges))
        self._addresses = self._ends[-1] if self._ends else 0
        in_ranges = frozenset(self.ports)
        self.single = tuple(
            target
            for target in dict.fromkeys(single)
            if target.port not in in_ranges or not any(target.address in r for r in self.ranges)
        )

    def __len__(self) -> int:
        return self._addresses * len(self.ports) + len(self.single)

    def __getitem__(self, index: int) -> Target:  # type: ignore[override]  # slices have no use here
        address, port = self.at(index)
        return Target(address, port)

    def at(self, index: int) -> tuple[str, int]:
        """Address and port of one target; cheaper than a Target."""
        which, port = divmod(index, len(self.ports)) if self.ports else (self._addresses, 0)
        if which >= self._addresses:
            target = self.single[index - self._addresses * len(self.ports)]
            return target.address, target.port
        slot = bisect_right(self._ends, which)
        item = self.ranges[slot]
        return _address(item.version, item.last - (self._ends[slot] - 1 - which)), self.ports[port]

    @property
    def description(self) -> object:
        """What names this space: equal for equal targets."""
        return [[str(r) for r in self.ranges], list(self.ports), [(t.address, t.port) for t in self.single]]


class Order:
    """A keyed permutation of 0 ... size-1: `at(position)` is the number that comes then.

    A Feistel network on the halves of the index, walked until it falls inside (Black and Rogaway, 2002). It spreads
    targets; it keeps no secret.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self._half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
        self._mask = (1 << self._half) - 1
        key = hashlib.sha256(struct.pack(">QQ", size & 0xFFFFFFFFFFFFFFFF, seed & 0xFFFFFFFFFFFFFFFF)).digest()
        self._keys = struct.unpack(">4Q", key)

    def at(self, position: int) -> int:
        """The number at this position."""
        half, mask = self._half, self._mask
        index = position
        while True:
            left, right = index >> half, index & mask
            for key in self._keys:
                mixed = (right + key) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
                left, right = right, left ^ ((mixed ^ mixed >> 29) >> 7 & mask)
            index = left << half | right
            if index < self.size:
                return index


def _parse(text: str, resolve: Resolver, place: str) -> Iterable[AddressRange]:
    try:
        if short := _SHORT_RANGE.fullmatch(text):
            first = ipaddress.IPv4Address(short[1])
            last = ipaddress.IPv4Address(f"{short[1].rpartition('.')[0]}.{short[2]}")
            return (_range(first, last),)
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            if network.version == 6 and network.prefixlen < _LARGEST_IPV6_PREFIX:
                raise UsageRefused(
                    "range-too-large",
                    _("{text} has more addresses than anyone can try.").format(text=_quoted(text, place)),
                    _("Name IPv6 addresses one by one, or networks of /112 at most."),
                )
            return (_range(network.network_address, network.broadcast_address),)
        first_text, dash, last_text = text.partition("-")
        if dash and _is_address(first_text.strip()):
            return (_range(ipaddress.ip_address(first_text.strip()), ipaddress.ip_address(last_text.strip())),)
        if _is_address(text):
            address = ipaddress.ip_address(text)
            return (_range(address, address),)
    except ValueError as error:
        raise _unreadable(text, place) from error
    if not _NAME.fullmatch(text) or text.replace(".", "").isdigit():
        raise _unreadable(text, place)
    addresses = [ipaddress.ip_address(found) for found in resolve(text)]
    if not addresses:
        raise UsageRefused(
            "name-unknown",
            _("No address is known for the name {text}.").format(text=_quoted(text, place)),
            _("Check the spelling, or give the address itself."),
        )
    return tuple(_range(address, address) for address in addresses)


def _range(first: _Address, last: _Address) -> AddressRange:
    if first.version != last.version or int(last) < int(first):
        raise ValueError("the range ends before it begins")
    version, lowest = _plain(first)
    return AddressRange(version, lowest, _plain(last)[1])


def _plain(address: _Address) -> tuple[int, int]:
    """An IPv4 address written inside IPv6 (::ffff:10.0.0.1) is that IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (4, int(mapped)) if mapped is not None else (address.version, int(address))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address(version: int, number: int) -> str:
    if version == 4:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return str(ipaddress.IPv6Address(number))


def _quoted(text: str, place: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text[:60])
    return f"“{shown}” ({place})" if place else f"“{shown}”"


def _unreadable(text: str, place: str) -> UsageRefused:
    return UsageRefused(
        "target-unreadable",
        _("{text} is not an address, a range or a name.").format(text=_quoted(text, place)),
        _("Write it as 192.168.1.10, 192.168.1.0/24, 192.168.1.10-20 or pacs.example.org."),
    )
