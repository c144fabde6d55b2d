"""The home folder: everything lightproof keeps is under it, and only its owner may look inside."""

import os
from pathlib import Path

import platformdirs

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _


def home() -> Path:
    """The home folder: LIGHTPROOF_HOME, or where the system keeps what programs of this user remember (XDG).

    Raises UsageRefused `home-unknown` for a user whom the system does not know: in a container, for instance.
    """
    if chosen := os.environ.get("LIGHTPROOF_HOME"):
        return Path(chosen)
    try:
        return platformdirs.user_state_path("lightproof", appauthor=False)
    except RuntimeError as error:
        raise UsageRefused(
            "home-unknown",
            _("The system knows no folder of this user where anything could be kept."),
            _("Set LIGHTPROOF_HOME to a folder that you may write to, on a disk with room."),
        ) from error


def journal_path(run: str) -> Path:
    """Where the journal of the run with this name is kept; its folder exists then.

    Raises UsageRefused when the folder cannot be made.
    """
    folder = home() / "runs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folder, error) from error
    return folder / f"{run}.journal"


def unusable(folder: Path, error: OSError) -> UsageRefused:
    """What is told when the system will not let us keep things in a folder."""
    return UsageRefused(
        "home-unusable",
        _("The folder {folder} cannot be used: {reason}.").format(folder=folder, reason=system_reason(error)),
        _("Set LIGHTPROOF_HOME to a folder that you may write to, on a disk with room."),
    )
