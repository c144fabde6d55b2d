"""File shares of Windows, Samba and network storage: which open to nobody in particular, and whether images lie there.

Two sessions are tried, an anonymous one and `Guest` without a password. A session alone opens nothing: Windows and
Samba give one to anybody and then refuse the rest. So a server is open once it lists its shares, and listable once a
folder of one is. That a file can be read is proved by four bytes of it (`DICM` at offset 128, PS3.10 section 7.1); that
files could be added is believed when the server grants that right in its answers, never tried.

Names of files never leave this module. Names of shares do when they are common words; others may name people.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from lightproof.check.detectors import Detector
from lightproof.check.protocols.dicom_files import is_dicom_name, promising_first
from lightproof.check.protocols.share_names import common_names
from lightproof.check.protocols.smb1 import connected, offers_smb1
from lightproof.check.protocols.smb2 import Opened, Refused, Session, Smb2Client, Tree
from lightproof.check.protocols.srvsvc import Share
from lightproof.check.protocols.web_answers import REFUSED
from lightproof.check.wire import Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Proof, Scalar

_SERVICE: Final = "smb"
_NOBODY: Final = ("", "Guest")
_SMB1: Final = "1.0"
_OLD_AGE_S: Final = 3.0
"""What speaks only SMB 1 may ignore a newer greeting."""
_SHARES: Final = 6
_DIRECTORIES: Final = 6
"""Of one share."""
_DEEPEST: Final = 5
_BRANCHES: Final = 3
_ENTRIES: Final = 500
"""Of one directory."""
_PREAMBLE_BYTES: Final = 128
_MAGIC: Final = b"DICM"
_SAMBA: Final = (6, 1, 0)
_FIRST_WINDOWS_BUILD: Final = 2_195


@dataclass(slots=True)
class _Seen:
    """What one session was shown."""

    dialect: str
    signing_required: bool | None = None
    refused: bool = False
    """The session or the list of shares, for lack of rights."""
    session: Session | None = None
    listed: tuple[Share, ...] | None = None
    readable: int = 0
    denied: int = 0
    may_add: bool = False
    dicom_files: int = 0
    all_counted: bool = True
    file_readable: bool | None = None
    """Four bytes of a file proved it, or the server refused to open it."""
    interrupted: ProtocolViolation | OSError | None = None

    @property
    def disks(self) -> list[Share]:
        """Shares with files, those for administration last."""
        return sorted((share for share in self.listed or () if share.is_disk), key=lambda share: share.is_special)

    @property
    def all_denied(self) -> bool:
        """Every share with files was tried, and none let us in."""
        return bool(self.disks) and self.denied == len(self.disks)

    @property
    def worth(self) -> tuple[bool, bool, bool]:
        """Comparable: how much this session may do."""
        return self.readable > 0, self.listed is not None, self.session is not None


@dataclass(slots=True)
class _Directory:
    """What one directory holds."""

    dicom_files: int = 0
    sample: str | None = None
    below: list[str] = field(default_factory=list[str])
    complete: bool = True


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Asks for SMB 1 alone, then signs in as nobody and looks into a few directories of a few shares."""
    smb1 = await offers_smb1(wire)
    if smb1:
        yield wire.observed(_SERVICE, "smb1-offered")
    seen = await _by_smb2(wire, answers=not smb1)
    if seen is None:
        from lightproof.check.protocols.smb1_shares import shares_by_smb1  # noqa: PLC0415 - 3 MB, hardly ever needed

        seen = _Seen(_SMB1)
        async with connected(wire) as stream:
            seen.listed = await shares_by_smb1(stream)
        seen.refused = seen.listed is None
    for observation in _observations(wire, seen):
        yield observation
    if seen.interrupted is not None:
        raise seen.interrupted


async def _by_smb2(wire: Wire, *, answers: bool) -> _Seen | None:
    """The most that nobody in particular is shown; None when the server speaks nothing newer than SMB 1.

    `answers`: it speaks no SMB 1, so silence is its fault and not an old age.
    """
    best: _Seen | None = None
    for user in _NOBODY:
        try:
            seen = await _shown_to(wire, user, within_s=None if answers else _OLD_AGE_S)
        except (ProtocolViolation, OSError) as error:
            if best is not None:
                best.interrupted = error
                break
            if answers:
                raise
            return None
        if best is None or seen.worth > best.worth:
            best = seen
        best.interrupted = seen.interrupted
        if best.readable or best.interrupted:
            break
    return best


async def _shown_to(wire: Wire, user: str, *, within_s: float | None) -> _Seen:
    """What one user is shown; what goes wrong after the greeting is kept beside it. Raises what goes wrong before."""
    async with connected(wire) as stream:
        client = Smb2Client(stream)
        async with asyncio.timeout(within_s):
            offer = await client.negotiate()
        seen = _Seen(offer.dialect, offer.signing_required)
        try:
            await _look_around(wire, client, user, seen)
        except (ProtocolViolation, OSError) as error:
            seen.interrupted = error
            stream.abort()
    return seen


async def _look_around(wire: Wire, client: Smb2Client, user: str, seen: _Seen) -> None:
    server = wire.target.address
    if ":" in server:
        server = server.replace(":", "-").replace("%", "s") + ".ipv6-literal.net"  # [MS-DTYP] section 2.2.57
    session = await client.sign_in(user)
    if isinstance(session, Refused):
        if not session.for_lack_of_rights:
            raise ProtocolViolation("service-unavailable")
        seen.refused = True
        return
    seen.session = session
    listed = await client.shares(server)
    if isinstance(listed, Refused):
        if not listed.for_lack_of_rights:
            raise ProtocolViolation("smb-shares-untold")
        seen.refused = True
        return
    seen.listed = listed
    for share in seen.disks[:_SHARES]:
        await _look_into(wire, client, server, share, seen)


