"""A check, written into the ledger: before its first packet, as it sends, and again with all that it found."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lightproof.cli.home import OpenHome, opened_or_made
from lightproof.errors import UsageRefused
from lightproof.evidence import runs, sending
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.check.plan import Plan
    from lightproof.check.watching import Watcher
    from lightproof.evidence.appending import Writing
    from lightproof.evidence.records import ExposureReport, Probe
    from lightproof.evidence.runs import Exposed, Run

_EVERY_S: Final = 5.0
"""How long what was sent may wait for its entry: what a power cut takes from the record at most."""


@contextmanager
def recorded(plan: "Plan", by: str, *, whole_machine: bool, survey: bool = False) -> Generator["Recording"]:
    """Writes that the run starts; however it ends, what was sent is written."""
    with opened_or_made() as home:
        recording = Recording(home, plan, by, whole_machine=whole_machine, survey=survey)
        try:
            yield recording
        finally:
            recording.write_what_was_sent()


class Recording:
    """The entries of one run."""

    def __init__(self, home: OpenHome, plan: "Plan", by: str, *, whole_machine: bool, survey: bool) -> None:
        """Writes the first."""
        self._home = home
        self._plan = plan
        self._by = by
        self._machine = sorted(plan.own_addresses) if whole_machine else []
        self._tried: list[tuple[int, int]] = []
        self._probes: list[Probe] = []
        self._due = time.monotonic() + _EVERY_S
        with home.ledger.writing() as writing:
            said = sending.started(
                at=datetime.now(UTC), plan=plan.digest, targets=plan.targets, described=plan.space.description,
                targets_sha256=writing.attach(plan.space.spelled(), "text/plain"), seed=plan.seed, survey=survey,
                machine=self._machine, scope=plan.scope, counts=plan.consent.count,
            )  # fmt: skip
            self._run = writing.append(sending.STARTED, runs.SUBJECT, said, principal=by).index

    def hearing(self, watcher: "Watcher") -> "Watcher":
        """A watcher that also has written down what is sent."""
        return _Hearing(self, watcher)

    def tried(self, positions: Sequence[tuple[int, int]]) -> None:
        """These positions of the plan's order were called."""
        self._tried += positions
        self._write_when_due()

    def probed(self, probe: "Probe") -> None:
        """This was sent."""
        self._probes.append(probe)
        self._write_when_due()

    def write_what_was_sent(self) -> None:
        """Writes what no entry tells yet, if there is anything."""
        if not (self._tried or self._probes):
            return
        with self._home.ledger.writing() as writing:
            self._write(writing)
        self._forget()

    def finished(self, report: "ExposureReport") -> None:
        """Writes the last entry, and the alert where something is newly exposed.

        Raises UsageRefused for a report that the ledger cannot keep; what was sent is written all the same.
        """
        from lightproof.documents import json
        from lightproof.evidence.appending import ATTACHMENT_BYTES

        content = json.dumps(report)
        if len(content) > ATTACHMENT_BYTES:
            raise UsageRefused(
                "report-too-long",
                _(
                    "The report is longer than the {megabytes} MB that the ledger keeps: it tells what was sent only."
                ).format(megabytes=ATTACHMENT_BYTES >> 20),
                _("Keep this report yourself; check such a range in parts to have what it finds in the ledger."),
            )
        ledger = self._home.ledger
        earlier = runs.runs(ledger.entries(subject=runs.SUBJECT, kind=runs.FINISHED))
        before = runs.last_that_looked(earlier, plan=self._plan.digest, machine=self._machine)
        new = runs.newly_exposed(runs.exposed_in(report), self._exposed_in(before) if before else ())
        with ledger.writing() as writing:
            self._write(writing)
            digest = writing.attach(content, "application/json")
            said = runs.finished(report, plan=self._plan.digest, machine=self._machine, report_sha256=digest)
            run = runs.run_of(writing.append(runs.FINISHED, runs.SUBJECT, said, principal=self._by))
            if new:
                writing.append(runs.ALERT, runs.SUBJECT, runs.alert(run, new), principal="lightproof")
        self._forget()

    def _exposed_in(self, run: "Run") -> "Sequence[Exposed]":
        """All that an earlier run found open: of very many, its entry names the gravest, its report all of them."""
        from lightproof.documents import json

        if run.every_exposed:
            return run.exposed
        try:
            return runs.exposed_in(json.loads(self._home.ledger.attachment(run.report_sha256)))
        except UsageRefused:  # erased since, or in a shape that this version does not know
            return run.exposed

    def _write_when_due(self) -> None:
        told = max(len(self._probes) / sending.MOST_PROBES, len(self._tried) / sending.MOST_POSITIONS)
        if time.monotonic() > self._due or told >= 1:
            self.write_what_was_sent()

    def _write(self, writing: "Writing") -> None:
        from lightproof.check.journal import merged

        for said in sending.probed(self._run, merged(self._tried), self._probes):
            writing.append(sending.PROBED, runs.SUBJECT, said, principal=self._by)

    def _forget(self) -> None:
        """What was written is on the disk now; before that, an interruption would take it from the record."""
        self._tried, self._probes = [], []
        self._due = time.monotonic() + _EVERY_S


class _Hearing:
    """Passes everything on, and what was sent to the record first."""

    def __init__(self, recording: Recording, watcher: "Watcher") -> None:
        self._recording = recording
        self._watcher = watcher
        self.swept = watcher.swept
        self.visited = watcher.visited
        self.learnt = watcher.learnt

    def tried(self, positions: Sequence[tuple[int, int]]) -> None:
        self._recording.tried(positions)
        self._watcher.tried(positions)

    def probed(self, probe: "Probe") -> None:
        self._recording.probed(probe)
        self._watcher.probed(probe)
