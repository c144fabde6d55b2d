"""What one line of an access log says, whatever wrote it: when, from where, at which port, and how far it went."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Protocol

Address = IPv4Address | IPv6Address

YEARLESS: Final = 2000
"""Year of an instant whose line names none (a leap year: 29 February is read too); `dating` finds the true one."""
MONTHS: Final[Mapping[str, int]] = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
"""Months as logs write them, in whatever language the machine is."""


class Act(IntEnum):
    """How far a visit went; graver ones later."""

    REFUSED = 0
    """Asked, and was turned away."""
    CONTACT = 1
    """Was answered; the line does not say that patients' data were part of it."""
    QUERIED = 2
    """Asked for the list of patients or exams; the line does not say what came back."""
    LISTED = 3
    """Was given names, numbers or dates of patients."""
    FETCHED = 4
    """Was given images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line. Nothing of what was asked for is kept: paths and queries may name patients."""

    at: datetime
    """Without time zone when the line names none."""
    kind: str
    """Who writes such lines: `combined`, `orthanc`, `dicom-audit`, `vsftpd`, `text`."""
    act: Act | None = None
    """None: no visit; the line only shows that the log was being written."""
    sources: tuple[Address, ...] = ()
    """Who came; several where the line does not tell which side is which; none where it names nobody."""
    ports: frozenset[int] = frozenset()
    """Ports named in the line; empty where it names none."""
    octets: int = 0
    """Size of what was given."""


class Kind(Protocol):
    """Reads the lines of one kind of log. It may keep what earlier lines said."""

    def read(self, text: str) -> tuple[LogLine, ...] | None:
        """What this line says; empty when it is part of something longer; None when it is of another kind."""
        ...


def address(text: str) -> Address | None:
    """An address as logs write it, in brackets or IPv4 inside IPv6 too; None for anything else."""
    try:
        read = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (read.ipv4_mapped or read) if isinstance(read, IPv6Address) else read
