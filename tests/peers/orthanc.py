"""Orthanc as Debian packages it, with settings of the test's own, its DICOMweb plugin on request."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext

from peers.processes import ADDRESS, program, running

_DEBIAN = Path("/etc/orthanc/orthanc.json")
_DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


@dataclass(frozen=True)
class Orthanc:
    """An Orthanc that runs now."""

    dicom_port: int
    http_port: int
    ae_title: str
    folder: Path
    user: tuple[str, str] | None = None
    https: bool = False
    address: str = ADDRESS

    @property
    def log(self) -> Path:
        """What it writes of its visitors, when it runs with `verbose`."""
        return self.folder.parent / "orthanc.log"

    def load(self, paths: Iterable[Path]) -> None:
        """Uploads these files through the REST interface; raises when any is refused."""
        for path in paths:
            status, body = self.rest("POST", "/instances", path.read_bytes())
            if status != 200:
                raise AssertionError((status, body[:200]))

    def rest(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of one request, as the user that the test configured."""
        if self.https:
            context = SSLContext(PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = CERT_NONE
            connection: HTTPConnection = HTTPSConnection(self.address, self.http_port, timeout=30, context=context)
        else:
            connection = HTTPConnection(self.address, self.http_port, timeout=30)
        headers: dict[str, str] = {}
        if self.user:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.user).encode()).decode()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def debian_settings() -> dict[str, object]:
    """The settings that Debian's package installs, comments removed; empty where they are not installed."""
    if not _DEBIAN.exists():
        return {}
    text = _STRING_OR_COMMENT.sub(lambda match: match[1] or "", _DEBIAN.read_text())
    return json.loads(text)


@contextmanager
def running_orthanc(
    folder: Path,
    settings: Mapping[str, object] | None = None,
    *,
    dicomweb: bool = False,
    users: Mapping[str, str] | None = None,
    verbose: bool = False,
) -> Iterator[Orthanc]:
    """Debian's Orthanc with `settings` on top; its own folder and ports.

    `dicomweb` loads the plugin (base path /dicom-web/). `users` turns authentication on.
    `verbose` makes its log tell who comes.
    """
    server = program("Orthanc")
    folder.mkdir(parents=True, exist_ok=True)
    storage = folder / "storage"
    configuration = folder / "orthanc.json"
    chosen: dict[str, object] = {**debian_settings(), "Plugins": [str(_DICOMWEB)] if dicomweb else []}
    if users is not None:
        chosen |= {"AuthenticationEnabled": True, "RegisteredUsers": dict(users)}
    chosen |= settings or {}

    def command(ports: Sequence[int]) -> list[str]:
        own = {
            "StorageDirectory": str(storage),
            "IndexDirectory": str(storage),
            "DicomPort": ports[0],
            "HttpPort": ports[1],
            "HttpThreadsCount": 4,
        }
        configuration.write_text(json.dumps(chosen | own))
        return [server, *(["--verbose"] if verbose else []), str(configuration)]

    with running(command, folder / "orthanc.log", ports=2, abruptly=True) as (dicom_port, http_port):
        registered = chosen.get("RegisteredUsers")
        user = next(iter(registered.items()), None) if isinstance(registered, dict) else None
        yield Orthanc(
            dicom_port,
            http_port,
            str(chosen.get("DicomAet", "ORTHANC")),
            storage,
            user,
            https=bool(chosen.get("SslEnabled")),
        )
