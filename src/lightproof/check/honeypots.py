"""Pure: how far an imaging service looks like a decoy (honeypot), from what one run observed of it and of the others.

- A score is a note. It changes no grade, no finding and no letter: an exposure is never hidden by a suspicion.
- The signs, their weights and the threshold are rows of `honeypots.toml`. What holds adds up; nothing takes away.
- A sign needs something that is measured. Left out, because no observation tells it: an unrelated login page on 443
  beside DICOM (pages that belong to no imaging software are not kept), the stories that data sets tell (none is read),
  a C-STORE that is blocked (none is sent), times of answer (not kept), totals of public collections (TCIA: no figures
  that are published for decoys). DICOMHawk under the name of DCMTK 3.6.2 cannot be told from DCMTK 3.6.2.
- A survey tells less than a check: it offers one context and counts nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, ip_address
from math import prod
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from lightproof.check import tables
from lightproof.check.rules import CapTexts, Word
from lightproof.evidence.records import Honeypot, Observation

IMAGING: Final = frozenset({"dicom", "dicom-tls", "dicomweb", "orthanc", "dcm4chee"})
"""Services that hold images, or say they do: only they are scored."""

Place = tuple[str, int, str, str]
"""Address, port, transport and service."""
Kind = Literal["toolkit", "identity", "nameless", "many-ports", "same-machine", "same-counts", "round-counts"]

_COUNTED: Final = ("patients", "studies", "series", "instances")
_FEW_STUDIES: Final = 10
"""Fewer are equal, or round, by chance."""
_LEAST_COUNTS: Final = 2
_HUNDRED: Final = 100
_Weight = Annotated[float, Field(gt=0, lt=1)]


class _Threshold(tables.Sourced):
    likely_from: _Weight


class Sign(tables.Sourced):
    """One sign, as the file has it."""

    id: Word
    kind: Kind
    weight: _Weight
    at_least: int = Field(default=0, ge=0)
    products: tuple[str, ...] = ()
    uid: str = ""
    name: str = ""
    texts: CapTexts

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "Sign":
        given = {key for key in ("at_least", "products", "uid", "name") if getattr(self, key)}
        needed: set[str] = {"toolkit": {"products"}, "identity": {"uid", "name"}, "nameless": set[str]()}.get(
            self.kind, {"at_least"}
        )
        if given != needed:
            raise ValueError(f"a {self.kind} sign has {', '.join(sorted(needed)) or 'nothing'} besides")
        return self

    def holds(self, shown: "Shown") -> bool:
        """Whether a service shows it."""
        match self.kind:
            case "toolkit":
                return bool(shown.products) and shown.products <= set(self.products)
            case "identity":
                return (self.uid, self.name) in shown.identities
            case "nameless":
                return shown.nameless
            case "many-ports":
                return shown.ports >= self.at_least
            case "same-machine":
                return shown.networks >= self.at_least
            case "same-counts":
                return shown.networks_counting >= self.at_least
            case "round-counts":
                return shown.round_counts >= self.at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What signs are read from: one service, and how often the same was met in the run."""

    products: frozenset[str] = frozenset()
    """What its DICOM service names itself."""
    identities: frozenset[tuple[str, str]] = frozenset()
    """Implementation class UIDs with their version names."""
    nameless: bool = False
    ports: int = 0
    """Ports of its address that serve strangers and show exactly the same."""
    networks: int = 0
    """Unrelated networks in which a machine shows exactly the same services on the same ports."""
    networks_counting: int = 0
    """Unrelated networks in which a service counts exactly the same."""
    round_counts: int = 0
    """How many of its counts are whole hundreds."""


def suspicions(observations: Iterable[Observation]) -> Mapping[Place, Honeypot]:
    """The score of each imaging service among the observations, in whatever order they came.

    The table of signs is read only where there is such a service.
    """
    seen: defaultdict[Place, list[Observation]] = defaultdict(list)
    for observation in observations:
        if observation.service in IMAGING:
            t = observation.target
            seen[(t.address, t.port, t.transport, observation.service)].append(observation)
    if not seen:
        return {}
    around = _Around(seen)
    return {place: scored(around.shown(place, told)) for place, told in seen.items()}


def scored(shown: Shown) -> Honeypot:
    """The score of one service: 1 less the product of what the weights of its signs leave."""
    holding = [sign for sign in signs() if sign.holds(shown)]
    score = round(1 - prod(1 - sign.weight for sign in holding), 2)
    return Honeypot(score=score, likely=score >= likely_from(), reasons=tuple(sign.id for sign in holding))


