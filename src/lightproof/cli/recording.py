"""A check, written into the ledger: before its first packet, and again with all that it found."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lightproof.cli.home import OpenHome, opened_or_made

if TYPE_CHECKING:
    from lightproof.check.plan import Plan
    from lightproof.evidence.records import ExposureReport

Finished = Callable[["ExposureReport"], None]


@contextmanager
def recorded(plan: "Plan", by: str, *, whole_machine: bool) -> Generator[Finished]:
    """Writes that the run starts; call what is given with its report."""
    with opened_or_made() as home:
        yield started(home, plan, by, whole_machine=whole_machine)


def started(home: OpenHome, plan: "Plan", by: str, *, whole_machine: bool) -> Finished:
    """The first entry of a run; gives what writes the second."""
    from lightproof.evidence import runs

    machine = sorted(plan.own_addresses) if whole_machine else []
    with home.ledger.writing() as writing:
        said = runs.started(
            at=datetime.now(UTC), plan=plan.digest, targets=plan.targets, described=str(plan.space.description),
            machine=machine, scope=plan.scope, counts=plan.consent.count,
        )  # fmt: skip
        writing.append(runs.STARTED, runs.SUBJECT, said, principal=by)

    def finished(report: "ExposureReport") -> None:
        from lightproof.documents import json

        earlier = runs.runs(home.ledger.entries(subject=runs.SUBJECT, kind=runs.FINISHED))
        with home.ledger.writing() as writing:
            digest = writing.attach(json.dumps(report), "application/json")
            said = runs.finished(report, plan=plan.digest, machine=machine, report_sha256=digest)
            run = runs.run_of(writing.append(runs.FINISHED, runs.SUBJECT, said, principal=by))
            if new := runs.newly_exposed(run, earlier):
                writing.append(runs.ALERT, runs.SUBJECT, runs.alert(run, new), principal="lightproof")

    return finished
