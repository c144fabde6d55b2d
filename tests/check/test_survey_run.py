"""A survey goes on where it was stopped, as a check does."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from check.watchers import Unwatched
from lightproof.check import survey_run
from lightproof.check.addresses import range_of
from lightproof.check.journal import clear_away
from lightproof.check.plan import Plan
from lightproof.check.sweeping.questions import Outcome
from lightproof.check.sweeping.survey import Sighting, SurveyBatch, Word
from lightproof.check.targets import Ports, TargetSpace
from lightproof.check.vantage import vantage_of
from lightproof.check.watching import Span
from lightproof.errors import UsageRefused
from lightproof.evidence.records import Observation, ScopeRecord, Unchecked
from peers.lightproof_server import Archive, serving


class Stopping(Unwatched):
    """A watcher that stops the run after so many batches."""

    def __init__(self, batches: int) -> None:
        self._left = batches
        self.counts: list[int] = []
        self.observations: list[Observation] = []
        self.unchecked: list[Unchecked] = []

    def swept(self, done: int, total: int, answering: int) -> None:
        self.counts.append(done)
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None:
        self.observations += observations
        self.unchecked += unchecked


def plan_of(port: int) -> Plan:
    """40,000 targets of loopback, one of which is the archive."""
    return Plan(
        space=TargetSpace([range_of("127.0.0.1-127.0.156.64")], Ports.parse(str(port))),
        boxes=(),
        scope=ScopeRecord(basis="own"),
        vantage=lambda target: vantage_of(target.address, named=True),
        rate=1_000_000,
    )


def surveyed(plan: Plan, watcher: Stopping, journal: Path, *, resume: bool = False) -> Span:
    with survey_run.opened(plan, journal=journal, resume=resume) as look:
        return look(watcher)


def test_a_survey_that_is_stopped_goes_on_and_tells_all_it_found(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    with serving(Archive()) as archive:
        plan = plan_of(archive.port)
        whole = Stopping(batches=-1)
        surveyed(plan, whole, tmp_path / "whole")
        stopped = Stopping(batches=1)
        with pytest.raises(KeyboardInterrupt):
            surveyed(plan, stopped, journal)
        begun = datetime.fromisoformat(json.loads(journal.read_text().splitlines()[0])["started"])
        resumed = Stopping(batches=-1)
        span = surveyed(plan, resumed, journal, resume=True)
    assert 0 < stopped.counts[-1] < len(plan.space) == resumed.counts[-1]
    assert resumed.counts[0] > stopped.counts[-1]
    assert [(seen.target, seen.signal) for seen in resumed.observations] == [
        (seen.target, seen.signal) for seen in whole.observations
    ]
    assert span.started == begun < datetime.now(UTC)
    clear_away(journal)
    assert not journal.exists()


@pytest.mark.parametrize(("word", "reasons"), [("ended-in-silence", ["closed-early"]), ("aborted", [])])
def test_what_ended_before_it_answered_is_no_protection_and_without_a_word_not_checked(
    word: Word, reasons: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sighting = Sighting(place=("127.0.0.1", 2762), service="dicom-tls", word=word, presumed=True)
    batch = SurveyBatch(done=((0, 1),), sightings=(sighting,), not_tried=(), counts={Outcome.ENDED: 1})
    monkeypatch.setattr(survey_run, "survey", lambda *_space, **_options: (told for told in [batch]))
    seen = Stopping(batches=-1)
    surveyed(plan_of(2762), seen, tmp_path / "j")
    assert [found.protections for found in seen.observations] == [("tls",)]
    assert [left.reason for left in seen.unchecked] == reasons


def test_a_survey_does_not_go_on_from_the_journal_of_a_check(tmp_path: Path) -> None:
    plan = plan_of(9)
    journal = tmp_path / "j"
    journal.write_text(
        json.dumps({"entry": "plan", "format": 1, "plan": plan.digest, "started": "2026-11-23T10:00:00Z"}) + "\n"
    )
    with pytest.raises(UsageRefused) as refusal:
        surveyed(plan, Stopping(-1), journal, resume=True)
    assert refusal.value.error_id == "journal-of-another-run"
