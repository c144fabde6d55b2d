"""Runs one detector on one port, wherever that is: peers of tests do not listen where the engine expects them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from check.visiting import NOW
from lightproof.check.wire import Budget, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Target


@dataclass
class Seen:
    """What a detector told, and what stopped it."""

    observations: list[Observation] = field(default_factory=list)
    violation: str | None = None

    @property
    def facts(self) -> Facts:
        """All facts together."""
        facts = Facts()
        for observation in self.observations:
            facts = facts.merged(observation.facts)
        return facts

    @property
    def signals(self) -> set[str]:
        """What was signalled."""
        return {observation.signal for observation in self.observations}

    @property
    def protections(self) -> set[str]:
        """Every protection that was seen."""
        return {word for observation in self.observations for word in observation.protections}

    def one(self, signal: str) -> Observation:
        """The first observation with this signal."""
        return next(observation for observation in self.observations if observation.signal == signal)


async def look(
    detect: Callable[[Wire], AsyncIterator[Observation]],
    port: int,
    *,
    address: str = "127.0.0.1",
    budget: Budget | None = None,
    tls: bool = False,
) -> Seen:
    """What `detect` tells of this port. A ProtocolViolation is kept; anything else that it raises is raised."""
    seen = Seen()
    wire = Wire(Target(address, port), detector="test", now=lambda: NOW, budget=budget, tls=tls)
    try:
        async for observation in detect(wire):
            seen.observations.append(observation)
    except ProtocolViolation as violation:
        seen.violation = violation.reason
    return seen
