"""What a check will do, decided before the first packet: which targets, on whose authority, seen from where.

Two kinds of plan. Targets that someone named, each judged by the scope; or this machine, where nothing is named and
everything is found: its listening sockets, its own addresses, its internet box.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from lightproof import __version__
from lightproof.check.addresses import LOOPBACK, AddressRange, address_of, joined, lies_in, range_of, readable, without
from lightproof.check.consent import Consent
from lightproof.check.scope import Scope, authorise, authorise_consent, authorise_names
from lightproof.check.sweeping.sweep import Limits
from lightproof.check.targets import Named, Ports, TargetSpace
from lightproof.check.this_machine import ListeningSocket
from lightproof.check.vantage import vantage_of
from lightproof.errors import UsageRefused
from lightproof.evidence.records import ScopeRecord, Target, Vantage
from lightproof.locale import gettext as _

MOST_ONE_BY_ONE: Final = 65_536
"""Addresses that one text may name with a port."""
BOX_PORTS: Final = (1900, 5351)
"""Where an internet box answers: UPnP IGD, and NAT-PMP with PCP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be looked at, on whose authority, and how hard."""

    space: TargetSpace
    boxes: tuple[Target, ...]
    """Internet boxes (UDP): asked, never swept."""
    scope: ScopeRecord
    vantage: Callable[[Target], Vantage]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """What addresses were called when they were named: web servers give each name another site. Only said, never asked
    for an address again."""
    machines: frozenset[str] = frozenset()
    """Addresses of the single machines that somebody named: they are there, so that their silence has to be told."""
    named_boxes: frozenset[str] = frozenset()
    """Addresses of the internet boxes that somebody named. One that was only found, as the gateway, may well speak
    neither UPnP nor NAT-PMP."""
    processes: Mapping[Target, str] = field(default_factory=dict[Target, str])
    own_addresses: frozenset[str] = frozenset()
    known_whole: frozenset[str] = frozenset()
    """Addresses of this machine of which the system told every port that listens, and all were wanted: the others are
    no targets, and may be called all the same where the box leads strangers to them."""
    consent: Consent = field(default_factory=Consent)
    rate: float = 1_000.0
    """Connections started a second, over all targets."""

    @property
    def targets(self) -> int:
        """How many targets will be tried."""
        return len(self.space) + len(self.boxes)

    def includes(self, target: Target) -> bool:
        """Whether it is among what will be tried, spelled as it is there."""
        if target.transport == "udp":
            return target in self.boxes
        return target in self.space and str(range_of(target.address)) == target.address

    @property
    def limits(self) -> Limits:
        """How hard the sweep may press."""
        return Limits(rate=self.rate)

    @property
    def seed(self) -> int:
        """Of the order in which targets are tried: the same for the same plan."""
        return int(self.digest[:8], 16)

    @property
    def digest(self) -> str:
        """Names the plan in its journal: equal for equal targets, consent and version."""
        said = {
            "targets": self.space.description,
            "boxes": [(box.address, box.port) for box in self.boxes],
            "names": sorted(self.names.items()),
            "machines": sorted(self.machines),
            "count": self.consent.count,
            "called_aes": self.consent.called_aes,
            "lightproof": __version__,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def plan_of_named(
    named: Sequence[Named],
    ports: Ports,
    *,
    imported: Sequence[tuple[str, int]] | None = None,
    imported_names: Sequence[Named] = (),
    excluded: Sequence[Named] = (),
    boxes: Sequence[Named] = (),
    scope: Scope | None = None,
    own_addresses: frozenset[str] = frozenset(),
    own_names: frozenset[str] = frozenset(),
    gateways: Sequence[str] = (),
    consent: Consent,
    rate: float,
    now: datetime,
) -> Plan:
    """The plan for targets that someone named or imported; with a scope and neither, for all that the scope allows.

    `imported_names` add no target: they are said to those that are checked anyway.
    Raises ScopeRefused when anything among them is nobody's to allow, UsageRefused when nothing is left.
    """
    ranges = [r for target in named if target.port is None for r in target.ranges]
    single = [(address, target.port) for target in named if target.port is not None for address in _addresses(target)]
    if scope is not None and not named and imported is None:
        ranges = list(scope.allowed)
    holes = _holes(excluded)
    space = TargetSpace(ranges, ports, explicit=(*single, *(imported or ())), excluded=holes)
    asked = _boxes(boxes, holes)
    if not space and not asked:
        raise UsageRefused(
            "nothing-to-check",
            _("Nothing is left to check: every target is excluded, or the imported files hold none."),
            _("Name another target, or leave fewer out."),
        )
    record = authorise(
        (*space.every_range(), *(range_of(box.address) for box in asked)),
        scope,
        now=now,
        own_addresses=own_addresses,
        gateways=gateways,
        named=[r for target in (*named, *boxes) for r in target.ranges],
    )
    authorise_names(_spared((*named, *boxes), holes), scope, own_names=own_names)
    if scope is not None:
        authorise_names(_spared(scope.names, (*holes, *scope.excluded)), scope, own_names=own_names)
    authorise_consent(consent, space.every_range(), scope, own_addresses=own_addresses)
    return Plan(
        space=space,
        boxes=asked,
        scope=record,
        vantage=lambda target: vantage_of(target.address, named=True),
        names=_names((*named, *(scope.names if scope else ()), *imported_names), space),
        machines=_machines(named or (Named((found,)) for found in ranges)),
        named_boxes=_machines(boxes),
        own_addresses=own_addresses,
        consent=consent,
        rate=rate,
    )


def plan_of_this_machine(
    sockets: Sequence[ListeningSocket],
    ports: Ports | None = None,
    *,
    excluded: Sequence[Named] = (),
    boxes: Sequence[Named] = (),
    boxes_found: Sequence[Named] = (),
    own_addresses: frozenset[str],
    own_names: frozenset[str] = frozenset(),
    gateways: Sequence[str] = (),
    consent: Consent,
    rate: float,
    now: datetime,
) -> Plan:
    """The plan for this machine: every listening socket (of these ports) where it is reached, and the box.

    A socket may be bound to an address that this machine does not have at the moment (a cluster's floating one):
    whoever has it now is another machine, and is left out. `boxes` are those that someone named. Raises ScopeRefused
    when a box is nobody's to allow.
    """
    ours = (*LOOPBACK, *readable(own_addresses))
    bound = {
        Target(address, s.port): s
        for s in sockets
        if ports is None or s.port in ports.numbers
        for address in s.reached_at
        if any(range_of(address) in own for own in ours)
    }
    holes = _holes(excluded)
    asked = _boxes((*boxes, *boxes_found), holes)
    authorise_names(_spared(boxes, holes), None, own_names=own_names)
    record = authorise(
        (range_of(box.address) for box in asked), None, now=now, own_addresses=own_addresses, gateways=gateways
    )
    return Plan(
        space=TargetSpace((), Ports(()), explicit=[(t.address, t.port) for t in bound], excluded=holes),
        boxes=asked,
        scope=record,
        vantage=lambda target: vantage_of(
            target.address, bound_to=bound[target].address if target in bound else target.address
        ),
        named_boxes=_machines(boxes),
        processes={target: s.process for target, s in bound.items() if s.process is not None},
        own_addresses=own_addresses,
        known_whole=frozenset(
            address for address in own_addresses if ports is None and not lies_in(range_of(address), holes)
        ),
        consent=consent,
        rate=rate,
    )


def boxes_at(gateways: Iterable[str]) -> tuple[Named, ...]:
    """The boxes of these gateways."""
    return tuple(Named((address,)) for address in readable(gateways))


def _names(named: Iterable[Named], space: TargetSpace) -> Mapping[str, tuple[str, ...]]:
    """The names of addresses that will be tried, each once, in the order given."""
    found: dict[str, dict[str, None]] = {}
    tried = space.every_range()
    for target in named:
        if target.name is not None:
            for address in _addresses(target):
                if lies_in(range_of(address), tried):
                    found.setdefault(address, {})[target.name] = None
    return {address: tuple(names) for address, names in found.items()}


def _machines(named: Iterable[Named]) -> frozenset[str]:
    """The addresses of single machines among what was named. In a range it is nobody's fault that nobody lives."""
    single = (target for target in named if target.name is not None or sum(r.size for r in target.ranges) == 1)
    return frozenset(address for target in single for address in _addresses(target))


def _boxes(named: Iterable[Named], holes: Sequence[AddressRange]) -> tuple[Target, ...]:
    """What to ask at internet boxes that are not excluded: on their usual ports, or on the one named with them."""
    return tuple(
        Target(address, port, "udp")
        for box in _spared(named, holes)
        for address in _addresses(box)
        for port in ((box.port,) if box.port else BOX_PORTS)
    )


def _spared(named: Iterable[Named], holes: Sequence[AddressRange]) -> Iterable[Named]:
    """What was named, less what is excluded."""
    return (replace(target, ranges=without(target.ranges, holes)) for target in named)


def _holes(excluded: Iterable[Named]) -> tuple[AddressRange, ...]:
    """What is excluded, as addresses: an exclusion with a port leaves the whole machine alone."""
    return joined(r for target in excluded for r in target.ranges)


def _addresses(named: Named) -> Iterable[str]:
    """Each address of something that is kept one by one: named with a port, by a name, or as a box.

    Raises UsageRefused when that would be a network: ranges and ports are arithmetic, these are memory.
    """
    if (count := sum(r.size for r in named.ranges)) > MOST_ONE_BY_ONE:
        raise UsageRefused(
            "too-many-targets",
            _("A range of {count} addresses was given with a port, or as a box; at most {most} are taken so.").format(
                count=count, most=MOST_ONE_BY_ONE
            ),
            _("Give a range without its port, and the port with --ports."),
        )
    return (str(address_of(r.version, number)) for r in named.ranges for number in range(r.first, r.last + 1))
