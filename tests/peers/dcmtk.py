"""dcmtk's servers: dcmqrscp (an archive that guards its called AE title) and storescp (a receiver, in clear or TLS)."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peers.certificates import Certificates
from peers.processes import ADDRESS, program, running


@dataclass(frozen=True)
class DicomPeer:
    """A DICOM server that runs now."""

    port: int
    ae_title: str
    """An AE title it answers to when it guards its called AE title."""
    folder: Path
    """Where it keeps what it received."""
    address: str = ADDRESS

    def load(self, paths: Iterable[Path], *, calling: str = "LOADER") -> None:
        """Sends these files with storescu; raises when any is refused."""
        command = [program("storescu"), "-aet", calling, "-aec", self.ae_title, self.address, str(self.port)]
        done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)


@contextmanager
def running_dcmqrscp(
    folder: Path,
    *,
    ae_title: str = "COMMON",
    peers: str = "ANY",
    access: str = "RW",
    hosts: Mapping[str, tuple[str, int]] | None = None,
    options: Sequence[str] = (),
) -> Iterator[DicomPeer]:
    """dcmqrscp with one storage area. It refuses any other called AE title; that is its nature.

    `peers`: "ANY", or names of `hosts` separated by commas; `access`: "R", "W" or "RW"; `hosts`: symbolic name ->
    (AE title, port) on loopback, for C-MOVE destinations and for calling AE titles it lets in.
    """
    server = program("dcmqrscp")
    storage = folder / "storage"
    storage.mkdir(parents=True, exist_ok=True)
    configuration = folder / "dcmqrscp.cfg"
    table = "".join(f"{name} = ({title}, localhost, {port})\n" for name, (title, port) in (hosts or {}).items())

    def command(ports: Sequence[int]) -> list[str]:
        configuration.write_text(
            f"NetworkTCPPort = {ports[0]}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            f"HostTable BEGIN\n{table}HostTable END\nVendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\n{ae_title} {storage} {access} (200, 1024mb) {peers}\nAETable END\n"
        )
        return [server, *options, "-c", str(configuration), str(ports[0])]

    with running(command, folder / "dcmqrscp.log") as (port,):
        yield DicomPeer(port, ae_title, storage)


@contextmanager
def running_storescp(
    folder: Path, *, ae_title: str = "STORESCP", tls: Certificates | None = None, options: Sequence[str] = ()
) -> Iterator[DicomPeer]:
    """storescp, which takes any called AE title.

    With `tls` it speaks inside TLS, and demands a client certificate unless `options` has `-ic`.
    """
    server = program("storescp")
    storage = folder / "received"
    storage.mkdir(parents=True, exist_ok=True)
    secure: list[str] = []
    if tls is not None:
        secure = ["+tls", str(tls.server_key), str(tls.server_certificate), "+cf", str(tls.authority)]

    def command(ports: Sequence[int]) -> list[str]:
        return [server, *secure, *options, "-aet", ae_title, "-od", str(storage), str(ports[0])]

    with running(command, folder / "storescp.log") as (port,):
        yield DicomPeer(port, ae_title, storage)
