"""Viewers and imaging portals: which product shows itself, and whether its page asks who is there.

A page is compared with known titles, headers and icons (fingerprints.toml). That it is there is no exposure; that its
version is told, or that a viewer's archive answers without identity, is. A version that is told beside the page is
asked for only where the product is known by then.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from lightproof.check.detectors import WEB, Detector
from lightproof.check.fingerprints import Portal, http_portal, version_in, version_path
from lightproof.check.protocols import dicomweb
from lightproof.check.protocols.dicomweb import Answered
from lightproof.check.protocols.http import HttpSession, Response, path_here
from lightproof.check.protocols.interruption import Interruption
from lightproof.check.protocols.web_answers import (
    clear_text,
    demands_identity,
    is_html,
    printable,
    protections,
    redirects_to,
    shows_sign_in,
    title_of,
    version_disclosed,
)
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "web"
_OTHER_DETECTORS_OWN: Final = frozenset({"Orthanc"})
_REDIRECTS_FOLLOWED: Final = 2
"""Only on this address and port."""
_PAGE_BYTES: Final = 32 * 1024
_ICON_BYTES: Final = 32 * 1024
_PORTAL_PAGES: Final = ("/cgi-bin/dgate?mode=top", "/pacs/login.php", "/portal/WebLogin.aspx")
"""Front pages that are not at the root: ConQuest (never its patient pages), MedDream, Vue PACS (nuclei, OpenVAS)."""
_VERSION_BYTES: Final = 256
_ASKED_BY_PROGRAM: Final = {"x-requested-with": "lightproof"}
"""Mirth Connect answers no call of its interface that says nothing here, whatever it says (RequestedWithFilter)."""
_WEASIS: Final = "/weasis-pacs-connector/"
_OHIF: Final = "OHIF"
_OHIF_CONFIGURATION: Final = "/app-config.js"


@dataclass(frozen=True, slots=True)
class _Shown:
    portal: Portal
    page: Response
    request: str | None = None
    """How the request is told, where the server chose its path: that may hold a patient's name."""


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """The front page, its icon, the pages where products hide; then OHIF's own account of where its archive is."""
    async with HttpSession(wire) as web:
        shown = await _front(wire, web) or await _elsewhere(web)
        configuration: Response | None = None
        interruption = Interruption()
        with interruption:  # what the pages before showed stands
            configuration = await web.request(_OHIF_CONFIGURATION, body_limit=_PAGE_BYTES)
        script = configuration.body if configuration is not None and _is_script(configuration) else b""
        roots = dicomweb.viewer_roots(script).roots
        if shown is None and configuration is not None and roots:
            shown = _Shown(Portal(product=_OHIF), configuration)
        if shown is None:
            interruption.tell()
        if shown is None or shown.portal.product in _OTHER_DETECTORS_OWN:
            return
        product = shown.portal.product
        in_the_page = version_in(product, shown.page.body.decode("utf-8", "replace"))
        version = printable(shown.portal.version or in_the_page, 32)
        asks = demands_identity(shown.page) or shows_sign_in(shown.page) or b"oidc:" in script
        yield wire.observed(
            _SERVICE,
            "web-portal",
            facts=Facts(reachable=True),
            product=product,
            version=version,
            protections=protections(wire, *(("authentication",) if asks else ())),
            details={"portal": product},
            proof=shown.page.proof(shown=shown.request),
        )
        for observation in clear_text(wire, _SERVICE):
            yield observation
        interruption.tell()
        version = version or printable(await _told_beside(web, product), 32)
        for observation in version_disclosed(wire, _SERVICE, product, version):
            yield observation
        if product == _OHIF and not asks and (observation := await _viewer(wire, roots)) is not None:
            yield observation


async def _front(wire: Wire, web: HttpSession) -> _Shown | None:
    path = "/"
    page = await web.request(path, body_limit=_PAGE_BYTES)
    for _ in range(_REDIRECTS_FOLLOWED):
        location = redirects_to(page)
        there = path_here(wire, path, location) if location is not None else None
        if there is None or there == path:
            break
        path = there
        page = await web.request(path, body_limit=_PAGE_BYTES)
    told = None if path == "/" else "GET {where / redirects}"
    if (portal := _recognised(page)) is not None:
        return _Shown(portal, page, told)
    icon = await web.request("/favicon.ico", body_limit=_ICON_BYTES)
    if icon.status != 200 or icon.truncated or is_html(icon) or not icon.body:
        return None
    portal = http_portal(favicon=icon.body)
    return _Shown(portal, page, told) if portal is not None else None


async def _elsewhere(web: HttpSession) -> _Shown | None:
    for path in _PORTAL_PAGES:
        page = await web.request(path, body_limit=_PAGE_BYTES)
        portal = _recognised(page) if page.status == 200 else None
        if portal is not None:
            return _Shown(portal, page)
    page = await web.request(_WEASIS, body_limit=_PAGE_BYTES)
    if page.status == 200 and b"weasis" in page.body.lower():
        return _Shown(Portal(product="Weasis"), page)
    return None


async def _told_beside(web: HttpSession, product: str) -> str | None:
    """The version that this product tells apart from its page."""
    path = version_path(product)
    if path is None:
        return None
    answer = await web.request(path, headers=_ASKED_BY_PROGRAM, body_limit=_VERSION_BYTES)
    whole = answer.status == 200 and not answer.truncated
    return version_in(product, answer.body.decode("utf-8", "replace"), path=path) if whole else None


def _recognised(page: Response) -> Portal | None:
    return http_portal(
        title=title_of(page) or "", headers=page.headers, body_start=page.body.decode("utf-8", "replace")
    )


def _is_script(answer: Response) -> bool:
    return answer.status == 200 and not is_html(answer)


async def _viewer(wire: Wire, roots: tuple[str, ...]) -> Observation | None:
    """A viewer shows images to strangers when the archive it names answers them; one elsewhere is only mentioned."""
    here = [there for root in roots if (there := path_here(wire, _OHIF_CONFIGURATION, root)) is not None]
    async with HttpSession(wire, narrow=True) as web:
        answers = [(await dicomweb.query(web, root.rstrip("/")))[0] for root in here[:2]]
    opened = Answered.EXECUTED in answers or Answered.DISCLOSING in answers
    elsewhere = next((root for root in roots if path_here(wire, _OHIF_CONFIGURATION, root) is None), None)
    if not opened and elsewhere is None:
        return None
    return wire.observed(
        _SERVICE,
        "web-viewer-open",
        facts=Facts(reachable=True, open=True if opened else None),
        product=_OHIF,
        details={"archive_elsewhere": _host_of(elsewhere)} if elsewhere is not None else {},
    )


def _host_of(root: str) -> str | None:
    """Where an archive elsewhere is, without its path: that is the server's to choose, and may hold anything."""
    try:
        url = urlsplit(root)
    except ValueError:
        return None
    return printable(f"{url.scheme}://{url.netloc.rpartition('@')[2]}", 120) if url.netloc else None


DETECTOR: Final = Detector(
    name="web_portal",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({80, 443, 3000, 3333, 7070, 8000, 8080, 8443}),
    speech=WEB,
)
