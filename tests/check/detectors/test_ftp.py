"""FTP as vsftpd and aioftp serve it, and servers in code for what these would never do."""

import asyncio
import ftplib
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import aioftp
import pytest
import trustme

from check.looking import look
from check.recording import recording
from check.services import dripping, serving
from check.visiting import facts_of, signals_of, visit
from lightproof.check.detectors import ftp as detector
from lightproof.check.engine import Visit
from lightproof.check.protocols.ftp import Entry, read_entry
from lightproof.check.wire import Budget
from lightproof.evidence.records import Facts, Target
from peers.certificates import Certificates
from peers.images import Study, write_studies
from peers.processes import free_port
from peers.vsftpd import Vsftpd

DETECTORS = (detector.DETECTOR,)
REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)
LISTABLE = Facts(reachable=True, open=True, listable=True)


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


def named_nowhere(seen: Visit, studies: tuple[Study, ...]) -> bool:
    told = repr([asdict(observation) for observation in seen.observations])
    return all(
        path.name not in told and canary not in told for s in studies for path in s.paths for canary in s.canaries
    )


async def test_images_on_an_anonymous_vsftpd_are_found_counted_and_not_taken(vsftpd: Callable[..., Vsftpd]) -> None:
    server = vsftpd()
    studies = write_studies(server.root / "backup" / "PACS 2024" / "x", 3, instances=2)
    (server.root / "music").mkdir()
    async with recording(server.port) as record:
        seen = await visit(at(record.port), detectors=DETECTORS)
    assert facts_of(seen, "ftp") == LISTABLE
    assert signals_of(seen) == {"ftp-anonymous", "ftp-dicom-files", "ftp-file-readable", "ftp-clear-text"}
    assert seen.unchecked == ()
    files = next(o for o in seen.observations if o.signal == "ftp-dicom-files")
    assert files.counts == {"files": 6}
    assert files.details == {}
    assert (seen.observations[0].product, seen.observations[0].version) == ("vsFTPd", "3.0.3")
    assert named_nowhere(seen, studies)
    for command in (b"STOR", b"STOU", b"APPE", b"DELE", b"MKD", b"RNFR", b"SITE", b"PORT"):
        assert command not in record.sent


async def test_the_proof_takes_no_byte_of_an_image(vsftpd: Callable[..., Vsftpd], tmp_path: Path) -> None:
    transfers = tmp_path / "transfers.log"
    server = vsftpd({"xferlog_enable": "YES", "xferlog_std_format": "YES", "xferlog_file": str(transfers)})
    write_studies(server.root, 1)
    assert "ftp-file-readable" in signals_of(await visit(at(server.port), detectors=DETECTORS))
    logged = transfers.read_text().split()
    assert logged[7] == "0"  # bytes, as xferlog(5) counts them
    assert logged[11] == "o"


async def test_a_vsftpd_without_images_is_listable(vsftpd: Callable[..., Vsftpd]) -> None:
    server = vsftpd()
    (server.root / "holiday.jpg").write_bytes(b"x")
    seen = await visit(at(server.port), detectors=DETECTORS)
    assert facts_of(seen, "ftp") == Facts(reachable=True, open=True, listable=True)
    assert signals_of(seen) == {"ftp-anonymous", "ftp-clear-text"}


async def test_a_vsftpd_that_demands_identity_is_only_reachable(vsftpd: Callable[..., Vsftpd]) -> None:
    server = vsftpd({"anonymous_enable": "NO", "local_enable": "YES"})
    write_studies(server.root, 1)
    seen = await visit(at(server.port), detectors=DETECTORS)
    assert facts_of(seen, "ftp") == REFUSED
    assert signals_of(seen) == {"ftp-authentication-required", "ftp-clear-text"}
    assert seen.observations[0].protections == ("authentication",)


async def test_files_that_vsftpd_lists_and_does_not_give_are_not_downloadable(vsftpd: Callable[..., Vsftpd]) -> None:
    server = vsftpd()
    for study in write_studies(server.root, 2):
        study.paths[0].chmod(0o600)
    seen = await visit(at(server.port), detectors=DETECTORS)
    assert facts_of(seen, "ftp") == Facts(reachable=True, open=True, listable=True, downloadable=False)
    assert "ftp-file-readable" not in signals_of(seen)


async def test_offered_encryption_is_no_clear_text(vsftpd: Callable[..., Vsftpd], certificates: Certificates) -> None:
    seen = await visit(at(vsftpd(certificates=certificates).port), detectors=DETECTORS)
    assert signals_of(seen) == {"ftp-anonymous"}