def texts_of(suspected: Iterable[Honeypot]) -> Mapping[str, Mapping[str, str]]:
    """The signs that hold for one of these, in words, keyed by language, in the order of the table."""
    held = {reason for honeypot in suspected for reason in honeypot.reasons}
    return {sign.id: {"en": sign.texts.en, "fr": sign.texts.fr} for sign in signs() if sign.id in held} if held else {}


class _Around:
    """What services have in common: ports of one address, machines and counts of unrelated networks."""

    def __init__(self, seen: Mapping[Place, Sequence[Observation]]) -> None:
        numbers: dict[object, int] = {}
        """Each way to look, by its number: hundreds of services look in a handful of ways."""
        self._looks: dict[Place, int] = {}
        """Of services that serve strangers: those who only refuse look alike everywhere."""
        self._counts = {place: _counts(told) for place, told in seen.items()}
        self._ports: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        machines: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
        self._networks_counting: defaultdict[tuple[int, ...], set[object]] = defaultdict(set)
        networks: dict[str, object] = {}
        for place, told in seen.items():
            address, port, _transport, _service = place
            if address not in networks:
                networks[address] = _network(address)
            if any(map(_serves, told)):
                look = self._looks[place] = numbers.setdefault(_look(told), len(numbers))
                self._ports[(address, look)].add(port)
                machines[address].add((port, look))
            if networks[address] is not None:
                self._networks_counting[self._counts[place]].add(networks[address])
        self._machines = {address: frozenset(looks) for address, looks in machines.items()}
        self._networks: defaultdict[frozenset[tuple[int, int]], set[object]] = defaultdict(set)
        for address, machine in self._machines.items():
            if networks[address] is not None:
                self._networks[machine].add(networks[address])

    def shown(self, place: Place, told: Sequence[Observation]) -> Shown:
        address, look, counts = place[0], self._looks.get(place), self._counts[place]
        machine = self._machines.get(address) if look is not None else None
        comparable = counts[_COUNTED.index("studies")] >= _FEW_STUDIES and sum(n > 0 for n in counts) >= _LEAST_COUNTS
        dicom = place[3] in ("dicom", "dicom-tls")
        return Shown(
            products=frozenset(o.product for o in told if o.product) if dicom else frozenset(),
            identities=frozenset(_identity(o) for o in told),
            nameless=any(map(_is_nameless, told)),
            ports=len(self._ports[(address, look)]) if look is not None else 0,
            networks=len(self._networks.get(machine, ())) if machine is not None else 0,
            networks_counting=len(self._networks_counting.get(counts, ())) if comparable else 0,
            round_counts=sum(n > 0 and n % _HUNDRED == 0 for n in counts),
        )


def _serves(observation: Observation) -> bool:
    return observation.facts.open is True or observation.signal == "dicom-association-accepted"


def _look(told: Sequence[Observation]) -> object:
    """All that a service shows, but for when, how long the answers were, and how much it holds."""
    return frozenset(
        (o.service, o.signal, o.product, o.version, o.facts, frozenset(o.protections), frozenset(o.details.items()))
        for o in told
    )


def _identity(observation: Observation) -> tuple[str, str]:
    details = observation.details
    return str(details.get("implementation_class_uid", "")), str(details.get("implementation_version_name", ""))


def _is_nameless(observation: Observation) -> bool:
    details = observation.details
    return (
        observation.signal == "dicom-association-accepted"
        and details.get("implementation_class_uid") == ""
        and not observation.product
        and details.get("contexts_accepted") == details.get("contexts_offered")
    )


def _counts(told: Sequence[Observation]) -> tuple[int, ...]:
    return tuple(max(o.counts.get(name, 0) for o in told) for name in _COUNTED)


def _network(address: str) -> object:
    """The network that a stranger on the Internet would take for one; None for what is not on the Internet.

    Private addresses of one practice look alike because they are one practice's.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if not found.is_global:
        return None
    return found.packed[:2] if isinstance(found, IPv4Address) else found.packed[:4]


def signs() -> tuple[Sign, ...]:
    """Every sign, in the order of the table."""
    return _table()[1]


def likely_from() -> float:
    """The score from which a service is said to be possibly a decoy."""
    return _table()[0]


@cache
def _table() -> tuple[float, tuple[Sign, ...]]:
    file = files("lightproof.check") / "honeypots.toml"
    content = tables.read(file)
    (threshold,) = tables.rows(file, content, "threshold", _Threshold)
    return threshold.likely_from, tables.rows(file, content, "sign", Sign)
