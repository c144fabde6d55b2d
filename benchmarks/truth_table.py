"""Whether the check tells the truth about real servers: every row of tests/check/truth_table.py, started and looked at.

Options: words; only rows whose names contain one of them are looked at (and no result is kept).
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import pytest

from measuring import table, write

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from check.truth import Row, found, written
from check.truth_table import ROWS
from peers.certificates import Certificates, make_certificates
from peers.starts import Ground


def looked_at(row: Row, folder: Path, certificates: Certificates) -> tuple[str, bool]:
    """What was found, in words, and whether it is right. A server that cannot be started here makes it wrong."""
    folder.mkdir()
    try:
        seen = asyncio.run(found(row, Ground(folder, certificates)))
    except (pytest.skip.Exception, pytest.fail.Exception, AssertionError, OSError) as error:
        return f"not started: {str(error).partition(chr(10))[0]}", False
    words = " ".join((written(seen.facts), *sorted(seen.protections), *seen.unchecked))
    return words, seen.is_right_for(row)


def main(words: list[str]) -> int:
    """Prints the table and how many rows are right; 1 when one is wrong."""
    rows = [row for row in ROWS if not words or any(word in row.name for word in words)]
    lines: list[tuple[str, str, str, str]] = []
    kept: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder) / "certificates")
        for number, row in enumerate(rows):
            seen, right = looked_at(row, Path(folder) / str(number), certificates)
            expected = " ".join((written(row.expected), *sorted(row.expected_protections)))
            lines.append((row.name, row.service, expected, "right" if right else f"WRONG: {seen}"))
            kept.append(
                {
                    "configuration": row.name,
                    "service": row.service,
                    "truth": " ".join((written(row.truth), *sorted(row.protections))),
                    "expected": expected,
                    "found": seen,
                    "right": right,
                    "because": row.why or {name: limit.why for name, limit in row.limits.items()} | dict(row.unseen),
                }
            )
    table([("configuration", "service", "expected", "found"), *lines])
    right = sum(line["right"] is True for line in kept)
    if not words:
        write("truth_table", {"right": right, "of": len(rows), "rows": kept})
    print(f"{right} of {len(rows)}")
    return int(right < len(rows))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