async def test_a_demand_for_encryption_does_not_keep_strangers_out(
    vsftpd: Callable[..., Vsftpd], certificates: Certificates
) -> None:
    server = vsftpd({"allow_anon_ssl": "YES", "force_anon_logins_ssl": "YES"}, certificates=certificates)
    seen = await visit(at(server.port), detectors=DETECTORS)
    assert signals_of(seen) == {"ftp-anonymous"}
    assert facts_of(seen, "ftp") == Facts(reachable=True, open=True)
    assert seen.observations[0].protections == ("tls",)


async def test_encryption_and_identity_may_both_be_demanded() -> None:
    key = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key.configure_cert(context)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 FTP\r\n")
        secure = False
        while line := await reader.readline():
            match line.split()[0]:
                case b"AUTH":
                    writer.write(b"234 Go on\r\n")
                    await writer.start_tls(context)
                    secure = True
                case b"USER":
                    writer.write(b"530 Not logged in\r\n" if secure else b"530 Use TLS first\r\n")
                case _:
                    writer.write(b"502 No\r\n")

    async with serving(behave) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert signals_of(seen) == {"ftp-authentication-required"}
    assert facts_of(seen, "ftp") == REFUSED
    assert seen.observations[0].protections == ("authentication", "tls")
    assert seen.unchecked == ()


async def test_inside_tls_it_is_told_who_may_enter(vsftpd: Callable[..., Vsftpd], certificates: Certificates) -> None:
    server = vsftpd({"implicit_ssl": "YES", "allow_anon_ssl": "YES"}, certificates=certificates)
    seen = await look(detector.detect, server.port, tls=True)
    assert seen.facts == Facts(reachable=True, open=True)
    assert seen.signals == {"ftp-anonymous"}
    assert seen.protections == {"tls"}


async def test_a_vsftpd_in_tls_from_the_first_byte_is_found_and_graded(
    vsftpd: Callable[..., Vsftpd], certificates: Certificates
) -> None:
    server = vsftpd({"implicit_ssl": "YES", "allow_anon_ssl": "YES"}, certificates=certificates)
    seen = await visit(at(server.port), detectors=DETECTORS)
    assert signals_of(seen) == {"ftp-anonymous"}
    assert facts_of(seen, "ftp") == Facts(reachable=True, open=True)
    assert seen.observations[0].protections == ("tls",)


async def test_a_vsftpd_that_does_not_name_itself_is_found_and_graded(vsftpd: Callable[..., Vsftpd]) -> None:
    seen = await visit(at(vsftpd({"ftpd_banner": "Welcome"}).port), detectors=DETECTORS)
    assert signals_of(seen) == {"ftp-anonymous", "ftp-clear-text"}


async def test_a_small_server_without_feat_and_size_is_walked(tmp_path: Path) -> None:
    write_studies(tmp_path / "dicom" / "2024", 2)
    port = free_port()
    server = aioftp.Server(users=[aioftp.User(base_path=tmp_path)])
    await server.start("127.0.0.1", port)
    try:
        seen = await look(detector.detect, port)
    finally:
        await server.close()
    assert seen.facts == LISTABLE
    assert seen.signals == {"ftp-anonymous", "ftp-dicom-files", "ftp-file-readable", "ftp-clear-text"}


async def test_a_longer_listing_than_we_read_says_that_there_is_more(vsftpd: Callable[..., Vsftpd]) -> None:
    server = vsftpd()
    for number in range(2_500):
        (server.root / f"{'1' * 60}{number}.dcm").write_bytes(b"")
    seen = await visit(at(server.port), detectors=DETECTORS)
    files = next(o for o in seen.observations if o.signal == "ftp-dicom-files")
    assert 500 < files.counts["files"] < 2_500
    assert files.details == {"more_than_counted": True}
    assert "ftp-file-readable" in signals_of(seen)
    assert seen.unchecked == ()


