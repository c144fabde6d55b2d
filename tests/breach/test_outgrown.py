"""A decision not to tell counts while it fits the facts: once they are graver, or its exemption fails, decide again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from breach.desk import a_procedure, refused
from breach.practice_case import an_entry, the_incident
from lightproof.breach import register
from lightproof.breach.alerts import due
from lightproof.breach.clock import clock
from lightproof.breach.dossier import dossier
from lightproof.breach.facts import BreachFacts
from lightproof.breach.incident import SUBJECT, Incident, Status
from lightproof.breach.incident_json import document
from lightproof.breach.judging import assess_and_record, proposed
from lightproof.breach.pending import next_deadline, pending
from lightproof.breach.procedure import Procedure
from lightproof.breach.register_export import row
from lightproof.documents.html import html

AWARE = datetime(2026, 11, 20, 10, tzinfo=UTC)
NOW = AWARE + timedelta(hours=71)
LAWS = ("gdpr/fr",)
SOUND = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}
LAPTOP: dict[str, Any] = {
    "title": "Laptop stolen", "confidentiality": "presumed", "sensitive": ["health"], "data": ["civil_status"],
    "identifiability": "name_and_birth_date", "recipients": ["unknown"], "origin": ["device_lost_or_stolen"],
    "persons": {"at_least": 3, "at_most": 3}, "aware_at": AWARE.isoformat(), "intelligibility": SOUND,
}  # fmt: skip


@pytest.fixture
def procedure(tmp_path: Path) -> Iterator[Procedure]:
    with a_procedure(tmp_path, NOW, LAWS) as made:
        yield made


def decided_against(procedure: Procedure, *, exemption: str = "") -> Incident:
    """The key was safe, and a file shows it: nobody is told, and both laws' answers agree."""
    number = procedure.open_report(BreachFacts.model_validate(LAPTOP)).id
    told = assess_and_record(
        procedure, procedure.attached(number, b"%PDF-", "application/pdf", shows="intelligibility"), LAWS
    )
    told = procedure.decide(number, "notify", "no", "unreadable", proposed=proposed(told, "notify"))
    return procedure.decide(
        number, "communicate", "no", "unreadable", proposed=proposed(told, "communicate"), exemption=exemption
    )


def corrected(procedure: Procedure, told: Incident, **changes: Any) -> Incident:
    return assess_and_record(procedure, procedure.correct(told.id, changes, "found out"), LAWS)


def page_of(told: Incident) -> str:
    return " ".join(html(dossier(told, clock(told.facts), NOW)).decode().split())


def test_a_key_that_was_with_the_data_ends_the_decision_the_exemption_and_the_silence(procedure: Procedure) -> None:
    told = decided_against(procedure, exemption="34(3)(a)")
    assert (set(told.decisions), pending(told), told.outgrown) == ({"notify", "communicate"}, (), ())
    told = corrected(procedure, told, intelligibility=SOUND | {"key": "with_the_data"})
    assert told.decisions == {}
    assert {one.duty for one in told.outgrown} == {"notify", "communicate"}
    assert [duty.law for duty in pending(told)] == ["gdpr/fr"]
    assert told.status is Status.ASSESSED
    deadline = next_deadline(told)
    assert deadline is not None
    assert due(told, deadline, NOW, ["mail"]) is not None, "alerts come back"
    with procedure.ledger.database.reading() as connection:
        assert [line.id for line in register.waiting(connection)] == [told.id]
        assert register.verified(connection, procedure.ledger.entries(under=SUBJECT)) == ()
    page = page_of(told)
    assert "Decide again: Dr Demo relied on Article 34(3)(a)" in page
    assert "Decide again: the facts are graver than when Dr Demo decided “no”" in page
    assert "no, decided" not in page
    assert "Decide again" in row(told)["persons_told"]
    assert len(document(told, clock(told.facts))["outgrown"]) == 2  # type: ignore[arg-type]
    assert [step.what for step in told.steps].count("decided") == 2, "the history keeps both"
    with refused("decision-outgrown"):
        procedure.close(told.id, "done")


def test_to_decide_again_on_the_graver_facts_ends_it(procedure: Procedure) -> None:
    told = corrected(procedure, decided_against(procedure), intelligibility={})
    for duty in ("notify", "communicate"):
        told = procedure.decide(told.id, duty, "no", "three colleagues know", proposed="yes")  # type: ignore[arg-type]
    assert (told.outgrown, pending(told)) == ((), ())
    assert procedure.close(told.id, "done").status is Status.CLOSED


@pytest.mark.parametrize(
    ("change", "lapses"),
    [
        ({"access": "proved"}, True),
        ({"malicious": True}, True),
        ({"recipients": ["malicious"]}, True),
        ({"care": "delayed"}, True),
        ({"persons": {"at_least": 5000, "at_most": 5000}}, True),
        ({"person_kinds": ["minors"]}, True),
        ({"title": "Laptop lost"}, False),
        ({"persons": {"at_least": 1, "at_most": 1}}, False),
        ({"controller_kind": "hospital"}, False),
    ],
)
def test_against_a_yes_it_holds_until_the_facts_are_graver(
    procedure: Procedure, change: dict[str, Any], lapses: bool
) -> None:
    told = corrected(procedure, decided_against(procedure), intelligibility={})
    told = procedure.decide(told.id, "notify", "no", "three colleagues know", proposed="yes")
    assert pending(told) == ()
    told = corrected(procedure, told, **change)
    assert bool(pending(told)) is lapses
    assert ("notify" in told.decisions) is not lapses


def test_a_decision_that_says_what_the_law_says_holds_however_the_severity_moves(procedure: Procedure) -> None:
    told = decided_against(procedure)
    told = corrected(procedure, told, malicious=True)
    assert told.outgrown == ()
    assert told.decisions["notify"].choice == "no"


def test_a_decision_to_tell_is_never_outgrown(procedure: Procedure) -> None:
    told = decided_against(procedure)
    told = procedure.decide(told.id, "notify", "yes", "to be safe", proposed="no")
    assert corrected(procedure, told, intelligibility={}, access="proved").decisions["notify"].choice == "yes"


def test_entries_of_an_older_version_are_measured_by_what_stood_before_them() -> None:
    def assessment(index: int, choice: str, **more: Any) -> Any:
        answers = [{"duty": "notify", "choice": choice}]
        return an_entry(index, "assessed", {"regime": "gdpr/fr", "answers": answers, **more})

    decision = {"duty": "notify", "choice": "no", "reason": "why", "proposed": "no"}
    told = the_incident(assessment(5, "no"), an_entry(6, "decided", decision))
    assert told.decisions["notify"].choice == "no"
    told = the_incident(an_entry(5, "decided", decision), assessment(6, "yes"))
    assert [one.entry for one in told.outgrown] == [5]
    told = the_incident(assessment(5, "no"), an_entry(6, "decided", decision), assessment(7, "yes"))
    assert [one.entry for one in told.outgrown] == [6]
    closing = an_entry(8, "closed", {"reason": "done"})
    told = the_incident(assessment(5, "no"), an_entry(6, "decided", decision), assessment(7, "yes"), closing)
    assert told.outgrown == (), "what it was closed on stays on record"
    odd = {"duty": "communicate", "choice": "no", "reason": "why", "proposed": "no", "exemption": "34(3)(z)"}
    assert the_incident(an_entry(5, "decided", odd)).outgrown
