"""The check tells the truth about real servers, row by row of the table of truth."""

import pytest

from check.truth import Row, found, judged
from check.truth_table import ROWS
from peers.certificates import Certificates
from peers.starts import Ground


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_the_truth_is_told_about(
    row: Row, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> None:
    seen = await found(row, Ground(tmp_path_factory.mktemp("row"), certificates))
    assert (seen.facts, seen.protections, seen.unchecked) == (row.expected, row.expected_protections, row.unchecked)
    assert not judged(row, seen).wrong


def test_the_table_is_large_and_states_its_reasons() -> None:
    assert len(ROWS) >= 45
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert sum(row.truth is not None and not row.unchecked for row in ROWS) >= 40
    for row in ROWS:
        assert (row.truth is None) == bool(row.why)
        assert all(limit.why for limit in row.limits.values())
        assert row.unseen.keys() <= row.protections
