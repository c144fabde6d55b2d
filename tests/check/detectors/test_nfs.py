"""rpcbind and rpc.mountd as Linux serves them, and mount services in code that lie."""

import asyncio
import random
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from check import looking
from check.services import Behaviour, dripping, flooding, saying, serving, silent
from check.visiting import facts_of, signals_of, visit
from lightproof.check.detectors.nfs import DETECTOR, detect, is_everybody
from lightproof.check.wire import Budget
from lightproof.evidence.records import Facts, Target
from peers.nfs import NfsServer

look = partial(looking.look, detect)


def test_an_export_to_everybody_is_open(nfs_server: Callable[..., NfsServer]) -> None:
    server = nfs_server({"/volume1/dicom": ["*"], "/srv/Zebulon": ["192.168.1.0/24", "@staff"], "/srv/a": ["10.1.1.1"]})
    seen = server.inside(lambda: visit(Target(server.address, 111), detectors=(DETECTOR,)))
    assert facts_of(seen, "nfs") == Facts(reachable=True, open=True)
    assert signals_of(seen) == {"nfs-export-listed", "nfs-export-everyone"}
    assert seen.unchecked == ()
    told = {observation.signal: observation for observation in seen.observations}
    assert told["nfs-export-listed"].counts == {"exports": 3}
    assert told["nfs-export-everyone"].counts == {"open_exports": 1}
    assert told["nfs-export-everyone"].details == {"mount_port": 20048}
    assert told["nfs-export-listed"].details == {"shares": "dicom", "other_shares": 2, "mount_port": 20048}
    assert "Zebulon" not in repr(seen)


def test_exports_to_known_machines_are_only_listed(nfs_server: Callable[..., NfsServer]) -> None:
    server = nfs_server({"/srv/images": ["192.168.1.0/24", "10.0.0.7"]})
    seen = server.inside(lambda: look(111))
    assert seen.facts == Facts(reachable=True)
    assert seen.signals == {"nfs-export-listed"}


def test_a_server_that_exports_nothing_is_only_reachable(nfs_server: Callable[..., NfsServer]) -> None:
    seen = nfs_server().inside(lambda: look(111))
    assert seen.facts == Facts(reachable=True)
    assert seen.signals == {"nfs-nothing-exported"}


def test_a_portmapper_alone_is_no_nfs_server(nfs_server: Callable[..., NfsServer]) -> None:
    seen = nfs_server(None, "rpcbind").inside(lambda: look(111))
    assert seen.signals == {"rpcbind-listening"}
    assert seen.observations[0].service == "rpcbind"


@pytest.mark.parametrize(
    ("groups", "everybody"),
    [
        ((), True),
        (("*",), True),
        (("192.168.1.7", "*"), True),
        (("0.0.0.0/0",), True),
        (("10.0.0.0/255.0.0.0",), True),
        (("172.16.0.0/16",), True),
        (("::/0",), True),
        (("(everyone)",), True),
        (("192.168.1.0/24",), False),
        (("fd00::/64",), False),
        (("@staff", "*.practice.example", "host"), False),
    ],
)
def test_everybody_is_nobody_named_a_star_or_a_broad_network(groups: tuple[str, ...], everybody: bool) -> None:
    assert is_everybody(groups) is everybody


def reply(results: bytes, *, number: int = 1, accepted: int = 0, verifier: bytes = bytes(8), status: int = 0) -> bytes:
    body = struct.pack(">III", number, 1, accepted) + verifier + struct.pack(">I", status) + results
    return struct.pack(">I", 0x8000_0000 | len(body)) + body


@asynccontextmanager
async def a_mount_service(answer: bytes) -> AsyncGenerator[int]:
    """A portmapper that leads to a mount service, which says `answer`."""
    async with serving(saying(answer)) as mount:
        async with serving(saying(reply(struct.pack(">I", mount)))) as port:
            yield port


def xdr(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text + bytes(-len(text) % 4)


ONE_EXPORT = struct.pack(">I", 1) + xdr(b"/srv") + struct.pack(">I", 1) + xdr(b"*") + struct.pack(">II", 0, 0)


async def test_an_answer_in_many_fragments_is_one_answer() -> None:
    whole = reply(ONE_EXPORT)[4:]
    pieces = [struct.pack(">I", 1) + whole[at : at + 1] for at in range(len(whole) - 10)]
    rest = whole[len(whole) - 10 :]
    async with a_mount_service(b"".join(pieces) + struct.pack(">I", 0x8000_0000 | len(rest)) + rest) as port:
        assert (await look(port)).signals == {"nfs-export-listed", "nfs-export-everyone"}


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xff\xff\xff" + bytes(100),  # a record of 2 GB
        struct.pack(">I", 0) * 100_000,  # fragments without end
        reply(ONE_EXPORT, number=7),
        reply(struct.pack(">II", 1, 4_000_000_000)),  # a path of 4 GB
        reply((struct.pack(">I", 1) + xdr(b"/a") + bytes(4)) * 1_000),  # exports without end
        reply(struct.pack(">I", 1) + xdr(b"/a") + (struct.pack(">I", 1) + xdr(b"")) * 5_000),  # groups without end
        reply(b"", verifier=struct.pack(">II", 0, 0xFFFF_FFFF)),
        b"\x80\0\0\0",
    ],
)
async def test_a_hostile_answer_is_a_violation(answer: bytes) -> None:
    async with a_mount_service(answer) as port:
        seen = await look(port, budget=Budget(total_s=1))
    assert (seen.observations, seen.violation) == ([], "rpc-answer")


