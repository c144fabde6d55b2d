"""DICOMweb as Orthanc's plugin serves it, behind proxies as practices put it, and small archives of other habits."""

import asyncio
from collections.abc import Callable

import pytest

from check.recording import recording
from check.services import serving
from check.visiting import facts_of, signals_of, visit
from check.web_services import Answer, answering
from lightproof.check.detectors import dicomweb as detector
from lightproof.check.protocols.dicomweb import Named, known_roots, viewer_roots
from lightproof.evidence.records import Facts, Target
from peers.images import Study, paths_of
from peers.nginx import Nginx
from peers.orthanc import Orthanc

DETECTORS = (detector.DETECTOR,)
REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


async def test_orthancs_dicomweb_is_listable_and_downloadable_without_a_patients_name_on_the_wire(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc(dicomweb=True)
    server.load(paths_of(studies))
    async with recording(server.http_port) as record:
        seen = await visit(at(record.port), detectors=DETECTORS)
    assert facts_of(seen, "dicomweb") == Facts(reachable=True, open=True, listable=True, downloadable=True)
    assert signals_of(seen) == {"dicomweb-qido-executed", "dicomweb-wado-processed", "http-clear-text"}
    assert {o.product for o in seen.observations} == {None, "Orthanc"}
    assert seen.unchecked == ()
    for canary in (canary for study in studies for canary in study.canaries):
        assert canary.encode() not in record.received
        assert canary not in repr(seen)


async def test_an_orthanc_without_the_plugin_has_no_dicomweb(orthanc: Callable[..., Orthanc]) -> None:
    seen = await visit(at(orthanc().http_port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())


async def test_a_server_that_refuses_every_path_says_nothing_about_dicomweb(orthanc: Callable[..., Orthanc]) -> None:
    seen = await visit(at(orthanc(users={"a": "b"}, dicomweb=True).http_port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())


@pytest.mark.parametrize(
    "refusal", ["return 401;", "return 403;", "return 302 https://sso.example/realms/x/openid-connect/auth;"]
)
async def test_dicomweb_that_demands_identity_is_only_reachable(nginx: Callable[..., Nginx], refusal: str) -> None:
    seen = await visit(at(nginx(f"location /dicom-web/ {{ {refusal} }}").port), detectors=DETECTORS)
    assert facts_of(seen, "dicomweb") == REFUSED
    assert "dicomweb-authentication-required" in signals_of(seen)


async def test_queries_may_be_open_where_images_are_not(
    orthanc: Callable[..., Orthanc], nginx: Callable[..., Nginx]
) -> None:
    behind = f"proxy_pass http://127.0.0.1:{orthanc(dicomweb=True).http_port};"
    proxy = nginx(f"location = /dicom-web/studies {{ {behind} }} location /dicom-web/studies/ {{ return 403; }}")
    seen = await visit(at(proxy.port), detectors=DETECTORS)
    assert facts_of(seen, "dicomweb") == Facts(reachable=True, open=True, listable=True, downloadable=False)
    assert "dicomweb-wado-refused" in signals_of(seen)


async def test_the_root_that_a_viewer_names_is_asked_on_this_server_only(
    orthanc: Callable[..., Orthanc], nginx: Callable[..., Nginx]
) -> None:
    connections = 0

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1

    async with serving(elsewhere) as other_port:
        behind = f"proxy_pass http://127.0.0.1:{orthanc(dicomweb=True).http_port}/dicom-web/;"
        proxy = nginx(f"location /very/own/place/ {{ {behind} }} location = /app-config.js {{ }}")
        (proxy.root / "app-config.js").write_text(
            "window.config = { dataSources: [ { configuration: {"
            f" qidoRoot: 'http://127.0.0.1:{other_port}/dicom-web',"
            f" wadoRoot: `http://127.0.0.1:{proxy.port}/very/own/place`, wadoUriRoot: '/wado' }} }} ] }};"
        )
        seen = await visit(at(proxy.port), detectors=DETECTORS)
    assert facts_of(seen, "dicomweb").listable
    assert connections == 0


async def test_a_single_page_application_is_no_answering() -> None:
    page = (200, "text/html", "<!doctype html><html><title>App</title></html>")
    async with serving(answering({}, otherwise=page)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())


@pytest.mark.parametrize(
    "anything",
    [(200, "application/json", "[]"), (204, "text/plain", ""), (200, "text/plain", ""), (200, "text/plain", "[]")],
)
async def test_a_server_that_answers_so_to_every_path_is_no_answering(anything: Answer) -> None:
    async with serving(answering({}, otherwise=anything)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert seen.observations == ()


@pytest.mark.parametrize(
    "nothing", [(204, "text/plain", ""), (200, "application/dicom+json", ""), (200, "application/dicom+json", "[ ]\n")]
)
async def test_no_match_may_be_said_in_several_ways(nothing: Answer) -> None:
    async with serving(answering({"/dicom-web/studies?": nothing})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicomweb") == Facts(reachable=True, open=True, listable=True)


async def test_an_archive_that_ignores_the_filter_is_open_and_its_answer_is_dropped_unread() -> None:
    match = (200, "application/dicom+json", '[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"CANARY^ANN"}]}}]')
    async with serving(answering({"/dicom-web/studies?": match})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    executed = next(o for o in seen.observations if o.signal == "dicomweb-qido-executed")
    assert executed.details == {"answers_without_filter": True}
    assert executed.proof is not None
    assert executed.proof.length is not None
    assert executed.proof.length <= 16
    assert "CANARY" not in repr(seen)


async def test_storing_that_is_announced_to_strangers_is_mentioned_and_not_called_proved() -> None:
    answers = {
        "OPTIONS /dicom-web/studies": (200, "text/plain\r\nAllow: GET, POST", ""),
        "/dicom-web/studies": (200, "application/dicom+json", "[]"),
    }
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert "dicomweb-stow-offered" in signals_of(seen)
    assert facts_of(seen, "dicomweb").writable is None


async def test_wado_by_uri_is_processed_where_complete_and_incomplete_requests_differ() -> None:
    answers = {
        "/wado?requestType=WADO&studyUID=2.25.1": (404, "text/plain", "no such object"),
        "/wado": (400, "text/plain", "missing studyUID"),
    }
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert signals_of(seen) == {"dicomweb-wado-uri-processed", "http-clear-text"}
    assert facts_of(seen, "dicomweb") == Facts(reachable=True, open=True, downloadable=True)


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        (
            "/dcm4chee-arc/aets/AS_RECEIVED/wado",
            {
                "/dcm4chee-arc/aets/": (404, "text/html", "nothing"),
                "/dcm4chee-arc/aets": (200, "application/json", '[{"dicomAETitle":"AS_RECEIVED"}]'),
            },
        ),
        ("/very/own/wado", {"/app-config.js": (200, "text/javascript", "x = { wadoUriRoot: '/very/own/wado' }")}),
    ],
    ids=["dcm4chee-arc", "a viewer"],
)
async def test_wado_by_uri_is_asked_for_where_the_server_has_it(path: str, leads: dict[str, Answer]) -> None:
    answers: dict[str, Answer] = {
        f"{path}?requestType=WADO&studyUID=2.25.1": (404, "text/plain", "no such object"),
        path: (400, "text/plain", "missing studyUID"),
        **leads,
    }
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicomweb").downloadable


async def test_dcm4chees_own_ae_titles_lead_to_its_services() -> None:
    answers = {
        "/dcm4chee-arc/aets/AS_RECEIVED/rs/studies?": (204, "text/plain", ""),
        "/dcm4chee-arc/aets/AS_RECEIVED/rs/studies/2.25.1/metadata": (404, "application/json", '{"errorMessage":""}'),
        "/dcm4chee-arc/aets/": (404, "text/html", "nothing"),
        "/dcm4chee-arc/aets": (200, "application/json", '[{"dicomAETitle":"AS_RECEIVED"},{"dicomAETitle":"../x"}]'),
    }
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicomweb") == Facts(reachable=True, open=True, listable=True, downloadable=True)


def test_every_root_is_a_path_without_an_end() -> None:
    assert len(known_roots()) <= 12
    assert all(root == "" or (root.startswith("/") and not root.endswith("/")) for root in known_roots())


def test_a_viewers_configuration_may_be_hostile() -> None:
    assert viewer_roots(b"qidoRoot: '" + b"a" * 100_000) == Named()
    assert viewer_roots(b"\xff\xfe qidoRoot:'\xff'").roots == ("\ufffd",)
    for kind in (b"qidoRoot", b"wadoUriRoot"):
        many = viewer_roots(b"".join(kind + b":'/%d'," % i for i in range(1000)))
        assert len(many.roots + many.wado_uri) == 4


async def test_an_open_archive_that_packs_its_answers_is_not_taken_for_a_closed_one() -> None:
    packed = (200, "application/dicom+json\r\nContent-Encoding: gzip", "\x1f packed")
    async with serving(answering({"/dicom-web/studies?": packed})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert {(entry.detector, entry.reason) for entry in seen.unchecked} == {("dicomweb", "packed-answer")}
