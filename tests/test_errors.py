"""What the system refuses is told in the reader's language."""

import errno
import os

import pytest

from lightproof.errors import system_reason
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
    assert system_reason(OSError(errno.EPIPE, "Broken pipe")) == "Broken pipe"
    assert system_reason(TimeoutError()) == "TimeoutError"