async def _look_into(wire: Wire, client: Smb2Client, server: str, share: Share, seen: _Seen) -> None:
    tree = await client.connect_tree(server, share.name)
    if isinstance(tree, Refused):
        seen.denied += tree.for_lack_of_rights
        return
    waiting = [("", 0)]
    for number in range(_DIRECTORIES):
        if not waiting or wire.bytes_in > wire.budget.bytes_in // 2:
            break
        path, depth = waiting.pop()
        opened = await client.open_directory(tree, path)
        if isinstance(opened, Refused):
            seen.denied += number == 0 and opened.for_lack_of_rights
            continue
        if number == 0:
            seen.readable += 1
            seen.may_add = seen.may_add or (tree.may_add and opened.may_add is not False)
        found = await _listing(client, opened)
        prefix = f"{path}\\" if path else ""
        seen.dicom_files += found.dicom_files
        if found.sample is not None and not seen.file_readable:
            told = await _file_readable(client, tree, prefix + found.sample)
            seen.file_readable = seen.file_readable if told is None else told
        below = promising_first(found.below)[: _BRANCHES if depth < _DEEPEST else 0]
        waiting += ((prefix + name, depth + 1) for name in reversed(below))
        seen.all_counted = seen.all_counted and found.complete and len(below) == len(found.below)
    seen.all_counted = seen.all_counted and not waiting


async def _listing(client: Smb2Client, directory: Opened) -> _Directory:
    found = _Directory()
    read = 0
    async for entry in client.entries(directory):
        read += 1
        if entry.is_directory:
            found.below.append(entry.name)
        elif is_dicom_name(entry.name):
            found.dicom_files += 1
            found.sample = found.sample or entry.name
        if read >= _ENTRIES:
            found.complete = False
            break
    return found


async def _file_readable(client: Smb2Client, tree: Tree, path: str) -> bool | None:
    opened = await client.open_file(tree, path)
    if isinstance(opened, Refused):
        return False if opened.for_lack_of_rights else None
    four = await client.read(opened, offset=_PREAMBLE_BYTES, length=len(_MAGIC))
    return True if four == _MAGIC else None


def _observations(wire: Wire, seen: _Seen) -> Iterator[Observation]:
    product, version = _product(seen.session)
    protections = _protections(seen)
    details: dict[str, Scalar] = {"dialect": seen.dialect}
    if seen.refused or seen.all_denied:
        yield wire.observed(
            _SERVICE,
            "smb-authentication-required",
            facts=replace(REFUSED, open=None if seen.all_denied else False),
            product=product,
            version=version,
            protections=("authentication", *protections),
            details=details,
            proof=_proof("TREE_CONNECT {share}" if seen.all_denied else "SESSION_SETUP, NetrShareEnum", "refused"),
        )
    elif seen.listed is not None:
        yield wire.observed(
            _SERVICE,
            "smb-guest-session",
            facts=Facts(reachable=True, open=True),
            product=product,
            version=version,
            protections=protections,
            details=details,
            proof=_proof("SESSION_SETUP without identity"),
        )
    if seen.listed is not None:
        yield wire.observed(
            _SERVICE,
            "smb-share-listed",
            facts=Facts(reachable=True, open=True),
            details=common_names(share.name for share in seen.disks),
            counts={"shares": len(seen.disks)},
            proof=_proof("NetrShareEnum"),
        )
    if seen.signing_required is False:
        yield wire.observed(_SERVICE, "smb-signing-not-required", details=details, proof=_proof("NEGOTIATE"))
    if seen.readable:
        yield wire.observed(
            _SERVICE,
            "smb-share-readable",
            facts=Facts(reachable=True, open=True, listable=True),
            counts={"readable_shares": seen.readable},
            proof=_proof("CREATE {directory}, QUERY_DIRECTORY"),
        )
    if seen.dicom_files:
        yield wire.observed(
            _SERVICE,
            "smb-dicom-files",
            facts=Facts(reachable=True, open=True, listable=True, downloadable=seen.file_readable),
            details={} if seen.all_counted else {"more_than_counted": True},
            counts={"files": seen.dicom_files},
            proof=_proof("READ {file}, 4 bytes at offset 128") if seen.file_readable else None,
        )
    if seen.may_add:
        yield wire.observed(
            _SERVICE,
            "smb-share-writable",
            facts=Facts(reachable=True, open=True, writable=True),
            proof=_proof("TREE_CONNECT, CREATE {directory}: MaximalAccess"),
        )


def _protections(seen: _Seen) -> tuple[str, ...]:
    signing = ("signing",) if seen.signing_required else ()
    return (*signing, "encryption") if seen.session is not None and seen.session.encryption_required else signing


def _product(session: Session | None) -> tuple[str | None, str | None]:
    """Samba says 6.1.0, Windows its version and a build."""
    if session is None or session.version is None:
        return None, None
    if session.version == _SAMBA:
        return "Samba", None
    if session.version[2] >= _FIRST_WINDOWS_BUILD:
        return "Windows", ".".join(map(str, session.version))
    return None, None


def _proof(request: str, status: str = "STATUS_SUCCESS") -> Proof:
    digest = sha256(request.encode()).hexdigest()
    return Proof(request=request, request_sha256=digest, response="SMB answer", status=status)


DETECTOR: Final = Detector(
    name="smb",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({139, 445}),
)
