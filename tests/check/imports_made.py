"""What Python processes import and map while they run: they, and all that they start."""

import os
from pathlib import Path

_SITE = """
import atexit, mmap, os, sys

# Memory, not a descriptor: the process that meets the network lets go of those that it was begun with.
def _begin():
    global _told
    file = os.open(os.path.join({folder!r}, f"imported-{{os.getpid()}}"), os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.ftruncate(file, 1 << 20)
    _told = mmap.mmap(file, 1 << 20)
    os.close(file)

def _tell(event, arguments):
    if event == "import":
        _told.write(f"{{arguments[0]}}\\n".encode())

_begin()
os.register_at_fork(after_in_child=_begin)
sys.addaudithook(_tell)

def _libraries():
    with open("/proc/self/maps") as maps:
        names = {{line.split(maxsplit=5)[5].strip() for line in maps if line.count(" ") > 5 and ".so" in line}}
    for name in names:
        _told.write(f"mapped {{name}}\\n".encode())

atexit.register(_libraries)
"""


def audited(folder: Path) -> dict[str, str]:
    """An environment in which every Python process tells what it imports, into `folder` (made when needed)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_SITE.format(folder=str(folder)))
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def imported(folder: Path) -> set[str]:
    """Top-level names of all modules that were asked for."""
    return {line.partition(".")[0] for line in _lines(folder) if not line.startswith("mapped ")}


def mapped(folder: Path) -> set[str]:
    """File names of the shared libraries that were in memory when a process ended."""
    return {Path(line.removeprefix("mapped ")).name for line in _lines(folder) if line.startswith("mapped ")}


def _lines(folder: Path) -> list[str]:
    return [line for told in folder.glob("imported-*") for line in told.read_text().rstrip("\0").splitlines()]
