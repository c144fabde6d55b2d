"""What a stranger without restraint can do to a server of ours, with clients that are not ours: it takes and it writes.

For servers that a test started and throws away: this is how the table of truth is known to be true.
"""

import ftplib
import io
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urljoin

from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from lightproof.evidence.records import Facts
from peers.images import an_instance
from peers.processes import ADDRESS, program

_LINKS = re.compile(r"(?:href=\"|<(?:\w+:)?href>)([^\"<]+)", re.IGNORECASE)
_PENDING = (0xFF00, 0xFF01)


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _facts(*, listed: bool, got: bool, stored: bool, entered: bool = False) -> Facts:
    opened = entered or listed or got or stored
    return Facts(reachable=True, open=opened, listable=listed, downloadable=got, writable=stored)


def dicom(port: int, *, tls: bool, called: str, calling: str, held: Sequence[Path]) -> Facts:
    """C-ECHO, C-FIND of all studies, C-GET of those in `held`, C-STORE; one association each, as some end by abort."""
    context = _trusting() if tls else None
    received: list[Dataset] = []

    def ask(action: Callable[[Association], bool], *syntaxes: str) -> bool:
        entity = AE(calling)
        entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = 10
        for syntax in syntaxes:
            entity.add_requested_context(syntax)
        association = entity.associate(
            ADDRESS,
            port,
            ae_title=called,
            ext_neg=[build_role(SecondaryCaptureImageStorage, scp_role=True)] if len(syntaxes) > 1 else [],
            evt_handlers=[(evt.EVT_C_STORE, lambda event: received.append(event.dataset) or 0)],
            tls_args=(context, None) if context else None,
        )
        try:
            # A context that was refused raises ValueError: the answer is no.
            with suppress(ValueError, RuntimeError):
                return association.is_established and action(association)
            return False
        finally:
            association.abort()

    def echo(association: Association) -> bool:
        return association.send_c_echo().get("Status") == 0

    def find(association: Association) -> bool:
        query = Dataset()
        query.QueryRetrieveLevel, query.StudyInstanceUID, query.PatientName = "STUDY", "", ""
        answers = association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
        return any(status.get("Status") in _PENDING for status, _ in answers)

    def get(association: Association) -> bool:
        for path in held:
            query = Dataset()
            query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", dcmread(path).StudyInstanceUID
            answers = list(association.send_c_get(query, StudyRootQueryRetrieveInformationModelGet))
            # Orthanc aborts what it denies. Asked again before it noticed, pynetdicom waits for an answer in vain.
            if not any(status for status, _ in answers):
                break
        return bool(received)

    def store(association: Association) -> bool:
        return association.send_c_store(an_instance()).get("Status") == 0

    return _facts(
        entered=ask(echo, Verification),
        listed=ask(find, StudyRootQueryRetrieveInformationModelFind),
        got=ask(get, StudyRootQueryRetrieveInformationModelGet, SecondaryCaptureImageStorage),
        stored=ask(store, SecondaryCaptureImageStorage),
    )


def ftp(port: int, *, tls: bool) -> Facts:
    """Anonymous: lists, reads a file, puts one in each folder; signing in inside TLS when that is demanded."""
    client = ftplib.FTP_TLS(context=_trusting()) if tls else ftplib.FTP()
    with client:
        client.connect(ADDRESS, port, timeout=10)
        try:
            client.login("anonymous", "x")
        except ftplib.error_perm:
            return _facts(listed=False, got=False, stored=False)
        names = [name for folder in (".", "backup", "inbox") for name in _listed_by_ftp(client, folder)]
        got = stored = False
        for name in names:
            with suppress(ftplib.Error):
                client.retrbinary(f"RETR {name}", lambda _: None)
                got = True
        for folder in (".", "backup", "inbox"):
            with suppress(ftplib.Error):
                client.storbinary(f"STOR {folder}/put-there", io.BytesIO(b"x"))
                stored = True
        return _facts(entered=True, listed=bool(names), got=got, stored=stored)


def _listed_by_ftp(client: ftplib.FTP, folder: str) -> list[str]:
    with suppress(ftplib.Error):
        return client.nlst(folder)
    return []


def smb(port: int, folder: Path) -> Facts:
    """smbclient without a name: the list of shares; the share IMAGES listed, read, written."""

    def session(*arguments: str) -> tuple[bool, str]:
        command = [program("smbclient"), "-N", "-p", str(port), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=30, check=False)
        return done.returncode == 0, done.stdout

    _, shares = session("-L", ADDRESS)
    listed, names = session(f"//{ADDRESS}/IMAGES", "-c", "ls")
    files = [line.split()[0] for line in names.splitlines() if ".dcm" in line]
    got = bool(files) and session(f"//{ADDRESS}/IMAGES", "-c", f"get {files[0]} taken")[0]
    (folder / "put-there").write_bytes(b"x")
    stored, _ = session(f"//{ADDRESS}/IMAGES", "-c", "put put-there")
    return _facts(entered="IMAGES" in shares, listed=listed, got=got, stored=stored)


