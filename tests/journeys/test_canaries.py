"""Ten thousand patients offered unasked, and not one in anything that a check leaves behind."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from check.generous_services import STUDY, generous_archive
from check.services import serving


@pytest.mark.parametrize("options", [(), ("--count",)], ids=["by default", "counting"])
async def test_ten_thousand_patients_leave_no_trace(options: tuple[str, ...], tmp_path: Path) -> None:
    endings = (".html", ".pdf", ".json", ".ndjson", ".sarif", ".csv", ".dojo.json")
    reports = [argument for ending in endings for argument in ("--report", str(tmp_path / f"report{ending}"))]
    async with serving(generous_archive) as port:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lightproof", "check", f"127.0.0.1:{port}", "--debug", *options, *reports),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LIGHTPROOF_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        )
        out, err = await process.communicate()
    assert process.returncode == 3, err.decode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= len(endings)
    everything = b"\n".join([out, err, *(path.read_bytes() for path in files), *(str(p).encode() for p in files)])
    for canary in (b"CANARY", b"ZEBULON", b"18870713", STUDY.encode()):
        assert canary not in everything
