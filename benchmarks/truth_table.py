"""Whether the check tells the truth about real servers: every row of tests/check/truth_table.py, started and looked at.

Each fact is compared with the truth: right, not established (with the reason, which the table must give), or wrong.

Options: words; only rows whose names contain one of them are looked at (and no result is kept).
"""

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from measuring import table, write

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from check.truth import Judged, Row, found, judged, written
from check.truth_table import ROWS
from peers.certificates import Certificates, make_certificates
from peers.starts import Ground


def looked_at(row: Row, folder: Path, certificates: Certificates) -> tuple[str, Judged | None, bool]:
    """What was found, in words; its facts judged; whether all is as the table says.

    A server that cannot be started here shows nothing, and is not as the table says.
    """
    folder.mkdir()
    try:
        seen = asyncio.run(found(row, Ground(folder, certificates)))
    except (pytest.skip.Exception, pytest.fail.Exception, AssertionError, OSError) as error:
        return f"not started: {str(error).partition(chr(10))[0]}", None, False
    words = " ".join((written(seen.facts), *sorted(seen.protections), *seen.unchecked))
    return words, judged(row, seen), seen.is_right_for(row)


def main(words: list[str]) -> int:
    """Prints the table, and how many facts are right, not established, wrong; 1 when one is wrong or unexpected."""
    rows = [row for row in ROWS if not words or any(word in row.name for word in words)]
    lines: list[tuple[str, str, str, str]] = []
    kept: list[dict[str, object]] = []
    right = wrong = 0
    open_questions: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder) / "certificates")
        for number, row in enumerate(rows):
            seen, facts, as_expected = looked_at(row, Path(folder) / str(number), certificates)
            lines.append((row.name, row.service, seen, "as it is" if as_expected else "NOT AS THE TABLE SAYS"))
            right += len(facts.right) if facts else 0
            wrong += len(facts.wrong) if facts else 0
            open_questions.update(facts.not_established.values() if facts else ())
            kept.append(
                {
                    "configuration": row.name,
                    "service": row.service,
                    "truth": " ".join((written(row.truth), *sorted(row.protections))),
                    "found": seen,
                    "right": list(facts.right) if facts else [],
                    "not_established": dict(facts.not_established) if facts else {},
                    "wrong": list(facts.wrong) if facts else [],
                    "unseen_protections": dict(row.unseen),
                    "as_expected": as_expected,
                    "because": row.why,
                }
            )
    table([("configuration", "service", "found", "and the table"), *lines])
    for reason, count in open_questions.most_common():
        print(f"{count:4} not established: {reason}")
    not_established = open_questions.total()
    figures = {
        "configurations": len(rows),
        "facts_right": right,
        "facts_not_established": not_established,
        "facts_wrong": wrong,
        "configurations_as_expected": sum(line["as_expected"] is True for line in kept),
    }
    if not words:
        write("truth_table", {**figures, "rows": kept})
    print(
        f"{len(rows)} configurations: {right} facts right, {not_established} not established, {wrong} wrong; "
        f"{figures['configurations_as_expected']} configurations as the table says"
    )
    return int(wrong > 0 or figures["configurations_as_expected"] < len(rows))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
