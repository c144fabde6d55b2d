"""Who is at the keyboard."""

import getpass
from typing import Final

_UNKNOWN: Final = "unknown-user"
_LONGEST: Final = 80


def person() -> str:
    """The user of this machine, by name. The environment may say anything: what no entry can hold is left out."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        return _UNKNOWN
    return "".join(filter(str.isprintable, name)).strip()[:_LONGEST] or _UNKNOWN
