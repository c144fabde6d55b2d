"""What an internet box says by UPnP (Device Architecture 1.1; WANIPConnection:1 and :2). Pure: bytes in, facts out.

Rules: an answer to a search counts only when it is whole and unambiguous; a box may describe itself at its own address
alone; an action is called only when it is in `READING`, so that no request can ever add or remove a forward; numbers
that are not numbers are None.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from lightproof.check.protocols.bounded_xml import Element, read_xml
from lightproof.check.protocols.web_answers import printable
from lightproof.errors import ProtocolViolation

IGD: Final = "InternetGatewayDevice"
SEARCHES: Final = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "upnp:rootdevice",
)
"""Search targets, asked together: a box of version 2 answers for version 1 too, and some answer for the root alone."""
SSDP_GROUP: Final = "239.255.255.250"
"""Where all devices of a link listen."""

Action = Literal["GetStatusInfo", "GetExternalIPAddress", "GetGenericPortMappingEntry", "GetListOfPortMappings"]
READING: Final[Mapping[Action, str]] = {
    "GetStatusInfo": "",
    "GetExternalIPAddress": "",
    "GetGenericPortMappingEntry": "<NewPortMappingIndex>{index}</NewPortMappingIndex>",
    "GetListOfPortMappings": (
        "<NewStartPort>1</NewStartPort><NewEndPort>65535</NewEndPort><NewProtocol>{protocol}</NewProtocol>"
        "<NewManage>1</NewManage><NewNumberOfPorts>0</NewNumberOfPorts>"
    ),
}
"""The only actions there are, with their arguments: none changes anything."""

_SERVICE_TYPE: Final = re.compile(r"urn:schemas-upnp-org:service:(WANIPConnection|WANPPPConnection):([12])")
_DEVICE_TYPE: Final = re.compile(r"urn:schemas-upnp-org:device:InternetGatewayDevice:([1-9])")
_LONGEST_ANSWER: Final = 4_096
_MOST_HEADERS: Final = 64
_MOST_SERVICES: Final = 8

NO_SUCH_INDEX: Final = frozenset({713, 714})
"""SpecifiedArrayIndexInvalid; some boxes say NoSuchEntryInArray."""
INVALID_ARGUMENTS: Final = 402
"""What other boxes say of the first index past their list."""
NO_SUCH_MAPPINGS: Final = 730
"""PortMappingNotFound: the list of version 2 is empty for that protocol."""


@dataclass(frozen=True, slots=True)
class Description:
    """Where a box describes itself, at its own address."""

    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Control:
    """A service of the box that holds port mappings, and where it takes actions (as the box wrote it)."""

    service_type: str
    url: str

    @property
    def lists_at_once(self) -> bool:
        """Whether it knows GetListOfPortMappings."""
        return self.service_type.endswith("IPConnection:2")


@dataclass(frozen=True, slots=True)
class Box:
    """An internet gateway device, as it describes itself; texts are cut and printable."""

    version: int
    name: str | None
    model: str | None
    manufacturer: str | None
    url_base: str
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A forward: a port of the box that leads to a machine inside (WANIPConnection:2 section 2.3.20)."""

    external_port: int | None
    """0 is the wildcard: every port that no other mapping names."""
    protocol: str | None
    internal_address: str | None
    internal_port: int | None
    description: str | None
    enabled: bool | None
    lease_s: int | None
    """0: until somebody removes it."""
    remote_host: str | None
    """Only calls from there are forwarded; None: from anywhere."""

    @property
    def identity(self) -> tuple[object, ...]:
        """What stays the same while its lease runs."""
        return self.external_port, self.protocol, self.remote_host, self.internal_address, self.internal_port


def search(address: str, port: int, target: str) -> bytes:
    """An M-SEARCH (UPnP Device Architecture 1.1 section 1.3.2). Some stacks answer one only where MX stands."""
    host = f"[{address}]" if ":" in address else address
    lines = ("M-SEARCH * HTTP/1.1", f"HOST: {host}:{port}", 'MAN: "ssdp:discover"', "MX: 1", f"ST: {target}", "", "")
    return "\r\n".join(lines).encode("ascii")