@pytest.mark.parametrize("refusal", [reply(b"", accepted=1), reply(b"", status=1)])
async def test_a_mount_service_that_tells_nothing_is_only_reachable(refusal: bytes) -> None:
    async with a_mount_service(refusal) as port:
        seen = await look(port)
    assert seen.facts == Facts(reachable=True)
    assert seen.signals == {"nfs-exports-refused"}


@pytest.mark.parametrize("port_told", [0, 22, 70_000, 0xFFFF_FFFF])
async def test_a_port_that_no_mount_service_has_is_not_visited(port_told: int) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(1_000):
            writer.write(reply(struct.pack(">I", port_told), number=struct.unpack_from(">I", request, 4)[0]))

    async with serving(behave) as port:
        assert (await look(port)).signals == {"rpcbind-listening"}


@pytest.mark.parametrize("behaviour", [silent, flooding, dripping(b"\x80\0\0\x1c")])
async def test_what_never_ends_is_left(behaviour: Callable[..., object]) -> None:
    async with serving(behaviour) as port:  # type: ignore[arg-type]
        seen = await look(port, budget=Budget(total_s=1))
    assert seen.observations == []
    assert seen.violation in ("deadline", "rpc-answer")


async def test_changed_answers_end_in_observations_or_a_violation() -> None:
    chance = random.Random(20_261_123)
    for _ in range(200):
        answer = bytearray(reply(ONE_EXPORT))
        for _ in range(chance.randrange(1, 5)):
            answer[chance.randrange(len(answer))] = chance.randrange(256)
        async with a_mount_service(bytes(answer)) as port:
            seen = await look(port, budget=Budget(total_s=0.1))
        assert seen.violation in (None, "rpc-answer", "deadline")


def test_the_port_of_the_mount_service_tells_what_is_exported(nfs_server: Callable[..., NfsServer]) -> None:
    server = nfs_server({"/volume1/dicom": ["*"]})
    seen = server.inside(lambda: visit(Target(server.address, 20_048), detectors=(DETECTOR,)))
    assert signals_of(seen) == {"nfs-export-listed", "nfs-export-everyone"}
    assert seen.unchecked == ()


def rpc_service(*served: tuple[int, int], results: bytes = b"") -> Behaviour:
    """Takes calls of these programs and versions, and answers each but NULL with `results`."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4)) & 0x7FFF_FFFF
            number, _, _, program, version, procedure = struct.unpack_from(">6I", await reader.readexactly(length))
            known = (program, version) in served
            writer.write(reply(results if known and procedure else b"", number=number, status=0 if known else 1))

    return behave


A_MACHINE = "127.49.0.1"
"""Nothing of another test listens here, whichever port is asked."""


@pytest.mark.parametrize("version", [3, 4])
async def test_an_nfs_server_without_its_helpers_is_reachable_and_its_exports_are_unknown(version: int) -> None:
    async with serving(rpc_service((100_003, version)), address=A_MACHINE, port=2049):
        seen = await visit(Target(A_MACHINE, 2049), detectors=(DETECTOR,))
    assert facts_of(seen, "nfs") == Facts(reachable=True)
    assert signals_of(seen) == {"nfs-listening"}
    assert [(entry.detector, entry.reason) for entry in seen.unchecked] == [("nfs", "exports-unknown")]


async def test_an_nfs_server_is_as_open_as_the_mount_service_beside_it_says() -> None:
    async with (
        serving(rpc_service((100_003, 3)), address=A_MACHINE, port=2049),
        serving(rpc_service((100_005, 3), results=ONE_EXPORT), address=A_MACHINE, port=20_048),
    ):
        seen = await visit(Target(A_MACHINE, 2049), detectors=(DETECTOR,))
        alone = await visit(Target(A_MACHINE, 20_048), detectors=(DETECTOR,))
    for told in (seen, alone):
        assert facts_of(told, "nfs") == Facts(reachable=True, open=True)
        assert told.unchecked == ()


@pytest.mark.parametrize("port", [2049, 20_048])
async def test_another_service_on_a_port_of_nfs_is_none(port: int) -> None:
    async with serving(rpc_service((100_021, 4)), address=A_MACHINE, port=port):
        assert (await look(port, address=A_MACHINE)).signals == set()
    async with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), address=A_MACHINE, port=port):
        assert (await look(port, address=A_MACHINE)).signals == set()
