"""Whether a notice was late follows the facts as they stand, wherever it is shown."""

from dataclasses import replace
from datetime import timedelta

import pytest

from breach.practice_case import FOUND, a_notice, an_entry, filed, opened, the_incident
from lightproof.breach.clock import clock
from lightproof.breach.dossier import dossier, next_steps
from lightproof.breach.history import changes
from lightproof.breach.incident import Incident, incident
from lightproof.breach.incident_json import document
from lightproof.breach.lateness import late_filings
from lightproof.breach.register_export import row
from lightproof.documents.model import Verdict
from lightproof.evidence.entries import Entry
from lightproof.locale import LANGUAGES, speaking

LATER = FOUND + timedelta(hours=200)
EARLIER = (FOUND - timedelta(hours=80)).isoformat()
DECIDED = {"reason": "why", "choice": "yes", "proposed": "yes"}


def corrected(index: int, **facts: object) -> Entry:
    return an_entry(index, "corrected", {"facts": facts, "reason": "a message of Friday"}, hours=30)


def explained(index: int) -> Entry:
    return an_entry(index, "explained", {"regime": "gdpr/fr", "reason": "The provider hid it."}, hours=31)


IN_TIME = the_incident(
    an_entry(5, "decided", {**DECIDED, "duty": "notify"}), an_entry(6, "decided", {**DECIDED, "duty": "communicate"}),
    filed(7, hours=20), started_at=EARLIER,
)  # fmt: skip


def then(told: Incident, *later: Entry) -> Incident:
    entries = [
        replace(opened(), index=step.entry, at=step.at, kind=f"breach.{step.what}", payload=step.payload)
        for step in told.steps
    ]
    return incident([*entries, *later])


MOVED = then(IN_TIME, corrected(8, aware_at=EARLIER))
EXPLAINED = then(MOVED, explained(9))


def verdict(told: Incident) -> Verdict:
    block = dossier(told, clock(told.facts), LATER).sections[0].blocks[0]
    assert isinstance(block, Verdict)
    return block


def test_a_correction_of_the_awareness_makes_late_what_was_in_time() -> None:
    assert late_filings(IN_TIME) == ()
    (late,) = late_filings(MOVED)
    assert (late.law, late.filed.filed_at - late.deadline) == ("gdpr/fr", timedelta(hours=28))
    assert not late.reasons
    assert late_filings(then(MOVED, corrected(9, aware_at=FOUND.isoformat()))) == ()
    assert late_filings(then(MOVED, corrected(9, aware_at=None))) == (), "nobody can tell: that is shown itself"


def test_the_file_never_calls_a_late_notice_in_time() -> None:
    assert verdict(IN_TIME).letter == "✓"
    assert verdict(MOVED).letter == "!"
    assert "28 hours after the deadline. Nothing says why." in str(verdict(MOVED))
    assert verdict(EXPLAINED).letter == "–"
    assert "28 hours after the deadline" in str(verdict(EXPLAINED))


def test_what_to_do_about_it_is_said_until_it_is_done() -> None:
    def steps(told: Incident) -> str:
        return "\n".join(next_steps(told, clock(told.facts)))

    assert "--explain-delay" not in steps(IN_TIME)
    assert "lightproof breach notify B-2026-0001 --explain-delay" in steps(MOVED)
    assert "Send the reasons for the delay" in steps(EXPLAINED)
    told = then(EXPLAINED, filed(10, "supplementary", hours=40))
    assert "Send the reasons for the delay" not in steps(told)
    assert "--explain-delay" not in steps(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_register_and_the_data_show_it(language: str) -> None:
    with speaking(language):
        late = {
            "en": "late: the deadline was 23 November 2026, 02:00 UTC",
            "fr": "l’échéance était le 23 novembre 2026",
        }
        assert late[language] in row(MOVED)["filed"]
        assert late[language][:10] not in row(IN_TIME)["filed"]
        assert row(IN_TIME)["delay_reason"] == ""
        assert "33(1)" in row(MOVED)["delay_reason"]
        assert row(EXPLAINED)["delay_reason"] == "The provider hid it."
        assert "The provider hid it." in changes(EXPLAINED)[-1]
    assert document(IN_TIME, clock(IN_TIME.facts))["late"] == []
    (late,) = document(EXPLAINED, clock(EXPLAINED.facts))["late"]  # type: ignore[misc]
    assert late["law"] == "gdpr/fr"  # type: ignore[index]


def test_the_supplementary_notice_asks_for_the_reasons_and_takes_those_recorded_since() -> None:
    asked = a_notice(MOVED, "supplementary", hours=50).field("delay_reason")
    assert (asked.open, asked.needed_now) == (True, True)
    given = a_notice(EXPLAINED, "supplementary", hours=50).field("delay_reason")
    assert (given.answer.value, given.answer.evidence) == ("The provider hid it.", ("entry 9",))


def test_a_reason_given_with_a_notice_counts_as_before() -> None:
    told = then(IN_TIME, corrected(8, aware_at=EARLIER), filed(9, "supplementary", hours=40, delay_reason="Ill."))
    (late,) = late_filings(told)
    assert [one.reason for one in late.reasons] == ["Ill."]
    assert not late.untold
    assert row(told)["delay_reason"] == "Ill."
