"""Who lives in the practice of `practice.py`: python practice_people.py NETWORK PORTS

NETWORK is the first three bytes of its addresses, PORTS what will be tried, with commas. Real servers run where they
like on loopback, each in the place that it has in the practice by a relay of TCP. Prints one line when all listen, the
port on which the box is searched for; ends with its stdin.
"""

import asyncio
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from lightproof.demo import archive, box, http_server, web

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from check.services import pass_on
from peers import starts
from peers.certificates import make_certificates
from peers.folders import public_folder
from peers.images import paths_of, write_studies
from peers.networks import inside
from peers.nfs import running_nfs
from peers.nginx import running_nginx
from peers.orthanc import running_orthanc
from peers.processes import ADDRESS, free_port
from peers.rsyncd import running_rsyncd
from peers.samba import running_samba
from peers.vsftpd import running_vsftpd

DARK = range(241, 247)
"""Addresses that answer nothing on any port, as machines behind their own firewall do."""
BOX = 1
_LISTING = "location / { autoindex on; }"
_OHIF = {
    "index.html": "<!doctype html><html><head><title>OHIF Viewer</title></head><body>OHIF</body></html>",
    "app-config.js": "window.config = {dataSources: [{configuration: {qidoRoot: '/dicom-web'}}]};",
}
_PORTAL = {"index.html": "<html><title>Dicoogle</title></html>"}


class Practice:
    """The addresses, and what was started for them."""

    def __init__(self, network: str, stack: ExitStack, folder: Path) -> None:
        self._network = network
        self._stack = stack
        self._folder = folder
        self._certificates = make_certificates(folder / "certificates")
        self._kept: list[object] = []

    def address(self, last: int) -> str:
        """Of one machine."""
        return f"{self._network}.{last}"

    async def relay(self, last: int, port: int, peer_port: int) -> None:
        """What listens on a port of loopback is also in the practice."""
        self._kept.append(await asyncio.start_server(_relayed_to(peer_port), self.address(last), port))

    def enter(self, peer: AbstractContextManager[object]) -> object:
        """Starts a peer."""
        return self._stack.enter_context(peer)

    async def start(self, last: int, port: int, how: starts.Start) -> None:
        """Starts one of the servers that the tests start."""
        ground = starts.Ground(self.folder(), self._certificates)
        await self.relay(last, port, self._stack.enter_context(how(ground)))

    def folder(self) -> Path:
        """A fresh one."""
        return Path(tempfile.mkdtemp(dir=self._folder))

    async def answering(
        self, last: int, port: int, converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]
    ) -> None:
        """A service of ours."""
        self._kept.append(await asyncio.start_server(converse, self.address(last), port))  # type: ignore[arg-type]

    def dark(self, last: int, ports: list[int]) -> None:
        """Every port drops what comes: its queue is full, and nobody takes from it."""
        for port in ports:
            listener = socket.socket()
            listener.bind((self.address(last), port))
            listener.listen(0)
            self._kept.append(listener)
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((self.address(last), port))
                self._kept.append(filler)


