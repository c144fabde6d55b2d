"""WebDAV folders of nginx, WsgiDAV and Orthanc: who announces what, and who means it."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from check.services import serving
from check.visiting import facts_of, signals_of, visit
from check.web_services import Asked, answering
from lightproof.check.detectors import webdav as detector
from lightproof.evidence.records import Facts, Target
from peers.nginx import Nginx
from peers.orthanc import Orthanc
from peers.processes import running

DETECTORS = (detector.DETECTOR,)
OPEN = Facts(reachable=True, open=True)
REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


@contextmanager
def wsgidav(folder: Path, *, read_only: bool = False, users: dict[str, dict[str, str]] | None = None) -> Iterator[int]:
    """WsgiDAV sharing a folder at `/`, with everyone or with `users`."""
    (folder / "shared").mkdir()

    def command(ports: Sequence[int]) -> list[str]:
        configuration = {
            "host": "127.0.0.1",
            "port": ports[0],
            "provider_mapping": {"/": {"root": str(folder / "shared"), "readonly": read_only}},
            "simple_dc": {"user_mapping": {"*": users or True}},
        }
        (folder / "wsgidav.json").write_text(json.dumps(configuration))
        return [sys.executable, "-m", "wsgidav.server.server_cli", "--config", str(folder / "wsgidav.json")]

    with running(command, folder / "wsgidav.log") as (port,):
        yield port


APACHE = {
    "OPTIONS /lightproof-no-such-file": (200, "text/plain\r\nDAV: 1,2\r\nAllow: OPTIONS,MKCOL,PUT,LOCK", ""),
    "OPTIONS /": (200, "httpd/unix-directory\r\nDAV: 1,2\r\nAllow: OPTIONS,GET,HEAD,POST,DELETE,PROPFIND,LOCK", ""),
    "PROPFIND /": (207, "text/xml", "<D:multistatus xmlns:D='DAV:'/>"),
}
"""What mod_dav answers, also where <LimitExcept GET HEAD OPTIONS PROPFIND> demands a password for all else
(modules/dav/main/mod_dav.c, dav_method_options)."""


@pytest.mark.parametrize("server", ["", "\r\nServer: Apache", "\r\nServer: Microsoft-IIS/10.0"])
async def test_what_a_folder_announces_for_a_new_file_is_told_and_proves_nothing(server: str) -> None:
    asked = Asked()
    answers = {path: (status, head + server, body) for path, (status, head, body) in APACHE.items()}
    async with serving(answering(answers, asked=asked)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "webdav") == OPEN
    assert signals_of(seen) == {"webdav-open", "webdav-put-announced", "http-clear-text"}
    assert {request.split()[0] for request in asked.requests} == {"OPTIONS", "PROPFIND"}


@pytest.mark.parametrize("read_only", [True, False])
async def test_what_wsgidav_announces_proves_nothing(tmp_path: Path, read_only: bool) -> None:
    with wsgidav(tmp_path, read_only=read_only) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "webdav") == OPEN
    assert "webdav-put-announced" in signals_of(seen)
    assert seen.unchecked == ()


async def test_a_folder_with_users_is_only_reachable(tmp_path: Path) -> None:
    with wsgidav(tmp_path, users={"alice": {"password": "not-a-default"}}) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "webdav") == REFUSED


async def test_what_nginx_announces_for_every_folder_proves_nothing(nginx: Callable[..., Nginx]) -> None:
    web = nginx("location /dav/ { dav_ext_methods PROPFIND OPTIONS; }", dav=True)
    (web.root / "dav").mkdir()
    seen = await visit(at(web.port), detectors=DETECTORS)
    assert facts_of(seen, "webdav") == OPEN


async def test_orthancs_folder_is_open(orthanc: Callable[..., Orthanc]) -> None:
    seen = await visit(at(orthanc().http_port), detectors=DETECTORS)
    assert facts_of(seen, "webdav") == OPEN


async def test_a_web_server_without_webdav_has_no_folder(nginx: Callable[..., Nginx]) -> None:
    seen = await visit(at(nginx("location / { autoindex on; }").port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())
