"""What Python processes import and map while they run: they, and all that they start."""

import os
from pathlib import Path

_SITE = """
import atexit, os, sys

_told = os.open(os.path.join({folder!r}, f"imported-{{os.getpid()}}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def _tell(event, arguments):
    if event == "import":
        os.write(_told, f"{{arguments[0]}}\\n".encode())

sys.addaudithook(_tell)

def _libraries():
    with open("/proc/self/maps") as maps:
        names = {{line.split(maxsplit=5)[5].strip() for line in maps if line.count(" ") > 5 and ".so" in line}}
    for name in names:
        os.write(_told, f"mapped {{name}}\\n".encode())

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
    return [line for told in folder.glob("imported-*") for line in told.read_text().splitlines()]
