"""Visits one service as the engine does: what it speaks is found out, then its detectors run."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from lightproof.check.consent import Consent
from lightproof.check.detectors import Detector, all_detectors
from lightproof.check.engine import Engine, Visit
from lightproof.check.wire import Budget, Unhurried
from lightproof.evidence.records import Facts, Probe, Target

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


async def visit(
    target: Target,
    *,
    detectors: Sequence[Detector] | None = None,
    consent: Consent | None = None,
    budget: Budget | None = None,
    visit_s: float = 45,
    names: Sequence[str] = (),
    probed: Callable[[Probe], None] = lambda _probe: None,
) -> Visit:
    """One visit, unhurried, at a fixed time."""
    engine = Engine(
        detectors=all_detectors() if detectors is None else detectors,
        admission=Unhurried(),
        now=lambda: NOW,
        consent=consent or Consent(),
        budget=budget or Budget(),
        visit_s=visit_s,
        names={target.address: names},
        probed=probed,
    )
    return await engine.visit(target)


def facts_of(visit: Visit, service: str) -> Facts:
    """All facts about one service together."""
    facts = Facts()
    for observation in visit.observations:
        if observation.service == service:
            facts = facts.merged(observation.facts)
    return facts


def signals_of(visit: Visit) -> set[str]:
    """What was signalled."""
    return {observation.signal for observation in visit.observations}
