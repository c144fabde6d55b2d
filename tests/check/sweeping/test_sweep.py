"""The sweep tells how every call ended, within its deadlines, whatever the peer does."""

import asyncio
import contextlib
import errno
import resource
import socket
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from check.services import closing, dripping, flooding, saying, serving, silent
from check.unanswered_ports import closed_port, dropping_calls
from lightproof.check.addresses import range_of
from lightproof.check.sweeping.questions import PICKS_UP, Outcome, Question
from lightproof.check.sweeping.readiness import EpollReadiness, Readiness, SelectorReadiness
from lightproof.check.sweeping.sweep import Answer, Limits, Sweep
from lightproof.check.targets import Ports, TargetSpace
from lightproof.evidence.records import Target

HERE = range_of("127.0.0.1")
FAST = Limits(connect_s=0.4)


def knows_yes(heard: bytearray) -> str | None:
    if heard.startswith(b"yes"):
        return "yes"
    return "no" if len(heard) >= 3 and set(heard) != {ord("a")} else None


ASKS: Question[str] = Question(name="asks", hello=b"well?", recognise=knows_yes, answer_s=0.8, longest_answer=2_048)


def ports(*numbers: int) -> TargetSpace:
    return TargetSpace([HERE], Ports.of(numbers))


def loopback(network: str, numbers: str = "104") -> TargetSpace:
    return TargetSpace([range_of(network)], Ports.parse(numbers))


async def swept(sweep: Sweep[str]) -> dict[int, Answer[str]]:
    batches = await asyncio.to_thread(lambda: list(sweep.run()))
    answers = [answer for batch in batches for answer in batch.answers]
    found = {answer.target.port: answer for answer in answers}
    assert len(found) == len(answers)
    assert sum(batch.targets for batch in batches) == len(sweep.space)
    return found


def outcomes(found: dict[int, Answer[str]]) -> dict[int, Outcome]:
    return {port: answer.outcome for port, answer in found.items()}


