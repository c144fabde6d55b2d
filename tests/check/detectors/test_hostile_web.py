"""Every web detector against servers that lie, flood and drip, and what all of them together ask of an honest one."""

import asyncio
import gzip
from collections.abc import Callable

import pytest

from check.recording import recording
from check.services import Behaviour, dripping, flooding, saying, serving
from check.visiting import NOW, visit
from check.web_services import Answer, Asked, answering
from lightproof.check.detectors import WEB, Detector, all_detectors
from lightproof.check.engine import Visit
from lightproof.check.wire import Budget, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Observation, Target
from peers.images import Study, paths_of, write_study
from peers.nginx import Nginx
from peers.orthanc import Orthanc

WEB_DETECTORS = tuple(d for d in all_detectors() if d.speech & WEB)
EACH = pytest.mark.parametrize("detector", WEB_DETECTORS, ids=lambda detector: detector.name)
INJECTION = "\x1b]0;pwned\x07<script>alert(1)</script>=cmd|'/c calc'!A1 #let x"
MULTITUDE = ",".join(['{"dicomAETitle":"A"}'] * 2000)

LIES: dict[str, Answer] = {
    "deep json": (200, "application/json", "[" * 30_000),
    "json of another shape": (200, "application/json", '{"ApiVersion":{},"DicomAet":[],"Version":{"a":[]}}'),
    "a list of strange things": (200, "application/dicom+json", "[1,null,[],{}]"),
    "many ae titles": (200, "application/json", f"[{MULTITUDE}]"),
    "injection": (
        200,
        f"text/html\r\nServer: {INJECTION}\r\nDAV: 1\r\nAllow: PROPFIND, PUT",
        f"<title>OHIF Viewer {INJECTION}</title><h1>PacsOne Server 1{INJECTION}</h1>",
    ),
    "a listing of injections": (
        200,
        "text/html\r\nServer: nginx/<b>",
        "<title>Index of /</title>" + "".join(f'<a href="{n}%0d%0aX:y<script>.dcm">' for n in range(2000)),
    ),
    "an endless redirect": (302, "text/html\r\nLocation: /again", ""),
    "a redirect elsewhere": (307, "text/html\r\nLocation: http://192.0.2.1/", ""),
    "xml bomb": (207, "text/xml\r\nDAV: 1", '<!DOCTYPE a [<!ENTITY b "c">]><multistatus>' + "&b;" * 5000),
    "a gzip bomb": (200, "text/html\r\nContent-Encoding: gzip", gzip.compress(bytes(10**7)).decode("latin-1")),
    "everything is a list of buckets": (200, "application/xml", "<ListAllMyBucketsResult><Bucket><Name>../../x</Name>"),
    "a listing that never parses": (200, "text/html", "<title>Index of /</title>" + "<a " * 20_000),
    "a page that never parses": (200, "text/html", "<title" * 10_000 + "<input " * 10_000 + "qidoRoot: " * 1000),
}
FLOODS: dict[str, Behaviour] = {
    "noise": flooding,
    "drip": dripping(b"HTTP/1.1 200 OK\r\n", every_s=0.02),
    "huge length": saying(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 999999999999\r\n\r\n<html>"),
    "half a head": saying(b"HTTP/1.1 200 OK\r\nContent-Ty"),
}


async def watch(detector: Detector, port: int) -> tuple[list[Observation], str | None]:
    """What the detector saw, and the reason why it stopped early; any other error is the test's failure."""
    wire = Wire(Target("127.0.0.1", port), detector=detector.name, now=lambda: NOW, budget=Budget(total_s=2))
    seen: list[Observation] = []
    try:
        async for observation in detector.detect(wire):
            seen.append(observation)
    except ProtocolViolation as violation:
        return seen, violation.reason
    return seen, None


@EACH
@pytest.mark.parametrize("lie", LIES)
async def test_a_liar_gets_a_few_short_printable_observations(detector: Detector, lie: str) -> None:
    asked = Asked()
    async with serving(answering({}, otherwise=LIES[lie], asked=asked)) as port:
        seen, _ = await watch(detector, port)
    assert len(seen) <= 8
    assert len(asked.requests) <= 30
    for observation in seen:
        shown = (observation.product, observation.version, *observation.details, *observation.details.values())
        for text in (text for text in shown if isinstance(text, str)):
            assert len(text) <= 128
            assert text.isprintable()
        assert len(repr(observation)) < 2_000


@EACH
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_is_left_with_a_reason(detector: Detector, flood: str) -> None:
    async with serving(FLOODS[flood]) as port:
        seen, reason = await asyncio.wait_for(watch(detector, port), timeout=4)
    assert reason in (None, "not-http", "deadline", "byte-budget", "connection-budget", "closed-early")
    assert seen == []


async def test_an_honest_server_is_asked_little_and_only_with_methods_that_read(nginx: Callable[..., Nginx]) -> None:
    async with recording(nginx("location / { }").port) as record:
        seen = await visit(Target("127.0.0.1", record.port), detectors=WEB_DETECTORS)
    lines = [line for line in bytes(record.sent).split(b"\r\n") if b" HTTP/1." in line and line.split()[0].isalpha()]
    assert {line.split()[0] for line in lines} <= {b"GET", b"HEAD", b"OPTIONS", b"PROPFIND"}
    assert len(lines) <= 70
    assert record.connections <= 3 + len(WEB_DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())


async def test_all_detectors_together_take_no_patient_data_from_an_open_practice(
    orthanc: Callable[..., Orthanc], nginx: Callable[..., Nginx], studies: tuple[Study, ...]
) -> None:
    archive = orthanc(dicomweb=True)
    archive.load(paths_of(studies))
    proxy = nginx(
        f"location / {{ proxy_pass http://127.0.0.1:{archive.http_port}; }} location /dicom/ {{ autoindex on; }}"
    )
    study = write_study(proxy.root / "dicom", instances=2)
    for number, path in enumerate(study.paths):
        path.rename(path.with_name(f"IM00000{number}"))
    async with recording(proxy.port) as record:
        seen = await visit(Target("127.0.0.1", record.port), detectors=WEB_DETECTORS)
    assert {"orthanc", "dicomweb", "http-listing", "webdav"} <= services_of(seen)
    assert seen.unchecked == ()
    for canary in (canary for one in (*studies, study) for canary in one.canaries):
        assert canary.encode() not in record.received
        assert canary not in repr(seen)
    assert b"limit=0" not in record.sent


def services_of(seen: Visit) -> set[str]:
    return {observation.service for observation in seen.observations}


LEFT_ALONE: Answer = (503, "text/plain", "")
PROVED: dict[str, tuple[dict[str, Answer], str]] = {
    "orthanc": (
        {"GET /system": (200, "application/json", '{"DicomAet":"A","ApiVersion":20,"Version":"1.10.1"}')},
        "orthanc-open",
    ),
    "dcm4chee": (
        {"GET /dcm4chee-arc/aets/": LEFT_ALONE}
        | {"GET /dcm4chee-arc/aets": (200, "application/json", '[{"dicomAETitle":"DCM4CHEE"}]')},
        "dcm4chee-open",
    ),
    "s3": (
        {
            "GET /?": (
                200,
                "application/xml",
                "<ListAllMyBucketsResult><Buckets><Bucket><Name>dicom</Name></Bucket></Buckets></ListAllMyBucketsResult>",
            )
        },
        "s3-buckets-listed",
    ),
    "web_portal": (
        {"GET /app-config.js": LEFT_ALONE, "GET /": (200, "text/html", "<title>Dicoogle</title>")},
        "web-portal",
    ),
    "webdav": (
        {
            "OPTIONS /lightproof-no-such-file": LEFT_ALONE,
            "OPTIONS /": (200, "text/plain\r\nDAV: 1", ""),
            "PROPFIND /": (207, "text/xml", "<multistatus/>"),
        },
        "webdav-open",
    ),
}
"""What proves that a service is open, or which it is, where the server wants to be left alone after that."""


@pytest.mark.parametrize("name", PROVED)
async def test_what_was_proved_before_a_server_wanted_to_be_left_alone_is_told(name: str) -> None:
    answers, signal = PROVED[name]
    (detector,) = (d for d in WEB_DETECTORS if d.name == name)
    async with serving(answering(answers, otherwise=LEFT_ALONE)) as port:
        seen, reason = await watch(detector, port)
    told = [observation for observation in seen if observation.signal == signal]
    assert all(observation.facts.open for observation in told) or signal == "web-portal"
    assert told
    assert reason == "server-busy"
