"""This machine is seen as its system tells: who listens, where that is reached, and which way leads out."""

import asyncio
import ipaddress
import os
import signal
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest

from check.services import closing, serving
from lightproof.check.this_machine import (
    Listening,
    ListeningSocket,
    default_gateways,
    expanded,
    listening_sockets,
    own_addresses,
    resolve,
    within,
)
from lightproof.errors import UsageRefused

OWN = ("127.0.0.1", "192.168.1.20", "2a01:db8::20", "::1")


def places(*bound_to: str, own: tuple[str, ...] = OWN) -> list[tuple[str, ...]]:
    listed = [Listening(address=address, port=104, pid=7) for address in bound_to]
    return [found.reached_at for found in expanded(listed, {7: "orthanc"}, own)]


def test_a_port_bound_to_every_address_is_reached_where_others_reach_this_machine() -> None:
    assert places("0.0.0.0") == [("192.168.1.20",)]
    assert places("::") == [("192.168.1.20", "2a01:db8::20")]


def test_a_machine_without_a_network_reaches_itself() -> None:
    assert places("0.0.0.0", own=("127.0.0.1", "::1")) == [("127.0.0.1",)]
    assert places("0.0.0.0", own=()) == []


def test_a_port_bound_to_one_address_is_reached_there() -> None:
    assert places("127.0.0.1") == [("127.0.0.1",)]
    assert places("::ffff:192.168.1.20") == [("192.168.1.20",)]


def test_a_link_local_address_of_ipv6_is_none_without_its_interface() -> None:
    assert places("fe80::1%eth0") == []


def test_a_port_of_several_processes_is_told_once_with_a_name() -> None:
    listed = [Listening(address="127.0.0.1", port=80, pid=pid) for pid in (None, 9, 7)]
    (found,) = expanded(listed, {7: "nginx", 9: "nginx"}, OWN)
    assert found == ListeningSocket(address="127.0.0.1", port=80, process="nginx", reached_at=("127.0.0.1",))


async def test_a_listener_of_ours_is_found_with_its_program() -> None:
    async with serving(closing) as port:
        (found,) = (entry for entry in listening_sockets() if entry.port == port)
    assert found.address == "127.0.0.1"
    assert found.reached_at == ("127.0.0.1",)
    assert found.process == psutil.Process().name()


async def test_a_listener_on_every_address_is_reached_at_our_own() -> None:
    server = await asyncio.start_server(closing, "0.0.0.0", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        (found,) = (entry for entry in listening_sockets() if entry.port == port)
    assert found.address == "0.0.0.0"
    assert set(found.reached_at) <= own_addresses()


def test_a_socket_that_only_exists_is_not_listening() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert all(entry.port != bound.getsockname()[1] for entry in listening_sockets())


def test_a_system_that_tells_only_of_our_own_processes_still_tells_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS does for those who are not root."""

    def refuse(kind: str) -> list[object]:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        port = ours.getsockname()[1]
        (found,) = (entry for entry in listening_sockets() if entry.port == port)
    assert found.process == psutil.Process().name()


def test_a_system_that_tells_of_no_process_is_not_taken_for_one_where_nothing_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As without /proc."""

    def nothing() -> list[int]:
        raise FileNotFoundError

    monkeypatch.setattr(psutil, "net_connections", lambda _kind: nothing())
    monkeypatch.setattr(psutil, "process_iter", nothing)
    with pytest.raises(UsageRefused, match="sockets-not-listed"):
        listening_sockets()


def test_our_addresses_are_numeric_and_hold_loopback() -> None:
    ours = own_addresses()
    assert "127.0.0.1" in ours
    assert all(str(ipaddress.ip_address(address)) == address for address in ours)


@pytest.mark.skipif(not Path("/proc/net/route").exists(), reason="not Linux")
def test_the_default_gateways_are_addresses() -> None:
    assert all(str(ipaddress.IPv4Address(address)) == address for address in default_gateways())


def test_a_name_is_resolved_by_the_system() -> None:
    assert "127.0.0.1" in resolve("localhost")


def test_all_names_together_have_one_time() -> None:
    asked: list[str] = []

    def slow(name: str) -> tuple[str, ...]:
        asked.append(name)
        time.sleep(0.2)
        return ("192.0.2.1",)

    resolving = within(0.5, slow)
    began = time.monotonic()
    assert [resolving("a"), resolving("b")] == [("192.0.2.1",)] * 2
    for name in ("c", "d", "e"):
        with pytest.raises(TimeoutError):
            resolving(name)
    assert time.monotonic() - began < 1.5
    assert asked == ["a", "b", "c"]


def test_what_a_resolver_raises_is_raised() -> None:
    def unknown(name: str) -> tuple[str, ...]:
        raise socket.gaierror(name)

    with pytest.raises(socket.gaierror):
        within(5, unknown)("nowhere.example")


def test_waiting_for_a_name_can_be_interrupted() -> None:
    def never(_name: str) -> tuple[str, ...]:
        time.sleep(30)
        return ()

    began = time.monotonic()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        within(20, never)("practice.example")
    assert time.monotonic() - began < 1
