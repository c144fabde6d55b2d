"""The doctor's own way: `lightproof check` and nothing else, on the machine that holds the images, behind its box.

The network is the test's own: the machine's way out leads to a real internet box (miniupnpd), and no further.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from peers.miniupnpd import InternetBox
from peers.orthanc import debian_settings
from peers.processes import program

MACHINE = "192.168.77.20"
PORT = 11112
READY_S = 30


@contextmanager
def a_machine_behind(box: InternetBox) -> Iterator[tuple[str, ...]]:
    """A network of one machine whose default route leads to the box; gives the words that run a command there."""
    own = Path("/proc/self/ns/net").readlink()
    with subprocess.Popen([program("unshare"), "--net", "sleep", "3600"]) as holder:
        try:
            while (there := Path(f"/proc/{holder.pid}/ns/net")).readlink() == own:
                time.sleep(0.01)
            to_the_box = (program("nsenter"), f"--net=/proc/{box.process}/ns/net")
            to_the_machine = (program("nsenter"), f"--net={there}")
            ip = program("ip")
            subprocess.run([*to_the_box, ip, "link", "set", "inside-end", "netns", str(holder.pid)], check=True)
            for words in (
                ("link", "set", "lo", "up"),
                ("address", "add", f"{MACHINE}/24", "dev", "inside-end"),
                ("link", "set", "inside-end", "up"),
                ("route", "add", "default", "via", box.address),
            ):
                subprocess.run([*to_the_machine, ip, *words], check=True)
            yield to_the_machine
        finally:
            holder.kill()


@contextmanager
def an_archive(there: Sequence[str], folder: Path) -> Iterator[None]:
    """Orthanc on every address of that machine, whose queries anyone may run."""
    log, settings = folder / "orthanc.log", folder / "orthanc.json"
    settings.write_text(
        json.dumps(
            {
                **debian_settings(),
                "Plugins": [],
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "storage"),
                "HttpServerEnabled": False,
                "DicomPort": PORT,
                "DicomAlwaysAllowFind": True,
            }
        )
    )
    with log.open("wb") as output, subprocess.Popen(
        [*there, program("Orthanc"), str(settings)], stdout=output, stderr=output, stdin=subprocess.DEVNULL
    ) as archive:  # fmt: skip
        try:
            deadline = time.monotonic() + READY_S
            while "DICOM server listening" not in (said := log.read_text(errors="replace")):
                assert archive.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.1)
            yield
        finally:
            archive.kill()


def test_a_check_without_a_word_finds_the_archive_its_program_and_the_forward_that_leads_to_it(
    internet_box: Callable[..., InternetBox], tmp_path: Path
) -> None:
    box = internet_box([], ["-z", "Livebox 5"])
    box.forward(104, MACHINE, PORT, label="PACS")
    with a_machine_behind(box) as there, an_archive(there, tmp_path):
        around = {**os.environ, "LIGHTPROOF_HOME": str(tmp_path / "home"), "LIGHTPROOF_LANG": "en"}
        command = [*there, sys.executable, "-m", "lightproof", "check", "--json"]
        ran = subprocess.run(command, capture_output=True, env=around, timeout=100)
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["letter"], report["scope"]["basis"], report["unchecked"]) == (3, "F", "own", [])
    found = {service["service"]: service for service in report["services"]}
    assert found.keys() == {"dicom", "upnp-igd", "nat-pmp", "pcp"}
    archive = found["dicom"]
    assert (archive["address"], archive["port"], archive["process"]) == (MACHINE, PORT, "Orthanc")
    assert (archive["grade"], archive["vantage"], archive["outside_ports"]) == ("listable", "internet", [104])
    assert found["upnp-igd"]["product"] == "Livebox 5"
    leading = next(finding for finding in report["findings"] if finding["rule"] == "box-port-leads-to-exposed")
    assert f"tcp 104 -> {MACHINE}:{PORT}" in leading["evidence"]
    assert any("Livebox" in step for step in report["rules"][leading["rule"]]["texts"]["fr"]["remedy"])
