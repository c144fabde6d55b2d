"""File shares as Samba serves them in its many settings, and Samba's own answers with bytes changed."""

import asyncio
import logging
import os
import random
import struct
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from check import looking
from check.recording import recording
from check.services import flooding, saying, serving, silent
from check.visiting import facts_of, visit
from lightproof.check.detectors.smb import DETECTOR, detect
from lightproof.check.protocols.smb2 import read_entries
from lightproof.check.protocols.srvsvc import read_shares
from lightproof.check.wire import Budget
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Target
from peers.images import write_studies
from peers.samba import GUEST_SHARE, Samba

REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)
READABLE = Facts(reachable=True, open=True, listable=True, downloadable=True)
NEVER = {"map to guest": "Never", "restrict anonymous": "2"}
SMB1 = {"server min protocol": "NT1"}
ONLY_SMB1 = {"server min protocol": "NT1", "server max protocol": "NT1"}


look = partial(looking.look, detect)


async def test_images_on_a_guest_share_are_found_counted_and_not_taken(samba: Callable[..., Samba]) -> None:
    server = samba()
    studies = write_studies(server.root / "2024" / "DICOM export", 3, instances=2)
    (server.root / "read me.txt").write_text("x")
    async with recording(server.port) as record:
        seen = await look(record.port)
    assert seen.facts == READABLE
    assert seen.signals == {
        "smb-guest-session",
        "smb-share-listed",
        "smb-share-readable",
        "smb-dicom-files",
        "smb-signing-not-required",
    }
    assert seen.violation is None
    assert seen.one("smb-dicom-files").counts == {"files": 6}
    assert seen.one("smb-share-listed").counts == {"shares": 1}
    assert seen.one("smb-share-listed").details == {"shares": "IMAGES", "other_shares": 0}
    assert seen.one("smb-guest-session").product == "Samba"
    for study in studies:
        for canary in study.canaries[:3]:
            assert canary.encode() not in record.received
        assert all(canary not in repr(seen) for canary in study.canaries)


async def test_only_reading_requests_are_sent(samba: Callable[..., Samba]) -> None:
    server = samba({"IMAGES": GUEST_SHARE | {"read only": "no"}})
    write_studies(server.root, 1)
    server.root.chmod(0o777)
    before = sorted(server.root.rglob("*"))
    async with recording(server.port) as record:
        assert (await look(record.port)).facts.writable
    sent, at, commands = bytes(record.sent), 0, set[int]()
    while at < len(sent):
        message = sent[at + 4 : at + 4 + int.from_bytes(sent[at : at + 4])]
        if message.startswith(b"\xfeSMB"):
            commands.add(command := struct.unpack_from("<H", message, 12)[0])
            assert command != 5 or struct.unpack_from("<I", message, 64 + 36)[0] == 1  # CREATE: open what exists
        at += 4 + len(message)
    assert commands == {0, 1, 3, 5, 8, 11, 14}  # no WRITE (9), no SET_INFO (17)
    assert sorted(server.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("setting", "dialect"),
    [("SMB2_02", "2.0.2"), ("SMB2_10", "2.1"), ("SMB3_00", "3.0"), ("SMB3_02", "3.0.2"), ("SMB3_11", "3.1.1")],
)
async def test_every_dialect_is_spoken(samba: Callable[..., Samba], setting: str, dialect: str) -> None:
    server = samba(None, {"server min protocol": setting, "server max protocol": setting})
    write_studies(server.root, 1)
    seen = await look(server.port)
    assert seen.facts == READABLE
    assert seen.one("smb-guest-session").details["dialect"] == dialect


async def test_shares_that_demand_identity_are_not_listable(samba: Callable[..., Samba]) -> None:
    seen = await look(samba({"IMAGES": {"path": "%(root)s"}}).port)
    assert seen.facts == Facts(reachable=True, open=True, listable=False, downloadable=False, writable=False)
    assert seen.signals == {"smb-authentication-required", "smb-share-listed", "smb-signing-not-required"}
    assert seen.protections == {"authentication"}


@pytest.mark.parametrize("shares", [None, {"IMAGES": {"path": "%(root)s"}}])
async def test_a_server_that_tells_nobody_anything_is_only_reachable(
    samba: Callable[..., Samba], shares: dict[str, dict[str, str]] | None
) -> None:
    seen = await look(samba(shares, NEVER).port)
    assert seen.facts == REFUSED
    assert seen.signals == {"smb-authentication-required", "smb-signing-not-required"}


async def test_a_share_is_writable_where_the_server_grants_it(samba: Callable[..., Samba]) -> None:
    server = samba({"IMAGES": GUEST_SHARE | {"read only": "no"}})
    server.root.chmod(0o777)
    seen = await look(server.port)
    assert seen.facts == Facts(reachable=True, open=True, listable=True, writable=True)
    assert "smb-share-writable" in seen.signals


async def test_a_share_that_could_be_written_and_a_folder_that_cannot_is_not_called_writable(
    samba: Callable[..., Samba],
) -> None:
    seen = await look(samba({"IMAGES": GUEST_SHARE | {"read only": "no"}}).port)
    assert seen.facts == Facts(reachable=True, open=True, listable=True)