def _relayed_to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]:
    running: set[asyncio.Task[None] | None] = set()
    """The loop itself would forget them."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(task := asyncio.current_task())
        try:
            there_reader, there_writer = await asyncio.open_connection(ADDRESS, port)
            await asyncio.gather(pass_on(reader, there_writer), pass_on(there_reader, writer))
        except OSError:
            writer.transport.abort()
        finally:
            running.discard(task)

    return relay


async def _greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    await reader.read(1024)
    writer.close()


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass
    writer.close()


async def _drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(1)


def _printer(_request: http_server.Request) -> http_server.Answer:
    return http_server.Answer(body=b"<title>Printer</title>Ready")


async def _imaging(practice: Practice) -> None:
    """Archives and devices: ten of ours, that know their callers or do not, and one of each real server."""
    for last in (10, 11):
        await archive.serve(practice.address(last), 11112, guarded=False)
        await http_server.serve(practice.address(last), 8042, web.answer_openly, server_name=web.SERVER_NAME)
    for last in range(20, 28):
        await archive.serve(practice.address(last), 104, guarded=True)
    orthanc = practice.enter(
        running_orthanc(practice.folder(), {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}, dicomweb=True)
    )
    await asyncio.to_thread(orthanc.load, paths_of(write_studies(practice.folder(), 3)))  # type: ignore[attr-defined]
    await practice.relay(60, 4242, orthanc.dicom_port)  # type: ignore[attr-defined]
    await practice.relay(60, 8042, orthanc.http_port)  # type: ignore[attr-defined]
    await practice.start(61, 11112, starts.dcmqrscp())
    await practice.start(62, 104, starts.storescp())
    await practice.start(63, 2762, starts.storescp(tls="any client"))
    await practice.start(64, 2762, starts.storescp(tls="known clients"))
    await practice.start(65, 11112, starts.pynetdicom())


async def _offices(practice: Practice) -> None:
    """Web servers, viewers, file servers, keys of S3, and an HL7 interface."""
    listing = practice.enter(running_nginx(practice.folder(), _LISTING))
    write_studies(listing.root / "dicom", 3)  # type: ignore[attr-defined]
    await practice.relay(70, 80, listing.port)  # type: ignore[attr-defined]
    await practice.start(71, 80, starts.nginx("", pages=_OHIF))
    await practice.start(72, 443, starts.nginx("", https=True, pages=_PORTAL))
    await practice.start(73, 8080, starts.wsgidav())
    await practice.start(74, 9000, starts.moto(bucket="dicom"))
    await practice.answering(75, 2575, _silent)
    public = practice.enter(public_folder())
    assert isinstance(public, Path)
    for name in ("smb", "ftp"):
        (public / name).mkdir(mode=0o755)
    samba = practice.enter(running_samba(public / "smb"))
    write_studies(samba.root, 3)  # type: ignore[attr-defined]
    await practice.relay(80, 445, samba.port)  # type: ignore[attr-defined]
    passive = free_port()
    vsftpd = practice.enter(
        running_vsftpd(public / "ftp", {"pasv_min_port": str(passive), "pasv_max_port": str(passive)})
    )
    write_studies(vsftpd.root / "backup", 3)  # type: ignore[attr-defined]
    await practice.relay(81, 21, vsftpd.port)  # type: ignore[attr-defined]
    await practice.relay(81, passive, passive)
    rsyncd = practice.enter(running_rsyncd(practice.folder()))
    write_studies(rsyncd.root, 3)  # type: ignore[attr-defined]
    await practice.relay(82, 873, rsyncd.port)  # type: ignore[attr-defined]
    nfs = practice.enter(running_nfs(practice.folder(), {"/volume1/dicom": ["*"]}))
    doors = [(socket.create_server((practice.address(83), port)), port) for port in (111, 20_048)]

    async def relay_nfs() -> None:
        # Its ports are in a network of its own; these listeners were opened in ours.
        for door, port in doors:
            await asyncio.start_server(_relayed_to(port), sock=door)
        await asyncio.sleep(3_600)

    threading.Thread(target=inside, args=(nfs.process, relay_nfs), daemon=True).start()  # type: ignore[attr-defined]


async def main(network: str, ports: list[int]) -> None:
    """Everybody moves in."""
    # Visitors that leave early are what happens in a check: nothing to report.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        practice = Practice(network, stack, folder)
        await _imaging(practice)
        await _offices(practice)
        for last in range(30, 40):
            await http_server.serve(practice.address(last), 80, _printer, server_name="printer")
            await practice.answering(last, 8080, _greets)
        for last in range(50, 55):
            await practice.answering(last, 11112, _silent)
            await practice.answering(last, 8000, _drips)
        for last in DARK:
            practice.dark(last, ports)
        forwards = (box.Mapping(external_port=104, internal_address=practice.address(10), internal_port=11112,
                                description="VPN"),)  # fmt: skip
        started = await box.start(practice.address(BOX), forwards)
        print(started.search_port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        started.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], [int(port) for port in sys.argv[2].split(",")]))
    finally:
        os._exit(0)  # the relay to the NFS server never ends by itself
