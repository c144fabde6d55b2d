"""Short files that a ledger is judged by: checkpoints, proofs, certificates."""

from pathlib import Path
from typing import Final

from lightproof.errors import cannot_read

_NOTE_BYTES: Final = 1 << 20


def read_note(path: Path) -> bytes:
    """What the file holds, cut where it is longer than any of them. Raises UsageRefused."""
    try:
        with path.open("rb") as file:
            return file.read(_NOTE_BYTES)
    except OSError as error:
        raise cannot_read(path, error) from error
