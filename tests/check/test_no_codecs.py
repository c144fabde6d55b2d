"""A check decodes no pixels: nothing that could is ever loaded into its process, whatever it meets and reports."""

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from check.imports_made import audited, imported, mapped
from journeys.exposed_practice import exposed_practice
from peers.certificates import Certificates

CODECS = {
    "PIL", "numpy", "gdcm", "python_gdcm", "pydicom", "pynetdicom", "openjpeg", "pylibjpeg", "libjpeg", "rle",
    "jpeg_ls", "cv2", "imagecodecs", "imageio", "SimpleITK", "skimage", "highdicom",
}  # fmt: skip
LIBRARIES = ("libjpeg", "libopenjp2", "libgdcm", "libcharls", "libdcm", "libpng", "libtiff", "libwebp", "liblcms")


def loads(folder: Path) -> tuple[set[str], set[str]]:
    """The codecs among what was imported, and among what was mapped."""
    return imported(folder) & CODECS, {name for name in mapped(folder) if name.startswith(LIBRARIES)}


async def test_no_codec_is_loaded_by_a_check_of_everything_and_its_reports(
    tmp_path: Path, certificates: Certificates
) -> None:
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("file servers start as root only")
    (tmp_path / "peers").mkdir()
    audit = tmp_path / "audit"
    endings = (".html", ".pdf", ".json", ".ndjson", ".sarif", ".csv", ".dojo.json")
    reports = [word for ending in endings for word in ("--report", str(tmp_path / f"report{ending}"))]
    async with exposed_practice(tmp_path / "peers", certificates) as practice:
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "lightproof",
                "check",
                *practice.targets,
                "--box",
                practice.box,
                "--count",
                *reports,
            ),
            env={**audited(audit), "LIGHTPROOF_HOME": str(tmp_path / "home")},
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await process.wait() == 3
    assert loads(audit) == (set(), set())
    # It did tell what was loaded.
    assert {"h11", "typst", "lightproof", "cryptography"} <= imported(audit)
    assert any(name.startswith("libssl") for name in mapped(audit))


@pytest.mark.parametrize("codec", sorted(name for name in CODECS if importlib.util.find_spec(name)))
def test_a_codec_that_is_loaded_anywhere_below_is_told(codec: str, tmp_path: Path) -> None:
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'import {codec}'], check=True)"
    subprocess.run([sys.executable, "-c", program], env=audited(tmp_path), check=True)
    assert codec in loads(tmp_path)[0]
