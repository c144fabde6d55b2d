"""Short files that a ledger is judged by: checkpoints, proofs, certificates."""

from pathlib import Path
from typing import Final

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _

_NOTE_BYTES: Final = 1 << 20


def read_note(path: Path) -> bytes:
    """What the file holds, cut where it is longer than any of them. Raises UsageRefused."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageRefused(
            "file-unreadable",
            _("“{path}” cannot be read: {reason}.").format(path=path, reason=system_reason(error)),
            _("Check its name and your rights."),
        ) from error
    return content[:_NOTE_BYTES]
