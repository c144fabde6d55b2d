"""From where strangers reach a service: decided from its address, how it came to be checked, and the box's forwards.

What nobody measured is not assumed to be safe: an address that the whole Internet can route to is graded as seen from
the Internet, whatever firewall may stand before it.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from lightproof.evidence.records import Observation, Target, Transport, Vantage

PORT_MAPPING: Final = "igd-port-mapping"
FORWARD_CLOSED: Final = "igd-forward-closed"
"""A port inside refused the connection, so that the forwards that lead there lead to nothing now."""
_ANYONE: Final = (None, "", "0.0.0.0", "::", "*")
"""How boxes write that a mapping is for every outside host."""


@dataclass(frozen=True, slots=True, order=True)
class Forward:
    """A port of the internet box that leads to a machine inside; port 0 is every port (UPnP WANIPConnection)."""

    external_port: int
    transport: Transport
    internal_address: str
    internal_port: int

    @property
    def leads_to(self) -> Target:
        """The target inside."""
        return Target(self.internal_address, self.internal_port, self.transport)

    @property
    def every_port(self) -> bool:
        """Whether the box hands every port over, as with a DMZ."""
        return self.external_port == 0

    def __str__(self) -> str:
        inside = f"[{self.internal_address}]" if ":" in self.internal_address else self.internal_address
        if self.every_port:
            return f"{self.transport} * -> {inside}"
        return f"{self.transport} {self.external_port} -> {inside}:{self.internal_port}"


def forward_of(observation: Observation) -> Forward | None:
    """The forward that an observed port mapping describes.

    None for anything else, for a mapping that is switched off or made for one outside host, and for absurd numbers.
    """
    if observation.signal != PORT_MAPPING:
        return None
    details = observation.details
    address = _numeric(str(details.get("internal_address", "")))
    if address is None or details.get("enabled") is False or details.get("remote_host") not in _ANYONE:
        return None
    transport: Transport = "udp" if str(details.get("protocol", "tcp")).lower() == "udp" else "tcp"
    match details.get("external_port"), details.get("internal_port"):
        case 0, _:
            return Forward(0, transport, str(address), 0)
        case int(outside), int(inside) if 0 < outside < 65_536 and 0 < inside < 65_536:
            return Forward(outside, transport, str(address), inside)
        case _:
            return None


def closed_of(observation: Observation) -> Target | None:
    """The target inside that was found closed where a forward leads; None for any other observation."""
    if observation.signal != FORWARD_CLOSED:
        return None
    address = _numeric(str(observation.details.get("internal_address", "")))
    match observation.details.get("internal_port"):
        case int(port) if address is not None:
            return Target(str(address), port)
        case _:
            return None


def vantage_of(address: str, *, named: bool = False, bound_to: str | None = None, forwarded: bool = False) -> Vantage:
    """From where strangers reach a service at this numeric address.

    `named`: someone named the target, on the command line or in a scope file; a loopback address that is named is
    graded as a stranger would find it. `bound_to`: the address that a listening socket of this machine is bound to,
    where the check found the socket itself. `forwarded`: a port of the internet box leads there.
    """
    at = _numeric(address)
    if forwarded or at is None or at.is_global:
        return Vantage.INTERNET
    if named:
        return Vantage.INTERNET if at.is_loopback else Vantage.LOCAL_NETWORK
    bound = _numeric(bound_to) if bound_to is not None else at
    return Vantage.THIS_MACHINE if bound is not None and bound.is_loopback else Vantage.LOCAL_NETWORK


def vantage_of_box(address: str) -> Vantage:
    """From where the controls of an internet box were reached: from the inside, unless its address is a public one."""
    at = _numeric(address)
    return Vantage.INTERNET if at is not None and at.is_global else Vantage.LOCAL_NETWORK


def _numeric(address: str) -> IPv4Address | IPv6Address | None:
    try:
        numeric = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = numeric.ipv4_mapped if isinstance(numeric, IPv6Address) else None
    return mapped or numeric
