"""Internet boxes in code, for what no real one can be made to do: SSDP by UDP, description and SOAP by HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from check.services import Behaviour, serving

DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
WAN_IP = "urn:schemas-upnp-org:service:WANIPConnection:1"
Soap = Callable[[str, str], tuple[int, str]]
"""Action and request -> status and what stands in the SOAP body."""


@dataclass
class Heard:
    """What a box was asked, in order."""

    searches: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """`GET /path`, or the SOAP action."""


def description(
    *,
    device: str = DEVICE,
    service: str = WAN_IP,
    control: str = "/ctl",
    name: str = "Test box",
    more: str = "",
    url_base: str = "",
) -> bytes:
    return (
        f'<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">{url_base}<device>'
        f"<deviceType>{device}</deviceType><friendlyName>{name}</friendlyName><modelName>M</modelName>{more}"
        "<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType><serviceList>"
        f"<service><serviceType>{service}</serviceType><controlURL>{control}</controlURL></service>"
        "</serviceList></device></deviceList></device></root>"
    ).encode("utf-8", "surrogatepass")


def mapping(outside: object, inside: str, port: object, *, label: str = "", enabled: str = "1", **more: str) -> str:
    named = {
        "NewRemoteHost": "",
        "NewExternalPort": outside,
        "NewProtocol": "TCP",
        "NewInternalPort": port,
        "NewInternalClient": inside,
        "NewEnabled": enabled,
        "NewPortMappingDescription": label,
        "NewLeaseDuration": "0",
        **more,
    }
    return "".join(f"<{key}>{value}</{key}>" for key, value in named.items())


def soap_of(mappings: Sequence[str], *, end: int = 713, external: str = "81.2.69.142") -> Soap:
    """A box with these mappings, that ends its list with this error."""

    def answer(action: str, request: str) -> tuple[int, str]:
        index = int(request.partition("<NewPortMappingIndex>")[2].partition("<")[0] or 0)
        match action:
            case "GetStatusInfo":
                return executed(action, "<NewConnectionStatus>Connected</NewConnectionStatus>")
            case "GetExternalIPAddress":
                return executed(action, f"<NewExternalIPAddress>{external}</NewExternalIPAddress>")
            case "GetGenericPortMappingEntry" if index < len(mappings):
                return executed(action, mappings[index])
            case "GetGenericPortMappingEntry":
                return failed(end)
            case _:
                return failed(401)

    return answer


def executed(action: str, arguments: str) -> tuple[int, str]:
    return 200, f'<u:{action}Response xmlns:u="{WAN_IP}">{arguments}</u:{action}Response>'


def failed(code: int) -> tuple[int, str]:
    return 500, (
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError "
        f'xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode></UPnPError></detail></s:Fault>'
    )


def http(page: bytes, soap: Soap, heard: Heard) -> Behaviour:
    """Describes itself on every GET; closes after every answer, as many boxes do."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in lines)}
        request = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
        if line.startswith("POST"):
            action = headers["soapaction"].strip('"').partition("#")[2]
            heard.requests.append(action)
            status, inner = soap(action, request)
            body = (
                '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
                f"<s:Body>{inner}</s:Body></s:Envelope>"
            ).encode("utf-8", "surrogatepass")
        else:
            heard.requests.append(line.partition(" HTTP/")[0])
            status, body = 200, page
        writer.write(b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()

    return behave


def answer_with(location: str) -> bytes:
    """What a search is answered."""
    return f"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: {DEVICE}\r\nLOCATION: {location}\r\n\r\n".encode()


@asynccontextmanager
async def searchable(
    answers: Callable[[str], Sequence[bytes]], heard: Heard, *, other_port: bool = False
) -> AsyncGenerator[int]:
    """SSDP on a free port: `answers` gives what a search target is answered, from a fresh port when `other_port`."""
    loop = asyncio.get_running_loop()
    answering: list[asyncio.DatagramTransport] = []

    class Ssdp(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            assert data.startswith(b"M-SEARCH * HTTP/1.1\r\n")
            wanted = data.decode().partition("\r\nST: ")[2].partition("\r\n")[0]
            heard.searches.append(wanted)
            for datagram in answers(wanted):
                answering[-1].sendto(datagram, addr)

    listening, _ = await loop.create_datagram_endpoint(Ssdp, local_addr=("127.0.0.1", 0))
    answering.append(listening)
    if other_port:
        fresh, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        answering.append(fresh)
    try:
        yield listening.get_extra_info("sockname")[1]
    finally:
        for transport in answering:
            transport.close()


@asynccontextmanager
async def a_box(
    page: bytes | Behaviour | None = None,
    soap: Soap | None = None,
    *,
    heard: Heard | None = None,
    answers_to: str = "",
    other_port: bool = False,
) -> AsyncGenerator[int]:
    """A box that answers searches for what begins with `answers_to`; yields its SSDP port.

    `page` is its description, or a whole web server.
    """
    record = heard or Heard()
    web = page if callable(page) else http(description() if page is None else page, soap or soap_of([]), record)
    async with serving(web) as port:
        here = answer_with(f"http://127.0.0.1:{port}/desc.xml")
        async with searchable(
            lambda target: [here] if target.startswith(answers_to) else [], record, other_port=other_port
        ) as searched:
            yield searched
