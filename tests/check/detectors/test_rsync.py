"""The rsync daemon itself, with open, protected and closed modules, and daemons in code that lie."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from check import looking
from check.recording import recording
from check.services import dripping, flooding, serving, silent
from check.visiting import facts_of, signals_of, visit
from lightproof.check.detectors.rsync import DETECTOR, detect
from lightproof.check.wire import Budget
from lightproof.evidence.records import Facts, Target
from peers.images import write_studies
from peers.rsyncd import Rsyncd

REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)
OPEN = {"path": "%(root)s"}
look = partial(looking.look, detect)


def protected(folder: Path) -> dict[str, str]:
    """A module that demands a password."""
    secrets = folder / "secrets"
    secrets.write_text("alice:a-long-password\n")
    secrets.chmod(0o600)
    return {"path": "%(root)s", "auth users": "alice", "secrets file": str(secrets)}


async def test_an_open_module_is_entered_and_its_images_are_counted(rsyncd: Callable[..., Rsyncd]) -> None:
    server = rsyncd()
    studies = write_studies(server.root / "2024" / "x", 3, instances=2)
    (server.root / ("long" * 60)).write_text("x")
    with (server.root / "large.dcm").open("wb") as large:
        large.truncate(5_000_000_000)
    async with recording(server.port) as record:
        seen = await visit(Target("127.0.0.1", record.port), detectors=(DETECTOR,))
    assert facts_of(seen, "rsync") == Facts(reachable=True, open=True, listable=True)
    assert signals_of(seen) == {"rsync-module-listed", "rsync-module-open"}
    assert seen.unchecked == ()
    told = {observation.signal: observation for observation in seen.observations}
    assert told["rsync-module-open"].counts == {"open_modules": 1, "files": 7}
    assert told["rsync-module-listed"].counts == {"modules": 1}
    assert told["rsync-module-listed"].details["shares"] == "images"
    for study in studies:
        assert all(path.name not in repr(seen) for path in study.paths)
        for canary in study.canaries[:3]:
            assert canary.encode() not in record.received


async def test_modules_behind_a_password_are_protected(rsyncd: Callable[..., Rsyncd], tmp_path: Path) -> None:
    seen = await look(rsyncd({"vault": protected(tmp_path), "dicom": protected(tmp_path)}).port)
    assert seen.facts == REFUSED
    assert seen.signals == {"rsync-module-listed", "rsync-authentication-required"}
    assert seen.protections == {"authentication"}
    assert seen.one("rsync-authentication-required").counts == {"protected_modules": 2}


async def test_one_open_module_among_protected_ones_is_open(rsyncd: Callable[..., Rsyncd], tmp_path: Path) -> None:
    seen = await look(rsyncd({"vault": protected(tmp_path), "Dr Zebulon": OPEN}).port)
    assert seen.facts == Facts(reachable=True, open=True)
    assert seen.signals == {"rsync-module-listed", "rsync-authentication-required", "rsync-module-open"}
    assert seen.protections == set()
    assert seen.one("rsync-module-listed").details == {"protocol": "32.0", "shares": "", "other_shares": 2}
    assert "Zebulon" not in repr(seen)


async def test_a_module_closed_to_our_address_is_refused(rsyncd: Callable[..., Rsyncd]) -> None:
    seen = await look(rsyncd({"images": OPEN | {"hosts deny": "*"}}).port)
    assert seen.facts == REFUSED
    assert seen.protections == set()


async def test_a_daemon_that_lists_nothing_is_only_reachable(rsyncd: Callable[..., Rsyncd]) -> None:
    seen = await look(rsyncd({"images": OPEN | {"list": "no"}}).port)
    assert seen.facts == Facts(reachable=True)
    assert seen.signals == {"rsync-nothing-listed"}


async def test_a_message_of_the_day_is_no_module(rsyncd: Callable[..., Rsyncd], tmp_path: Path) -> None:
    message = tmp_path / "motd"
    message.write_text("Welcome\n@ to the archive\n\n")
    seen = await look(rsyncd({"images": OPEN}, {"motd file": str(message)}).port)
    assert seen.one("rsync-module-listed").counts == {"modules": 1}
    assert seen.facts == Facts(reachable=True, open=True, listable=True)


async def test_a_module_with_more_than_we_read_says_so(rsyncd: Callable[..., Rsyncd]) -> None:
    server = rsyncd()
    for number in range(3_000):
        (server.root / f"{number}.dcm").touch()
    files = (await look(server.port)).one("rsync-module-open")
    assert 1_900 < files.counts["files"] <= 2_000
    assert files.details == {"more_than_counted": True}


@asynccontextmanager
async def a_daemon(*conversations: Sequence[bytes]) -> AsyncGenerator[int]:
    """Answers the n-th connection with these pieces, one before we speak and one each time we do."""
    waiting = list(conversations)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        for piece in pieces:
            writer.write(piece)
            if not await reader.read(65_536):
                return
        while await reader.read(65_536):
            pass

    async with serving(behave) as port:
        yield port


HELLO = b"@RSYNCD: 31.0 md5\n"
LIST = (HELLO, b"images\tx\n@RSYNCD: EXIT\n")


def a_message(data: bytes, tag: int = 7) -> bytes:
    return (tag << 24 | len(data)).to_bytes(4, "little") + data


@pytest.mark.parametrize(
    "listing",
    [
        a_message(b"\x20\xff\xff" + b"x" * 255),  # shares more of the name before than there is
        a_message(b"\x40" + b"\xff\xff\xff\x7f" + b"x" * 100),  # a name of 2 GB
        a_message(b"\x01\x00"),  # a name of none
        a_message(b"x", tag=1),
        b"\xff\xff\xff\xff" + b"x" * 100,  # a message of 16 MB
    ],
)
async def test_a_hostile_list_of_files_is_left(listing: bytes) -> None:
    entered = (HELLO, b"@RSYNCD: OK\n", b"seed" + listing, b"")
    async with a_daemon(LIST, entered) as port:
        seen = await look(port, budget=Budget(total_s=1))
    assert seen.violation in ("rsync-listing", "deadline")
    assert seen.facts == Facts(reachable=True, open=True)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((b"@RSYNCD: none\n",), "rsync-greeting"),
        ((b"SSH-2.0-x\n",), "rsync-greeting"),
        ((HELLO, b"m\tx\n" * 1_000), "rsync-list-too-long"),
        ((HELLO, b"x" * 5_000), "line-too-long"),
        ((HELLO, b"", b""), "deadline"),
    ],
)
async def test_a_hostile_daemon_is_left(answers: Sequence[bytes], reason: str) -> None:
    async with a_daemon(answers) as port:
        seen = await look(port, budget=Budget(total_s=1))
    assert (seen.observations, seen.violation) == ([], reason)


@pytest.mark.parametrize("behaviour", [silent, flooding, dripping(b"@RSYNCD: 31.0")])
async def test_what_never_ends_is_left(behaviour: Callable[..., object]) -> None:
    async with serving(behaviour) as port:  # type: ignore[arg-type]
        seen = await look(port, budget=Budget(total_s=1))
    assert seen.observations == []
    assert seen.violation in ("deadline", "rsync-greeting", "line-too-long")


async def test_random_lists_of_files_end_in_observations_or_a_violation() -> None:
    chance = random.Random(20_261_123)
    for _ in range(200):
        listing = b"".join(a_message(chance.randbytes(chance.randrange(1, 60))) for _ in range(8))
        async with a_daemon(LIST, (HELLO, b"@RSYNCD: OK\n", b"seed" + listing + b"\0" * 8, b"")) as port:
            seen = await look(port, budget=Budget(total_s=0.05))
        assert seen.violation in (None, "rsync-listing", "deadline")
