"""One module a service. Each declares a `DETECTOR` and is found by being here: there is no list to keep.

A detector speaks its protocol just far enough to tell `reachable / open / listable / downloadable / writable` apart,
with requests that only read and, unless the owner consented to more, with proofs that match nothing. It
yields observations as it learns; what it raises (ProtocolViolation, OSError) the engine turns into a record that this
target could not be checked to the end. It sees one target through one `Wire` and knows no other part of the check.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from lightproof.check.wire import Budget, Wire
from lightproof.evidence.records import Observation, Transport


class Speech(StrEnum):
    """The protocol a port was heard to speak (check/identify.py)."""

    DICOM = "dicom"
    DICOM_TLS = "dicom-tls"
    HTTP = "http"
    HTTPS = "https"
    FTP = "ftp"
    RSYNC = "rsync"
    OTHER = "other"
    """Speaks, and is none of these: a banner of something else, or unknown bytes."""
    SILENT = "silent"
    """Accepts connections, and says nothing that we understand."""


WEB = frozenset({Speech.HTTP, Speech.HTTPS})
UNIDENTIFIED = frozenset({Speech.SILENT, Speech.OTHER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """What a detector is called, where it looks, and the coroutine that looks.

    It runs on every target heard to speak a protocol in `speech`, wherever that is; with an empty `speech` it runs on
    its own `ports`, before anything else is said there. `ports` are swept by default either way.
    """

    name: str
    services: tuple[str, ...]
    detect: Callable[[Wire], AsyncIterator[Observation]]
    ports: frozenset[int]
    speech: frozenset[Speech] = field(default_factory=frozenset[Speech])
    transport: Transport = "tcp"
    or_dicom: bool = False
    """Known by its port alone, it can only presume from silence; a request for a DICOM association is safe for it, and
    is made before its presumption is believed."""
    budget: Budget | None = None
    """What it may spend, for a protocol of many small questions; its time stays that of the engine's budget."""
    counting: Budget | None = None
    """What it may spend in all where the owner consented to counting, for one that counts."""
    guess_s: float = 0.0
    """What each AE title that the owner allowed may take besides, for one that tries them."""

    def expects(self, port: int) -> bool:
        """Whether it is known by its port alone, and this is one."""
        return not self.speech and port in self.ports


@cache
def all_detectors() -> tuple[Detector, ...]:
    """Every detector of this package, by name."""
    found = (import_module(f"{__name__}.{module.name}").DETECTOR for module in iter_modules(__path__))
    return tuple(sorted(found, key=lambda detector: detector.name))


def default_ports() -> tuple[int, ...]:
    """The TCP ports a check sweeps unless told otherwise: all that its detectors name, ascending."""
    return tuple(sorted({port for d in all_detectors() if d.transport == "tcp" for port in d.ports}))
