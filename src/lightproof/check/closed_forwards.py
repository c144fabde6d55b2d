"""Which ports that the internet box leads strangers to are closed now.

A sweep keeps no address of the many that refuse it. The few that the box leads to, and that nobody was found at, are
called once more: only a refusal closes a port, and what stays silent or picks up after all stays unchecked.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

from lightproof.check.permission import Ended
from lightproof.check.plan import Plan
from lightproof.check.vantage import FORWARD_CLOSED, forward_of
from lightproof.check.wire import Admission, Budget, Wire, told
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Probe, Proof, Target

_DETECTOR: Final = "forwards"
_BUDGET: Final = Budget(total_s=4.0, connections=1)
_TOGETHER_S: Final = 45.0
"""A box may list hundreds of forwards to machines that are off."""
_PROOF: Final = Proof(request="TCP connect", request_sha256=sha256(b"").hexdigest(), response="refused")


async def closed_forwards(
    plan: Plan,
    observations: Iterable[Observation],
    answering: Mapping[Target, object],
    *,
    admission: Admission,
    now: Callable[[], datetime],
    probed: Callable[[Probe], None],
    ended: Ended,
) -> tuple[Observation, ...]:
    """One observation of the box for each target of the plan that it leads to and that refuses a connection.

    `answering` are those that the sweep found. Nothing is called but the plan's targets and, in a check of this
    machine, its own ports: a sweep of what listens never calls the one whose program is gone.
    """
    led_to: dict[Target, Observation] = {}
    for observation in observations:
        if (forward := forward_of(observation)) is not None and not forward.every_port:
            target = forward.leads_to
            checked = target in plan.space or target.address in plan.known_whole
            if target.transport == "tcp" and checked and target not in answering:
                led_to.setdefault(target, observation)

    async def refusal(target: Target, mapping: Observation) -> Observation | None:
        wire = Wire(target, detector=_DETECTOR, now=now, budget=_BUDGET, admission=admission, ended=ended)
        with told(wire, probed):
            return _closed(mapping, target, now()) if await _refuses(wire) else None

    calls = [asyncio.create_task(refusal(*pair)) for pair in led_to.items()]
    if not calls:
        return ()
    done, late = await asyncio.wait(calls, timeout=_TOGETHER_S)
    for call in late:
        call.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return tuple(found for call in calls if call in done and (found := call.result()) is not None)


async def _refuses(wire: Wire) -> bool:
    try:
        async with wire.connect(tls=False):
            return False
    except ConnectionRefusedError:
        return True
    except (ProtocolViolation, OSError):
        return False


def _closed(mapping: Observation, target: Target, at: datetime) -> Observation:
    """It is told of the box: where nobody listens there is no service to tell anything of."""
    return Observation(
        at=at,
        detector=_DETECTOR,
        target=mapping.target,
        service=mapping.service,
        signal=FORWARD_CLOSED,
        facts=Facts(),
        details={"internal_address": target.address, "internal_port": target.port},
        proof=_PROOF,
    )
