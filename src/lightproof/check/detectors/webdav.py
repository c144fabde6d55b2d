"""WebDAV folders: open when they describe themselves to a stranger, writable when they announce PUT to one.

What a server announces is believed only for the name of a file that is not there (Orthanc announces every method it
knows for its folders), and never of nginx and WsgiDAV, which announce PUT whatever their configuration allows.
"""

from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import WEB, Detector
from lightproof.check.protocols.http import HttpSession, Response
from lightproof.check.protocols.web_answers import REFUSED, allowed_methods, clear_text, demands_identity, protections
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "webdav"
_USUAL_PLACES: Final = ("/", "/webdav/", "/dav/", "/dicom/", "/DICOM/", "/pacs/", "/share/")
_NO_FILE: Final = "lightproof-no-such-file"
_ANNOUNCE_ANYTHING: Final = ("nginx", "openresty", "wsgidav")
"""ngx_http_dav_ext_module answers OPTIONS with one fixed list; WsgiDAV 4.4 forgets that its share is read-only."""


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Looks where WebDAV usually is, and stops at the first folder."""
    async with HttpSession(wire, narrow=True) as web:
        for path in _USUAL_PLACES:
            options = await web.request(path, method="OPTIONS", body_limit=0)
            if not _is_folder(options):
                continue
            found = await web.propfind(path)
            if demands_identity(found):
                yield wire.observed(
                    _SERVICE,
                    "webdav-authentication-required",
                    facts=REFUSED,
                    protections=protections(wire, "authentication"),
                    proof=found.proof(),
                )
            elif found.status == 207 and b"multistatus" in found.body:
                putting = await web.request(path + _NO_FILE, method="OPTIONS", body_limit=0)
                announced = putting.status in (200, 204) and "PUT" in allowed_methods(putting)
                yield wire.observed(
                    _SERVICE,
                    "webdav-open",
                    facts=Facts(reachable=True, open=True),
                    protections=protections(wire),
                    details={"announces_put": announced},
                    proof=found.proof(),
                )
                if announced and not putting.headers.get("server", "").lower().startswith(_ANNOUNCE_ANYTHING):
                    facts = Facts(reachable=True, open=True, writable=True)
                    yield wire.observed(_SERVICE, "webdav-writable", facts=facts, proof=putting.proof())
            else:
                continue
            for observation in clear_text(wire, _SERVICE):
                yield observation
            return


def _is_folder(options: Response) -> bool:
    """It says that it speaks WebDAV; or it refuses to say anything, and its name tells."""
    speaks = "dav" in options.headers or "PROPFIND" in allowed_methods(options)
    return speaks or (demands_identity(options) and "dav" in options.headers.get("server", "").lower())


DETECTOR: Final = Detector(
    name="webdav",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({80, 443, 5005, 5006}),
    speech=WEB,
)
