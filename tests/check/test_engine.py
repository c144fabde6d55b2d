"""What the engine decides between detectors: who goes first, and when a target is left alone."""

import pytest

from check.services import serving
from check.visiting import visit
from check.web_services import Answer, Asked, answering
from lightproof.evidence.records import Target


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
