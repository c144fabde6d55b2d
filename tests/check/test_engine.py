"""What the engine decides between detectors: who goes first, and when a target is left alone."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from check.services import serving, silent
from check.visiting import visit
from check.web_services import Answer, Asked, answering
from lightproof.check.consent import Consent
from lightproof.check.detectors import Detector
from lightproof.check.wire import Budget, Wire
from lightproof.evidence.records import Observation, Target


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_is_busy_is_left_at_its_first_word(status: int) -> None:
    asked = Asked()
    async with serving(answering({}, otherwise=(status, "text/plain", "later"), asked=asked)) as port:
        seen = await visit(Target("127.0.0.1", port))
    assert len(asked.requests) == 1
    assert [entry.reason for entry in seen.unchecked] == ["server-busy"]
    assert seen.observations == ()


async def test_a_server_that_becomes_busy_is_asked_nothing_more_by_anyone() -> None:
    asked = Asked()
    answers: dict[str, Answer] = {"GET / ": (200, "text/html", "<title>x</title>")}
    async with serving(answering(answers, otherwise=(503, "text/plain", "later"), asked=asked)) as port:
        seen = await visit(Target("127.0.0.1", port))
    assert [entry.reason for entry in seen.unchecked] == ["server-busy"]
    assert [request for request in asked.requests if request != "GET /"] == ["GET /dcm4chee-arc/aets"]


@pytest.mark.parametrize("count", [False, True])
async def test_only_who_counts_gets_the_time_that_counting_takes_and_takes_it_from_nobody(count: bool) -> None:
    had_s: dict[str, float] = {}

    async def look(wire: Wire) -> AsyncIterator[Observation]:
        had_s[wire.detector] = wire.budget.total_s
        await asyncio.sleep(0.2)
        for nothing in ():
            yield nothing

    async with serving(silent) as port:

        def detector(name: str, counting: Budget | None = None) -> Detector:
            return Detector(name=name, services=(), detect=look, ports=frozenset({port}), counting=counting)

        await visit(
            Target("127.0.0.1", port),
            detectors=(detector("counts", Budget(total_s=120)), detector("other")),
            consent=Consent(count=count),
            budget=Budget(total_s=0.4),
            visit_s=0.3,
        )
    if count:
        assert had_s["counts"] > 119
        assert had_s["other"] > 0.2
    else:
        assert 0.2 < had_s["counts"] <= 0.3
        assert had_s["other"] < 0.11


async def test_each_title_to_guess_brings_its_time_and_a_connection_to_who_guesses() -> None:
    had: dict[str, Budget] = {}

    async def look(wire: Wire) -> AsyncIterator[Observation]:
        had[wire.detector] = wire.budget
        await asyncio.sleep(0.2)
        for nothing in ():
            yield nothing

    async with serving(silent) as port:

        def detector(name: str, guess_s: float = 0) -> Detector:
            return Detector(name=name, services=(), detect=look, ports=frozenset({port}), guess_s=guess_s)

        await visit(
            Target("127.0.0.1", port),
            detectors=(detector("guesses", 1), detector("other")),
            consent=Consent(called_aes=tuple(f"PACS{number}" for number in range(14))),
            budget=Budget(total_s=0.4, connections=24),
            visit_s=0.3,
        )
    assert 14.3 < had["guesses"].total_s <= 14.4
    assert had["guesses"].connections == 24 + 14
    assert 0.2 < had["other"].total_s <= 0.3
    assert had["other"].connections == 24
