"""Default gateways, read from what each system tells of its routes. Pure: the texts come in as arguments.

Only IPv4: internet boxes take UPnP and NAT-PMP there, and an IPv6 gateway is named by a link-local address that is none
without its interface. Tested on Linux; the formats of macOS and Windows are tested on samples of their output alone.
"""

import ipaddress
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

_UP_AND_GATEWAY: Final = 0x0003
"""RTF_UP | RTF_GATEWAY (linux/route.h)."""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Where a system keeps its routes, and how they are written there."""

    source: tuple[str, ...]
    """A file, or a program with its arguments."""
    gateways: Callable[[str], Iterator[str]]


def gateways_in(text: str, table: RouteTable) -> tuple[str, ...]:
    """The gateways of the default routes in `text`, each once, in order; lines that do not fit say nothing."""
    return tuple(dict.fromkeys(address for address in table.gateways(text) if _is_machine(address)))


def linux_gateways(text: str, byteorder: Literal["little", "big"] = sys.byteorder) -> Iterator[str]:
    """From /proc/net/route: addresses are hexadecimal, in the order of the machine's own bytes."""
    for line in text.splitlines()[1:]:
        try:
            _, destination, gateway, flags, _, _, _, mask, *_ = line.split()
            is_default = int(destination, 16) == 0 == int(mask, 16)
            if is_default and int(flags, 16) & _UP_AND_GATEWAY == _UP_AND_GATEWAY:
                yield str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(gateway), byteorder)))
        except ValueError:
            continue


def bsd_gateways(text: str) -> Iterator[str]:
    """From `netstat -rn -f inet` of macOS and the BSDs: a route named default, its gateway an address or a link."""
    for line in text.splitlines():
        match line.split():
            case ["default" | "0.0.0.0/0", gateway, *_]:
                yield gateway
            case _:
                pass


def windows_gateways(text: str) -> Iterator[str]:
    """From `route print -4`: destination, mask, gateway; a gateway on the link is told in the system's language."""
    for line in text.splitlines():
        match line.split():
            case ["0.0.0.0", "0.0.0.0", gateway, *_]:
                yield gateway
            case _:
                pass


_BSD: Final = RouteTable(("netstat", "-rn", "-f", "inet"), bsd_gateways)
ROUTE_TABLES: Final[Mapping[str, RouteTable]] = {
    "linux": RouteTable(("/proc/net/route",), linux_gateways),
    "darwin": _BSD,
    "freebsd": _BSD,
    "openbsd": _BSD,
    "win32": RouteTable(("route", "print", "-4"), windows_gateways),
}
"""By the beginning of sys.platform."""


def _is_machine(address: str) -> bool:
    try:
        return not ipaddress.IPv4Address(address).is_unspecified
    except ValueError:
        return False
