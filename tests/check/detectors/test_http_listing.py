"""Directory listings as real servers write them; the images behind them stay where they are."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from check.recording import recording
from check.services import serving
from check.visiting import facts_of, signals_of, visit
from check.web_services import Answer, Asked, answering
from lightproof.check.detectors import http_listing as detector
from lightproof.evidence.records import Facts, Target
from peers.images import Study, write_study
from peers.nginx import Nginx

DETECTORS = (detector.DETECTOR,)
READABLE = Facts(reachable=True, open=True, listable=True, downloadable=True)
AUTOINDEX = "location / { autoindex on; }"


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def python_http_server(root: Path) -> Iterator[int]:
    """`python -m http.server` in this process."""
    handler = functools.partial(_QuietHandler, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def named_by_patient(root: Path) -> Study:
    """A study whose files are named as people name them."""
    study = write_study(root, instances=3)
    for number, path in enumerate(study.paths):
        path.rename(root / f"{study.patient.name.replace('^', ' ')} {number}.dcm")
    return study


async def test_nginx_autoindex_is_downloadable_and_no_name_is_kept(nginx: Callable[..., Nginx]) -> None:
    web = nginx(AUTOINDEX)
    study = named_by_patient(web.root)
    seen = await visit(at(web.port), detectors=DETECTORS)
    assert facts_of(seen, "http-listing") == READABLE
    assert signals_of(seen) == {
        "http-listing-dicom",
        "http-listing-file-readable",
        "http-clear-text",
        "version-disclosed",
    }
    listed = seen.observations[0]
    assert listed.counts == {"files": 3}
    assert listed.product == "nginx"
    assert seen.unchecked == ()
    for canary in study.canaries:
        assert canary not in repr(seen)


async def test_of_a_file_exactly_four_bytes_are_read(nginx: Callable[..., Nginx]) -> None:
    web = nginx(AUTOINDEX)
    study = write_study(web.root / "dicom", instances=2)
    for number, path in enumerate(study.paths):
        path.rename(path.with_name(f"IM00000{number}"))
    async with recording(web.port) as record:
        seen = await visit(at(record.port), detectors=DETECTORS)
    assert facts_of(seen, "http-listing") == READABLE
    assert record.received.endswith(b"\r\n\r\nDICM")
    for canary in study.canaries:
        assert canary.encode() not in record.received


async def test_pythons_server_gives_whole_files_so_none_is_asked_for(tmp_path: Path) -> None:
    study = write_study(tmp_path / "export" / "PAT1" / "ST1" / "SE1")
    study.paths[0].rename(study.paths[0].with_name("IMG.dcm"))
    with python_http_server(tmp_path) as port:
        async with recording(port) as record:
            seen = await visit(at(record.port), detectors=DETECTORS)
    assert facts_of(seen, "http-listing") == Facts(reachable=True, open=True, listable=True)
    assert b"GET /export/PAT1/ST1/SE1/IMG.dcm" not in record.sent
    assert all(canary.encode() not in record.received for canary in study.canaries)


async def test_a_listing_without_images_is_no_finding(nginx: Callable[..., Nginx]) -> None:
    web = nginx(AUTOINDEX)
    (web.root / "report.pdf").write_bytes(b"%PDF")
    (web.root / "im.jpg").write_bytes(b"JFIF")
    seen = await visit(at(web.port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())


async def test_a_listing_whose_files_are_refused_is_not_downloadable(nginx: Callable[..., Nginx]) -> None:
    web = nginx(AUTOINDEX + r" location ~ \.dcm$ { return 403; }")
    write_study(web.root)
    seen = await visit(at(web.port), detectors=DETECTORS)
    assert facts_of(seen, "http-listing") == Facts(reachable=True, open=True, listable=True, downloadable=False)
    assert "http-listing-file-refused" in signals_of(seen)


@pytest.mark.parametrize("ranges", ["", "location ~ dcm$ { max_ranges 0; }"], ids=["ranges", "whole files"])
async def test_a_file_that_only_calls_itself_dicom_is_not_called_readable(
    nginx: Callable[..., Nginx], ranges: str
) -> None:
    web = nginx(AUTOINDEX + ranges)
    (web.root / "fake.dcm").write_bytes(b"x" * 1000)
    seen = await visit(at(web.port), detectors=DETECTORS)
    assert facts_of(seen, "http-listing") == Facts(reachable=True, open=True, listable=True)


IIS = (
    "<html><head><title>10.0.0.1 - /</title></head><body><H1>10.0.0.1 - /</H1><hr><pre>"
    ' 1/1/2026 1:00 PM 514 <A HREF="/a.dcm">a.dcm</A><br></pre><hr></body></html>'
)
APACHE = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"><html><head><title>Index of /</title></head><body>'
    '<table><tr><th><a href="?C=N;O=D">Name</a></th></tr><tr><td><a href="DICOMDIR">DICOMDIR</a></td></tr></table>'
)
LIGHTTPD = '<!DOCTYPE html><html><head><title>Index of /</title></head><body><a href="1.2.840.10008.1.2.3.4">x</a>'
CADDY = "<!DOCTYPE html><html><head><title>/</title></head><body>" + "".join(
    f'<a href="./IM0{n}.dcm"><span class="name">x</span></a>' for n in range(4)
)


@pytest.mark.parametrize("page", [IIS, APACHE, LIGHTTPD, CADDY], ids=["iis", "apache", "lighttpd", "caddy"])
async def test_listings_of_other_servers_are_read(page: str) -> None:
    async with serving(answering({"GET /": (200, "text/html", page)})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "http-listing").listable


async def test_a_server_that_promises_ranges_and_sends_all_is_cut_off() -> None:
    image = "\0" * 128 + "DICM" + "CANARY^ZEBULON" * 1000
    answers: dict[str, Answer] = {
        "GET /a.dcm": (200, "application/dicom", image),
        "HEAD /a.dcm": (200, "application/dicom\r\nAccept-Ranges: bytes", image),
        "GET /": (200, "text/html", APACHE.replace("DICOMDIR", "a.dcm")),
    }
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    readable = next(o for o in seen.observations if o.signal == "http-listing-file-readable")
    assert readable.facts.downloadable
    assert readable.proof is not None
    assert readable.proof.length == len("DICM")


async def test_links_to_other_hosts_and_upwards_are_not_followed() -> None:
    asked = Asked()
    page = (
        "<title>Index of /</title>"
        '<a href="http://192.0.2.1/a.dcm">x</a><a href="//192.0.2.1/b.dcm">x</a><a href="../c.dcm">x</a>'
        '<a href="javascript:d.dcm">x</a><a href="deep/er/e.dcm">x</a><a href="file:///f.dcm">x</a>'
        '<a href="%2e%2e/">x</a>'
    )
    async with serving(answering({"GET /": (200, "text/html", page)}, asked=asked)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert {request.split()[1] for request in asked.requests} <= {
        "/",
        "/dicom/",
        "/DICOM/",
        "/images/",
        "/pacs/",
        "/c.dcm",
    }
    assert all("192.0.2.1" not in request for request in asked.requests)
    assert seen.unchecked == ()


async def test_a_labyrinth_of_directories_is_left_after_a_few_pages() -> None:
    asked = Asked()
    page = "<title>Index of /</title>" + "".join(f'<a href="{n}/">x</a>' for n in range(500))
    async with serving(answering({"GET /": (200, "text/html", page)}, asked=asked)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert len([r for r in asked.requests if r.startswith("GET")]) <= 9
    assert (seen.observations, seen.unchecked) == ((), ())
