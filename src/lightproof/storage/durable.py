"""Small files that matter: after a power cut each is whole or not there, never half; and only their owner reads them.

The file is written beside its place, forced to the disk, given its name in one step, and the folder is forced too:
without the last, the name itself may be lost.
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lightproof.locale import gettext as _

_PRIVATE: Final = 0o600
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_UNFINISHED: Final = ".part"


class NotRegular(OSError):
    """A folder, pipe or device stands where a file should."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, _("it is not an ordinary file"), str(path))


def write_new(path: Path, content: bytes) -> None:
    """Writes a file that was not there, mode 0600. Raises FileExistsError, and OSError for what the system refuses."""
    part = _written_beside(path, content)
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # A file system of memory sticks: the name is taken first, so that nothing is ever overwritten.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _PRIVATE))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    force_folder(path.parent)


def write_over(path: Path, content: bytes) -> None:
    """Writes a file, mode 0600, in the place of the one there. Raises OSError."""
    part = _written_beside(path, content)
    try:
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    force_folder(path.parent)


def _written_beside(path: Path, content: bytes) -> Path:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_UNFINISHED}")
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def sweep_unfinished(folder: Path) -> None:
    """Takes away what a power cut left half-written. Only while `locked`: someone else's may be in use."""
    for part in folder.glob(f".*.{'[0-9a-f]' * 16}{_UNFINISHED}"):
        part.unlink(missing_ok=True)


def force_folder(folder: Path) -> None:
    """Forces the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Makes a folder that only its owner enters, and those above it; forces each new name to the disk."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        with suppress(FileExistsError):  # two programs may make it at once
            place.mkdir(mode=0o700)
        force_folder(place.parent)


def read_whole(path: Path, most: int) -> tuple[bytes, int]:
    """The bytes of a regular file (at most `most` + 1, so that a longer one is seen) and its permission bits.

    Raises OSError; never waits for a pipe or a device.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise NotRegular(path)
        return file.read(most + 1), stat.S_IMODE(about.st_mode)


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """One program at a time inside the block; the lock goes away with the program, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
