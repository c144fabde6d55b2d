"""WebDAV folders: open when they describe themselves to a stranger. Whether he may write there stays unknown.

A server announces (Allow, RFC 9110 section 10.2.1) what it can do with a resource, not what this caller may: Apache
announces PUT whatever its <LimitExcept> demands, nginx has one fixed list, WsgiDAV 4.4 forgets that its share is
read-only. Only writing would prove it; so the announcement is told, and is no fact. It is asked of the name of a file
that is not there: of their folders, servers announce every method they know.
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
                yield wire.observed(
                    _SERVICE,
                    "webdav-open",
                    facts=Facts(reachable=True, open=True),
                    protections=protections(wire),
                    proof=found.proof(),
                )
                putting = await web.request(path + _NO_FILE, method="OPTIONS", body_limit=0)
                if putting.status in (200, 204) and "PUT" in allowed_methods(putting):
                    yield wire.observed(_SERVICE, "webdav-put-announced", proof=putting.proof())
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
