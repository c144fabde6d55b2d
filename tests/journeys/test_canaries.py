"""Ten thousand patients offered unasked, by every protocol, and not one in anything that a check leaves behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from check.generous_services import NAME, STUDY
from cli.running import lightproof
from journeys.exposed_practice import WORDS, Practice
from journeys.leaks import leaks, unlocked
from peers.nfs import NfsServer
from peers.processes import program

ENDINGS = (".html", ".pdf", ".json", ".ndjson", ".sarif", ".csv", ".dojo.json")
SERVICES = {
    "dicom", "dicom-tls", "dicomweb", "orthanc", "dcm4chee", "web", "http-listing", "ftp", "smb", "rsync", "webdav",
    "s3", "hl7-mllp", "upnp-igd",
}  # fmt: skip


def reports_in(folder: Path) -> list[str]:
    folder.mkdir(parents=True)
    return [argument for ending in ENDINGS for argument in ("--report", str(folder / f"report{ending}"))]


@asynccontextmanager
async def checking(
    own: Path, *arguments: str, before: tuple[str, ...] = ()
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`lightproof check ...`, with all that it writes below `own`."""
    (own / "temporary").mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(*before, sys.executable, "-m", "lightproof", "check", "--debug", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LIGHTPROOF_HOME": str(own / "home"), "TMPDIR": str(own / "temporary")},
        cwd=own,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def every_leak(own: Path, **outputs: bytes) -> list[str]:
    """Whatever a run left: its files, its ledger as strangers get it and as its owner reads it, what it printed."""
    exported = own / "exported"
    assert lightproof("ledger", "export", exported, "--with-attachments", home=own / "home").code == 0
    assert (exported / "entries.ndjson").stat().st_size
    return leaks(WORDS, [own], database=unlocked(own / "home"), **outputs)


async def finished(own: Path, process: asyncio.subprocess.Process) -> list[str]:
    """Where a run that ends by itself, with findings, left a patient."""
    out, err = await process.communicate()
    assert process.returncode == 3, err.decode()
    assert list((own / "home").glob("*.db"))
    return every_leak(own, stdout=out, stderr=err)


@pytest.mark.parametrize("options", [("--lang", "en"), ("--lang", "fr", "--count")], ids=["by default", "counting"])
async def test_ten_thousand_patients_leave_no_trace(
    options: tuple[str, ...], practice: Practice, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    reports = reports_in(own / "reports")
    async with checking(own, *practice.targets, "--box", practice.box, *options, *reports) as process:
        left = await finished(own, process)
    assert left == []
    report = json.loads((own / "reports" / "report.json").read_text())
    assert {service["service"] for service in report["services"]} >= SERVICES
    assert all(record.conversations for record in practice.recordings.values())
    assert len(list((own / "reports").iterdir())) == len(ENDINGS)
    assert list((own / "exported" / "attachments").iterdir())


async def test_a_run_that_is_killed_leaves_a_journal_without_patients(practice: Practice, tmp_path: Path) -> None:
    own, journal = tmp_path / "own", tmp_path / "own" / "run.journal"
    wanted = len(practice.targets) // 2
    told = ["--ndjson", "--box", practice.box, "--journal", str(journal)]
    async with checking(own, *practice.targets, *told) as process:
        while not journal.exists() or journal.read_bytes().count(b'"visited"') < wanted:
            assert process.returncode is None
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        out, err = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert journal.read_bytes().count(b'"signal"') >= wanted
    assert every_leak(own, stdout=out, stderr=err) == []


async def test_exports_that_are_called_after_patients_are_not_told(
    nfs_server: Callable[..., NfsServer], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    server = nfs_server({f"/srv/{NAME}": ["*"], f"/srv/{STUDY}": ["*"], "/srv/18870713": ["canary.zebulon.example"]})
    enter = (program("nsenter"), f"--net=/proc/{server.process}/ns/net")
    async with checking(own, f"{server.address}:111", *reports_in(own / "reports"), before=enter) as process:
        left = await finished(own, process)
    assert left == []
    assert '"nfs-export-everyone"' in (own / "reports" / "report.json").read_text()
