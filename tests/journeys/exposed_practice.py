"""A practice that gives patients away by every protocol a check speaks: names in files, shares, keys, banners, answers.

Real servers wherever one runs here; what no server can be made to say (ten thousand matches that nobody asked for,
dcm4chee, a box with a patient in a forward's label) is said in code. A recorder stands before each of them.
"""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trustme

from check.generous_services import MATCHES, NAME, PATIENTS, STUDY, generous_archive
from check.internet_boxes import Heard, a_box, description, mapping, soap_of
from check.recording import Recording, recording
from check.services import Behaviour, saying, serving
from check.web_services import Answer, answering
from peers.certificates import Certificates
from peers.folders import public_folder
from peers.images import paths_of, write_studies, write_study
from peers.nginx import running_nginx
from peers.orthanc import running_orthanc
from peers.rsyncd import running_rsyncd
from peers.samba import running_samba
from peers.starts import Ground, moto, storescp, wsgidav
from peers.vsftpd import running_vsftpd

WORDS: Final = ("CANARY", "ZEBULON", "18870713", STUDY)
"""Search for these: every text below has at least one of them."""
FILES: Final = (f"{NAME}.dcm", "CANARY ZEBULON 18870713.dcm", f"{STUDY}.dcm")
SMB_PORT: Final = 445
HL7_PORT: Final = 2575


def address_of_ours(network: int) -> str:
    """An address of 127.NETWORK.0.0/16 that no other process of tests has: some protocols are known by their port."""
    number = os.getpid() % 65_024 + 256
    return f"127.{network}.{number >> 8}.{number & 255}"


@dataclass
class Practice:
    """What to check, and what was said to it."""

    targets: list[str] = field(default_factory=list[str])
    recordings: dict[str, Recording] = field(default_factory=dict[str, Recording])
    """By protocol and server: `http/nginx`."""
    served: list[Path] = field(default_factory=list[Path])
    """Folders that servers give to strangers, and where an archive keeps its images."""
    box: str = ""
    box_heard: Heard = field(default_factory=Heard)


