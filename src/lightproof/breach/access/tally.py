"""What the lines of all logs add up to: who came while the data were within reach, and how far each went.

Rules of this file:
- addresses are hashed as they are counted, with a key of this breach: what is kept can be compared, and not read;
- memory is bounded, whatever the logs hold: at most so many sources are told apart.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from lightproof.breach.access.log_lines import Act, Address, LogLine
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

Network = IPv4Network | IPv6Network

INSIDE: Final[tuple[Network, ...]] = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10",
        "::1/128",
    )
)  # fmt: skip
"""Addresses that no stranger on the internet has (RFC 1918, 4193, 3927, 4291, 1122)."""
_WIDEST_SITE: Final[Mapping[int, int]] = {4: 24, 6: 48}
"""Version of the protocol -> prefix of the widest public range that a practice may call its own."""
_MOST_SOURCES: Final = 100_000
_HOUR: Final = 3_600
_AROUND_A_CHECK: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One service within reach."""

    service: str
    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the logs are read for."""

    begin: datetime
    begin_known: bool
    """False while nobody has shown or stated since when: then `begin` is before every log."""
    end: datetime
    """UTC; the instant of reading while it goes on."""
    ongoing: bool
    places: tuple[Place, ...] = ()
    """Empty when nobody knows: then every line counts."""
    checks: tuple[tuple[datetime, datetime], ...] = ()
    """When our own checks ran: their visits show that a log writes visits down."""


@dataclass(slots=True)
class Source:
    """One visitor."""

    first: datetime
    last: datetime
    acts: dict[Act, int] = field(default_factory=dict[Act, int])
    octets: int = 0

    @property
    def furthest(self) -> Act:
        """How far this one went."""
        return max(self.acts)


@dataclass(slots=True)
class Written:
    """When one kind of log was being written."""

    first: datetime
    last: datetime
    hours: set[int] = field(default_factory=set[int])
    """Hours of the exposure in which it wrote something, since 1970."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Fold of log lines."""

    exposure: Exposure
    own: tuple[Network, ...]
    hashed: Callable[[Address], str]
    written: dict[str, Written] = field(default_factory=dict[str, Written])
    strangers: dict[str, Source] = field(default_factory=dict[str, Source])
    inside: dict[str, Source] = field(default_factory=dict[str, Source])
    unattributed: int = 0
    """Visits of nobody knows whom."""
    crowd: int = 0
    """Visits of sources past the most that are told apart."""
    checks_seen: set[tuple[str, int | None]] = field(default_factory=set[tuple[str, int | None]])
    """Kind and port of lines that our own checks left."""

    def add(self, line: LogLine, port: int | None = None) -> None:
        """One line, its instant in UTC; `port` when its whole log is that of one service."""
        self._wrote(line)
        ports = frozenset((port,)) if port is not None else line.ports
        exposed = {place.port for place in self.exposure.places}
        if line.act is None or (ports and exposed and not ports & exposed):
            return
        outside = [source for source in line.sources if not self._is_own(source)]
        if not outside and self._during_a_check(line.at) and line.sources:
            self.checks_seen.update((line.kind, one) for one in (ports & exposed or (None,)))
        taken = bool(outside) and line.act >= Act.LISTED
        # Data given earlier than anybody stated is still data given: it also shows that the exposure began earlier.
        if not (taken or self.exposure.begin <= line.at) or line.at > self.exposure.end:
            return
        if not line.sources:
            self.unattributed += line.act is not Act.REFUSED
            return
        visitor = outside[0] if outside else line.sources[0]
        self._came(self.strangers if outside else self.inside, self.hashed(visitor), line)

    def _wrote(self, line: LogLine) -> None:
        at = line.at
        written = self.written.setdefault(line.kind, Written(at, at))
        written.first, written.last = min(written.first, at), max(written.last, at)
        if self.exposure.begin <= at <= self.exposure.end:
            written.hours.add(int(at.timestamp()) // _HOUR)

    def _came(self, among: dict[str, Source], who: str, line: LogLine) -> None:
        assert line.act is not None
        source = among.get(who)
        if source is None:
            if len(among) >= _MOST_SOURCES:
                self.crowd += 1
                return
            source = among[who] = Source(line.at, line.at)
        source.first, source.last = min(source.first, line.at), max(source.last, line.at)
        source.acts[line.act] = source.acts.get(line.act, 0) + 1
        source.octets += line.octets

    def _is_own(self, source: Address) -> bool:
        return any(source in network for network in self.own)

    def _during_a_check(self, at: datetime) -> bool:
        return any(begin - _AROUND_A_CHECK <= at <= end + _AROUND_A_CHECK for begin, end in self.exposure.checks)


def hasher(key: bytes) -> Callable[[Address], str]:
    """Addresses as keyed hashes, 16 hex digits (HMAC-SHA-256)."""
    return lambda source: hmac.digest(key, source.packed, sha256).hex()[:16]


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and ranges as a person enters them. Raises UsageRefused naming the one that is none, or too wide."""
    found: list[Network] = []
    for text in texts:
        try:
            network = ip_network(text.strip(), strict=False)
        except ValueError:
            raise UsageRefused(
                "own-address-unreadable",
                _("“{text}” is neither an address nor a range.").format(text=text[:60]),
                _("Write --own 203.0.113.7 or --own 192.168.1.0/24."),
            ) from None
        if not _may_be_ours(network):
            raise UsageRefused(
                "own-range-too-wide",
                _("“{text}” holds addresses of strangers: their visits would pass for your own.").format(
                    text=text[:60]
                ),
                _("Name your own public address, or at most a /24 (IPv4) or /48 (IPv6); private ranges as they are."),
            )
        found.append(network)
    return tuple(found)


def _may_be_ours(network: Network) -> bool:
    """A private range, however wide; of the public ones no more than a site is given (RFC 6177 for IPv6)."""
    inside = any(
        network.subnet_of(block)  # type: ignore[arg-type]
        for block in INSIDE
        if block.version == network.version
    )
    return inside or network.prefixlen >= _WIDEST_SITE[network.version]