class Web:
    """A browser without manners."""

    def __init__(self, port: int, *, tls: bool, name: str | None = None) -> None:
        self.port = port
        self.tls = tls
        self.name = name or ADDRESS

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body; 0 when there is no answer."""
        client = HTTPConnection(self.name, self.port)
        try:
            client.sock = socket.create_connection((ADDRESS, self.port), timeout=20)
            if self.tls:
                client.sock = _trusting().wrap_socket(client.sock, server_hostname=self.name)
            client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = client.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            client.close()

    def files(self, method: str, top: str = "/") -> Iterator[str]:
        """DICOM files below `top`, as links say: GET a listing, or PROPFIND a folder."""
        waiting, seen = [top], {top}
        while waiting:
            folder = waiting.pop()
            status, body = self.ask(method, folder, Depth="1")
            for link in _LINKS.findall(body.decode("utf-8", "replace")) if status in (200, 207) else ():
                path = urljoin(folder, link)
                if not path.startswith(folder) or path in seen or "?" in path:
                    continue
                seen.add(path)
                if path.endswith(".dcm"):
                    yield path
                else:  # Orthanc names its folders like files
                    waiting.append(f"{path.rstrip('/')}/")


def _is_image(answer: tuple[int, bytes]) -> bool:
    return answer[0] == 200 and answer[1][128:132] == b"DICM"


def _an_image() -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, an_instance(), enforce_file_format=True)
    return buffer.getvalue()


def listing(web: Web) -> Facts:
    """Follows links, reads a file, puts one."""
    files = list(web.files("GET"))
    got = any(_is_image(web.ask("GET", path)) for path in files[:1])
    return _facts(listed=bool(files), got=got, stored=web.ask("PUT", "/put-there", b"x")[0] in (200, 201, 204))


def webdav(web: Web, *, top: str = "/", inbox: str = "/") -> Facts:
    """Lists folders, reads a file, puts one into `inbox`."""
    files = list(web.files("PROPFIND", top))
    got = any(_is_image(web.ask("GET", path)) for path in files[:1])
    stored = web.ask("PUT", f"{inbox}put-there.dcm", _an_image())[0] in (200, 201, 204)
    return _facts(listed=bool(files), got=got, stored=stored)


def orthanc(web: Web) -> Facts:
    """Orthanc's REST interface: the list of instances, a file, an upload."""
    status, body = web.ask("GET", "/instances")
    names = re.findall(r"[0-9a-f-]{44}", body.decode()) if status == 200 else []
    got = bool(names) and _is_image(web.ask("GET", f"/instances/{names[0]}/file"))
    return _facts(listed=bool(names), got=got, stored=web.ask("POST", "/instances", _an_image())[0] == 200)


def dicomweb(web: Web) -> Facts:
    """QIDO-RS, WADO-RS and STOW-RS at /dicom-web."""
    status, body = web.ask("GET", "/dicom-web/studies", Accept="application/dicom+json")
    studies = re.findall(r'"0020000D"\s*:\s*{\s*"Value"\s*:\s*\[\s*"([\d.]+)"', body.decode()) if status == 200 else []
    got = any(b"DICM" in web.ask("GET", f"/dicom-web/studies/{uid}")[1] for uid in studies)
    stow = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + _an_image() + b"\r\n--x--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=x'
    stored = web.ask("POST", "/dicom-web/studies", stow, Content_Type=kind, Accept="application/dicom+json")[0] == 200
    return _facts(listed=bool(studies), got=got, stored=stored)


def s3(web: Web) -> Facts:
    """The list of buckets, the keys of the first, an object, a new bucket with an object."""
    status, body = web.ask("GET", "/")
    buckets = re.findall(rb"<Name>([^<]+)</Name>", body)
    keys = re.findall(rb"<Key>([^<]+)</Key>", web.ask("GET", f"/{buckets[0].decode()}")[1]) if buckets else []
    stored = web.ask("PUT", "/put-there")[0] == 200 and web.ask("PUT", "/put-there/x", b"x")[0] == 200
    got = bool(keys) and web.ask("GET", f"/{buckets[0].decode()}/{keys[0].decode()}")[0] == 200
    return _facts(listed=status == 200 and b"ListAllMyBucketsResult" in body, got=got, stored=stored)