async def ftp_in_code(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Welcomes a patient at every turn, and has nothing to list."""
    writer.write(f"220 vsFTPd {NAME} 18870713\r\n".encode())
    while line := await reader.readline():
        code = {b"USER": 230, b"FEAT": 211, b"PWD": 257}.get(line.upper().split()[0], 550)
        writer.write(f'{code}-"/{NAME}" is for 18870713\r\n{code} "/{NAME}"\r\n'.encode())
        await writer.drain()


def _webs() -> dict[str, dict[str, Answer]]:
    matches: Answer = (200, "application/dicom+json", MATCHES)
    seen = f"text/html\r\nServer: {NAME}/1.0\r\nX-Patient: {NAME}\r\nSet-Cookie: patient={NAME}"
    page = f"<html><title>OHIF {NAME}</title><body>{NAME} 18870713</body>"
    system = {
        "ApiVersion": 27, "DicomAet": "ARCHIVE", "DicomPort": 4242, "Name": NAME, "Version": "1.12.1",
        "StorageAreaPlugin": NAME,
    }  # fmt: skip
    names = json.dumps([patient.name for patient in PATIENTS])
    roots = f"window.config = {{dataSources: [{{configuration: {{qidoRoot: '/{NAME}/rs', wadoRoot: '/{STUDY}/rs'}}}}]}}"
    hidden = {"/app-config.js": (200, "application/javascript", roots), f"/{NAME}": matches, f"/{STUDY}": matches}
    return {
        "orthanc that ignores its filters": {
            "/system": (200, "application/json", json.dumps(system)),
            "/statistics": (200, "application/json", json.dumps({"CountStudies": 3, "Last": NAME})),
            "/dicom-web/studies": matches,
            "/": (200, "application/json", names),
        },
        "dcm4chee": {
            "/dcm4chee-arc/aets/ARCHIVE/rs/studies?": matches,
            "/dcm4chee-arc/aets/ARCHIVE/rs": (200, "application/json", json.dumps({"count": 12, "name": NAME})),
            "/dcm4chee-arc/aets": (
                200, "application/json", json.dumps([{"dicomAETitle": "ARCHIVE", "dicomDescription": NAME}]),
            ),
        },
        "viewer": {**hidden, "/": (200, seen, page)},
        "viewer elsewhere": {
            "/app-config.js": (200, "application/javascript", roots.replace("'/", f"'http://{NAME}.example/")),
            "/": (200, seen, page),
        },
        "redirect to a patient": {
            f"/{STUDY}": (200, seen, f"<html><title>Dicoogle {NAME}</title>"),
            "/": (302, f"text/html\r\nLocation: /{STUDY}/{NAME.replace('^', '%5E')}/", ""),
        },
        "realm": {"/": (401, f'text/html\r\nWWW-Authenticate: Basic realm="Orthanc Secure Area {NAME}"', page)},
    }  # fmt: skip


def _certificate_of_a_patient(folder: Path) -> ssl.SSLContext:
    authority = trustme.CA(organization_name=NAME, organization_unit_name=STUDY)
    pair = authority.issue_cert("canary.zebulon.example", common_name=NAME, organization_name=NAME)
    for number, blob in enumerate((pair.private_key_pem, *pair.cert_chain_pems)):
        blob.write_to_path(str(folder / "patient.pem"), append=number > 0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "patient.pem")
    return context


def _lay(root: Path) -> None:
    """A folder as a practice has it: an image under each name, and folders that are called after patients."""
    image = write_study(root / NAME, PATIENTS[0]).paths[0]
    content = image.read_bytes()
    for name in FILES:
        (root / name).write_bytes(content)
        (root / NAME / name).write_bytes(content)


HL7: Final = (
    f"\x0bMSH|^~\\&|RIS|{NAME}|||20261123||ADT^A01|1|P|2.5\rPID|1||CANARY-ID-1||{NAME}||18870713\r\x1c\r".encode()
)


@asynccontextmanager
async def exposed_practice(folder: Path, certificates: Certificates) -> AsyncGenerator[Practice]:
    """Everything runs until the block ends. Needs root, as Samba and vsftpd do."""
    practice = Practice()
    async with AsyncExitStack() as stack:

        async def record(name: str, peer_port: int, *, tls: ssl.SSLContext | None = None, **place: object) -> None:
            record = await stack.enter_async_context(recording(peer_port, tls=tls, **place))  # type: ignore[arg-type]
            practice.recordings[name] = record
            practice.targets.append(f"{place.get('address', '127.0.0.1')}:{record.port}")

        async def said(name: str, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, **place: object) -> None:
            await record(name, await stack.enter_async_context(serving(behaviour)), tls=tls, **place)

        secret = _certificate_of_a_patient(folder)
        await said("dicom/generous", generous_archive)
        await said("dicom/in TLS", generous_archive, tls=secret)
        for name, answers in _webs().items():
            await said(f"http/{name}", answering(answers))
        await said("http/in TLS", answering(_webs()["viewer"]), tls=secret)
        await said("greeting/ssh", saying(b"SSH-2.0-CANARY_ZEBULON 18870713\r\n", on_request=False))
        await said("greeting/hl7", saying(HL7, on_request=False), address=address_of_ours(8), port=HL7_PORT)
        await said("ftp/in code", ftp_in_code)

        enter = stack.enter_context
        patients = write_studies(folder / "studies", 3)
        orthanc = enter(
            running_orthanc(
                folder / "orthanc",
                {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True, "Name": NAME, "DicomAet": "ARCHIVE"},
                dicomweb=True,
            )
        )
        await asyncio.to_thread(orthanc.load, paths_of(patients))
        await record("dicom/orthanc", orthanc.dicom_port)
        await record("http/orthanc", orthanc.http_port)

        nginx = enter(running_nginx(folder, f"add_header X-Patient '{NAME}'; location / {{ autoindex on; }}"))
        _lay(nginx.root)
        await record("http/nginx", nginx.port)
        practice.served += [orthanc.folder, nginx.root]

        public = enter(public_folder())
        vsftpd = enter(running_vsftpd(_made(public / "ftp"), {"ftpd_banner": f"(vsFTPd 3.0.3) {NAME}"}))
        _lay(vsftpd.root)
        await record("ftp/vsftpd", vsftpd.port)

        shares = {
            "CANARYZEBULON": {"path": "%(root)s", "guest ok": "yes", "comment": NAME},
            "IMAGES": {"path": "%(root)s", "guest ok": "yes", "comment": NAME},
        }
        about = {"workgroup": "CANARYGROUP", "netbios name": "CANARYBOX", "server string": NAME}
        samba = enter(running_samba(_made(public / "smb"), shares, about))
        _lay(samba.root)
        await record("smb/samba", samba.port, address=address_of_ours(8), port=SMB_PORT)

        motd = folder / "motd"
        motd.write_text(f"{NAME} 18870713\n")
        modules = {
            "CANARYZEBULON": {"path": "%(root)s", "comment": NAME},
            "images": {"path": "%(root)s", "comment": NAME},
        }
        rsyncd = enter(running_rsyncd(folder / "rsync", modules, {"motd file": str(motd)}))
        _lay(rsyncd.root)
        await record("rsync/rsyncd", rsyncd.port)
        practice.served += [vsftpd.root, samba.root, rsyncd.root]

        for name, start in (
            ("http/s3", moto(bucket="canary-zebulon", key=FILES[0])),
            ("http/webdav", wsgidav()),
            ("dicom/storescp", storescp()),
        ):
            ground = Ground(_made(folder / name.replace("/", "-")), certificates)
            await record(name, enter(start(ground)))
            if name == "http/webdav":
                _lay(ground.folder / "shared")
                practice.served.append(ground.folder / "shared")

        forwards = [
            mapping(11112, "192.168.1.20", 104, label=NAME),
            mapping(8080, f"{NAME}.local", 80, label="CANARY 18870713", NewRemoteHost=f"{NAME}.example"),
        ]
        page = description(name=NAME, more=f"<manufacturer>{NAME}</manufacturer><serialNumber>{STUDY}</serialNumber>")
        port = await stack.enter_async_context(a_box(page, soap_of(forwards), heard=practice.box_heard))
        practice.box = f"127.0.0.1:{port}"
        yield practice


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return folder
