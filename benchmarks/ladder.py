"""The whole DICOM ladder in one association: bytes out and in at real archives, and no value of a patient among them.

A recording proxy stands in front of each archive, which holds images, and keeps every byte of both directions. Besides
the four ladders, every default mode (every detector, a called AE title that was told, an archive's web services,
servers that send 10,000 patients unasked) is looked through for values of (0010,xxxx), in binary, JSON and XML.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from measuring import table, write

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from check.generous_services import generous_archive, generous_web
from check.recording import bytes_read, patient_values, recording
from check.services import Behaviour, serving
from check.visiting import visit
from lightproof.check.consent import Consent
from lightproof.check.detectors.dicom import detect
from lightproof.check.wire import Wire
from lightproof.evidence.records import Target
from peers.certificates import make_certificates
from peers.starts import Ground, Start, dcmqrscp, orthanc, pynetdicom, storescp

MOST_OUT = 1_100
MOST_IN = 800
RUNS = 15
TOLD = Consent(called_aes=("COMMON",))

ARCHIVES: tuple[tuple[str, Start, str], ...] = (
    ("Orthanc", orthanc("dicom", {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}), "ANY-SCP"),
    ("dcmqrscp", dcmqrscp(), "COMMON"),
    ("pynetdicom", pynetdicom(), "ANY-SCP"),
    ("storescp", storescp(), "ANY-SCP"),
)


@dataclass(frozen=True)
class Ladder:
    """One archive's ladder, and what else was heard of it."""

    archive: str
    associations: list[tuple[int, int]]
    """Bytes out and in of each: the second follows a refused called AE title, or offers other forms of what was not
    taken."""
    milliseconds: float
    patient_values: int

    @property
    def largest(self) -> tuple[int, int]:
        """Most bytes out, most bytes in of one association."""
        return max(out for out, _ in self.associations), max(into for _, into in self.associations)


def _wire(port: int, consent: Consent | None = None) -> Wire:
    return Wire(Target("127.0.0.1", port), detector="dicom", now=lambda: datetime.now(UTC), consent=consent)


async def _timed(port: int, called: str) -> float:
    began = time.perf_counter()
    async for _ in detect(_wire(port, TOLD if called != "ANY-SCP" else None)):
        pass
    return time.perf_counter() - began


async def climbed(archive: str, port: int, called: str) -> Ladder:
    """The ladder of one archive, recorded once and timed without the proxy."""
    async with recording(port) as ladder:
        async for _ in detect(_wire(ladder.port, TOLD if called != "ANY-SCP" else None)):
            pass
    times = [await _timed(port, called) for _ in range(RUNS)]
    async with recording(port) as record:
        await visit(Target("127.0.0.1", record.port), consent=TOLD if called != "ANY-SCP" else None)
    values = patient_values(bytes(ladder.received)) + patient_values(bytes(record.received))
    return Ladder(archive, ladder.lengths, round(statistics.median(times) * 1_000, 1), len(values))


async def values_read(server: Behaviour) -> tuple[int, int]:
    """Values of patients that were read from a server that sends all unasked, and bytes that were read in all."""
    with bytes_read() as read:
        async with serving(server) as port:
            await visit(Target("127.0.0.1", port))
    return len(patient_values(bytes(read))), len(read)


async def values_on_the_web(start: Start, ground: Ground) -> int:
    """Values of patients on the wire when every detector looks at an archive's web services."""
    with start(ground) as port:
        async with recording(port) as record:
            await visit(Target("127.0.0.1", record.port))
    return len(patient_values(bytes(record.received)))


def main() -> int:
    """Prints and keeps the figures; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        certificates = make_certificates(Path(folder) / "certificates")

        def ground(name: str) -> Ground:
            place = Path(folder) / name
            place.mkdir()
            return Ground(place, certificates)

        ladders = [
            asyncio.run(climbed(name, stack.enter_context(start(ground(name))), called))
            for name, start, called in ARCHIVES
        ]
        web = asyncio.run(values_on_the_web(orthanc("http", dicomweb=True), ground("web")))
        generous = {name: asyncio.run(values_read(server)) for name, server in GENEROUS}
    table([("archive", "bytes out/in of each association", "ms", "values of (0010,xxxx)"), *map(_line, ladders)])
    print(f"values of (0010,xxxx) on the wire, REST and DICOMweb of Orthanc: {web}")
    for name, (values, read) in generous.items():
        print(f"values of (0010,xxxx) read from {name} that sends 10,000 patients unasked: {values}, of {read} bytes")
    write(
        "ladder",
        {
            "ladders": [vars(ladder) for ladder in ladders],
            "patient_values_on_the_web": web,
            "read_from_servers_that_send_all": {
                name: {"patient_values": values, "bytes": read} for name, (values, read) in generous.items()
            },
        },
    )
    return int(not _reached(ladders) or web > 0 or any(values for values, _ in generous.values()))


GENEROUS: tuple[tuple[str, Behaviour], ...] = (("an archive", generous_archive), ("a DICOMweb server", generous_web))


def _line(ladder: Ladder) -> tuple[str, ...]:
    each = ", ".join(f"{out}/{into}" for out, into in ladder.associations)
    return ladder.archive, each, f"{ladder.milliseconds:.1f}", str(ladder.patient_values)


def _reached(ladders: Sequence[Ladder]) -> bool:
    return all(
        ladder.largest[0] <= MOST_OUT and ladder.largest[1] <= MOST_IN and not ladder.patient_values
        for ladder in ladders
    )


if __name__ == "__main__":
    raise SystemExit(main())
