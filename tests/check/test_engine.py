"""What the engine decides between detectors: who goes first, and when a target is left alone."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from check.services import serving, silent
from check.visiting import visit
from check.web_services import Answer, Asked, answering
from lightproof.check.consent import Consent
from lightproof.check.detectors import Detector
from lightproof.check.wire import Budget, Wire
from lightproof.evidence.records import Observation, Probe, Target
from peers.processes import free_port


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


async def test_all_that_is_sent_is_told() -> None:
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = b""
        heard.append(said)
        nth = len(heard) - 1
        while data := await reader.read(65_536):
            heard[nth] += data
            if heard[nth].endswith(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return

    told: list[Probe] = []
    async with serving(hear) as port:
        target = Target("127.0.0.1", port)
        await visit(target, probed=told.append)
    assert {probe.target for probe in told} == {target}
    assert {"identify", "dicomweb"} <= {probe.detector for probe in told}
    assert sum(probe.connections for probe in told) == len(heard)
    assert sum(probe.bytes_out for probe in told) == sum(map(len, heard)) > 0
    said = b"".join(heard)
    for probe in told:  # one after the other, each in its order
        assert sha256(said[: probe.bytes_out]).hexdigest() == probe.sha256
        said = said[probe.bytes_out :]


async def test_a_call_to_nobody_is_told_too() -> None:
    told: list[Probe] = []
    nobody = Target("127.0.0.1", free_port())
    await visit(nobody, probed=told.append)
    assert told
    assert all(probe.bytes_out == 0 and probe.ports == (nobody.port,) for probe in told)


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
