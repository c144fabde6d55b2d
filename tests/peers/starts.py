"""Real servers as values: how to start one in a chosen configuration, with images in it, and which port to look at.

A start is a function from the ground (a folder, certificates) to a context manager that gives the port.
"""

import functools
import json
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pydicom

from peers.certificates import Certificates
from peers.dcmtk import running_dcmqrscp, running_storescp
from peers.folders import public_folder
from peers.images import paths_of, write_studies
from peers.nginx import running_nginx
from peers.orthanc import running_orthanc
from peers.processes import ADDRESS, running
from peers.pynetdicom_server import running_pynetdicom
from peers.samba import running_samba
from peers.vsftpd import running_vsftpd

Tls = Literal["any client", "known clients"]
"""Whether a client certificate is demanded."""
PASSWORDS = {"alice": "not-a-default"}


@dataclass(frozen=True)
class Ground:
    """Where one server may lay its files, and the certificates it may show."""

    folder: Path
    certificates: Certificates


Start = Callable[[Ground], AbstractContextManager[int]]


def _images(folder: Path) -> list[Path]:
    return paths_of(write_studies(folder, 2))


def orthanc(
    door: Literal["dicom", "http"],
    settings: Mapping[str, object] | None = None,
    *,
    tls: Tls | None = None,
    **arguments: Any,
) -> Start:
    """Orthanc holding images, seen at one of its two ports; arguments of `running_orthanc`."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        files = ground.certificates
        secure: dict[str, object] = {}
        if tls is not None:
            secure = {
                "DicomTlsEnabled": True,
                "DicomTlsCertificate": str(files.server_certificate),
                "DicomTlsPrivateKey": str(files.server_key),
                "DicomTlsTrustedCertificates": str(files.authority),
                "DicomTlsRemoteCertificateRequired": tls == "known clients",
            }
        with running_orthanc(ground.folder, {**(settings or {}), **secure}, **arguments) as server:
            server.load(_images(ground.folder / "images"))
            yield server.dicom_port if door == "dicom" else server.http_port

    return start


def dcmqrscp(**arguments: Any) -> Start:
    """dcmqrscp holding images; arguments of `running_dcmqrscp`."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        # Stored while it takes from anyone: in its final configuration it may not.
        with running_dcmqrscp(ground.folder) as server:
            server.load(_images(ground.folder / "images"))
        with running_dcmqrscp(ground.folder, **arguments) as server:
            yield server.port

    return start


def storescp(*, tls: Tls | None = None, options: Sequence[str] = ()) -> Start:
    """storescp, in clear or inside TLS; `+pz` keeps it to TLS 1.2."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        trusting = ["-ic"] if tls == "any client" else []
        certificates = ground.certificates if tls else None
        with running_storescp(ground.folder, tls=certificates, options=[*trusting, *options]) as server:
            yield server.port

    return start


def pynetdicom(*, tls: Tls | None = None, **arguments: Any) -> Start:
    """A pynetdicom server holding images; arguments of `running_pynetdicom`."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        context: ssl.SSLContext | None = None
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(ground.certificates.server_certificate, ground.certificates.server_key)
            if tls == "known clients":
                context.load_verify_locations(ground.certificates.authority)
                context.verify_mode = ssl.CERT_REQUIRED
        held = [pydicom.dcmread(path) for path in _images(ground.folder)]
        with running_pynetdicom(held=held, tls=context, **arguments) as server:
            yield server.port

    return start


def nginx(
    configuration: str,
    *,
    https: bool = False,
    dav: bool = False,
    images: str | None = None,
    pages: Mapping[str, str] | None = None,
    only_as: str | None = None,
) -> Start:
    """nginx; `images`: the folder below its root in which DICOM files lie; `pages`: other files, by path; `only_as`:
    the name under which it serves them.

    `{passwords}` in the configuration stands for a file of users.
    """

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        passwords = ground.folder / "passwords"
        passwords.write_text("".join(f"{user}:{{PLAIN}}{password}\n" for user, password in PASSWORDS.items()))
        with running_nginx(
            ground.folder,
            configuration.replace("{passwords}", str(passwords)),
            dav=dav,
            certificates=ground.certificates if https else None,
            only_as=only_as,
        ) as server:
            if images is not None:
                _images(server.root / images)
            for path, text in (pages or {}).items():
                (server.root / path).parent.mkdir(parents=True, exist_ok=True)
                (server.root / path).write_text(text)
            yield server.port

    return start


