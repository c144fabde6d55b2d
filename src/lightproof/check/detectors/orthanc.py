"""Orthanc: its REST interface, its Explorer and its WebDAV folder.

Whoever may call the REST interface may do everything: list, download, upload, delete. It has no rights of its own
(Orthanc Book, "Securing Orthanc"). But a proxy or a filter before it may let reading alone through, so that it takes
images is a fact only where a setting shows it: the WebDAV folder for uploads is there unless they are forbidden, and
`ReadOnly` (from 1.12.5) says that nothing is taken. Identifiers in Orthanc are hashes; one is asked for, used to ask
for the size of its file, and forgotten.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import WEB, Detector
from lightproof.check.protocols.http import HttpSession, Response
from lightproof.check.protocols.interruption import Interruption
from lightproof.check.protocols.web_answers import (
    REFUSED,
    clear_text,
    demands_identity,
    json_array_of,
    json_object_of,
    printable,
    protections,
    title_of,
    version_disclosed,
)
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "orthanc"
_PRODUCT: Final = "Orthanc"
_PREFIXES: Final = ("", "/orthanc")
"""At the root, and where its documentation puts it behind a reverse proxy (Orthanc Book, faq/nginx)."""
_REALM: Final = "orthanc secure area"
_NO_INSTANCE: Final = "00000000-00000000-00000000-00000000-00000000"
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_SMALL: Final = 8 * 1024
_ONE_IDENTIFIER: Final = 64
"""Bytes that hold a list of one."""
_SCRIPTS_ALWAYS_RUN_BEFORE: Final = (1, 5, 8)
"""`ExecuteLuaEnabled` appeared in 1.5.8, off by default (Orthanc NEWS); before, /tools/execute-script always ran."""
_COUNTERS: Final = {
    "studies": "CountStudies",
    "series": "CountSeries",
    "instances": "CountInstances",
    "patients": "CountPatients",
}


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Who it is, whether strangers may use it, and then what they could do."""
    async with HttpSession(wire, narrow=True) as web:
        for prefix in _PREFIXES:
            system = await web.request(f"{prefix}/system", body_limit=_SMALL)
            facts = json_object_of(system) if system.status == 200 else None
            if facts is not None and "ApiVersion" in facts and "DicomAet" in facts:
                async for observation in _open(wire, web, prefix, system, facts):
                    yield observation
                return
            if demands_identity(system) and await _is_orthanc(web, prefix, system):
                yield wire.observed(
                    _SERVICE,
                    "orthanc-authentication-required",
                    facts=REFUSED,
                    product=_PRODUCT,
                    protections=protections(wire, "authentication"),
                    proof=system.proof(),
                )
                for observation in clear_text(wire, _SERVICE):
                    yield observation
                return


async def _is_orthanc(web: HttpSession, prefix: str, refusal: Response) -> bool:
    """Its own realm; or, where a plugin or a proxy refuses in its place, the Explorer's page that stays readable."""
    challenge = refusal.headers.get("www-authenticate", "").lower()
    if challenge:
        return _REALM in challenge
    page = await web.request(f"{prefix}/app/explorer.html", body_limit=_SMALL)
    return page.status == 200 and (title_of(page) or "").startswith("Orthanc Explorer")


