"""The ledger: entries a second, proofs and full verification at 100,000 entries, and what one append costs a command.

Beside it, in the same kind of database, the same bytes as bare rows: what the encrypted database and the disk take by
themselves, without tree, signature and proofs.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from lightproof.evidence.checkpoint import Signer, opened
from lightproof.evidence.ledger import Ledger
from lightproof.evidence.merkle import extends, includes
from lightproof.storage.database import Database
from lightproof.storage.migrate import open_database
from measuring import as_installed, judged, middle, run, table, write

KEY, SEED = bytes(range(32)), bytes(range(32, 64))
ENTRIES = 100_000
ONE_BY_ONE = 1_000
GROUP = 100
FRESH_RUNS = 9
GOALS = {
    "open, append, close in a fresh process: at most 250 ms of CPU": 0.250,
    "in groups of 100: at least 5,000 entries/s": 5_000,
    "an inclusion proof of 100,000 entries: at most 10 ms": 0.010,
    "verifying 100,000 entries: at most 10 s": 10.0,
}
PAYLOAD = {"facts": {"title": "Images of a practice", "persons": [1_200, 1_200], "description": "x" * 250}}
FRESH = f"""
from pathlib import Path
import sys
from lightproof.evidence.checkpoint import Signer
from lightproof.evidence.ledger import Ledger
from lightproof.storage.migrate import open_database

with open_database(Path(sys.argv[1]), {KEY!r}) as database:
    with Ledger(database, Signer({SEED!r})).writing() as writing:
        writing.append("test.noted", "check", {{"text": "one"}}, principal="benchmark")
"""


def seconds(act: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def append(ledger: Ledger, count: int, group: int) -> None:
    """Adds so many entries, so many a transaction."""
    for start in range(0, count, group):
        with ledger.writing() as writing:
            for number in range(start, min(start + group, count)):
                writing.append("breach.corrected", f"breach/B-2026-{number:04}", PAYLOAD, principal="benchmark")


def bare(database: Database, content: bytes, count: int, group: int) -> None:
    """Adds so many rows of the same bytes."""
    for _ in range(0, count, group):
        with database.writing() as connection:
            for _ in range(group):
                connection.execute(text("INSERT INTO bare (bytes) VALUES (:bytes)"), {"bytes": content})


def disk_syncs(folder: Path) -> float:
    """How often a second this disk takes 4 KB and says that it has them."""
    with (folder / "sync").open("wb", buffering=0) as file:

        def sync() -> None:
            for _ in range(200):
                file.write(bytes(4096))
                os.fdatasync(file.fileno())

        return 200 / seconds(sync)


def fresh(path: Path, bytecode: Path) -> tuple[dict[str, float], dict[str, float]]:
    """CPU and wall time of a process that does nothing but append one entry."""
    command, environment = [sys.executable, "-c", FRESH, path], as_installed(bytecode)
    run(command, limit_s=60, environment=environment)  # once unmeasured: makes the database, and the bytecode
    costs = [run(command, limit_s=60, environment=environment) for _ in range(FRESH_RUNS)]
    return middle([cost.cpu_s for cost in costs]), middle([cost.wall_s for cost in costs])


def main() -> int:
    """Prints the figures; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on which disk; by default the one for temporary files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        cpu, wall = fresh(folder / "fresh.db", folder / "bytecode")
        syncs = disk_syncs(folder)
        with open_database(folder / "lightproof.db", KEY) as database:
            ledger = Ledger(database, Signer(SEED))
            single = ONE_BY_ONE / seconds(lambda: append(ledger, ONE_BY_ONE, 1))
            left = ENTRIES - ONE_BY_ONE
            grouped = left / seconds(lambda: append(ledger, left, GROUP))
            size_mb = (folder / "lightproof.db").stat().st_size / 1e6
            with database.writing() as connection:
                connection.execute(text("CREATE TABLE bare (idx INTEGER PRIMARY KEY, bytes BLOB) STRICT"))
            content = ledger.entry(0).encode()
            bare_single = ONE_BY_ONE / seconds(lambda: bare(database, content, ONE_BY_ONE, 1))
            bare_grouped = 20_000 / seconds(lambda: bare(database, content, 20_000, GROUP))
            proof = middle([seconds(lambda i=i: ledger.inclusion(i)) for i in range(0, ENTRIES, ENTRIES // 50)], 6)
            consistency = middle([seconds(lambda i=i: ledger.consistency(i)) for i in range(1, ENTRIES, 2_003)], 6)
            many = seconds(lambda: ledger.inclusions(range(10_000)))
            verified = seconds(lambda: None if not ledger.verify() else sys.exit("the ledger does not verify"))
            read = seconds(lambda: sum(1 for _ in ledger.entries()))
            now = opened(ledger.checkpoint(), ledger.key)
            last = ledger.inclusion(ENTRIES - 1)
            assert includes(last.proof, last.leaf, last.index, now.size, now.root)
            assert extends(ledger.consistency(now.size).proof, now.size, now.root, now.size, now.root)
    table(
        [
            ("", "ledger", "bare rows"),
            ("entries/s, one a transaction", f"{single:.0f}", f"{bare_single:.0f}"),
            (f"entries/s, {GROUP} a transaction", f"{grouped:.0f}", f"{bare_grouped:.0f}"),
        ]
    )
    print(f"the disk: {syncs:.0f} synchronous writes of 4 KB a second; {ENTRIES} entries take {size_mb:.0f} MB\n")
    table(
        [
            (f"at {ENTRIES} entries", "s"),
            ("one inclusion proof", proof["median"]),
            ("one consistency proof", consistency["median"]),
            ("10,000 inclusion proofs together", many),
            ("reading every entry", read),
            ("verifying everything", verified),
            ("open, append, close in a fresh process: CPU", cpu["median"]),
            ("open, append, close in a fresh process: wall", wall["median"]),
        ]
    )
    write(
        "ledger",
        {
            "entries": ENTRIES,
            "entry_bytes": len(content),
            "database_mb": round(size_mb, 1),
            "disk_syncs_per_s": round(syncs),
            "entries_per_s": {"one_by_one": round(single), "groups_of_100": round(grouped)},
            "bare_rows_per_s": {"one_by_one": round(bare_single), "groups_of_100": round(bare_grouped)},
            "inclusion_proof_s": proof,
            "consistency_proof_s": consistency,
            "inclusion_proofs_10000_s": round(many, 3),
            "read_all_s": round(read, 3),
            "verify_all_s": round(verified, 3),
            "fresh_process_cpu_s": cpu,
            "fresh_process_wall_s": wall,
            "goals": GOALS,
        },
    )
    reached = (cpu["median"] <= 0.250, grouped >= 5_000, proof["median"] <= 0.010, verified <= 10.0)
    return judged(dict(zip(GOALS, reached, strict=True)))


if __name__ == "__main__":
    raise SystemExit(main())
