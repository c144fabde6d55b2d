"""The filter refuses what it names, on either machine, and nothing else: read as the kernel reads it."""

import errno
import struct

import pytest

from lightproof.check.system_calls import MACHINES, REFUSED, Machine, filter_program

PID = 4711
ALLOWED, REFUSED_SO, UNKNOWN = 0x7FFF_0000, 0x5_0000 | errno.EPERM, 0x5_0000 | errno.ENOSYS
LAST_CALL = 600

both = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def answer(machine: Machine, number: int, *arguments: int, audit: int | None = None) -> int:
    """What a filter says to a call (linux/filter.h, the few instructions that it is made of)."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number, audit or machine.audit, 0, *padded)
    program = list(struct.iter_unpack("=HBBI", filter_program(machine, PID)))
    assert len(program) <= 4_096  # BPF_MAXINSNS
    at = held = 0
    while True:
        code, jump, otherwise, value = program[at]
        at += 1
        match code:
            case 0x20:
                (held,) = struct.unpack_from("<I", data, value)
            case 0x15:
                at += jump if held == value else otherwise
            case 0x35:
                at += jump if held >= value else otherwise
            case 0x45:
                at += jump if held & value else otherwise
            case 0x06:
                return value
            case _:
                raise AssertionError(code)


@both
def test_what_is_named_is_refused_and_nothing_else(machine: Machine) -> None:
    named = {numbers[machine.column] for numbers in REFUSED.values()} - {None}
    refused = {number for number in range(LAST_CALL) if answer(machine, number, PID) == REFUSED_SO}
    by_argument = (
        {56, 41} if machine.column == 0 else {220, 198}
    )  # clone, socket: a process number is no flag of theirs
    assert refused == named | by_argument


@both
def test_threads_are_begun_and_processes_are_not(machine: Machine) -> None:
    clone = (56, 220)[machine.column]
    assert answer(machine, clone, 0x3D_0F00) == ALLOWED  # as the C library begins a thread
    assert answer(machine, clone, 0x120_0011) == REFUSED_SO  # as it forks
    assert answer(machine, 435) == UNKNOWN


@both
def test_signals_stay_inside(machine: Machine) -> None:
    for number in ((62, 234), (129, 131))[machine.column]:
        assert answer(machine, number, PID, 15) == ALLOWED
        assert {answer(machine, number, other, 15) for other in (0, 1, PID + 1, 2**64 - 1)} == {REFUSED_SO}


@both
def test_no_other_process_is_ended_by_its_limits_or_by_news_of_a_descriptor(machine: Machine) -> None:
    prlimit, fcntl, ioctl = ((302, 72, 16), (261, 25, 29))[machine.column]
    assert {answer(machine, prlimit, own, 0) for own in (0, PID)} == {ALLOWED}
    assert {answer(machine, prlimit, other, 0) for other in (1, PID + 1)} == {REFUSED_SO}
    assert [command for command in range(20) if answer(machine, fcntl, 3, command) == REFUSED_SO] == [8, 10, 15]
    assert {answer(machine, ioctl, 3, request) for request in (0x8901, 0x8902)} == {REFUSED_SO}


@both
def test_only_the_network_is_spoken_to(machine: Machine) -> None:
    number = (41, 198)[machine.column]
    assert [family for family in range(64) if answer(machine, number, family, 1) == ALLOWED] == [2, 10, 16]


@both
def test_the_calls_of_another_machine_are_refused(machine: Machine) -> None:
    getpid = (39, 172)[machine.column]
    assert answer(machine, getpid) == ALLOWED
    assert answer(machine, getpid, audit=0x4000_0003) == REFUSED_SO  # i386


def test_the_calls_of_x32_are_refused() -> None:
    assert answer(MACHINES["x86_64"], 0x4000_0000 | 39) == REFUSED_SO
