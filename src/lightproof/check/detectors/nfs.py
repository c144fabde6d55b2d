"""NFS servers: which directories they export, and whether to everybody.

The portmapper says where the mount service listens, the mount service says what is exported to whom (`showmount -e`).
Where NFSv4 stands alone (port 2049, RFC 7530) nobody says it: such a server is reachable, and its exports are unknown.
Nothing is mounted. That the list is given to strangers makes it open; whether a folder that it says everybody may mount
can be listed would only be shown by listing it, and names of folders are patients' names: that stays unknown.
"""

import contextlib
import ipaddress
from collections.abc import AsyncIterator
from enum import IntEnum
from hashlib import sha256
from typing import Final

from lightproof.check.detectors import Detector
from lightproof.check.protocols.oncrpc import exports, mount_port, serves_mount, serves_nfs
from lightproof.check.protocols.share_names import common_names
from lightproof.check.wire import Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Proof

_SERVICE: Final = "nfs"
_PORTMAPPER: Final = "rpcbind"
_NFS_VERSIONS: Final = (4, 3)
_MOUNT_VERSIONS: Final = (3, 1)
_MOUNT_PORTS: Final = range(512, 65_536)
"""RPC services take any port, below 1024 from 512 up (bindresvport)."""
_EVERYBODY: Final = frozenset({"", "*", "*.*", "(everyone)", "everyone", "(anonymous)"})
_BROAD: Final = 65_536
"""Addresses from which a network is everybody: more than any practice has."""


class Port(IntEnum):
    """Where the three services of an NFS server usually are; the mount service may be anywhere."""

    PORTMAPPER = 111
    NFS = 2049
    MOUNT = 20_048


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Asks what the port is for: the portmapper where the mount service is, that one for the list of exports.

    The NFS service itself tells no exports. What the machine's mount service tells of them is true of this port too.
    """
    match wire.target.port:
        case Port.NFS:
            if not await _speaks_nfs(wire):
                return
            mount = await _mount_service_beside(wire)
            if mount is None:
                yield wire.observed(_SERVICE, "nfs-listening", proof=_proof("NFS NULL", "SUCCESS"))
                raise ProtocolViolation("exports-unknown")
        case Port.MOUNT:
            mount = await _mount_service_at(wire, wire.target.port)
            if mount is None:
                return
        case _:
            mount = await _mount_service(wire, wire.target.port)
            if mount is None:
                yield wire.observed(_PORTMAPPER, "rpcbind-listening", proof=_proof("GETPORT mountd", "0"))
                return
    async for observation in _exported(wire, *mount):
        yield observation


async def _exported(wire: Wire, version: int, port: int) -> AsyncIterator[Observation]:
    async with wire.connect(port=port, tls=False) as stream:
        listed = await exports(stream, version)
    if not listed:
        signal = "nfs-exports-refused" if listed is None else "nfs-nothing-exported"
        yield wire.observed(_SERVICE, signal, details={"mount_port": port}, proof=_proof("MOUNT EXPORT", signal))
        return
    open_to_all = sum(is_everybody(groups) for _, groups in listed)
    names = common_names(path.rstrip("/").rpartition("/")[2] for path, _ in listed)
    proof = _proof("MOUNT EXPORT", "SUCCESS")
    yield wire.observed(
        _SERVICE,
        "nfs-export-listed",
        details={**names, "mount_port": port},
        counts={"exports": len(listed)},
        proof=proof,
    )
    if open_to_all:
        yield wire.observed(
            _SERVICE,
            "nfs-export-everyone",
            facts=Facts(reachable=True, open=True),
            details={"mount_port": port},
            counts={"open_exports": open_to_all},
            proof=proof,
        )


async def _speaks_nfs(wire: Wire) -> bool:
    async with wire.connect(tls=False) as stream:
        for number, version in enumerate(_NFS_VERSIONS, 1):
            if await serves_nfs(stream, version, number=number):
                return True
    return False


async def _mount_service(wire: Wire, portmapper: int) -> tuple[int, int] | None:
    """Version and port of the mount service, as the portmapper tells; None when there is none."""
    async with wire.connect(port=portmapper, tls=False) as stream:
        for number, version in enumerate(_MOUNT_VERSIONS, 1):
            port = await mount_port(stream, version, number=number)
            if port is not None and port in _MOUNT_PORTS:
                return version, port
    return None


async def _mount_service_at(wire: Wire, port: int) -> tuple[int, int] | None:
    """Version and port of the mount service, where it is at this port; None when something else is."""
    async with wire.connect(port=port, tls=False) as stream:
        for number, version in enumerate(_MOUNT_VERSIONS, 1):
            if await serves_mount(stream, version, number=number):
                return version, port
    return None


async def _mount_service_beside(wire: Wire) -> tuple[int, int] | None:
    """The mount service of the same machine: told by its portmapper, or at its usual port. NFSv4 needs neither."""
    for look, port in ((_mount_service, Port.PORTMAPPER), (_mount_service_at, Port.MOUNT)):
        with contextlib.suppress(ProtocolViolation, OSError):
            if (found := await look(wire, port)) is not None:
                return found
    return None


def is_everybody(groups: tuple[str, ...]) -> bool:
    """Whether an export given to these is given to everybody: nobody named, `*`, or a broad network. Pure.

    Host names and netgroups are not looked up.
    """
    return not groups or any(group.strip().lower() in _EVERYBODY or _is_broad(group.strip()) for group in groups)


def _is_broad(group: str) -> bool:
    try:
        network = ipaddress.ip_network(group, strict=False)
    except ValueError:
        return False
    if network.version == 6:
        return network.prefixlen <= 48
    return network.num_addresses >= _BROAD


def _proof(request: str, status: str) -> Proof:
    digest = sha256(request.encode()).hexdigest()
    return Proof(request=request, request_sha256=digest, response="RPC reply", status=status)


DETECTOR: Final = Detector(
    name="nfs",
    services=(_SERVICE, _PORTMAPPER),
    detect=detect,
    ports=frozenset(Port),
)
