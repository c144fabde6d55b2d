"""How much memory processes hold at their most, as the kernel counts it: getrusage would count the parent's."""

import gc
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


def resident_mb(process: int | str = "self", line: str = "VmRSS") -> float:
    """What a process holds now, or (`VmHWM`) held at its most, in MB. Raises OSError when it has ended."""
    told = Path(f"/proc/{process}/status").read_text()
    if f"{line}:" not in told:
        raise ProcessLookupError(process)
    return int(told.partition(f"{line}:")[2].split()[0]) / 1024


class Growth:
    """How much more this process held at its most than when the block began, in MB."""

    def __init__(self) -> None:
        self.mb = 0.0


@contextmanager
def growth() -> Iterator[Growth]:
    """Measures the block."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now (proc(5))
    before = resident_mb()
    measured = Growth()
    yield measured
    measured.mb = resident_mb(line="VmHWM") - before


class Watch:
    """Reads the peak of a process and of all its descendants, each by itself, every 50 ms until the first ends."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.peaks_mb: dict[int, float] = {}
        """By process."""
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            for process in family(self._process.pid):
                try:
                    peak = resident_mb(process, "VmHWM")
                except OSError:
                    continue
                self.peaks_mb[process] = max(self.peaks_mb.get(process, 0), peak)


def family(process: int) -> Iterator[int]:
    """A process and its descendants."""
    yield process
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from family(int(child))
    except OSError:
        return