def nginx_before(behind: Start, configuration: str, *, https: bool = False, only_as: str | None = None) -> Start:
    """nginx in front of another web server; `{behind}` in the configuration stands for that one's address."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        (ground.folder / "behind").mkdir()
        with ExitStack() as stack:
            port = stack.enter_context(behind(Ground(ground.folder / "behind", ground.certificates)))
            proxy = nginx(configuration.replace("{behind}", f"http://{ADDRESS}:{port}"), https=https, only_as=only_as)
            yield stack.enter_context(proxy(ground))

    return start


class _HangsUp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            self.request.recv(65_536)
            self.request.unwrap()


class _InsideTls(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    context: ssl.SSLContext

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        connection, address = super().get_request()
        try:
            return self.context.wrap_socket(connection, server_side=True), address
        except OSError:
            connection.close()
            raise


def hanging_up(version: ssl.TLSVersion) -> Start:
    """A service inside TLS that takes any client, reads what it is told and closes in order: nothing of DICOM."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(ground.certificates.server_certificate, ground.certificates.server_key)
        with _InsideTls((ADDRESS, 0), _HangsUp) as server:
            server.context = context
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()
                thread.join()

    return start


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def python_http_server(ground: Ground) -> Iterator[int]:
    """`python -m http.server` in this process, over a folder of images."""
    _images(ground.folder / "export")
    handler = functools.partial(_QuietHandler, directory=str(ground.folder))
    with ThreadingHTTPServer((ADDRESS, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def wsgidav(*, read_only: bool = False, users: Mapping[str, str] | None = None) -> Start:
    """WsgiDAV sharing a folder of images at `/`, with everyone or with `users`."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        _images(ground.folder / "shared")
        known = {user: {"password": password} for user, password in (users or {}).items()}

        def command(ports: Sequence[int]) -> list[str]:
            configuration = {
                "host": ADDRESS,
                "port": ports[0],
                "provider_mapping": {"/": {"root": str(ground.folder / "shared"), "readonly": read_only}},
                "simple_dc": {"user_mapping": {"*": known or True}},
            }
            (ground.folder / "wsgidav.json").write_text(json.dumps(configuration))
            return [sys.executable, "-m", "wsgidav.server.server_cli", "--config", str(ground.folder / "wsgidav.json")]

        with running(command, ground.folder / "wsgidav.log") as (port,):
            yield port

    return start


def moto(*, bucket: str | None = None, acl: str = "public-read", key: str = "an-image.dcm") -> Start:
    """S3 as moto speaks it, in a process of its own; `bucket` holds one object, with this access list."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        def command(ports: Sequence[int]) -> list[str]:
            return [sys.executable, "-m", "moto.server", "-H", ADDRESS, "-p", str(ports[0])]

        with running(command, ground.folder / "moto.log") as (port,):
            for path in (f"/{bucket}", f"/{bucket}/{quote(key)}") if bucket else ():
                connection = HTTPConnection(ADDRESS, port, timeout=30)
                connection.request("PUT", path, b"image" if path.endswith(".dcm") else None, {"x-amz-acl": acl})
                if (status := connection.getresponse().status) != 200:
                    raise AssertionError(status)
                connection.close()
            yield port

    return start


def vsftpd(
    settings: Mapping[str, str] | None = None,
    *,
    tls: bool = False,
    images: bool = True,
    files_mode: int = 0o644,
    inbox: bool = False,
) -> Start:
    """vsftpd over a folder of images; `inbox`: with a folder that anyone may write to (its root may not be)."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        with public_folder() as folder:
            certificates = ground.certificates if tls else None
            with running_vsftpd(folder, settings, certificates=certificates) as server:
                for path in _images(server.root / "backup") if images else ():
                    path.chmod(files_mode)
                if not images:
                    (server.root / "read-me.txt").write_text("nothing medical")
                if inbox:
                    (server.root / "inbox").mkdir()
                    (server.root / "inbox").chmod(0o777)
                yield server.port

    return start


def samba(
    share: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
    *,
    images: bool = True,
    files_mode: int = 0o644,
    folder_mode: int = 0o755,
) -> Start:
    """smbd sharing a folder of images as IMAGES."""

    @contextmanager
    def start(ground: Ground) -> Iterator[int]:
        with public_folder() as folder:
            with running_samba(folder, {"IMAGES": {"path": "%(root)s", **share}}, settings) as server:
                for path in _images(server.root) if images else ():
                    path.chmod(files_mode)
                server.root.chmod(folder_mode)
                yield server.port

    return start
