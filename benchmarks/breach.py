"""From a finding to the complete sheet, and the register with 100,000 breaches: how long a person waits."""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lightproof.breach import register
from lightproof.breach.asked import judgement_of
from lightproof.breach.facts import BreachFacts
from lightproof.breach.judging import assess_and_record, clock_of
from lightproof.breach.notification import notification
from lightproof.breach.procedure import Procedure
from lightproof.breach.register import Filter, line_of
from lightproof.breach.sheets import sheet
from lightproof.cli.demo import exposed_practice, temporary_home
from lightproof.documents.html import html
from lightproof.evidence.checkpoint import Signer
from lightproof.evidence.ledger import Ledger
from lightproof.storage.migrate import open_database
from measuring import judged, middle, table, write

ROWS = 100_000
RUNS = 7
REGIMES = ("gdpr/fr",)
GOALS = {
    "from the finding to the complete sheet: at most 1 s": 1.0,
    "fields left for a person: at most 10": 10.0,
    "a page of 100,000 breaches: at most 200 ms": 0.2,
}


def seconds(act: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def finding_to_sheet() -> tuple[float, int]:
    """Seconds from the report of a real check of the demo's practice to its sheet in HTML; open fields of it."""
    exposed = exposed_practice(fixed=False)
    left: list[int] = []

    def file_it() -> None:
        procedure = Procedure(home.ledger, "benchmark", lambda: datetime.now(UTC), REGIMES)
        told = assess_and_record(procedure, procedure.open_from_finding(), REGIMES)
        notice = notification(
            told,
            home.settings.organisation,
            judgement_of(told, REGIMES[0]),
            clock_of(told, REGIMES),
            "initial",
            now=datetime.now(UTC),
        )
        html(sheet(notice, "cnil", UTC))
        left.append(len(notice.still_open))

    with temporary_home(exposed) as home:
        took = seconds(file_it)
    return took, left[0]


def listing(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds for the first page of 20 rows and for the last one, of a register of 100,000."""
    began = datetime(2020, 1, 1, tzinfo=UTC)
    with open_database(folder / "register.db", bytes(32)) as database:
        ledger = Ledger(database, Signer(bytes(range(32))))
        procedure = Procedure(ledger, "benchmark", lambda: datetime.now(UTC), REGIMES)
        told = procedure.open_report(BreachFacts(title="Images within reach", aware_at=began))
        with database.writing() as connection:
            for number in range(1, ROWS):
                at = began + timedelta(minutes=number)
                facts = told.facts.model_copy(update={"aware_at": at})
                closed = None if number % 5 == 0 else at
                row = replace(told, id=f"B-2026-{number + 1:04d}", opened_at=at, facts=facts, closed_at=closed)
                register.put(connection, line_of(row))

        def page(start: int) -> None:
            with database.reading() as connection:
                found = register.page(connection, Filter(), limit=20, start=start)
                assert (len(found.lines), found.total) == (20, ROWS)

        first = middle([seconds(lambda: page(0)) for _ in range(RUNS)])
        last = middle([seconds(lambda: page(ROWS - 20)) for _ in range(RUNS)])
    return first, last


def main() -> int:
    """Prints the figures; 1 when a goal was missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    runs = [finding_to_sheet() for _ in range(RUNS)]
    took, left = middle([took for took, _left in runs]), max(left for _took, left in runs)
    with tempfile.TemporaryDirectory() as folder:
        first, last = listing(Path(folder))
    table(
        [
            ("", "s"),
            ("from the finding to the complete sheet (HTML)", took["median"]),
            (f"first page of {ROWS} breaches", first["median"]),
            ("last page", last["median"]),
        ]
    )
    print(f"fields of the sheet left for a person: {left}")
    measured = {"finding_to_sheet_s": took, "fields_left": left, "first_page_s": first, "last_page_s": last}
    write("breach", {**measured, "rows": ROWS, "goals": GOALS})
    reached = (took["most"] <= 1.0, left <= 10, last["most"] <= 0.2)
    return judged(dict(zip(GOALS, reached, strict=True)))


if __name__ == "__main__":
    raise SystemExit(main())
