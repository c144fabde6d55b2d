"""Who is at the keyboard."""

import getpass


def person() -> str:
    """The user of this machine, by name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown-user"
