"""A breach is opened from what a check measured: once, with reasons where it is stated otherwise, or not at all."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from breach.desk import a_procedure, refused
from documents.conftest import STARTED, practice
from lightproof.breach.facts import BreachFacts
from lightproof.breach.incident import SUBJECT
from lightproof.breach.opening import from_the_same
from lightproof.breach.procedure import Procedure
from lightproof.documents import json
from lightproof.evidence import runs
from lightproof.evidence.records import ExposureReport

NOW = STARTED + timedelta(days=2)
FOUND = STARTED + timedelta(seconds=47)
LATER = {"aware_at": (FOUND + timedelta(hours=5)).isoformat()}


@pytest.fixture
def procedure(tmp_path: Path) -> Iterator[Procedure]:
    with a_procedure(tmp_path, NOW, ("gdpr/fr",)) as made:
        checked(made, practice())
        yield made


def checked(procedure: Procedure, report: ExposureReport) -> None:
    with procedure.ledger.writing() as writing:
        digest = writing.attach(json.dumps(report), "application/json")
        said = runs.finished(report, plan="test", machine=(), report_sha256=digest)
        writing.append(runs.FINISHED, runs.SUBJECT, said, principal="tester")


def closed(procedure: Procedure, number: str) -> None:
    for duty in ("notify", "communicate"):
        procedure.decide(number, duty, "no", "unlikely", proposed="yes")  # type: ignore[arg-type]
    procedure.correct(number, {"ongoing": False}, "closed")
    procedure.close(number, "done")


@pytest.mark.parametrize(
    "changes",
    [
        {"records": {"at_least": 12, "at_most": 3}},
        {"hint_at": (NOW + timedelta(days=1)).isoformat()},
        {"recipients": ["martians"]},
    ],
)
def test_what_cannot_be_true_opens_nothing(procedure: Procedure, changes: dict[str, object]) -> None:
    with refused("facts-refused"):
        procedure.open_from_finding(changes=changes)
    assert list(procedure.ledger.entries(under=SUBJECT)) == []
    assert procedure.open_from_finding().id == "B-2026-0001"
    assert procedure.ledger.verify() == ()


def test_what_is_stated_otherwise_is_a_correction_beside_what_was_measured(procedure: Procedure) -> None:
    told = procedure.open_from_finding(changes={"persons": {"at_least": 5, "at_most": 9}})
    assert [step.what for step in told.steps] == ["opened", "corrected"]
    assert told.steps[1].payload["reason"] == "Stated when the breach was opened."
    assert told.facts.persons is not None
    assert told.facts.persons.at_most == 9


def test_awareness_later_than_the_finding_takes_a_reason(procedure: Procedure) -> None:
    for changes in (LATER, {"aware_at": None}):
        with refused("reason-missing"):
            procedure.open_from_finding(changes=changes, reason=" ")
    assert list(procedure.ledger.entries(under=SUBJECT)) == []
    told = procedure.open_from_finding(changes=LATER, reason="nobody read the report before")
    assert told.steps[1].payload["reason"] == "nobody read the report before"
    earlier = {"aware_at": (FOUND - timedelta(hours=5)).isoformat(), "started_at": None}
    assert procedure.open_from_finding(changes=earlier, again=True).facts.aware_at == FOUND - timedelta(hours=5)


def test_one_exposure_is_opened_once(procedure: Procedure) -> None:
    first = procedure.open_from_finding()
    with refused("breach-open-already") as refusal:
        procedure.open_from_finding(["F-0001"])
    assert first.id in refusal.value.cause
    checked(procedure, replace(practice(), started=STARTED + timedelta(hours=9), finished=FOUND + timedelta(hours=9)))
    with refused("breach-open-already"):
        procedure.open_from_finding()
    assert procedure.open_from_finding(again=True).id == "B-2026-0002"
    for number in (first.id, "B-2026-0002"):
        closed(procedure, number)
    assert procedure.open_from_finding().id == "B-2026-0003"


def test_an_exposure_that_ended_and_came_back_is_another_breach(procedure: Procedure) -> None:
    first = procedure.open_from_finding()
    procedure.correct(first.id, {"ongoing": False, "ended_at": (FOUND + timedelta(hours=1)).isoformat()}, "closed")
    with refused("breach-open-already"):
        procedure.open_from_finding()
    checked(procedure, replace(practice(), started=STARTED + timedelta(hours=9), finished=FOUND + timedelta(hours=9)))
    assert procedure.open_from_finding().id == "B-2026-0002"


def test_what_two_persons_report_is_never_taken_for_one_thing(procedure: Procedure) -> None:
    facts = BreachFacts(title="Laptop stolen", aware_at=FOUND)
    assert {procedure.open_report(facts).id for _ in range(2)} == {"B-2026-0001", "B-2026-0002"}
    assert not from_the_same({"kind": "report"}, {"kind": "report"})
    alert = {"kind": "alert", "entry": 7}
    assert from_the_same(alert, alert)
    assert not from_the_same(alert, {"kind": "alert", "entry": 8})
