"""rsync daemons: which modules they name to anyone, which they open without a password, and what files lie there.

A daemon that lists modules says only that they exist; one that answers `@RSYNCD: OK` when a module is named has opened
it. Then its list of files is asked for and counted. No file is, so whether one could be taken stays unknown.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from lightproof.check.detectors import Detector, Speech
from lightproof.check.protocols.rsync import Admission, Counted, count_files, enter, greet, modules
from lightproof.check.protocols.share_names import common_names
from lightproof.check.protocols.web_answers import REFUSED
from lightproof.check.wire import Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Proof

_SERVICE: Final = "rsync"
_ENTERED: Final = 6
_PLAIN_NAME: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
"""What a path may consist of that the daemon would not expand."""


@dataclass(slots=True)
class _Seen:
    """What the daemon said about its modules."""

    entered: int = 0
    open: int = 0
    protected: int = 0
    denied: int = 0
    listed: int = 0
    """Modules whose files were listed."""
    files: int = 0
    complete: bool = True

    def add(self, admission: Admission, counted: Counted | None) -> None:
        self.entered += 1
        self.open += admission is Admission.OPEN
        self.protected += admission is Admission.AUTHENTICATION_REQUIRED
        self.denied += admission is Admission.DENIED
        if counted is not None:
            self.listed += 1
            self.files += counted.dicom_files
            self.complete = self.complete and counted.complete


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Asks for the list of modules, then names some of them, one a connection."""
    async with wire.connect() as stream:
        version = await greet(stream)
        names = await modules(stream)
    if names is None:
        yield wire.observed(_SERVICE, "rsync-authentication-required", facts=REFUSED, proof=_proof("{list}", "@ERROR"))
        return
    yield wire.observed(
        _SERVICE,
        "rsync-module-listed" if names else "rsync-nothing-listed",
        details={"protocol": version, **common_names(name.decode("utf-8", "replace") for name in names)},
        counts={"modules": len(names)},
        proof=_proof("{list}", "@RSYNCD: EXIT"),
    )
    seen = _Seen()
    interrupted: ProtocolViolation | OSError | None = None
    try:
        for name in names[:_ENTERED]:
            await _enter(wire, name, seen)
    except (ProtocolViolation, OSError) as error:
        interrupted = error
    for observation in _observations(wire, seen, all_entered=seen.entered == len(names)):
        yield observation
    if interrupted is not None:
        raise interrupted


async def _enter(wire: Wire, name: bytes, seen: _Seen) -> None:
    async with wire.connect() as stream:
        await greet(stream)
        admission = await enter(stream, name)
        counted = None
        if admission is Admission.OPEN and _PLAIN_NAME.issuperset(name) and not name.startswith((b"-", b".")):
            try:
                counted = await count_files(wire, stream, name)
            except (ProtocolViolation, OSError):
                seen.add(admission, None)
                raise
        stream.abort()
    seen.add(admission, counted)


def _observations(wire: Wire, seen: _Seen, *, all_entered: bool) -> list[Observation]:
    found: list[Observation] = []
    if seen.open:
        found.append(
            wire.observed(
                _SERVICE,
                "rsync-module-open",
                facts=Facts(reachable=True, open=True, listable=True if seen.listed else None),
                details={} if seen.complete and all_entered else {"more_than_counted": True},
                counts={"open_modules": seen.open, **({"files": seen.files} if seen.listed else {})},
                proof=_proof("{module}", "@RSYNCD: OK"),
            )
        )
    if seen.protected or seen.denied:
        nothing_open = all_entered and not seen.open
        found.append(
            wire.observed(
                _SERVICE,
                "rsync-authentication-required",
                facts=REFUSED if nothing_open else Facts(reachable=True),
                protections=("authentication",) if seen.protected and nothing_open else (),
                counts={"protected_modules": seen.protected + seen.denied},
                proof=_proof("{module}", "@RSYNCD: AUTHREQD" if seen.protected else "@ERROR"),
            )
        )
    return found


def _proof(request: str, response: str) -> Proof:
    return Proof(request=request, request_sha256=sha256(request.encode()).hexdigest(), response=response)


DETECTOR: Final = Detector(
    name="rsync",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({873}),
    speech=frozenset({Speech.RSYNC}),
)
