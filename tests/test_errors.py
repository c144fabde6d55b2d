"""What the system refuses is told in the reader's language."""

import errno
import os

import pytest

from lightproof.errors import system_reason, system_refused
from lightproof.locale import speaking

NUMBERS = (
    "ENOENT",
    "EACCES",
    "EPERM",
    "EISDIR",
    "ENOTDIR",
    "EEXIST",
    "ENOSPC",
    "EROFS",
    "ENAMETOOLONG",
    "EMFILE",
    "EIO",
    "EBADF",
    "EPIPE",
    "ELOOP",
    "EFBIG",
    "ENOMEM",
    "EAGAIN",
)


@pytest.mark.parametrize("name", NUMBERS)
def test_what_people_meet_is_told_in_their_language(name: str) -> None:
    number = getattr(errno, name)
    refusal = OSError(number, os.strerror(number))
    with speaking("en"):
        english = system_reason(refusal)
    with speaking("fr"):
        assert system_reason(refusal) not in (english, refusal.strerror)


def test_what_has_no_words_of_ours_keeps_those_of_the_system() -> None:
    assert system_reason(OSError(errno.ENODEV, "No such device")) == "No such device"
    assert system_reason(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, ""), MemoryError(), RuntimeError("can't start new thread")])
def test_what_the_system_refuses_is_no_fault_of_the_program(error: Exception) -> None:
    told = system_refused(error)
    assert told is not None
    assert (told.error_id, told.exit_code) == ("system-refused", 1)
    assert system_refused(RuntimeError("something else")) is None
