"""The practice's internet box: it tells anyone inside which of its ports lead where (UPnP IGD:1), as real ones do.

Its story is that of CNIL SAN-2020-014: a port was opened "to make the VPN work". It only lists; it changes nothing.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from lightproof.demo.http_server import Answer, Request, serve

_DEVICE: Final = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
_SERVICE: Final = "urn:schemas-upnp-org:service:WANIPConnection:1"
_UUID: Final = "uuid:00000000-0000-4000-8000-44454d4f4445"
_SERVER_NAME: Final = "DEMO-box UPnP/1.1"
_INDEX: Final = re.compile(rb"<NewPortMappingIndex>\s*(\d{1,5})\s*</NewPortMappingIndex>")
_OUTSIDE: Final = "203.0.113.7"
"""RFC 5737: an address for documentation, nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A port of the box that leads inside."""

    external_port: int
    internal_address: str
    internal_port: int
    description: str


@dataclass(frozen=True, slots=True)
class Box:
    """A box that runs."""

    search_port: int
    """UDP, where it answers searches (a real one: 1900)."""
    server: asyncio.Server
    transport: asyncio.DatagramTransport

    def close(self) -> None:
        """Switches it off."""
        self.transport.close()
        self.server.close()


async def start(address: str, mappings: tuple[Mapping, ...]) -> Box:
    """Starts a box on free ports of a loopback address."""
    server = await serve(address, 0, lambda request: _answer(request, mappings), server_name=_SERVER_NAME)
    location = f"http://{address}:{server.sockets[0].getsockname()[1]}/DEMO-box.xml"
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Search(location), local_addr=(address, 0)
    )
    return Box(transport.get_extra_info("sockname")[1], server, transport)


class _Search(asyncio.DatagramProtocol):
    """Answers M-SEARCH (UPnP Device Architecture 1.1, 1.3.3)."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is None or not data.startswith(b"M-SEARCH"):
            return
        wanted = _DEVICE if _DEVICE.encode() in data else "upnp:rootdevice" if b"upnp:rootdevice" in data else None
        if wanted is not None:
            self._transport.sendto(
                (
                    f"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nEXT:\r\nLOCATION: {self._location}\r\n"
                    f"SERVER: {_SERVER_NAME}\r\nST: {wanted}\r\nUSN: {_UUID}::{wanted}\r\n\r\n"
                ).encode(),
                addr,
            )


def _answer(request: Request, mappings: tuple[Mapping, ...]) -> Answer:
    if request.method == "GET" and request.path == "/DEMO-box.xml":
        return Answer(content_type="text/xml", body=_DESCRIPTION)
    action = request.headers.get("soapaction", "").strip('"').rpartition("#")[2]
    if request.method != "POST" or request.path != "/control":
        return Answer(status=404, body=b"DEMO: not here")
    match action:
        case "GetExternalIPAddress":
            return _said(action, {"NewExternalIPAddress": _OUTSIDE})
        case "GetStatusInfo":
            status = {"NewConnectionStatus": "Connected", "NewLastConnectionError": "ERROR_NONE", "NewUptime": "86400"}
            return _said(action, status)
        case "GetGenericPortMappingEntry":
            found = _INDEX.search(request.body)
            index = int(found[1]) if found else len(mappings)
            if index < len(mappings):
                return _said(action, _entry(mappings[index]))
            return _fault(713, "SpecifiedArrayIndexInvalid")
        case _:
            return _fault(401, "Invalid Action")


def _entry(mapping: Mapping) -> dict[str, str]:
    return {
        "NewRemoteHost": "",
        "NewExternalPort": str(mapping.external_port),
        "NewProtocol": "TCP",
        "NewInternalPort": str(mapping.internal_port),
        "NewInternalClient": mapping.internal_address,
        "NewEnabled": "1",
        "NewPortMappingDescription": mapping.description,
        "NewLeaseDuration": "0",
    }


def _said(action: str, values: dict[str, str]) -> Answer:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return _envelope(200, f'<u:{action}Response xmlns:u="{_SERVICE}">{inner}</u:{action}Response>')


def _fault(code: int, description: str) -> Answer:
    return _envelope(
        500,
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
        f'<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode>'
        f"<errorDescription>{description}</errorDescription></UPnPError></detail></s:Fault>",
    )


def _envelope(status: int, body: str) -> Answer:
    text = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        f's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>{body}</s:Body></s:Envelope>'
    )
    return Answer(status=status, content_type='text/xml; charset="utf-8"', body=text.encode())


def _device(kind: str, name: str, inner: str) -> str:
    return (
        f"<device><deviceType>{kind}</deviceType><friendlyName>{name}</friendlyName><manufacturer>DEMO</manufacturer>"
        f"<modelName>DEMO box</modelName><UDN>{_UUID}</UDN>{inner}</device>"
    )


_CONNECTION: Final = (
    f"<serviceList><service><serviceType>{_SERVICE}</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1"
    "</serviceId><SCPDURL>/scpd.xml</SCPDURL><controlURL>/control</controlURL><eventSubURL>/events</eventSubURL>"
    "</service></serviceList>"
)
_DESCRIPTION: Final = (
    '<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major>'
    "<minor>0</minor></specVersion>"
    + _device(
        _DEVICE,
        "DEMO internet box",
        "<deviceList>"
        + _device(
            "urn:schemas-upnp-org:device:WANDevice:1",
            "DEMO WAN",
            "<deviceList>"
            + _device("urn:schemas-upnp-org:device:WANConnectionDevice:1", "DEMO connection", _CONNECTION)
            + "</deviceList>",
        )
        + "</deviceList>",
    )
    + "</root>"
).encode()
