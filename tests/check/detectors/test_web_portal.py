"""Portals and viewers by the pages that their sources and the fingerprint file give."""

import asyncio
from collections.abc import Callable

import pytest

from check.observing import reported
from check.services import serving
from check.visiting import facts_of, signals_of, visit
from check.web_services import Answer, Asked, answering
from lightproof.check.detectors import web_portal as detector
from lightproof.evidence.records import Facts, Target
from peers.nginx import Nginx
from peers.orthanc import Orthanc

DETECTORS = (detector.DETECTOR,)
OHIF_PAGE: Answer = (200, "text/html", "<!doctype html><html><head><title>OHIF Viewer</title></head></html>")


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


def a_page(title: str, body: str = "") -> Answer:
    return 200, "text/html", f"<html><head><title>{title}</title></head><body>{body}</body></html>"


def ohif(root: str) -> Answer:
    """`app-config.js` as OHIF/Viewers has it (platform/app/public/config)."""
    return (
        200,
        "application/javascript",
        f"window.config = {{ dataSources: [{{ configuration: {{ wadoUriRoot: '/wado', qidoRoot: '{root}',"
        f" wadoRoot: '{root}' }} }}] }};",
    )


@pytest.mark.parametrize(
    ("title", "body", "product", "version"),
    [
        ("Horos Web Portal", '<input name="p" type="password">', "Horos", None),
        ("Dicoogle", "", "Dicoogle", None),
        ("Login", "PacsOne Server 6.6.2", "PacsOne", "6.6.2"),
        ("GXD5 Pacs Connexion utilisateur", "", "GXD5 Pacs", None),
    ],
)
async def test_a_portal_is_named_by_its_front_page(title: str, body: str, product: str, version: str | None) -> None:
    async with serving(answering({"/": a_page(title, body)})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    portal = seen.observations[0]
    assert (portal.signal, portal.details["portal"], portal.product, portal.version) == (
        "web-portal",
        product,
        product,
        version,
    )
    assert portal.protections == (("authentication",) if "password" in body else ())
    assert ("version-disclosed" in signals_of(seen)) == (version is not None)
    assert facts_of(seen, "web") == Facts(reachable=True)


@pytest.mark.parametrize(
    ("answers", "product", "version", "vulnerability"),
    [
        ({"/": a_page("Horos Web Portal", 'Horos Web Portal = "2.1.0"')}, "Horos", "2.1.0", "ZSL-2016-5387"),
        (
            {"/": a_page("Images", 'Service provided by <a href="http://www.horosproject.org">Horos</a>')},
            "Horos",
            None,
            "HOROS-BUNDLED-DCMTK-3.5.4",
        ),
        (
            {"/portal/WebLogin.aspx": a_page("Vue PACS", '<script src="login.js?version=12.2.1.0"></script>')},
            "Philips Vue PACS",
            "12.2.1.0",
            "CVE-2020-1938",
        ),
        (
            {"/ext/version": (200, "application/json", '{"version":"2.5.0"}'), "/": a_page("Dicoogle")},
            "Dicoogle",
            "2.5.0",
            "DICOOGLE-2.5.0-LFI",
        ),
        (
            {"/api/server/version": (200, "text/plain", "4.4.0"), "/": a_page("Mirth Connect Administrator")},
            "Mirth Connect",
            "4.4.0",
            "CVE-2023-43208",
        ),
    ],
)
async def test_a_version_is_read_where_its_product_tells_it(
    answers: dict[str, Answer], product: str, version: str | None, vulnerability: str
) -> None:
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    report = reported(seen.observations)
    assert [(service.product, service.version) for service in report.services] == [(product, version)]
    assert ("version-disclosed" in signals_of(seen)) == (version is not None)
    assert vulnerability in next(f.evidence for f in report.findings if f.rule == "known-vulnerability")


@pytest.mark.parametrize(
    "answer",
    [
        (200, "text/html", "<html>4.4.0</html>"),
        (200, "text/plain", "4.4.0 " * 1_000),
        (200, "text/plain", "\x1b[31m4.4.0"),
        (400, "text/plain", "4.4.0"),
        (302, "text/plain\r\nLocation: http://192.0.2.1/", "4.4.0"),
    ],
)
async def test_an_answer_that_is_no_version_alone_tells_none(answer: Answer) -> None:
    answers = {"/api/server/version": answer, "/": a_page("Mirth Connect Administrator")}
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert {(told.product, told.version) for told in seen.observations if told.product} == {("Mirth Connect", None)}


async def test_a_portal_that_wants_to_be_left_alone_about_its_version_is_told_all_the_same() -> None:
    answers: dict[str, Answer] = {"/ext/version": (503, "text/plain", ""), "/": a_page("Dicoogle")}
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert seen.observations[0].product == "Dicoogle"
    assert [entry.reason for entry in seen.unchecked] == ["server-busy"]


async def test_a_version_is_asked_for_only_of_the_product_that_tells_it_there() -> None:
    for title, paths in (("Mirth Connect Administrator", ["/api/server/version"]), ("My garden", [])):
        asked = Asked()
        async with serving(answering({"/": a_page(title)}, asked=asked)) as port:
            await visit(at(port), detectors=DETECTORS)
        heads = [head for head in asked.heads if "version" in head]
        assert [head.split()[1] for head in heads] == paths
        assert all("\r\nx-requested-with: lightproof\r\n" in head.lower() for head in heads)


@pytest.mark.parametrize(
    ("path", "body", "product"),
    [
        ("/weasis-pacs-connector/", "<a href='weasis://?%24dicom%3Aget'>Weasis</a>", "Weasis"),
        ("/pacs/login.php", "<div id='loginSplash'></div>", "MedDream"),
        ("/", "<p>Sante PACS Server PG</p>", "Sante PACS Server"),
    ],
)
async def test_a_product_is_found_by_what_its_page_says(path: str, body: str, product: str) -> None:
    async with serving(answering({f"GET {path}": a_page("Welcome", body), "/": a_page("It works")})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert (seen.observations[0].signal, seen.observations[0].product) == ("web-portal", product)


async def test_a_portal_behind_a_redirect_on_the_same_port_is_found() -> None:
    answers: dict[str, Answer] = {
        "/portal/": a_page("Vue PACS"),
        "/": (302, "text/html\r\nLocation: /portal/WebLogin.aspx", ""),
    }
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert seen.observations[0].product == "Philips Vue PACS"


async def test_conquest_is_found_by_its_program() -> None:
    page = a_page("Conquest DICOM server - version 1.5.0", "Conquest DICOM server")
    async with serving(answering({"/cgi-bin/dgate?mode=top": page})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert seen.observations[0].product == "ConQuest"


async def test_redirects_to_other_hosts_and_in_circles_are_not_followed() -> None:
    others = 0

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal others
        others += 1

    async with serving(other) as other_port:
        for location in (
            f"http://127.0.0.1:{other_port}/",
            f"//127.0.0.1:{other_port}/x",
            "https://192.0.2.1/",
            "http://[::1/",
            "/",
            "/again",
        ):
            asked = Asked()
            answers: dict[str, Answer] = {"GET ": (302, f"text/html\r\nLocation: {location}", "")}
            async with serving(answering(answers, asked=asked)) as port:
                seen = await visit(at(port), detectors=DETECTORS)
            assert (seen.observations, seen.unchecked) == ((), ())
            assert len(asked.requests) <= 10
    assert others == 0


async def test_a_viewer_whose_archive_answers_strangers_is_open(
    orthanc: Callable[..., Orthanc], nginx: Callable[..., Nginx]
) -> None:
    behind = f"proxy_pass http://127.0.0.1:{orthanc(dicomweb=True).http_port}/dicom-web/;"
    web = nginx(f"location /pacs/dicom-web/ {{ {behind} }}")
    (web.root / "index.html").write_text(OHIF_PAGE[2])
    (web.root / "app-config.js").write_text(ohif("/pacs/dicom-web")[2])
    seen = await visit(at(web.port), detectors=DETECTORS)
    assert {"web-portal", "web-viewer-open"} <= signals_of(seen)
    assert facts_of(seen, "web") == Facts(reachable=True, open=True)


async def test_a_viewer_whose_archive_is_elsewhere_is_only_mentioned() -> None:
    others = Asked()
    async with serving(answering({}, asked=others)) as other_port:
        root = f"http://127.0.0.1:{other_port}/dicom-web"
        async with serving(answering({"/app-config.js": ohif(root), "/": OHIF_PAGE})) as port:
            seen = await visit(at(port), detectors=DETECTORS)
    viewer = next(o for o in seen.observations if o.signal == "web-viewer-open")
    assert viewer.facts == Facts(reachable=True)
    assert viewer.details["archive_elsewhere"] == root.removesuffix("/dicom-web")
    assert others.connections == 0


async def test_a_viewer_that_signs_people_in_is_not_open() -> None:
    config = (200, "application/javascript", ohif("/dicom-web")[2] + " window.config.oidc = {oidc: [{}]}")
    async with serving(answering({"/app-config.js": config, "/": OHIF_PAGE})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert signals_of(seen) == {"web-portal", "http-clear-text"}
    assert seen.observations[0].protections == ("authentication",)


async def test_a_web_server_of_something_else_is_no_portal(nginx: Callable[..., Nginx]) -> None:
    seen = await visit(at(nginx("location / { autoindex on; }").port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())


async def test_what_a_page_says_of_itself_is_never_markup_and_never_long() -> None:
    title = "OHIF Viewer \x1b]0;pwned\x07<script>" + "A" * 10_000
    body = "PacsOne Server 1" + "9" * 10_000
    for page in (a_page(title), a_page("x", body)):
        async with serving(answering({"/": page})) as port:
            seen = await visit(at(port), detectors=DETECTORS)
        for observation in seen.observations:
            assert len(repr(observation)) < 2_000
            assert "\\x1b" not in repr(observation)
