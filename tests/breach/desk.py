"""A procedure on a ledger of a test's own, and what it refuses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from evidence.ledgers import a_ledger
from lightproof.breach.procedure import Procedure
from lightproof.errors import UsageRefused


@contextmanager
def a_procedure(folder: Path, now: datetime, laws: Sequence[str]) -> Iterator[Procedure]:
    """Dr Demo's, at one instant."""
    with a_ledger(folder) as ledger:
        yield Procedure(ledger=ledger, by="Dr Demo", now=lambda: now, regimes=tuple(laws))


def refused(error_id: str) -> "pytest.RaisesExc[UsageRefused]":
    return pytest.raises(UsageRefused, check=lambda error: error.error_id == error_id)
