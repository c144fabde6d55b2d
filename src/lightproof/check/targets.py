"""What a check will try: addresses and ports, written by people or found by other tools, in a repeatable order.

A `TargetSpace` is arithmetic on merged ranges: it knows how many targets it has and which one stands at an index, and
never holds them. Names are resolved once, when the plan is made; what is connected to later is the numeric address.
"""

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from socket import AF_INET6, inet_ntoa, inet_ntop
from struct import Struct
from typing import TYPE_CHECKING, Final

from lightproof.check.addresses import (
    LOOPBACK,
    NOBODYS,
    AddressRange,
    NotAnAddress,
    joined,
    lies_in,
    looks_numeric,
    range_of,
    without,
)
from lightproof.check.sweeping.order import LARGEST
from lightproof.errors import UsageRefused, cannot_read
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.evidence.records import Target

Resolver = Callable[[str], Sequence[str]]
"""Gives all numeric addresses of a name; empty or OSError when it has none, TimeoutError when that takes too long."""

LARGEST_IPV6_RANGE: Final = 1 << 20
"""A /108: an IPv6 network is too large to try; its machines are named, or found by other means."""
LONGEST_LIST: Final = 64 * 1024 * 1024
"""Bytes of a file of targets."""
_LONGEST_LINE: Final = 1_024
_OCTETS: Final = Struct(">I").pack
_LONGEST_NAME: Final = 253
MOST_ADDRESSES: Final = 64
"""Of one name. A name with more is refused whole: to leave some out would leave them unchecked, or unspared."""


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports, ascending, each once."""

    numbers: tuple[int, ...]

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Ports":
        """These ports, in any order."""
        return cls(tuple(sorted(set(numbers))))

    @classmethod
    def parse(cls, text: str) -> "Ports":
        """Ports written as `104,11112,8000-8100`. Raises UsageRefused."""
        chosen: set[int] = set()
        for part in text.split(","):
            low, hyphen, high = part.strip().partition("-")
            first = _port(low)
            last = _port(high) if hyphen else first
            if first is None or last is None or last < first:
                raise UsageRefused(
                    "ports-unreadable",
                    _("“{part}” is not a port or a range of ports.").format(part=shown(part)),
                    _("Write ports from 1 to 65535, as in 104,11112,8000-8100."),
                )
            chosen.update(range(first, last + 1))
        return cls.of(chosen)

    def __str__(self) -> str:
        runs: list[list[int]] = []
        for number in self.numbers:
            if runs and number == runs[-1][-1] + 1:
                runs[-1][1:] = [number]
            else:
                runs.append([number])
        return ",".join("-".join(map(str, run)) for run in runs)


def _port(text: str) -> int | None:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    return number if 0 < (number := int(text)) < 65_536 else None


@dataclass(frozen=True, slots=True)
class Named:
    """What one target text stands for: addresses, and the port when it names one."""

    ranges: tuple[AddressRange, ...]
    port: int | None = None
    name: str | None = None
    """What it was called, where that was a name: lower case, in ASCII (RFC 5891), without a final dot."""


def pinned(resolver: Resolver) -> Resolver:
    """The resolver, asked once for each name: whoever asks again, later or elsewhere, gets the same addresses."""
    known: dict[str, Sequence[str]] = {}

    def resolve(name: str) -> Sequence[str]:
        if name not in known:
            known[name] = tuple(resolver(name))
        return known[name]

    return resolve


def parse_target(text: str, resolver: Resolver, where: str | None = None) -> Named:
    """Reads an address, a range (`10.0.0.0/24`, `10.0.0.1-20`), a name, or any single one of them with `:port`.

    `where` (a file and its line) begins the error. Raises UsageRefused.
    """
    text = text.strip()
    host, port = _host_and_port(text)
    name: str | None = None
    try:
        if port is not None and not 0 < port < 65_536:
            raise NotAnAddress("unreadable")
        if "/" in host or ":" in host or looks_numeric(host) or looks_numeric(host.partition("-")[0]):
            ranges: tuple[AddressRange, ...] = (range_of(host),)
        else:
            name = name_in_ascii(host)
            ranges = tuple(map(range_of, _resolved(host, resolver, where)))
    except NotAnAddress as error:
        raise _refused(text, error.reason, where) from error
    for found in ranges:
        if found.version == 6 and found.size > LARGEST_IPV6_RANGE:
            raise _refused(text, "too-large", where)
    return Named(joined(ranges), port, name)


def _host_and_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if bracket and not rest:
            return host, None
        return (host, int(rest[1:])) if bracket and rest[0] == ":" and _digits(rest[1:]) else (text, None)
    host, colon, port = text.partition(":")
    return (host, int(port)) if colon and host and _digits(port) else (text, None)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5


def name_in_ascii(name: str) -> str:
    """A name as it goes over the wire. Raises NotAnAddress when it is none, or becomes an address on its way there."""
    try:
        written = name.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise NotAnAddress("unreadable") from error
    labels = written.split(".")
    well_formed = all(label.replace("-", "").replace("_", "").isalnum() for label in labels)
    if not well_formed or len(written) > _LONGEST_NAME or looks_numeric(written):
        raise NotAnAddress("unreadable")
    return written


def _resolved(name: str, resolver: Resolver, where: str | None) -> Sequence[str]:
    try:
        found = resolver(name)
    except TimeoutError as error:
        raise _refused(name, "too-slow", where) from error
    except (OSError, UnicodeError):
        found = ()
    if not found:
        raise _refused(name, "unknown-name", where)
    if len(found) > MOST_ADDRESSES:
        raise _refused(name, "too-many-addresses", where)
    return found


def _why(reason: str) -> str:
    # Each text stands in a call of its own so that it reaches the catalogue.
    match reason:
        case "host-bits":
            return _("“{text}” is not a network: its address lies inside it.")
        case "backwards":
            return _("The range “{text}” ends before it begins.")
        case "mixed":
            return _("The range “{text}” mixes IPv4 and IPv6.")
        case "zone":
            return _("“{text}” names a network interface, which is not supported.")
        case "too-large":
            return _("“{text}” holds more addresses than can be tried.")
        case "unknown-name":
            return _("The name “{text}” has no address.")
        case "too-slow":
            return _("The name “{text}” was not resolved within the time that all names of a check have together.")
        case "too-many-addresses":
            return _("The name “{text}” has more than {most} addresses.")
        case "mapped" | "translated":
            return _("“{text}” is an IPv4 address in disguise.")
        case "unspecified" | "multicast" | "reserved":
            return _("“{text}” holds addresses that are no machine's: unspecified, multicast, broadcast or reserved.")
        case _:
            return _("“{text}” is not an address, a range or a name.")


def shown(text: str) -> str:
    """What a person wrote, short and printable, for an error that quotes it."""
    return "".join(c if c.isprintable() else "?" for c in text.strip()[:80])


def _refused(text: str, reason: str, where: str | None) -> UsageRefused:
    cause = _why(reason).format(text=shown(text), most=MOST_ADDRESSES)
    return UsageRefused(
        "target-unreadable",
        f"{where}: {cause}" if where else cause,
        _("Write 192.0.2.10, 192.0.2.0/24, 192.0.2.10-20, 2001:db8::10, pacs.example.org or 192.0.2.10:11112."),
    )


def read_target_list(path: Path, resolver: Resolver) -> tuple[Named, ...]:
    """Reads a file of targets: one a line, `#` begins a comment. Raises UsageRefused naming the line."""
    return tuple(
        parse_target(target, resolver, _("{file}, line {line}").format(file=path, line=number))
        for number, line in numbered_lines(path, LONGEST_LIST, _LONGEST_LINE)
        if (target := line.partition("#")[0].strip())
    )


def numbered_lines(path: Path, longest_file: int, longest_line: int) -> Iterator[tuple[int, str]]:
    """Lines of a text file with their numbers, under limits. Raises UsageRefused."""
    try:
        with path.open("rb") as file:
            held = 0
            number = 0
            while line := file.readline(longest_line + 1):
                number += 1
                held += len(line)
                if len(line) > longest_line or held > longest_file:
                    raise UsageRefused(
                        "file-too-large",
                        _("{file}, line {line}: the line or the file is too long.").format(file=path, line=number),
                        _("Split it into several files and runs."),
                    )
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise UsageRefused(
                        "file-unreadable",
                        _("{file}, line {line}: not UTF-8 text.").format(file=path, line=number),
                        _("Save the file as plain text."),
                    ) from error
    except OSError as error:
        raise cannot_read(path, error) from error


class TargetSpace:
    """Every address of `ranges` on every port of `ports`, and the pairs in `explicit`; never anything in `excluded`.

    Index 0 to len - 1, ascending by address then port, explicit pairs after; a pair that the ranges hold already counts
    once. Raises UsageRefused when there are more targets than LARGEST.
    """

    def __init__(
        self,
        ranges: Iterable[AddressRange],
        ports: Ports,
        *,
        explicit: Iterable[tuple[str, int]] = (),
        excluded: Iterable[AddressRange] = (),
    ) -> None:
        holes = joined([*excluded, *NOBODYS])
        self.ports = ports
        self.ranges = without(ranges, holes) if ports.numbers else ()
        self._starts = [0]
        for found in self.ranges:
            self._starts.append(self._starts[-1] + found.size)
        self._product = self._starts[-1] * len(ports.numbers)
        self._explicit4 = array("Q")
        self._explicit6: list[tuple[int, int]] = []
        self._take(explicit, holes)
        self._size = self._product + len(self._explicit4) + len(self._explicit6)
        if self._size > LARGEST:
            raise UsageRefused(
                "too-many-targets",
                _("These ranges and ports make {count} targets; one run takes {most}.").format(
                    count=self._size, most=LARGEST
                ),
                _("Split them into several runs."),
            )

    def _take(self, explicit: Iterable[tuple[str, int]], holes: Sequence[AddressRange]) -> None:
        firsts = [(hole.version, hole.first) for hole in holes]
        ports = frozenset(self.ports.numbers)
        found4: set[int] = set()
        found6: set[tuple[int, int]] = set()
        for address, port in explicit:
            one = range_of(address)
            before = bisect_right(firsts, (one.version, one.first)) - 1
            excluded = before >= 0 and holes[before].overlaps(one)
            if excluded or (port in ports and lies_in(one, self.ranges)):
                continue
            if one.version == 4:
                found4.add(one.first << 16 | port)
            else:
                found6.add((one.first, port))
        self._explicit4.extend(sorted(found4))
        self._explicit6.extend(sorted(found6))

    def __len__(self) -> int:
        return self._size

    def locate(self, index: int) -> tuple[str, int]:
        """Address and port at this index."""
        if index < self._product:
            nth, port = divmod(index, len(self.ports.numbers))
            place = bisect_right(self._starts, nth) - 1 if len(self._starts) > 2 else 0
            found = self.ranges[place]
            number = found.first + nth - self._starts[place]
            text = inet_ntoa(_OCTETS(number)) if found.version == 4 else _text(6, number)
            return text, self.ports.numbers[port]
        nth = index - self._product
        if nth < len(self._explicit4):
            pair = self._explicit4[nth]
            return _text(4, pair >> 16), pair & 0xFFFF
        number, port = self._explicit6[nth - len(self._explicit4)]
        return _text(6, number), port

    def at(self, address: str) -> Iterator[tuple[int, int]]:
        """The port and the index of each target that has this address. Raises NotAnAddress."""
        one = range_of(address)
        if one.size > 1:
            raise NotAnAddress("unreadable")
        for place, found in enumerate(self.ranges):
            if one in found:
                nth = self._starts[place] + one.first - found.first
                for which, port in enumerate(self.ports.numbers):
                    yield port, nth * len(self.ports.numbers) + which
        if one.version == 4:
            after = bisect_left(self._explicit4, one.first << 16)
            for nth in range(after, bisect_left(self._explicit4, (one.first + 1) << 16)):
                yield self._explicit4[nth] & 0xFFFF, self._product + nth
        for nth, (number, port) in enumerate(self._explicit6):
            if one.version == 6 and number == one.first:
                yield port, self._product + len(self._explicit4) + nth

    def __getitem__(self, index: int) -> "Target":
        from lightproof.evidence.records import Target  # noqa: PLC0415 - as long to load as a thousand calls to place

        if not 0 <= index < self._size:
            raise IndexError(index)
        return Target(*self.locate(index))

    def __contains__(self, target: "Target") -> bool:
        try:
            one = range_of(target.address)
        except NotAnAddress:
            return False
        if target.port in self.ports.numbers and lies_in(one, self.ranges):
            return True
        if one.version == 6:
            return (one.first, target.port) in self._explicit6
        pair = one.first << 16 | target.port
        place = bisect_left(self._explicit4, pair)
        return place < len(self._explicit4) and self._explicit4[place] == pair

    @property
    def is_ipv4_loopback(self) -> bool:
        """Whether every target is an IPv4 address of this machine's loopback."""
        return all(found in LOOPBACK[0] for found in self.every_range())

    def singles(self) -> Iterator[tuple[str, Ports]]:
        """Each address that has ports of its own, beside the ranges, with those ports."""
        pairs = (self.locate(index) for index in range(self._product, self._size))
        for address, group in groupby(pairs, key=itemgetter(0)):
            yield address, Ports.of(port for _address, port in group)

    def every_range(self) -> tuple[AddressRange, ...]:
        """All addresses that any target has: what must be authorised."""
        singles4 = (AddressRange(4, pair >> 16, pair >> 16) for pair in self._explicit4)
        singles6 = (AddressRange(6, number, number) for number, _port in self._explicit6)
        return joined([*self.ranges, *singles4, *singles6])

    @property
    def description(self) -> str:
        """A short text that is equal for equal spaces: it names the space in a journal."""
        pairs = hashlib.sha256(self._explicit4.tobytes())
        pairs.update(repr(self._explicit6).encode())
        ranges = " ".join(map(str, self.ranges))
        if len(ranges) > 1_000:
            ranges = hashlib.sha256(ranges.encode()).hexdigest()
        many = len(self._explicit4) + len(self._explicit6)
        return f"{ranges} ports {self.ports}" + (f" and {many} pairs {pairs.hexdigest()}" if many else "")

    def spelled(self) -> bytes:
        """All of it, to be kept: its ports, its ranges and its pairs, one a line."""
        pairs = (f"{address} {port}" for address, port in map(self.locate, range(self._product, self._size)))
        return "\n".join((str(self.ports), *map(str, self.ranges), *pairs)).encode("ascii")

    @classmethod
    def read(cls, spelled: bytes) -> "TargetSpace":
        """The space that this spells. Raises UsageRefused or NotAnAddress for anything else."""
        ports, *lines = spelled.decode("ascii").split("\n")
        parts = [line.split(" ") for line in lines]
        return cls(
            [range_of(part[0]) for part in parts if len(part) == 1],
            Ports.parse(ports) if ports else Ports(()),
            explicit=[(part[0], int(part[1])) for part in parts if len(part) > 1],
        )


def _text(version: int, number: int) -> str:
    if version == 4:
        return inet_ntoa(number.to_bytes(4, "big"))
    return inet_ntop(AF_INET6, number.to_bytes(16, "big"))