@asynccontextmanager
async def a_server(
    *, features: str = "", passive: str | None = None, listing: bytes = b"", ignores_rest: bool = False, **replies: str
) -> AsyncGenerator[tuple[int, list[str]]]:
    """A scripted FTP server, and the commands it was sent. `replies` replace what it says to a command."""
    commands: list[str] = []
    content = b"\0" * 128 + b"DICM" + b"CANARY^ZEBULON" * 1_000

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transfers: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

        async def transfer(_: asyncio.StreamReader, data: asyncio.StreamWriter) -> None:
            transfers.put_nowait(data)

        data_server = await asyncio.start_server(transfer, "127.0.0.1", 0)
        port = data_server.sockets[0].getsockname()[1]
        own = {
            "USER": "230 in",
            "FEAT": f"211-Features\r\n{features} EPSV\r\n211 End",
            "EPSV": f"229 (|||{port}|)" if passive is None else "500 no",
            "PASV": f"227 ({passive})",
            "PWD": '257 "/"',
            "TYPE": "200 ok",
            "REST": "350 ok",
        }
        offset = 0
        writer.write(b"220 scripted FTP\r\n")
        while line := (await reader.readline()).decode().strip():
            commands.append(line)
            word = line.split()[0]
            if word in replies:
                writer.write(replies[word].encode() + b"\r\n")
            elif word in ("LIST", "MLSD", "RETR"):
                writer.write(b"150 here\r\n")
                data = await transfers.get()
                data.write(listing if word != "RETR" else content[0 if ignores_rest else offset :])
                data.close()
                writer.write(b"226 done\r\n")
            else:
                offset = int(line.split()[1]) if word == "REST" else offset
                writer.write(own.get(word, "502 no").encode() + b"\r\n")

    async with serving(converse) as port:
        yield port, commands


UNIX_LISTING = b"-rw-r--r-- 1 0 0 14132 Jan 01 10:00 CANARY_ZEBULON.dcm\r\n"


async def test_pasv_to_another_host_stays_at_the_target() -> None:
    visitors = 0

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visitors
        visitors += 1
        writer.write(UNIX_LISTING)
        writer.close()

    lure = await asyncio.start_server(elsewhere, "127.66.0.1", 0)
    port = lure.sockets[0].getsockname()[1]
    async with lure, a_server(passive=f"127,66,0,1,{port >> 8},{port & 255}") as (control, commands):
        seen = await visit(at(control), detectors=DETECTORS)
    assert visitors == 0
    assert "PASV" in commands
    assert "ftp-dicom-files" not in signals_of(seen)
    assert [entry.reason for entry in seen.unchecked] == ["connection-refused"]


@pytest.mark.parametrize("offered", ["127,0,0,1,0,25", "127,0,0,1,999,999", "127.0.0.1:9999", "", "1,2"])
async def test_a_data_port_that_is_none_of_ours_is_not_visited(offered: str) -> None:
    async with a_server(passive=offered) as (control, commands):
        seen = await visit(at(control), detectors=DETECTORS)
    assert "LIST" not in commands
    assert facts_of(seen, "ftp") == Facts(reachable=True, open=True)
    assert seen.unchecked == ()


@pytest.mark.parametrize(("perm", "writable"), [("flcdmpe", True), ("adfrw", True), ("el", None)])
async def test_what_mlst_says_about_writing_is_believed_and_never_tried(perm: str, writable: bool | None) -> None:
    told = f"250-Listing\r\n Type=cdir;Perm={perm}; /\r\n250 End"
    async with a_server(features=" MLST type*;perm*;size*;\r\n", MLST=told) as (control, commands):
        seen = await visit(at(control), detectors=DETECTORS)
    assert facts_of(seen, "ftp").writable is writable
    assert ("ftp-writable" in signals_of(seen)) is bool(writable)
    assert not {command.split()[0] for command in commands} & {"STOR", "STOU", "APPE", "MKD"}


async def test_mlsd_is_read_where_it_is_offered() -> None:
    listing = b"type=cdir;perm=el; .\r\ntype=file;size=14132;perm=r; CANARY ZEBULON.dcm\r\ntype=dir; sub\r\nnoise\r\n"
    async with a_server(features=" MLST type*;\r\n", listing=listing, CWD="550 no") as (control, commands):
        seen = await visit(at(control), detectors=DETECTORS)
    assert "MLSD" in commands
    assert "RETR CANARY ZEBULON.dcm" in commands
    assert facts_of(seen, "ftp") == LISTABLE
    assert "CANARY" not in repr(seen)


async def test_a_server_that_sends_the_image_all_the_same_is_left() -> None:
    async with a_server(listing=UNIX_LISTING, ignores_rest=True) as (control, _):
        seen = await visit(at(control), detectors=DETECTORS)
    assert "ftp-file-readable" not in signals_of(seen)
    assert "CANARY" not in repr(seen)


async def test_a_server_that_hangs_up_once_we_are_in_is_open_all_the_same() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 FTP server\r\n")
        for answer in (b"530 sign in first\r\n", b"230 come in\r\n"):
            await reader.readline()
            writer.write(answer)
        await reader.readline()

    async with serving(behave) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "ftp") == Facts(reachable=True, open=True)
    assert [entry.reason for entry in seen.unchecked] == ["closed-early"]


