"""A permission that ends during a check ends it: nothing more is sent, and what was left says so."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from check.watchers import Unwatched
from cli.running import lightproof
from lightproof.check.addresses import range_of
from lightproof.check.consent import Consent
from lightproof.check.journal import clear_away
from lightproof.check.plan import Plan, plan_of_named
from lightproof.check.reporting import perform
from lightproof.check.run import opened
from lightproof.check.scope import Scope
from lightproof.check.targets import Named, Ports
from lightproof.check.watching import at_once
from lightproof.evidence.records import ExposureReport, Target
from peers.processes import free_port


def a_plan(network: str, ports: Ports, *, ends: datetime, rate: float) -> Plan:
    return plan_of_named(
        [Named((range_of(network),))],
        ports,
        scope=Scope(basis="own", targets=(range_of(network),), expires=ends),
        consent=Consent(),
        rate=rate,
        now=datetime.now(UTC),
    )


@contextmanager
def counting(address: str, port: int) -> Iterator[list[float]]:
    """A port on every address of a network; gives the instants at which somebody connected."""
    calls: list[float] = []
    with socket.create_server((address, port), backlog=512) as server:

        def accept() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                calls.append(time.time())
                caller.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield calls
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def told(report: ExposureReport) -> set[Target]:
    return {entry.target for entry in report.unchecked if entry.reason == "scope-expired"}


def test_a_scope_that_expires_during_the_sweep_ends_it(tmp_path: Path) -> None:
    port = free_port()
    ends = datetime.now(UTC) + timedelta(seconds=1.5)
    plan = a_plan("127.88.1.0/25", Ports.of((port, *range(1, 20))), ends=ends, rate=300)
    with counting("0.0.0.0", port) as calls:
        report = perform(plan, at_once(partial(opened, plan, journal=tmp_path / "journal")), Unwatched())
        time.sleep(1)
    assert calls
    assert max(calls) < ends.timestamp() + 0.1
    assert 0 < len(told(report)) < plan.targets
    left = {target for target in told(report) if target.port == port}
    assert left
    # Whatever is not told as left was tried.
    assert len(told(report)) + 1.5 * 300 * 1.5 > plan.targets - 128
    assert report.letter != "A"


def test_a_run_whose_permission_was_renewed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    ports, journal = Ports.of(range(1, 20)), tmp_path / "journal"
    short = a_plan("127.88.2.0/26", ports, ends=datetime.now(UTC) + timedelta(seconds=1), rate=300)
    stopped = perform(short, at_once(partial(opened, short, journal=journal)), Unwatched())
    assert told(stopped)
    renewed = a_plan("127.88.2.0/26", ports, ends=datetime.now(UTC) + timedelta(hours=1), rate=100_000)
    report = perform(renewed, at_once(partial(opened, renewed, journal=journal, resume=True)), Unwatched())
    assert not report.unchecked
    assert report.started == stopped.started
    clear_away(journal)
    assert not journal.exists()


async def test_a_scope_that_expires_during_a_visit_lets_it_send_nothing_more(tmp_path: Path) -> None:
    heard: list[float] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            heard.append(time.time())
            await asyncio.sleep(0.4)
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    server = await asyncio.start_server(slow, "127.88.3.1", 0)
    port = server.sockets[0].getsockname()[1]
    ends = datetime.now(UTC) + timedelta(seconds=3)
    plan = a_plan("127.88.3.1", Ports.of((port,)), ends=ends, rate=1_000)
    journal = tmp_path / "journal"
    report = await asyncio.to_thread(perform, plan, at_once(partial(opened, plan, journal=journal)), Unwatched())
    await asyncio.sleep(0.5)
    server.close()
    assert len(heard) > 2
    assert max(heard) < ends.timestamp() + 0.1
    assert told(report) == {Target("127.88.3.1", port)}
    assert b'"visited"' not in journal.read_bytes()


@pytest.mark.parametrize("survey", [(), ("--survey",)])
def test_the_command_line_says_that_not_all_was_checked(tmp_path: Path, survey: tuple[str, ...]) -> None:
    scope = tmp_path / "scope.toml"
    ends = datetime.now(UTC) + timedelta(seconds=6)
    scope.write_text(f'basis = "own"\ntargets = ["127.88.4.0/24"]\nexpires = {ends.isoformat()}\n')
    began = time.monotonic()
    ran = lightproof(
        "check", "--scope", scope, "--ports", "1-50", "--rate", "100", "--json", *survey, home=tmp_path / "home"
    )
    assert ran.code == 4, ran.err
    assert time.monotonic() - began < 20
    assert {entry["reason"] for entry in ran.json["unchecked"]} == {"scope-expired"}
    assert ran.json["scope"]["expires"] is not None