async def _open(
    wire: Wire, web: HttpSession, prefix: str, system: Response, facts: dict[str, object]
) -> AsyncIterator[Observation]:
    version = printable(facts.get("Version"), 32)
    listed: list[object] | None = None
    listable: bool | None = None
    counts: dict[str, int] = {}
    interruption = Interruption()
    with interruption:  # that it is open has been proved by then
        listing = await web.request(f"{prefix}/instances?since=0&limit=1", body_limit=_ONE_IDENTIFIER)
        listed = json_array_of(listing) if listing.status == 200 else None
        listable = _established(listing, listed is not None)
        counts = await _counts(web, prefix)
    yield wire.observed(
        _SERVICE,
        "orthanc-open",
        facts=Facts(
            reachable=True,
            open=True,
            listable=listable,
            writable=False if facts.get("ReadOnly") is True else None,
        ),
        product=_PRODUCT,
        version=version,
        protections=protections(wire),
        details={"dicom_port": _count(facts.get("DicomPort"))},
        counts=counts,
        proof=system.proof(),
    )
    for observation in (*clear_text(wire, _SERVICE), *version_disclosed(wire, _SERVICE, _PRODUCT, version)):
        yield observation
    interruption.tell()
    if listed is not None and (observation := await _downloadable(wire, web, prefix, listed)) is not None:
        yield observation
    if (observation := await _explorer(wire, web, prefix)) is not None:
        yield observation
    if (observation := await _webdav(wire, web, prefix)) is not None:
        yield observation
    if version is not None and _before(version, _SCRIPTS_ALWAYS_RUN_BEFORE):
        yield wire.observed(_SERVICE, "orthanc-script-execution-enabled", product=_PRODUCT, version=version)


async def _counts(web: HttpSession, prefix: str) -> dict[str, int]:
    """The server's own totals: numbers alone, no identifier crosses the wire."""
    answer = await web.request(f"{prefix}/statistics", body_limit=_SMALL)
    totals = json_object_of(answer) if answer.status == 200 else None
    counted = {name: _count((totals or {}).get(field)) for name, field in _COUNTERS.items()}
    return {name: count for name, count in counted.items() if count is not None}


async def _downloadable(wire: Wire, web: HttpSession, prefix: str, listed: list[object]) -> Observation | None:
    """Size of one stored file, or, in an empty archive, that the request for an impossible one is processed."""
    identifier = listed[0] if listed and isinstance(listed[0], str) and _IDENTIFIER.fullmatch(listed[0]) else None
    answer = await web.request(f"{prefix}/instances/{identifier or _NO_INSTANCE}/attachments/dicom/size", body_limit=32)
    proved = (answer.status == 200 and answer.body.strip().isdigit()) if identifier else answer.status == 404
    established = _established(answer, proved)
    if established is None:
        return None
    return wire.observed(
        _SERVICE,
        "orthanc-instances-downloadable" if established else "orthanc-instances-refused",
        facts=Facts(reachable=True, downloadable=established),
        proof=answer.proof(shown=f"GET {prefix}/instances/{{id}}/attachments/dicom/size"),
    )


async def _explorer(wire: Wire, web: HttpSession, prefix: str) -> Observation | None:
    for path in ("/app/explorer.html", "/ui/app/"):
        page = await web.request(prefix + path, body_limit=_SMALL)
        if page.status == 200 and (title_of(page) or "").startswith("Orthanc Explorer"):
            facts = Facts(reachable=True, open=True)
            return wire.observed(_SERVICE, "orthanc-explorer", facts=facts, product=_PRODUCT, proof=page.proof())
    return None


async def _webdav(wire: Wire, web: HttpSession, prefix: str) -> Observation | None:
    """The folder for uploads is there unless they are forbidden (WebDavUploadAllowed); its Allow lists PUT always."""
    found = await web.propfind(f"{prefix}/webdav/uploads/")
    if found.status != 207 or b"collection" not in found.body:
        return None
    facts = Facts(reachable=True, open=True, writable=True)
    return wire.observed(_SERVICE, "orthanc-webdav-writable", facts=facts, proof=found.proof())


def _established(answer: Response, proved: bool) -> bool | None:
    return True if proved else (False if demands_identity(answer) else None)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _before(version: str, bound: tuple[int, ...]) -> bool:
    """Whether a release comes before; a build from the development branch (`mainline`) does not."""
    numbers = re.match(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", version)
    return numbers is not None and tuple(int(n) for n in numbers.groups()) < bound


DETECTOR: Final = Detector(
    name="orthanc",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({80, 443, 8042, 8043}),
    speech=WEB,
)
