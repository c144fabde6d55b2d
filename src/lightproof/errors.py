"""What a person is told when something cannot be done: an id to search for, a cause, and a fix.

Raise where the trouble is known; the doors translate and print. `exit_code` is what the shell is told. Values that came
from a network or from DICOM never go into a message.
"""

import errno
from pathlib import Path
from typing import Final

from lightproof.locale import gettext as _

_NO_THREAD: Final = "can't start new thread"
"""How Python tells of a limit on processes, in a RuntimeError."""


class LightproofError(Exception):
    """Base of every error meant for a person. `cause` and `fix` are translated by whoever raises, at once."""

    exit_code = 1

    def __init__(self, error_id: str, cause: str, fix: str) -> None:
        super().__init__(f"{error_id}: {cause}")
        self.error_id = error_id
        self.cause = cause
        self.fix = fix


class UsageRefused(LightproofError):
    """What was asked cannot be understood: a bad range, file, option or date."""

    exit_code = 2


class ScopeRefused(LightproofError):
    """Nobody with the right to do so has allowed these targets."""

    exit_code = 5


class MissingExtra(LightproofError):
    """An optional part is not installed."""

    def __init__(self, extra: str) -> None:
        super().__init__(
            "extra-missing",
            _("This needs the optional part “{extra}”, which is not installed.").format(extra=extra),
            _("Run: pip install 'lightproof[{extra}]'").format(extra=extra),
        )


def system_reason(error: OSError) -> str:
    """Why the system refused, in the current language: what it says itself is English almost everywhere."""
    match error.errno:
        case errno.ENOENT:
            return _("there is no such file or folder")
        case errno.EACCES | errno.EPERM:
            return _("you are not permitted to")
        case errno.EISDIR:
            return _("it is a folder")
        case errno.ENOTDIR:
            return _("a part of the path is not a folder")
        case errno.EEXIST:
            return _("it exists already")
        case errno.ENOSPC | errno.EDQUOT:
            return _("the disk is full")
        case errno.EROFS:
            return _("the disk is read-only")
        case errno.ENAMETOOLONG:
            return _("the name is too long")
        case errno.ELOOP:
            return _("its links lead in a circle")
        case errno.EFBIG:
            return _("the file would be larger than this user may make")
        case errno.ENOMEM:
            return _("there is not enough memory")
        case errno.EAGAIN:
            return _("the system has nothing left to give this user")
        case errno.EMFILE | errno.ENFILE:
            return _("too many files are open")
        case errno.EPIPE:
            return _("nobody is at the other end")
        case errno.EBADF:
            return _("it is closed")
        case errno.EIO:
            return _("the disk reports an error")
        case _number:
            return error.strerror or type(error).__name__


def system_refused(error: Exception) -> LightproofError | None:
    """What is told where nobody nearer knew what a refusal of the system means: limits of the user, memory, a device.

    None when it was not the system that refused.
    """
    match error:
        case OSError():
            refusal = error
        case MemoryError():
            refusal = OSError(errno.ENOMEM, "")
        case RuntimeError() if str(error) == _NO_THREAD:
            refusal = OSError(errno.EAGAIN, "")
        case _:
            return None
    return LightproofError(
        "system-refused",
        _("The system refused what lightproof needs to go on: {reason}.").format(reason=system_reason(refusal)),
        _(
            "Look at the limits of this user (ulimit -a), at the memory and at the disks, and run the same command "
            "again; if that changes nothing, add --debug and send what it prints."
        ),
    )


def cannot_read(path: Path, error: OSError) -> UsageRefused:
    """The error for a file that cannot be opened or read."""
    return UsageRefused(
        "file-unreadable",
        _("“{path}” cannot be read: {reason}.").format(path=path, reason=system_reason(error)),
        _("Check its name and your rights."),
    )


class ProtocolViolation(Exception):
    """A peer broke its protocol, or a limit that protects us from it.

    Not for a person: the engine turns it into an observation. `reason` is a fixed word of ours, never the peer's bytes.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
