"""Logs of one breach, read: for which time, and what a second reading changes of what the first proved."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from breach.desk import a_procedure
from breach.practice_case import FOUND, SHOWN, an_entry, the_incident
from lightproof.breach.access.examining import LogReader, NamedLog, exposure_of
from lightproof.breach.access.tally import hasher, networks
from lightproof.breach.facts import Access, BreachFacts
from lightproof.breach.incident import Incident
from lightproof.breach.judging import assess_and_record
from lightproof.breach.procedure import Procedure
from lightproof.errors import UsageRefused

LAWS = ("gdpr/fr",)
TAKEN = (
    '203.0.113.5 - - [22/Nov/2026:10:00:00 +0000] "GET /studies/1.2/series/1.3/instances/1.4 HTTP/1.1" 200 9 "-" "-"\n'
)
OWN_LINE = ("203.0.113.0/28",)
OPEN: dict[str, Any] = {
    "title": "An open server", "confidentiality": "presumed", "sensitive": ["health"], "data": ["civil_status"],
    "recipients": ["public"], "aware_at": FOUND.isoformat(), "started_at": "2026-11-20T00:00:00Z",
    "ended_at": "2026-11-23T09:00:00Z",
}  # fmt: skip


@pytest.fixture
def procedure(tmp_path: Path) -> Iterator[Procedure]:
    with a_procedure(tmp_path, FOUND, LAWS) as made:
        yield made


def read(procedure: Procedure, number: str, *logs: Path, own: tuple[str, ...] = ()) -> Incident:
    return reads(procedure, number, *(NamedLog(log) for log in logs), own=own)


def reads(procedure: Procedure, number: str, *logs: NamedLog, own: tuple[str, ...]) -> Incident:
    reader = LogReader(own=networks(own), hashed=hasher(b"k" * 32), zone=UTC)
    return procedure.accessed(number, procedure.examined(procedure.incident(number), logs, reader))


def a_log(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.fixture
def proved(procedure: Procedure, tmp_path: Path) -> Incident:
    """A stranger took an image, says the web server's log."""
    number = procedure.open_report(BreachFacts.model_validate(OPEN)).id
    told = read(procedure, number, a_log(tmp_path, "got.log", TAKEN))
    assert (told.facts.access, told.proved_by) == (Access.PROVED, told.access and told.steps[-2].entry)
    return told


@pytest.mark.parametrize("word", ["proved_none", "unknown", None])
def test_a_word_does_not_undo_what_logs_prove(procedure: Procedure, proved: Incident, word: str | None) -> None:
    with pytest.raises(UsageRefused) as refused:
        procedure.correct(proved.id, {"access": word}, "I think nobody")
    assert refused.value.error_id == "access-proved"
    assert f"entry {proved.proved_by}" in refused.value.cause
    told = assess_and_record(procedure, procedure.incident(proved.id), LAWS)
    assert {a["duty"]: a["choice"] for a in told.assessments["gdpr/fr"]["answers"]}["notify"] == "yes"


def test_another_log_that_is_silent_undoes_nothing(procedure: Procedure, proved: Incident, tmp_path: Path) -> None:
    quiet = a_log(tmp_path, "quiet.log", TAKEN.replace("203.0.113.5", "192.168.1.7"))
    told = read(procedure, proved.id, quiet)
    assert (told.facts.access, told.proved_by) == (Access.PROVED, proved.proved_by)


def test_the_same_log_read_again_with_the_practices_own_address_takes_it_back_and_says_which(
    procedure: Procedure, proved: Incident, tmp_path: Path
) -> None:
    told = read(procedure, proved.id, tmp_path / "got.log", own=OWN_LINE)
    assert told.facts.access is Access.UNKNOWN
    assert (told.proved_by, told.facts.shown("access")) == (None, ())
    assert told.access[-1]["own"] == list(OWN_LINE)
    assert told.access[0]["own"] == []
    assert told.read_again == {proved.proved_by}
    again = read(procedure, proved.id, tmp_path / "got.log")
    assert again.facts.access is Access.PROVED


def test_a_reading_that_looks_at_less_time_or_at_another_port_takes_nothing_back(
    procedure: Procedure, proved: Incident, tmp_path: Path
) -> None:
    told = reads(procedure, proved.id, NamedLog(tmp_path / "got.log", 9999), own=OWN_LINE)
    assert (told.facts.access, told.proved_by) == (Access.PROVED, proved.proved_by)
    procedure.correct(proved.id, {"ended_at": "2026-11-21T00:00:00Z"}, "I think it was closed then")
    told = read(procedure, proved.id, tmp_path / "got.log")
    assert (told.facts.access, told.proved_by is not None) == (Access.PROVED, True)


def test_a_word_alone_narrows_neither_end_of_the_time_that_is_looked_at() -> None:
    began, later = datetime(2026, 7, 20, 8, tzinfo=UTC), FOUND - timedelta(days=1)
    closed = {"ended_at": FOUND.isoformat(), "ongoing": False, "evidence": {"ended_at": SHOWN}}

    def exposed(**stated: str) -> Any:
        told = the_incident(
            an_entry(5, "corrected", {"facts": closed, "reason": "a check"}),
            an_entry(6, "corrected", {"facts": stated, "reason": "I think so"}),
        )
        return exposure_of(told, [], (), FOUND + timedelta(days=2))

    assert exposed(started_at=later.isoformat()).begin == began
    assert exposed(started_at="2026-07-01T00:00:00Z").begin == datetime(2026, 7, 1, tzinfo=UTC)
    assert exposed(ended_at=later.isoformat()).end == FOUND
    assert exposed(ended_at=(FOUND + timedelta(days=1)).isoformat()).end == FOUND + timedelta(days=1)
