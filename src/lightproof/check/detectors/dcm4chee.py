"""dcm4chee: the archive of today (arc 5) and the one of before 2015 (2.x on JBoss), by what they serve on the web."""

from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import WEB, Detector
from lightproof.check.protocols.dicomweb import ae_titles
from lightproof.check.protocols.http import HttpSession, Response
from lightproof.check.protocols.interruption import Interruption
from lightproof.check.protocols.web_answers import (
    REFUSED,
    clear_text,
    demands_identity,
    is_html,
    json_object_of,
    protections,
    title_of,
)
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "dcm4chee"
_PRODUCT: Final = "dcm4chee-arc"
_LEGACY: Final = "dcm4chee 2.x"
_COUNTERS: Final = {"studies": "studies/count", "series": "series/count", "instances": "instances/count"}
"""Totals that the archive computes itself (QidoRS): numbers alone, no identifier crosses the wire."""
_LEGACY_PAGES: Final = ("/dcm4chee-web3/", "/dcm4chee-web/")
_NOTHING_THERE: Final = "/lightproof-nothing-here/"


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """arc 5 by its list of AE titles; else the login page of 2.x, and whether JBoss's console answers strangers."""
    async with HttpSession(wire, narrow=True) as web:
        aets = await web.request("/dcm4chee-arc/aets", body_limit=32_768)
        interruption = Interruption()
        if (titles := ae_titles(aets)) is not None:
            counts: dict[str, int] = {}
            with interruption:  # that it is open has been proved by then
                counts = await _counts(web, titles[0])
            yield wire.observed(
                _SERVICE,
                "dcm4chee-open",
                facts=Facts(reachable=True, open=True),
                product=_PRODUCT,
                protections=protections(wire),
                details={"ae_titles": len(titles)},
                counts=counts,
                proof=aets.proof(),
            )
        elif demands_identity(aets) and await _says_other_things_elsewhere(web, aets):
            yield wire.observed(
                _SERVICE,
                "dcm4chee-authentication-required",
                facts=REFUSED,
                product=_PRODUCT,
                protections=protections(wire, "authentication"),
                proof=aets.proof(),
            )
        elif (page := await _legacy(web)) is not None:
            async for observation in _legacy_console(wire, web, page):
                yield observation
        else:
            return
        for observation in clear_text(wire, _SERVICE):
            yield observation
        interruption.tell()


async def _says_other_things_elsewhere(web: HttpSession, refusal: Response) -> bool:
    """A server that refuses every path says nothing about the one we asked for."""
    control = await web.request(_NOTHING_THERE, body_limit=0)
    return control.status != refusal.status


async def _counts(web: HttpSession, ae_title: str) -> dict[str, int]:
    counted: dict[str, int] = {}
    for name, path in _COUNTERS.items():
        answer = await web.request(f"/dcm4chee-arc/aets/{ae_title}/rs/{path}", body_limit=256)
        total = (json_object_of(answer) or {}).get("count") if answer.status == 200 else None
        if not isinstance(total, int) or isinstance(total, bool) or not 0 <= total < 10**12:
            break
        counted[name] = total
    return counted


async def _legacy(web: HttpSession) -> Response | None:
    for path in _LEGACY_PAGES:
        page = await web.request(path, body_limit=8_192)
        named = "dcm4chee" in (title_of(page) or "").lower() or b"dcm4chee" in page.body.lower()
        if page.status == 200 and is_html(page) and named:
            return page
    return None


async def _legacy_console(wire: Wire, web: HttpSession, page: Response) -> AsyncIterator[Observation]:
    yield wire.observed(
        _SERVICE,
        "dcm4chee-legacy",
        product=_LEGACY,
        protections=protections(wire, "authentication"),
        proof=page.proof(),
    )
    # Before 2.17.1 only GET and POST were protected: HEAD ran commands (CVE-2010-0738). The bare page runs none.
    console = await web.request("/jmx-console/", method="HEAD", body_limit=0)
    if console.status == 200:
        facts = Facts(reachable=True, open=True)
        yield wire.observed(_SERVICE, "dcm4chee-legacy-console", facts=facts, product=_LEGACY, proof=console.proof())


DETECTOR: Final = Detector(
    name="dcm4chee",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({8080, 8443}),
    speech=WEB,
)