async def test_files_that_are_listed_and_not_given_are_not_downloadable(samba: Callable[..., Samba]) -> None:
    server = samba()
    for study in write_studies(server.root, 2):
        study.paths[0].chmod(0o600)
    seen = await look(server.port)
    assert seen.facts == Facts(reachable=True, open=True, listable=True, downloadable=False)


async def test_a_file_that_is_only_called_dicom_is_no_proof(samba: Callable[..., Samba]) -> None:
    server = samba()
    (server.root / "invoice.dcm").write_bytes(b"x" * 500)
    assert (await look(server.port)).facts.downloadable is None


async def test_one_open_share_among_closed_ones_is_found_and_names_stay_there(samba: Callable[..., Samba]) -> None:
    closed = {"path": "%(root)s"}
    server = samba({"Dr Zebulon": closed, "archive": closed, "CANARY": GUEST_SHARE, "PACS": GUEST_SHARE})
    write_studies(server.root, 1)
    seen = await look(server.port)
    assert seen.facts == READABLE
    assert seen.one("smb-share-readable").counts == {"readable_shares": 2}
    assert seen.one("smb-share-listed").details == {"shares": "archive, PACS", "other_shares": 2}
    assert "Zebulon" not in repr(seen)
    assert "CANARY" not in repr(seen)


async def test_a_big_directory_says_that_there_is_more(samba: Callable[..., Samba]) -> None:
    server = samba()
    for number in range(1_200):
        (server.root / f"{'1' * 40}{number}.dcm").write_bytes(b"")
    files = (await look(server.port)).one("smb-dicom-files")
    assert files.counts == {"files": 500}
    assert files.details == {"more_than_counted": True}


async def test_demanded_signatures_are_a_protection(samba: Callable[..., Samba]) -> None:
    seen = await look(samba(None, {"server signing": "mandatory"}).port)
    assert "smb-signing-not-required" not in seen.signals
    assert "signing" in seen.protections


async def test_demanded_encryption_keeps_nobody_out_of_everything(samba: Callable[..., Samba]) -> None:
    assert (await look(samba(None, {"server smb encrypt": "required"}).port)).facts == REFUSED


async def test_smb_1_is_told_beside_what_is_newer(samba: Callable[..., Samba]) -> None:
    server = samba(None, SMB1)
    write_studies(server.root, 1)
    seen = await look(server.port)
    assert "smb1-offered" in seen.signals
    assert seen.facts == READABLE


async def test_what_speaks_only_smb_1_is_asked_for_its_shares(
    samba: Callable[..., Samba], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = await look(samba({"Dr Zebulon": GUEST_SHARE, "IMAGES": GUEST_SHARE}, ONLY_SMB1).port)
    assert seen.signals == {"smb1-offered", "smb-guest-session", "smb-share-listed"}
    assert seen.facts == Facts(reachable=True, open=True)
    assert seen.one("smb-share-listed").counts == {"shares": 2}
    assert "Zebulon" not in caplog.text


async def test_what_speaks_only_smb_1_may_demand_identity(samba: Callable[..., Samba]) -> None:
    seen = await look(samba(None, ONLY_SMB1 | NEVER).port)
    assert seen.signals == {"smb1-offered", "smb-authentication-required"}
    assert seen.facts == REFUSED


@pytest.mark.skipif(os.geteuid() != 0, reason="port 139 is for root")
async def test_inside_a_netbios_session_it_is_the_same(samba: Callable[..., Samba]) -> None:
    server = samba()
    write_studies(server.root, 1)

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
        sink.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer_reader, peer_writer = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(copy(reader, peer_writer), copy(peer_reader, writer))

    address = f"127.139.{random.randrange(256)}.{random.randrange(1, 255)}"
    async with await asyncio.start_server(forward, address, 139):
        assert (await look(139, address=address)).facts == READABLE


def test_it_looks_where_smb_is_spoken() -> None:
    assert DETECTOR.ports == {139, 445}


@pytest.mark.parametrize("behaviour", [silent, flooding, saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), saying(b"\0\0")])
async def test_what_speaks_no_smb_ends_in_a_violation(behaviour: Callable[..., object]) -> None:
    async with serving(behaviour) as port:  # type: ignore[arg-type]
        seen = await look(port, budget=Budget(total_s=1.5))
    assert seen.observations == []
    assert seen.violation in ("smb-answer", "deadline")


Frames = list[bytes]
PENDING = bytes(4) + b"\xfeSMB" + bytes(4) + struct.pack("<I", 0x103)
"""How an SMB2 answer begins that another follows."""


