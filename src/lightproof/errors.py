"""What a person is told when something cannot be done: an id to search for, a cause, and a fix.

Raise where the trouble is known; the doors translate and print. `exit_code` is what the shell is told. Values that came
from a network or from DICOM never go into a message.
"""

from lightproof.locale import gettext as _


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


class ProtocolViolation(Exception):
    """A peer broke its protocol, or a limit that protects us from it.

    Not for a person: the engine turns it into an observation. `reason` is a fixed word of ours, never the peer's bytes.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
