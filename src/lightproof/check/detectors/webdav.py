"""WebDAV folders: open when they describe themselves to a stranger, writable when they announce PUT to one.

What a server announces is believed only for the name of a file that is not there: some servers (Orthanc) announce every
method they know for their folders, and nginx announces the same for everything, whatever its configuration allows.
"""

from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import WEB, Detector
from lightproof.check.http import HttpSession, Response
from lightproof.check.web_answers import REFUSED, allowed_methods, clear_text, demands_identity, protections
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "webdav"
_USUAL_PLACES: Final = ("/", "/webdav/", "/dav/", "/dicom/", "/DICOM/", "/pacs/", "/share/")
_NO_FILE: Final = "lightproof-no-such-file"
_ANNOUNCES_WHAT_IT_DOES_NOT: Final = ("nginx", "openresty")
"""ngx_http_dav_ext_module answers OPTIONS with one fixed list."""


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Looks where WebDAV usually is, and stops at the first folder."""
    async with HttpSession(wire) as web:
        for path in _USUAL_PLACES:
            options = await web.request(path, method="OPTIONS", body_limit=0)
            if "dav" not in options.headers and "PROPFIND" not in allowed_methods(options):
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
                facts = Facts(reachable=True, open=True)
                yield wire.observed(
                    _SERVICE, "webdav-open", facts=facts, protections=protections(wire), proof=found.proof()
                )
                if (observation := await _writable(wire, web, path, options)) is not None:
                    yield observation
            else:
                continue
            for observation in clear_text(wire, _SERVICE):
                yield observation
            return


async def _writable(wire: Wire, web: HttpSession, path: str, options: Response) -> Observation | None:
    if options.headers.get("server", "").lower().startswith(_ANNOUNCES_WHAT_IT_DOES_NOT):
        return None
    answer = await web.request(path + _NO_FILE, method="OPTIONS", body_limit=0)
    if answer.status not in (200, 204) or "PUT" not in allowed_methods(answer):
        return None
    facts = Facts(reachable=True, open=True, writable=True)
    return wire.observed(_SERVICE, "webdav-writable", facts=facts, proof=answer.proof())


DETECTOR: Final = Detector(
    name="webdav",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({80, 443, 5005, 5006}),
    speech=WEB,
)