@asynccontextmanager
async def listening_in(peer_port: int, kept: list[Frames]) -> AsyncGenerator[int]:
    """Stands in front of a server and keeps its answers, by connection."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames: Frames = []
        kept.append(frames)
        peer_reader, peer_writer = await asyncio.open_connection("127.0.0.1", peer_port)
        try:
            while request := await reader.read(65_536):
                peer_writer.write(request)
                frame = PENDING
                while frame[4:8] + frame[12:16] == PENDING[4:8] + PENDING[12:16]:
                    head = await peer_reader.readexactly(4)
                    frame = head + await peer_reader.readexactly(int.from_bytes(head[1:]))
                frames.append(frame)
                writer.write(frame)
        finally:
            peer_writer.transport.abort()

    async with serving(forward) as port:
        yield port


def altered(connections: Sequence[Frames], chance: random.Random) -> list[Frames]:
    """The same answers with something wrong in one of them."""
    changed = [list(frames) for frames in connections]
    frames = chance.choice([f for f in changed if f])
    number = chance.randrange(len(frames))
    frame = bytearray(frames[number])
    match chance.randrange(5):
        case 0:
            del frame[chance.randrange(4, len(frame)) :]
        case 1:
            frame += chance.randbytes(chance.randrange(1, 2_000))
        case 2:
            at = chance.randrange(4, len(frame))
            frame[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\1\0\0\0", b"\0\0\0\x80"])
        case _:
            for _ in range(chance.randrange(1, 6)):
                frame[chance.randrange(4, len(frame))] = chance.randrange(256)
    if chance.random() < 0.95:
        frame[1:4] = (len(frame) - 4).to_bytes(3)
    frames[number] = bytes(frame)
    return changed


@asynccontextmanager
async def repeating(connections: Sequence[Frames]) -> AsyncGenerator[int]:
    """Answers the n-th request of the n-th connection with what was kept."""
    waiting = list(connections)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for frame in waiting.pop(0) if waiting else []:
            if not await reader.read(65_536):
                return
            writer.write(frame)

    async with serving(behave) as port:
        yield port


@pytest.mark.parametrize("settings", [SMB1, ONLY_SMB1])
async def test_a_real_servers_answers_with_bytes_changed_end_in_observations_or_a_violation(
    samba: Callable[..., Samba], settings: dict[str, str]
) -> None:
    server = samba(None, settings)
    write_studies(server.root / "dicom", 2)
    kept: list[Frames] = []
    async with listening_in(server.port, kept) as port:
        honest = await look(port)
    assert "smb-share-listed" in honest.signals
    async with repeating(kept) as port:
        assert (await look(port)).signals == honest.signals
    chance = random.Random(20_261_123)
    told: set[str | None] = set()
    for _ in range(400):
        async with repeating(altered(kept, chance)) as port:
            try:
                seen = await look(port, budget=Budget(total_s=0.5))
            except OSError:
                told.add("OSError")
                continue
        told.add(seen.violation)
        assert len(repr(seen)) < 10_000
    assert {None, "smb-answer"} <= told


async def test_what_was_learnt_before_a_server_stops_answering_is_told(samba: Callable[..., Samba]) -> None:
    kept: list[Frames] = []
    async with listening_in(samba({"IMAGES": {"path": "%(root)s"}}).port, kept) as port:
        await look(port)
    smb1, anonymous, guest = kept
    async with repeating([smb1, anonymous, guest[:1]]) as port:
        seen = await look(port)
    assert seen.signals == {"smb-authentication-required", "smb-share-listed", "smb-signing-not-required"}
    assert seen.violation == "closed-early"
    async with repeating([smb1, anonymous[:1]]) as port:
        seen = await look(port)
    assert (seen.signals, seen.facts) == ({"smb-signing-not-required"}, Facts(reachable=True))
    assert seen.violation == "closed-early"


async def test_the_engine_sends_it_to_a_file_server_at_once(samba: Callable[..., Samba]) -> None:
    port = samba().port
    began = time.monotonic()
    seen = await visit(Target("127.0.0.1", port), detectors=(replace(DETECTOR, ports=frozenset({port})),))
    assert time.monotonic() - began < 15
    assert facts_of(seen, "smb") == Facts(reachable=True, open=True, listable=True)


def entry(name: str, onward: int) -> bytes:
    encoded = name.encode("utf-16-le")
    return struct.pack("<I36xQ8xII", onward, 7, 0, len(encoded)) + encoded


@pytest.mark.parametrize(
    "buffer",
    [
        b"",
        entry("a.dcm", 1) * 500,  # entries inside one another
        entry("a.dcm", 4_000_000_000),
        entry("a.dcm", 0)[:-1],
        entry("x" * 300, 0),
    ],
)
def test_a_hostile_directory_is_a_violation(buffer: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="smb-listing"):
        read_entries(buffer)


@pytest.mark.parametrize(
    "stub",
    [
        b"",
        struct.pack("<IIIIIII", 1, 1, 4, 4_000_000_000, 4, 4_000_000_000, 0),
        struct.pack("<IIIIII", 1, 1, 4, 1, 4, 1)
        + struct.pack("<III", 8, 0, 0)
        + struct.pack("<IIII", 9, 0, 1 << 30, 0),
        struct.pack("<IIIIII", 2, 2, 4, 1, 4, 0),
    ],
)
def test_a_hostile_list_of_shares_is_a_violation(stub: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="rpc-answer"):
        read_shares(stub)
