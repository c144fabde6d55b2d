"""DICOMweb: QIDO-RS, WADO-RS, WADO-URI and STOW-RS, wherever on the server they are.

The services are looked for where products put them, where dcm4chee's list of AE titles leads and where the server's own
viewer points, on this address and port alone. A page for people instead of an answer is no finding: single-page
applications answer 200 to everything.
"""

from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import WEB, Detector
from lightproof.check.protocols import dicomweb
from lightproof.check.protocols.dicomweb import Answered, Root
from lightproof.check.protocols.http import HttpSession, Response, path_here
from lightproof.check.protocols.web_answers import REFUSED, clear_text, demands_identity, protections
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation, Proof

_SERVICE: Final = "dicomweb"
_NOTHING_THERE: Final = "/lightproof-nothing-here/studies"
"""Answers like those of a service that does not exist: what a server says to any path says nothing about a service."""
_DCM4CHEE_AE: Final = "DCM4CHEE"
"""The archive's AE title unless changed, for where its list is refused."""
_ORTHANC_ERROR: Final = b'"OrthancStatus"'
"""Every error of its REST interface says so."""
_SERVICES_SHOWN: Final = 2


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Query at each place; what executes is asked the rest, what refuses is a closed door."""
    async with HttpSession(wire, narrow=True) as web:
        control = await web.request(_NOTHING_THERE, body_limit=64)
        roots, uri_roots = await _places(wire, web)
        found = 0
        refused: list[Proof] = []
        for root in roots:
            answered, answer = await dicomweb.query(web, root.path)
            if answered is Answered.REFUSED and not demands_identity(control):
                refused.append(root.proof(answer))
            if answered not in (Answered.EXECUTED, Answered.DISCLOSING) or _like_control(answer, control):
                continue
            async for observation in _open(wire, web, root, answered, answer):
                yield observation
            found += 1
            if found == _SERVICES_SHOWN:
                break
        if refused and not found:
            yield wire.observed(
                _SERVICE,
                "dicomweb-authentication-required",
                facts=REFUSED,
                protections=protections(wire, "authentication"),
                proof=refused[0],
            )
        by_uri = None if demands_identity(control) else await _by_uri(wire, web, uri_roots)
        if by_uri is not None:
            yield by_uri
        if refused or found or by_uri is not None:
            for observation in clear_text(wire, _SERVICE):
                yield observation


async def _places(wire: Wire, web: HttpSession) -> tuple[tuple[Root, ...], tuple[Root, ...]]:
    """Roots of QIDO-RS and WADO-RS, and paths of WADO-URI, that are worth asking on this server."""
    aets = await web.request("/dcm4chee-arc/aets", body_limit=32_768)
    titles = dicomweb.ae_titles(aets) or ((_DCM4CHEE_AE,) if demands_identity(aets) else ())
    script = await web.request("/app-config.js", body_limit=32_768)
    is_script = script.status == 200 and "html" not in script.content_type
    named = dicomweb.viewer_roots(script.body) if is_script else dicomweb.Named()

    def here(links: tuple[str, ...]) -> tuple[str, ...]:
        paths = (path_here(wire, "/app-config.js", link) for link in links)
        return tuple(path.rstrip("/") for path in paths if path is not None)

    return dicomweb.roots_for(titles, here(named.roots)), dicomweb.uri_roots_for(titles, here(named.wado_uri))


def _like_control(answer: Response, control: Response) -> bool:
    return answer.status == control.status and answer.content_type == control.content_type


async def _open(
    wire: Wire, web: HttpSession, root: Root, answered: Answered, answer: Response
) -> AsyncIterator[Observation]:
    yield wire.observed(
        _SERVICE,
        "dicomweb-qido-executed",
        facts=Facts(reachable=True, open=True, listable=True),
        product="dcm4chee-arc" if root.path.startswith("/dcm4chee-arc/") else None,
        protections=protections(wire),
        details={"answers_without_filter": True} if answered is Answered.DISCLOSING else {},
        proof=root.proof(answer),
    )
    retrieved, answer = await dicomweb.retrieve(web, root.path)
    if retrieved is Answered.EXECUTED:
        facts = Facts(reachable=True, open=True, downloadable=True)
        product = "Orthanc" if _ORTHANC_ERROR in answer.body else None
        yield wire.observed(_SERVICE, "dicomweb-wado-processed", facts=facts, product=product, proof=root.proof(answer))
    elif retrieved is Answered.REFUSED:
        facts = Facts(reachable=True, downloadable=False)
        yield wire.observed(_SERVICE, "dicomweb-wado-refused", facts=facts, proof=root.proof(answer))
    offered, answer = await dicomweb.offers_storing(web, root.path)
    if offered:
        yield wire.observed(_SERVICE, "dicomweb-stow-offered", proof=root.proof(answer))


async def _by_uri(wire: Wire, web: HttpSession, roots: tuple[Root, ...]) -> Observation | None:
    for root in roots:
        answered, answer = await dicomweb.retrieve_by_uri(web, root.path)
        if answered is Answered.EXECUTED:
            facts = Facts(reachable=True, open=True, downloadable=True)
            return wire.observed(_SERVICE, "dicomweb-wado-uri-processed", facts=facts, proof=root.proof(answer))
    return None


DETECTOR: Final = Detector(
    name="dicomweb",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({80, 443, 3000, 8042, 8080, 8443}),
    speech=WEB,
)