async def echoing(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(4_096):
        writer.write(data)


async def resetting(reader: StreamReader, writer: StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.fixture(params=[EpollReadiness, SelectorReadiness])
def readiness(request: pytest.FixtureRequest) -> Callable[[], Readiness]:
    return request.param


async def test_open_ports_are_told_and_closed_ones_counted(readiness: Callable[[], Readiness]) -> None:
    shut = closed_port()
    async with serving(silent) as one, serving(closing) as other:
        with dropping_calls() as dropping:
            sweep = Sweep(space=ports(one, other, shut, dropping), question=PICKS_UP, limits=FAST, readiness=readiness)
            batches = await asyncio.to_thread(lambda: list(sweep.run()))
    counts = {outcome: sum(b.counts.get(outcome, 0) for b in batches) for outcome in Outcome}
    assert {a.target.port for b in batches for a in b.answers} == {one, other}
    assert {outcome for b in batches for outcome in (a.outcome for a in b.answers)} <= {Outcome.OPEN, Outcome.ENDED}
    assert counts[Outcome.CLOSED] == counts[Outcome.SILENT] == 1


async def test_every_way_to_answer_has_its_word(readiness: Callable[[], Readiness]) -> None:
    async with (
        serving(saying(b"yes, and more")) as yes,
        serving(saying(b"not at all")) as other,
        serving(dripping(b"yes", every_s=0.02)) as slow,
        serving(silent) as mute,
        serving(closing) as ended,
        serving(resetting) as reset,
        serving(flooding) as flood,
        serving(dripping(b"a", every_s=0.02)) as drip,
        serving(echoing) as echo,
    ):
        everyone = ports(yes, other, slow, mute, ended, reset, flood, drip, echo)
        began = time.monotonic()
        found = await swept(Sweep(space=everyone, question=ASKS, limits=FAST, readiness=readiness))
        took = time.monotonic() - began
    assert outcomes(found) == {
        yes: Outcome.RECOGNISED,
        other: Outcome.RECOGNISED,
        slow: Outcome.RECOGNISED,
        mute: Outcome.MUTE,
        ended: Outcome.ENDED,
        reset: Outcome.ENDED,
        flood: Outcome.RECOGNISED,
        drip: Outcome.MUTE,
        echo: Outcome.RECOGNISED,
    }
    assert (found[yes].found, found[slow].found, found[echo].found) == ("yes", "yes", "no")
    assert took < ASKS.answer_s + 1


async def test_a_peer_that_says_too_much_is_cut_off() -> None:
    async with serving(flooding) as flood:
        patient = replace(ASKS, recognise=lambda heard: None)
        found = await swept(Sweep(space=ports(flood), question=patient, limits=FAST))
    assert outcomes(found) == {flood: Outcome.FLOOD}


async def test_a_second_question_is_asked_on_a_connection_of_its_own() -> None:
    heard: list[bytes] = []

    async def picky(reader: StreamReader, writer: StreamWriter) -> None:
        heard.append(await reader.read(100))
        if heard[-1] == b"please?":
            writer.write(b"yes")

    second = replace(ASKS, name="second", hello=b"please?")
    first = replace(ASKS, then=lambda outcome, found: second if outcome is Outcome.ENDED else None)
    async with serving(picky) as port:
        found = await swept(Sweep(space=ports(port), question=first, limits=FAST))
    assert heard == [b"well?", b"please?"]
    assert (found[port].question, found[port].outcome, found[port].found) == ("second", Outcome.RECOGNISED, "yes")


async def test_a_target_that_went_away_before_the_second_question_is_still_told() -> None:
    async with serving(closing) as port:
        gone = replace(ASKS, name="second")

        def then(outcome: Outcome, found: str | None) -> Question[str]:
            return gone

        found = await swept(Sweep(space=ports(port), question=replace(ASKS, then=then), limits=FAST))
    assert found[port].question == "second"


async def test_a_conversation_goes_back_and_forth() -> None:
    class Counting:
        def __init__(self) -> None:
            self.said = 0

        def begin(self) -> bytes:
            return b"0"

        def heard(self, data: bytes) -> tuple[bytes, str | None]:
            self.said += 1
            return (b"%d" % self.said, None) if self.said < 5 else (b"", data.decode())

    async with serving(echoing) as port:
        talks: Question[str] = Question(name="talks", conversation=Counting, answer_s=2)
        found = await swept(Sweep(space=ports(port), question=talks))
    assert found[port].found == "4"


async def test_a_farewell_is_said_before_hanging_up() -> None:
    heard = bytearray()

    async def listening(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"yes")
        with contextlib.suppress(OSError):
            heard.extend(await reader.read(100))

    async with serving(listening) as port:
        await swept(Sweep(space=ports(port), question=replace(ASKS, farewell=lambda found: b"bye " + found.encode())))
        await asyncio.sleep(0.05)
    assert heard == b"bye yes"


def test_a_socket_never_takes_itself_for_a_server() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    space = TargetSpace([HERE], Ports.of(range(max(low, high - 4_000), high)))
    taken = {answer.target.port for batch in Sweep(space=space, question=PICKS_UP).run() for answer in batch.answers}
    for port in taken:
        with socket.socket() as probe, contextlib.suppress(OSError):
            assert probe.connect_ex(("127.0.0.1", port)) in (0, errno.ECONNREFUSED)
            assert probe.getsockname() != probe.getpeername()


def test_more_targets_than_descriptors_are_called_in_turn() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    space = TargetSpace([range_of("127.3.0.0/24")], Ports.of([listener.getsockname()[1]]))
    listener.close()
    listener = socket.create_server(("", space.ports.numbers[0]), backlog=4_096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        quiet = replace(ASKS, answer_s=0.1)
        answers = [a for batch in Sweep(space=space, question=quiet).run() for a in batch.answers]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        listener.close()
    assert {a.target.address for a in answers} == {f"127.3.0.{n}" for n in range(256)}
    assert {a.outcome for a in answers} == {Outcome.MUTE}


def test_descriptors_that_others_took_are_waited_for() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        sweep = Sweep(space=loopback("127.4.0.0/28"), question=PICKS_UP).run()
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        hoard = contextlib.ExitStack()
        with contextlib.suppress(OSError):
            for _ in range(200):
                hoard.enter_context(socket.socket())
        readiness = time.monotonic()
        hoard.pop_all().close()
        assert sum(batch.counts[Outcome.CLOSED] for batch in sweep) == 16
        assert time.monotonic() - readiness < 5


def test_a_stop_ends_the_sweep_at_once() -> None:
    calls = iter(range(1_000_000))
    sweep = Sweep(space=loopback("127.0.0.0/8"), question=PICKS_UP, stop=lambda: next(calls) > 20)
    assert 0 < sum(batch.targets for batch in sweep.run()) < 21 * 256 + 1


@pytest.mark.parametrize("interrupted", [False, True])
async def test_calls_that_nobody_had_answered_when_it_was_stopped_are_told(interrupted: bool) -> None:
    left: list[tuple[int, int]] = []
    picked_up = asyncio.Event()

    async def speechless(reader: StreamReader, writer: StreamWriter) -> None:
        picked_up.set()
        await silent(reader, writer)

    async with serving(speechless) as port:
        with dropping_calls() as unheard:
            space = ports(port, unheard, closed_port())
            asking: Question[str] = Question(name="yes", hello=b"?", recognise=knows_yes, answer_s=9)
            sweep = Sweep(space=space, question=asking, stop=picked_up.is_set, unanswered=left.extend)
            with contextlib.closing(sweep.run()) as batches:
                told = await asyncio.to_thread(next, batches)
                if not interrupted:
                    assert await asyncio.to_thread(list, batches) == []
    (closed,) = [p for first, last in told.done for p in range(first, last)]
    assert sorted([closed, *(p for first, last in left for p in range(first, last))]) == [0, 1, 2]


def test_a_sweep_goes_on_where_it_was_stopped() -> None:
    space = loopback("127.5.0.0/22", "104,11112")
    seen: list[int] = []
    done: list[tuple[int, int]] = []
    for limit in (3, 5, 10**6):
        calls = iter(range(10**7))
        sweep = Sweep(space=space, question=PICKS_UP, seed=9, stop=lambda c=calls, n=limit: next(c) > n)  # type: ignore[misc]
        for batch in sweep.run(done):
            seen += [p for first, last in batch.done for p in range(first, last)]
            done = sorted([*done, *batch.done])
    assert sorted(seen) == list(range(len(space)))


def test_shards_together_are_the_whole() -> None:
    space = loopback("127.6.0.0/24", "104,11112")
    seen = [
        position
        for shard in range(3)
        for batch in Sweep(space=space, question=PICKS_UP, shard=shard, shards=3).run()
        for first, last in batch.done
        for position in range(first, last)
    ]
    assert sorted(seen) == list(range(len(space)))


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 4), st.data())
@settings(max_examples=40)
def test_what_is_done_already_is_never_called_again(edges: list[int], shards: int, data: st.DataObject) -> None:
    edges = sorted(set(edges))[: len(set(edges)) // 2 * 2]
    done = list(zip(edges[::2], edges[1::2], strict=True))
    shard = data.draw(st.integers(0, shards - 1))
    space = loopback("127.7.0.0/26")
    sweep = Sweep(space=space, question=PICKS_UP, shard=shard, shards=shards)
    seen = [p for batch in sweep.run(done) for first, last in batch.done for p in range(first, last)]
    skipped = {p for first, last in done for p in range(first, last)}
    assert sorted(seen) == [p for p in range(64) if p % shards == shard and p not in skipped]


def test_the_rate_is_kept() -> None:
    began = time.monotonic()
    total = sum(
        b.targets for b in Sweep(space=loopback("127.8.0.0/24"), question=PICKS_UP, limits=Limits(rate=400)).run()
    )
    assert total == 256
    assert 0.45 < time.monotonic() - began < 1.5


async def test_a_polite_sweep_has_one_connection_at_a_time_to_a_host_and_keeps_its_pace() -> None:
    open_now = most = 0
    times: list[float] = []

    async def counting(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        times.append(time.monotonic())
        with contextlib.suppress(OSError):
            await reader.read(100)
            await asyncio.sleep(0.03)
            writer.write(b"yes")
            await reader.read(100)
        open_now -= 1

    async with contextlib.AsyncExitStack() as stack:
        numbers = [await stack.enter_async_context(serving(counting)) for _ in range(12)]
        polite = Limits(pace=lambda address: 25.0)
        found = await swept(Sweep(space=ports(*numbers), question=ASKS, limits=polite))
    assert len(found) == 12
    assert most == 1
    assert max(times) - min(times) > 11 / 25 - 0.05


def test_ipv6_loopback_is_swept_too() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        port = listener.getsockname()[1]
        space = TargetSpace([range_of("::1")], Ports.of([port, closed_port()]))
        batches = list(Sweep(space=space, question=PICKS_UP).run())
    assert [a.target for b in batches for a in b.answers] == [Target("::1", port)]


def test_an_empty_space_is_done_at_once() -> None:
    assert list(Sweep(space=ports(), question=PICKS_UP).run()) == []
