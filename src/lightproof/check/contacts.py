"""What runs sent to one address, as the ledger tells it: for whoever is asked about it later. Pure.

The ledger names each probe of a service. Of a sweep it names positions in an order, which the run's targets and seed
give back one by one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from lightproof.check.sweeping.order import Order
from lightproof.check.targets import TargetSpace
from lightproof.evidence import sending
from lightproof.evidence.entries import Entry
from lightproof.evidence.records import Probe
from lightproof.evidence.sending import Beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A port that the sweep called once, and between which instants."""

    port: int
    after: datetime
    before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What one run sent to the address."""

    beginning: Beginning
    calls: tuple[Call, ...]
    """Of the sweep, by port."""
    probes: tuple[Probe, ...]
    """Of the detectors, in the order of their ends."""


def contacts(address: str, entries: Iterable[Entry], attachment: Callable[[str], bytes]) -> Iterator[Contact]:
    """Each run that sent something to this numeric address, in the order of the ledger.

    `entries` are those about checks, `attachment` gives the file with a digest. Raises NotAnAddress.
    """

    @cache  # a check that a timer repeats has the same targets each time
    def positions(targets_sha256: str, seed: int) -> dict[int, int]:
        space = TargetSpace.read(attachment(targets_sha256))
        order = Order(len(space), seed)
        return {order.position(index): port for port, index in space.at(address)}

    known: dict[int, _Run] = {}
    for entry in entries:
        if entry.kind == sending.STARTED and (beginning := sending.beginning_of(entry)) is not None:
            known[entry.index] = _Run(address, beginning, positions(beginning.targets_sha256, beginning.seed))
        elif entry.kind == sending.PROBED and (run := known.get((sent := sending.sent_of(entry)).run)) is not None:
            run.hear(sent)
    for run in known.values():
        if run.calls or run.probes:
            calls = sorted(run.calls, key=lambda call: call.port)
            yield Contact(beginning=run.beginning, calls=tuple(calls), probes=tuple(run.probes))


class _Run:
    """What is known of one run so far."""

    def __init__(self, address: str, beginning: Beginning, positions: Mapping[int, int]) -> None:
        self._address = address
        self._positions = positions
        self._told_until = beginning.at
        self.beginning = beginning
        self.calls: list[Call] = []
        self.probes: list[Probe] = []

    def hear(self, sent: sending.Sent) -> None:
        self.probes += [probe for probe in sent.probes if probe.target.address == self._address]
        self.calls += [
            Call(port=port, after=self._told_until, before=sent.at)
            for position, port in self._positions.items()
            if any(first <= position < stop for first, stop in sent.tried)
        ]
        self._told_until = sent.at