def location_of(answer: bytes) -> str | None:
    """The LOCATION of an answer to a search; None when it is no such answer, or has none or several."""
    if len(answer) > _LONGEST_ANSWER:
        return None
    first, *lines = answer.decode("latin-1").split("\r\n")
    if not re.fullmatch(r"HTTP/1\.[01] 200( .*)?", first) or len(lines) > _MOST_HEADERS:
        return None
    named = [value.strip() for name, _, value in (line.partition(":") for line in lines) if name.upper() == "LOCATION"]
    return named[0] if len(named) == 1 and named[0] else None


def description_at(location: str, address: str) -> Description | None:
    """Where a LOCATION points; None unless that is http at this very address (a name stands for another host)."""
    if not location.isascii() or not location.isprintable():
        return None
    try:
        url = urlsplit(location)
        same_host = ipaddress.ip_address(url.hostname or "") == ipaddress.ip_address(address)
        port = 80 if url.port is None else url.port
    except ValueError:
        return None
    if url.scheme != "http" or not same_host or url.username is not None or port == 0:
        return None
    return Description(port, (url.path or "/") + (f"?{url.query}" if url.query else ""))


def box_of(description: bytes) -> Box | None:
    """The box that a device description describes; None for other devices. Raises ProtocolViolation."""
    root = read_xml(description)
    devices = tuple(root.every("device"))
    kind = next((found for d in devices if (found := _DEVICE_TYPE.fullmatch(d.value("deviceType")))), None)
    if kind is None:
        return None
    return Box(
        version=int(kind[1]),
        name=printable(devices[0].value("friendlyName")),
        model=printable(devices[0].value("modelName")),
        manufacturer=printable(devices[0].value("manufacturer")),
        url_base=root.value("URLBase"),
        controls=tuple(dict.fromkeys(_controls(root)))[:_MOST_SERVICES],
    )


def _controls(root: Element) -> Iterator[Control]:
    for service in root.every("service"):
        kind, url = service.value("serviceType"), service.value("controlURL")
        if _SERVICE_TYPE.fullmatch(kind) and url:
            yield Control(kind, url)


def envelope(control: Control, action: Action, **arguments: str | int) -> bytes:
    """The request for a reading action (UPnP Device Architecture 1.1 section 3.2.1)."""
    named = READING[action].format(**{name: escape(str(value)) for name, value in arguments.items()})
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{control.service_type}">{named}</u:{action}></s:Body></s:Envelope>'
    ).encode("ascii")


def response_of(body: bytes, action: Action) -> Element | None:
    """What an action answered; None when this is not its answer. Raises ProtocolViolation."""
    return next(read_xml(body).every(f"{action}Response"), None)


def error_of(body: bytes) -> int | None:
    """The UPnP error code of a SOAP fault; None when there is none."""
    try:
        code = next(read_xml(body).every("errorCode"), None)
    except ProtocolViolation:
        return None
    return _number(code.text, 999) if code is not None else None


def mapping_of(entry: Element) -> PortMapping:
    """A mapping, from the answer of GetGenericPortMappingEntry or an entry of a PortMappingList."""
    protocol = entry.value("NewProtocol").upper()
    enabled = entry.value("NewEnabled").lower()
    return PortMapping(
        external_port=_number(entry.value("NewExternalPort"), 65_535),
        protocol=protocol if protocol in ("TCP", "UDP") else None,
        internal_address=_address(entry.value("NewInternalClient")),
        internal_port=_number(entry.value("NewInternalPort"), 65_535),
        description=printable(entry.value("NewPortMappingDescription") or entry.value("NewDescription"), 60),
        enabled=True if enabled in ("1", "true", "yes") else False if enabled in ("0", "false", "no") else None,
        lease_s=_number(entry.value("NewLeaseDuration") or entry.value("NewLeaseTime"), 2**32 - 1),
        remote_host=_address(entry.value("NewRemoteHost")),
    )


def mappings_in(listing: str) -> tuple[PortMapping, ...]:
    """The mappings of a PortMappingList, XML in XML (WANIPConnection:2 section 2.5.21). Raises ProtocolViolation."""
    return tuple(mapping_of(entry) for entry in read_xml(listing.encode("utf-8")).every("PortMappingEntry"))


def kind_of_address(text: str) -> tuple[str | None, Literal["public", "private", "none"]]:
    """A box's external address and what it is worth: a private one has another box (or a provider's) before it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None, "none"
    if address.is_unspecified:
        return None, "none"
    return str(address), "public" if address.is_global else "private"


def _address(text: str) -> str | None:
    """A numeric address in its one spelling, or a name as printable text."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return printable(text)


def _number(text: str, largest: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return number if (number := int(text)) <= largest else None
