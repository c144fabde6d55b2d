"""The records that check and vault write and that breach and dpia read: frozen, serialisable, free of patient names.

Everything here is a value: no record knows how it was measured or how it will be shown. A fact that was not established
is `None`, never a guess. Text that came from a network is data: every output escapes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum, StrEnum
from functools import total_ordering
from typing import Final, Literal

BOX_SERVICES: Final = frozenset({"upnp-igd", "nat-pmp", "pcp"})
"""Controls of the internet box: they hold no image, and are meant for the inside."""

Scalar = str | int | float | bool | None
Transport = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """An address (numeric IPv4 or IPv6, never a name) and a port."""

    address: str
    port: int
    transport: Transport = "tcp"


@total_ordering
class Grade(Enum):
    """The gravest fact proved about one service; later members are graver."""

    CLOSED = "closed"
    REACHABLE = "reachable"
    OPEN = "open"
    LISTABLE = "listable"
    DOWNLOADABLE = "downloadable"
    WRITABLE = "writable"

    def __lt__(self, other: "Grade") -> bool:
        order = list(Grade)
        return order.index(self) < order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is established about a service. Facts hold apart: a default Orthanc is open and not listable."""

    reachable: bool | None = None
    open: bool | None = None
    listable: bool | None = None
    downloadable: bool | None = None
    writable: bool | None = None

    def merged(self, other: "Facts") -> "Facts":
        """Both together: proved by either is proved; refuted by either and proved by none is refuted."""

        def both(a: bool | None, b: bool | None) -> bool | None:
            if a or b:
                return True
            return a if b is None else b

        return Facts(**{f.name: both(getattr(self, f.name), getattr(other, f.name)) for f in fields(Facts)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was asked and what kind of answer came (type, status, length): never the answer itself."""

    request: str
    """What we sent, in the protocol's own words: `C-FIND STUDY, zero-match`."""
    request_sha256: str
    response: str
    """Type of the answer: `C-FIND-RSP`, `HTTP 200 application/json`."""
    status: str | None = None
    length: int | None = None
    """Bytes received for this answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen on the wire about one service, by one detector, at one instant.

    `signal` is a fixed word (kebab-case) that rules match on; `details` hold what the rule's text or a person needs,
    already cut to length and free of patient data.
    """

    at: datetime
    detector: str
    target: Target
    service: str
    signal: str
    facts: Facts = field(default_factory=Facts)
    product: str | None = None
    version: str | None = None
    protections: tuple[str, ...] = ()
    details: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """A target that could not be checked, and why; never read as "safe"."""

    target: Target
    detector: str
    reason: str
    """A fixed word: `deadline`, `byte-budget`, `protocol-violation`, `connection-refused-later`, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one detector sent to one target: how often it called, and how much it said; never what came back."""

    at: datetime
    """When it first called."""
    target: Target
    detector: str
    ports: tuple[int, ...]
    """Those it called at the target's address: FTP and NFS have others than the one that was named."""
    connections: int
    """Calls, whether or not somebody picked up; of UDP, conversations."""
    bytes_out: int
    """What it said; inside TLS before it was encrypted, the handshake not counted."""
    sha256: str
    """Of all that, in its order."""


class Vantage(StrEnum):
    """From where strangers reach a service, as far as was measured."""

    INTERNET = "internet"
    LOCAL_NETWORK = "local-network"
    THIS_MACHINE = "this-machine"


class Severity(StrEnum):
    """How grave a finding is; the words of SARIF consumers and of DefectDojo."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class EvidenceClass(StrEnum):
    """What kind of evidence a finding rests on; later members are weaker."""

    PROVED = "proved"
    """The protocol itself showed it: a request was served, an offer accepted, a setting read."""
    ANNOUNCED = "announced"
    """A banner, a version or a list of verbs says so; nothing was carried out."""
    PRESUMED = "presumed"
    """Inferred from silence, a port's number or signs that have another reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """One rule in one language: plain words for a doctor first, steps in the order they are done."""

    title: str
    why: str
    remedy: tuple[str, ...]
    action: str = ""
    """The remedy in one short order: "Close port 11112 on the internet box". Empty: the first step says it."""
    references: tuple[str, ...] = ()
    """What was read, named in this language; empty: as the rule names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an observation means: its gravity, the duty it touches, and what to do about it."""

    id: str
    severity: Severity
    duties: tuple[str, ...]
    texts: Mapping[str, RuleText]
    """Keyed by language: `en`, `fr`."""
    references: tuple[str, ...] = ()
    who: Literal["practice", "it-provider", "manufacturer"] | None = None
    """Who usually carries the remedy out."""
    minutes: int | None = None
    """How long the remedy usually takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule that holds for one service, with the evidence that shows it."""

    id: str
    """`F-0001`, numbered by gravity in one report."""
    rule: str
    severity: Severity
    duties: tuple[str, ...]
    address: str
    port: int
    transport: Transport
    service: str
    evidence: str
    """What was asked and answered, in the protocol's words, the same in every language."""
    observed: datetime
    evidence_class: EvidenceClass = EvidenceClass.PROVED
    """The strongest kind among what shows it."""
    about: str = ""
    """What tells it from other findings of the same rule on the same service: `tcp 104 -> 192.168.1.20:11112`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Honeypot:
    """How far a service looks like a decoy. A note: it changes no grade and no letter."""

    score: float
    """From 0, no sign at all, to 1."""
    likely: bool
    """The score reaches the threshold from which reports say so, and count with and without it."""
    reasons: tuple[str, ...]
    """Signs that hold, by their ids in `honeypot_signs` of the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service on one target, graded. One address and port may carry several."""

    address: str
    port: int
    transport: Transport
    service: str
    product: str | None
    version: str | None
    grade: Grade
    facts: Facts
    protections: tuple[str, ...]
    counts: Mapping[str, int]
    findings: tuple[str, ...]
    vantage: Vantage
    process: str | None = None
    """The program that owns the listening socket, where the system tells."""
    outside_ports: tuple[int, ...] = ()
    """Ports of the internet box that lead here."""
    honeypot: Honeypot | None = None
    """Whether it may be a decoy; None where that is not looked at: it is no imaging service."""

    @property
    def serves_the_inside(self) -> bool:
        """Whether it is a control of the internet box seen from inside, which answers there as it must."""
        return self.service in BOX_SERVICES and self.vantage is not Vantage.INTERNET


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One thing to do, and the letter it would bring when the ones before it are done."""

    rule: str
    findings: tuple[str, ...]
    letter_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """A stated reason why the letter cannot be better: "capped at F because ..."."""

    id: str
    letter: str
    texts: Mapping[str, str]
    """Keyed by language: `en`, `fr`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRecord:
    """Who allowed the run: `own` needs no paper; the others name controller, authoriser, reference and expiry."""

    basis: Literal["own", "mandate", "public-body"]
    controller: str | None = None
    authoriser: str | None = None
    reference: str | None = None
    starts: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReport:
    """A whole run: what was checked, what was found, what it is worth. The source of every exposure document."""

    lightproof: str
    """Version of the tool."""
    letter: str
    letter_version: str
    caps: tuple[Cap, ...]
    """What holds the letter down, gravest first; empty for an A."""
    started: datetime
    finished: datetime
    scope: ScopeRecord
    targets: int
    """How many targets (address and port) were tried."""
    services: tuple[Service, ...]
    findings: tuple[Finding, ...]
    rules: Mapping[str, Rule]
    fixes: tuple[Fix, ...]
    unchecked: tuple[Unchecked, ...]
    observations: tuple[Observation, ...]
    evidence_sha256: str
    """Digest of the observations in canonical JSON; printed on every page of the report."""
    counting: bool = False
    """Whether studies might be counted (`--count`), beyond the totals that servers tell of themselves."""
    survey: bool = False
    """Only who answers was looked for (`--survey`): nothing was asked, so that nothing is established."""
    honeypot_signs: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """The signs of a decoy that hold for some service, each in words, keyed by language: `en`, `fr`."""