@pytest.mark.parametrize("greeting", ["421 full", "120 later", "530 go away"])
async def test_a_server_without_a_place_for_us_is_unchecked(greeting: str) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{greeting}\r\n".encode())
        await reader.read(100)

    async with serving(behave) as port:
        seen = await look(detector.detect, port)
    assert (seen.observations, seen.violation) == ([], "service-unavailable")


async def test_a_full_server_on_a_port_of_ftp_is_unchecked_though_nothing_names_its_protocol() -> None:
    async def full_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 Too many connections from your address.\r\n")
        await reader.read(100)

    async with serving(full_up, address="127.88.21.1", port=2121), serving(full_up, address="127.88.21.1") as other:
        full = await visit(Target("127.88.21.1", 2121))
        mail = await visit(Target("127.88.21.1", other))
    assert [(entry.detector, entry.reason) for entry in full.unchecked] == [("ftp", "service-unavailable")]
    assert mail.unchecked == ()


@pytest.mark.parametrize(
    "listing",
    [
        b"-rw-r--r-- 1 0 0 9 Jan 01 10:00 " + b"x" * 100_000 + b".dcm\r\n",
        b"drwxr-xr-x 1 0 0 9 Jan 01 10:00 dicom\r\n" * 20_000,
        b"\xff\x00\x1b[31m;DELE x.dcm\n" * 1_000,
        b"drwxr-xr-x 1 0 0 9 Jan 01 10:00 a\rDELE b\r\ndrwxr-xr-x 1 0 0 9 Jan 01 10:00 ..\r\n",
        b"\n" * 200_000,
    ],
)
async def test_a_hostile_listing_ends_in_few_commands(listing: bytes) -> None:
    async with a_server(listing=listing, CWD="250 ok", NOOP="200 ok") as (control, commands):
        seen = await visit(at(control), detectors=DETECTORS, budget=Budget(total_s=5))
    assert len(commands) < 40
    assert not any(command.startswith("DELE") for command in commands)
    assert all(entry.reason in ("byte-budget", "connection-reset", "closed-early") for entry in seen.unchecked)
    assert len(repr(seen)) < 10_000


async def endless_reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 FTP\r\n")
    while True:
        writer.write(b"211-and more\r\n" * 64)
        await writer.drain()


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (dripping(b"220-FTP welcome\r\n"), "deadline"),
        (dripping(b"220-FTP\r\n", every_s=0), "ftp-reply-too-long"),
        (dripping(b"220 FTP " + b"y" * 10_000, every_s=0), "line-too-long"),
        (endless_reply, "ftp-reply-too-long"),
    ],
)
async def test_a_greeting_without_end_is_left(
    behaviour: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object], reason: str
) -> None:
    async with serving(behaviour) as port:  # type: ignore[arg-type]
        began = time.monotonic()
        seen = await look(detector.detect, port, budget=Budget(total_s=1.5))
    assert (seen.observations, seen.violation) == ([], reason)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("-rw-r--r--    1 0        0             970 Nov 23 17:51 a b.dcm", Entry("a b.dcm", False, 970)),
        ("drwxr-xr-x 2 ftp ftp 4096 Jan  3  2019 PACS", Entry("PACS", True, 4096)),
        ("drwxr-xr-x   3 owner 512 Jan  3 2019 sub", Entry("sub", True, 512)),
        ("11-23-26  05:51PM       <DIR>          images", Entry("images", True, None)),
        ("11-23-2026  17:51              1234 IM0001", Entry("IM0001", False, 1234)),
        ("lrwxrwxrwx 1 0 0 9 Jan 01 10:00 a -> /etc", None),
        ("total 12", None),
        ("", None),
    ],
)
def test_lists_of_unix_and_windows_servers_are_read(line: str, entry: Entry | None) -> None:
    assert read_entry(line, facts=False) == entry


def test_python_s_own_client_sees_what_we_see(tmp_path: Path, vsftpd: Callable[..., Vsftpd]) -> None:
    server = vsftpd()
    write_studies(server.root, 2)
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", server.port)
        client.login()
        lines: list[str] = []
        client.retrlines("LIST", lines.append)
        entries = [read_entry(line, facts=False) for line in lines]
        assert {entry.name: entry.size_bytes for entry in entries if entry} == {
            n: client.size(n) for n in client.nlst()
        }
