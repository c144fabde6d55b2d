"""Folders for servers that read as a user of few rights.

pytest's own folders are for root alone, and every pytest that starts on the machine makes them so again.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that every user may read and pass, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="lightproof-", ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
