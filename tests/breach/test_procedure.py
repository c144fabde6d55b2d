"""The steps of a breach on a real ledger: what each demands, and that no row or entry is changed unseen."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from breach.desk import a_procedure, refused
from lightproof.breach import register
from lightproof.breach.alerts import TRIES, due, follow_up_due
from lightproof.breach.beside import beside
from lightproof.breach.clock import clock
from lightproof.breach.facts import BreachFacts, Intelligibility, reported_facts
from lightproof.breach.history import changes
from lightproof.breach.incident import SUBJECT, Choice, Duty, Stage, Status
from lightproof.breach.judging import assess_and_record, kept_years, proposed
from lightproof.breach.lookup import media_type
from lightproof.breach.pending import follow_ups, pending
from lightproof.breach.procedure import Bundled, Procedure
from lightproof.evidence.entries import rfc3339
from lightproof.storage.tables import breach

REGIMES = ("gdpr/fr",)
AWARE = datetime(2026, 11, 20, 10, tzinfo=UTC)
NOW = AWARE + timedelta(hours=10)
FACTS = BreachFacts.model_validate(
    {
        "title": "Laptop stolen", "confidentiality": "presumed", "sensitive": ["health"], "data": ["civil_status"],
        "identifiability": "name_and_birth_date", "recipients": ["unknown"], "aware_at": AWARE,
    }
)  # fmt: skip


@pytest.fixture
def procedure(tmp_path: Path) -> Iterator[Procedure]:
    with a_procedure(tmp_path, NOW, REGIMES) as made:
        yield made


def test_a_breach_goes_from_report_to_the_closed_file(procedure: Procedure) -> None:
    told = assess_and_record(procedure, procedure.open_report(FACTS), REGIMES)
    assert told.id == "B-2026-0001"
    procedure.decide(told.id, "notify", "yes", "", proposed="yes")
    procedure.decide(told.id, "communicate", "yes", "", proposed="yes")
    procedure.notified(told.id, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW, sheet=b"{}")
    procedure.communicated(told.id, ["post"], at=NOW, count=1180, letters=[b"Dear patient"])
    assert procedure.close(told.id, "all done").status is Status.CLOSED
    with refused("breach-closed"):
        procedure.correct(told.id, {"title": "x"}, "why")
    assert procedure.reopen(told.id, "a patient called").status is Status.NOTIFIED


def test_what_the_law_asks_of_a_step_is_asked(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS).id
    late = procedure.open_report(FACTS.model_copy(update={"aware_at": NOW - timedelta(hours=73)})).id
    with refused("reason-missing"):
        procedure.correct(number, {"title": "x"}, " ")
    with refused("reason-missing"):
        procedure.decide(number, "notify", "no", "", proposed="yes")
    with refused("register-always"):
        procedure.decide(number, "document", "no", "why", proposed="yes")
    with refused("exemption-without-evidence"):
        procedure.decide(number, "communicate", "no", "why", proposed="yes", exemption="34(3)(a)")
    with refused("initial-missing"):
        procedure.notified(number, "supplementary", regime="gdpr/fr", authority="CNIL", filed_at=NOW)
    with refused("delay-unexplained"):
        procedure.notified(late, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW)
    with refused("facts-refused"):
        procedure.notified(number, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW + timedelta(hours=1))
    with refused("decision-missing"):
        procedure.close(number, "done")
    with refused("breach-unknown"):
        procedure.incident("B-2026-0042")
    assert len(procedure.incident(number).steps) == 1


def test_awareness_is_stated_before_a_notice_and_not_taken_away_after_it(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS.model_copy(update={"aware_at": NOW - timedelta(hours=80)})).id

    def filed(reason: str = "") -> None:
        procedure.notified(number, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW, delay_reason=reason)

    with refused("delay-unexplained"):
        filed()
    procedure.correct(number, {"aware_at": None}, "not sure")
    with refused("awareness-unknown"):
        filed("late")
    procedure.correct(number, {"aware_at": AWARE.isoformat()}, "sure again")
    filed()
    with refused("facts-refused"):
        procedure.correct(number, {"aware_at": None}, "not sure again")
    assert procedure.correct(number, {"title": "Laptop lost"}, "found out").facts.aware_at == AWARE


def test_a_notice_that_a_correction_makes_late_is_explained_afterwards(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS).id
    procedure.notified(number, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW)
    for duty in ("notify", "communicate"):
        procedure.decide(number, duty, "no", "unlikely", proposed="yes")  # type: ignore[arg-type]
    with refused("delay-none"):
        procedure.explained(number, "gdpr/fr", "The provider hid it.")
    procedure.correct(number, {"aware_at": (NOW - timedelta(hours=80)).isoformat()}, "a message of Friday")
    with refused("delay-unexplained"):
        procedure.close(number, "done")
    with refused("delay-unexplained"):
        procedure.explained(number, "gdpr/fr", " ")
    with refused("delay-none"):
        procedure.explained(number, "uk-gdpr/uk", "The provider hid it.")
    told = procedure.explained(number, "gdpr/fr", "The provider hid it.")
    assert [(one.reason, one.by) for one in told.explained] == [("The provider hid it.", "Dr Demo")]
    assert procedure.close(number, "done").status is Status.CLOSED


def test_closing_and_opening_again_say_why(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS).id
    for duty in ("notify", "communicate"):
        procedure.decide(number, duty, "no", "unlikely", proposed="yes")  # type: ignore[arg-type]
    with refused("reason-missing"):
        procedure.close(number, " ")
    procedure.close(number, "done")
    with refused("reason-missing"):
        procedure.reopen(number, "")


def test_a_correction_can_be_looked_at_before_it_is_made(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS).id
    assert procedure.as_corrected(number, {"title": "Laptop lost"}, "found out").facts.title == "Laptop lost"
    assert procedure.incident(number).facts.title == "Laptop stolen"
    assert procedure.ledger.size() == 1


def test_telling_one_authority_leaves_the_clock_of_the_other_running(procedure: Procedure) -> None:
    laws = ("gdpr/fr", "hipaa/us")
    procedure = replace(procedure, regimes=laws)
    told = assess_and_record(procedure, procedure.open_report(FACTS), laws)
    for duty, choice in (("notify", "yes"), ("communicate", "no")):
        told = procedure.decide(told.id, duty, choice, "why", proposed=proposed(told, duty))  # type: ignore[arg-type]
    assert [duty.law for duty in pending(told)] == ["gdpr/fr", "hipaa/us"]
    told = procedure.notified(told.id, "initial", regime="hipaa/us", authority="HHS", filed_at=NOW, sheet=b"{}")
    (left,) = pending(told)
    assert (left.law, left.authority, left.deadline) == ("gdpr/fr", "CNIL", AWARE + timedelta(hours=72))
    assert told.status is Status.ASSESSED
    with procedure.ledger.database.reading() as connection:
        (line,) = register.waiting(connection)
    assert (line.status, line.deadline) == ("assessed", "2026-11-23T10:00:00.000000Z")
    assert due(told, left.deadline, left.deadline - timedelta(hours=1), ["mail"]) is not None
    with refused("duty-not-done") as refusal:
        procedure.close(told.id, "done")
    assert "CNIL" in str(refusal.value)
    against = procedure.decide(told.id, "notify", "no", "no one in France", proposed="yes", laws=["gdpr/fr"])
    assert (pending(against), against.status) == ((), Status.NOTIFIED)
    assert against.decisions["notify"].choice == "yes", "the gravest of two decisions stands for both"
    assert procedure.close(told.id, "done").status is Status.CLOSED


def test_a_law_that_comes_later_is_decided_about_anew(procedure: Procedure) -> None:
    told = assess_and_record(procedure, procedure.open_report(FACTS), REGIMES)
    procedure.decide(told.id, "notify", "no", "why", proposed="yes")
    told = assess_and_record(procedure, procedure.incident(told.id), ["uk-gdpr/uk", "gdpr/eu-omnibus-2025"])
    assert told.laws == ("gdpr/fr", "uk-gdpr/uk"), "what is only proposed makes no duty"
    assert [duty.law for duty in pending(told)] == ["uk-gdpr/uk"]
    assert "notify" not in told.decisions


def test_a_law_of_a_later_day_neither_judges_nor_waits(procedure: Procedure) -> None:
    laws = ("ch/ch", "gdpr/fr")
    procedure = replace(procedure, regimes=laws)
    facts = FACTS.model_copy(update={"aware_at": datetime(2019, 10, 8, 10, tzinfo=UTC)})
    told = assess_and_record(procedure, procedure.open_report(facts), laws)
    assert set(told.assessments) == {"gdpr/fr"}
    assert [duty.law for duty in pending(told)] == ["gdpr/fr"]


def test_duties_of_other_laws_are_listed_with_their_clocks_and_ticked_once_told(procedure: Procedure) -> None:
    told = procedure.open_report(FACTS)
    listed = {duty.key: duty for duty in beside(told)}
    assert set(listed) == {"cert-sante", "police", "insurer", "nis2"}
    hours = [step.deadline and (step.deadline - AWARE) / timedelta(hours=1) for step in listed["nis2"].steps]
    assert hours == [24, 72, 744]
    assert listed["cert-sante"].steps[0].deadline is None, "without delay is no instant"
    assert not any(duty.done for duty in listed.values())
    body = {"name": "CERT Santé", "role": "cert-sante", "informed_at": NOW.isoformat()}
    told = procedure.correct(told.id, {"other_bodies": [body]}, "phoned")
    assert {duty.key: duty.told_at for duty in beside(told) if duty.done} == {"cert-sante": NOW}


def test_what_is_only_proposed_makes_no_duty_beside_the_law(procedure: Procedure) -> None:
    laws = ("gdpr/eu-omnibus-2025", "gdpr/fr")
    told = assess_and_record(procedure, replace(procedure, regimes=laws).open_report(FACTS), laws)
    assert set(told.assessments) == set(laws)
    assert [duty.law for duty in pending(told)] == ["gdpr/fr"]
    alone = replace(procedure, regimes=laws[:1]).open_report(FACTS)
    assert [duty.law for duty in pending(alone)] == ["gdpr/eu-omnibus-2025"], "named, and nothing else is"


def test_the_longest_retention_of_its_laws_holds(procedure: Procedure) -> None:
    for laws, years in ((("ch/ch",), 2), (("ch/ch", "hipaa/us"), 6), (("ch/ch", "gdpr/fr"), None)):
        assert kept_years(replace(procedure, regimes=laws).open_report(FACTS)) == years


def test_other_settings_afterwards_are_no_tampering(procedure: Procedure) -> None:
    told = assess_and_record(procedure, procedure.open_report(FACTS), REGIMES)
    other = replace(procedure, regimes=("ch/ch",))
    other.correct(told.id, {"title": "Laptop lost"}, "found out")
    with procedure.ledger.database.reading() as connection:
        assert register.verified(connection, procedure.ledger.entries(under=SUBJECT)) == ()
        (line,) = register.waiting(connection)
    assert line.deadline == "2026-11-23T10:00:00.000000Z"


SOUND = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}


def test_an_exemption_rests_on_evidence_that_the_ledger_holds(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS).id
    told = procedure.correct(number, {"intelligibility": SOUND, "title": "Laptop"}, "found out")

    def exempted(*evidence: str) -> None:
        procedure.decide(
            number, "communicate", "no", "unreadable", proposed="yes", exemption="34(3)(a)", evidence=evidence
        )

    for reference, error in (
        ("entry 99999", "entry-unknown"),
        ("sha256:" + "00" * 32, "attachment-unknown"),
        ("entry 0", "evidence-only-said"),
        (f"entry {told.last.entry}", "evidence-only-said"),
        ("an expert told me", "facts-refused"),
    ):
        with refused(error):
            exempted(reference)
    told = procedure.attached(number, b"%PDF-", "application/pdf", shows="intelligibility")
    (entry, digest) = told.facts.evidence["intelligibility"]
    assert procedure.ledger.attachment(digest.removeprefix("sha256:")) == b"%PDF-"
    exempted()
    assert procedure.incident(number).decisions["communicate"].evidence == (entry, digest)
    procedure.ledger.erase([int(entry.removeprefix("entry "))], "asked for", principal="Dr Demo")
    with refused("entry-erased"):
        exempted()


def test_what_shows_something_else_is_no_evidence_of_this_breach(procedure: Procedure) -> None:
    other = procedure.attached(procedure.open_report(FACTS).id, b"%PDF- another's", "application/pdf")
    told = procedure.open_report(FACTS.model_copy(update={"intelligibility": Intelligibility.model_validate(SOUND)}))
    filed = procedure.notified(told.id, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW, sheet=b"{}")
    with procedure.ledger.writing() as writing:
        made = writing.append("home.made", "home", {}, principal="Dr Demo")
        checked = writing.append("check.finished", "check", {}, principal="Dr Demo")
    sheet, attached = filed.notifications[0].sheet_sha256, other.last.payload["sha256"]
    for reference in (f"entry {made.index}", f"entry {other.last.entry}", f"sha256:{attached}", f"sha256:{sheet}"):
        with refused("evidence-unrelated"):
            procedure.decide(
                told.id, "communicate", "no", "why", proposed="yes", exemption="34(3)(a)", evidence=[reference]
            )
        with refused("evidence-unrelated"):
            procedure.correct(told.id, {"evidence": {"intelligibility": [reference]}}, "why")
    told = procedure.decide(
        told.id, "communicate", "no", "why", proposed="yes", exemption="34(3)(a)", evidence=[f"entry {checked.index}"]
    )
    assert told.decisions["communicate"].exemption == "34(3)(a)"


@pytest.mark.parametrize(("duty", "choice"), [("notify", "no"), ("notify", "yes"), ("communicate", "yes")])
def test_an_exemption_goes_with_no_other_decision(procedure: Procedure, duty: Duty, choice: Choice) -> None:
    number = procedure.open_report(FACTS).id
    with refused("exemption-misplaced"):
        procedure.decide(number, duty, choice, "why", proposed="yes", exemption="34(3)(a)")
    assert len(procedure.incident(number).steps) == 1


def test_facts_name_no_evidence_that_the_ledger_does_not_hold(procedure: Procedure) -> None:
    dangling = {"intelligibility": ["entry 99999"]}
    with refused("entry-unknown"):
        procedure.open_report(FACTS.model_copy(update={"evidence": dangling}))
    number = procedure.open_report(FACTS).id
    with refused("entry-unknown"):
        procedure.correct(number, {"evidence": dangling}, "why")
    with refused("facts-refused"):
        procedure.attached(number, b"x", "text/plain", shows="colour")
    assert len(procedure.incident(number).steps) == 1


@pytest.mark.parametrize("name", ["CANARY Ada.exe", "CANARY", "CANARY.pdf.html"])
def test_only_known_kinds_of_files_are_kept_and_no_message_names_them(name: str) -> None:
    with refused("attachment-type") as refusal:
        media_type(PurePath(name))
    assert "CANARY" not in str(refusal.value)
    assert media_type(PurePath("CANARY.PDF")) == "application/pdf"


def test_a_step_outside_is_neither_before_awareness_nor_after_the_end(procedure: Procedure) -> None:
    told = assess_and_record(procedure, procedure.open_report(FACTS), REGIMES)
    number, before = told.id, AWARE - timedelta(minutes=1)

    def filed(stage: Stage = "initial", at: datetime = NOW) -> None:
        procedure.notified(number, stage, regime="gdpr/fr", authority="CNIL", filed_at=at)

    def sent(at: datetime) -> None:
        procedure.communicated(number, ["post"], at=at, count=1)

    for act in (lambda: filed(at=before), lambda: sent(before), lambda: sent(NOW + timedelta(hours=1))):
        with refused("facts-refused"):
            act()
    with refused("breach-not-closed"):
        procedure.reopen(number, "to see")
    filed(at=AWARE + timedelta(hours=1))
    sent(NOW)
    with refused("initial-twice"):
        filed()
    with refused("facts-refused"):
        procedure.correct(number, {"aware_at": NOW.isoformat()}, "later after all")
    filed("supplementary")
    for duty in ("notify", "communicate"):
        procedure.decide(number, duty, "yes", "why", proposed="yes")  # type: ignore[arg-type]
    steps = len(procedure.close(number, "done").steps)
    for late in (lambda: filed("supplementary"), lambda: sent(NOW)):
        with refused("breach-closed"):
            late()
    assert len(procedure.incident(number).steps) == steps


def test_one_notice_covers_several_like_breaches_and_the_register_keeps_each(procedure: Procedure) -> None:
    like = FACTS.model_copy(update={"aware_at": AWARE - timedelta(hours=90)})
    unlike = FACTS.model_copy(update={"sensitive": ()})
    one, two, three = (procedure.open_report(facts).id for facts in (FACTS, like, unlike))

    def filed(*others: str, reason: str = "") -> None:
        bundle = [Bundled(number, b"{2}") for number in others]
        procedure.notified(
            one, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW, sheet=b"{1}",
            reference="2026-77", bundle=bundle, delay_reason=reason,
        )  # fmt: skip

    with refused("breaches-unlike"):
        filed(three)
    with refused("delay-unexplained"):
        filed(two)
    assert not procedure.incident(one).notifications, "all of it is recorded, or nothing"
    filed(two, reason="the same fault each time")
    (first,), (second,) = (procedure.incident(number).notifications for number in (one, two))
    assert (first.bundled, second.bundled) == ((two,), (one,))
    assert first.reference == second.reference == "2026-77"
    assert procedure.ledger.attachment(second.sheet_sha256) == b"{2}"
    with procedure.ledger.database.reading() as connection:
        assert len(register.page(connection, register.Filter(), limit=10).lines) == 3
        assert register.verified(connection, procedure.ledger.entries(under=SUBJECT)) == ()


def test_an_order_of_the_authority_opens_the_duty_towards_persons_again(procedure: Procedure) -> None:
    number = assess_and_record(procedure, procedure.open_report(FACTS), REGIMES).id
    for duty in ("notify", "communicate"):
        procedure.decide(number, duty, "no", "unlikely", proposed="yes")  # type: ignore[arg-type]
    with refused("reason-missing"):
        procedure.ordered(number, NOW, " ")
    with refused("facts-refused"):
        procedure.ordered(number, NOW + timedelta(hours=1), "tell them")
    told = procedure.ordered(number, NOW, "CNIL 2026-9: tell the patients")
    assert told.persons_untold
    with refused("duty-not-done"):
        procedure.close(number, "done")
    with refused("ordered-by-authority"):
        procedure.decide(number, "communicate", "no", "still unlikely", proposed="yes")
    told = procedure.communicated(number, ["post"], at=NOW, count=3)
    assert (told.persons_untold, told.ordered) == (False, None)
    assert procedure.close(number, "done").status is Status.CLOSED


def test_questions_that_a_notice_left_open_are_looked_at_again(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS).id
    told = procedure.notified(
        number, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW, still_open=["persons"]
    )
    (follow_up,) = follow_ups(told)
    assert (follow_up.still_open, follow_up.remind_at) == (("persons",), NOW + timedelta(hours=72))
    assert "undue" in follow_up.words
    assert follow_ups(
        procedure.notified(number, "complete", regime="gdpr/fr", authority="CNIL", filed_at=NOW)
    ) == ()  # fmt: skip


def test_what_a_notice_left_open_is_reminded_of_once_and_kept_apart_from_the_clock(procedure: Procedure) -> None:
    number = procedure.open_report(FACTS).id
    told = procedure.notified(
        number, "initial", regime="gdpr/fr", authority="CNIL", filed_at=NOW, still_open=["persons"]
    )
    (follow_up,) = follow_ups(told)
    after, channels = follow_up.remind_at + timedelta(hours=1), ["mail", "ntfy"]
    assert follow_up_due(told, follow_up, follow_up.remind_at - timedelta(seconds=1), channels) is None
    step = follow_up_due(told, follow_up, after, channels)
    assert step is not None
    assert step.channels == ("mail", "ntfy")
    told = procedure.reminded(number, "gdpr/fr", follow_up.remind_at, ["mail"], ["ntfy"])
    for _ in range(TRIES - 1):
        step = follow_up_due(told, follow_up, after, channels)
        assert step is not None
        assert step.channels == ("ntfy",)
        told = procedure.reminded(number, "gdpr/fr", follow_up.remind_at, [], ["ntfy"])
    assert follow_up_due(told, follow_up, after, channels) is None
    clock_of_the_same_instant = due(told, follow_up.remind_at, after, channels)
    assert clock_of_the_same_instant is not None
    assert clock_of_the_same_instant.channels == ("mail", "ntfy")
    assert "reminder of the questions left open (mail)" in changes(told)[2]


def test_a_controller_is_aware_once_its_processor_told_it() -> None:
    provider = {
        "name": "Provider", "role": "processor", "aware_at": AWARE - timedelta(hours=60), "informed_at": AWARE,
        "window_hours": 24,
    }  # fmt: skip
    reported = reported_facts(BreachFacts.model_validate({"others": [provider]}), "x", by="Dr Demo", now=NOW)
    assert reported.aware_at == AWARE
    assert "Provider" in reported.aware_basis
    (slow,) = clock(reported).warnings
    assert "60 hours" in slow
    assert "24" in slow
    later = reported.model_copy(update={"aware_at": NOW})
    assert any("before the awareness stated" in warning for warning in clock(later).warnings)


FILER = """
import sys
from datetime import datetime
from pathlib import Path
from lightproof.breach.procedure import Procedure
from lightproof.errors import LightproofError
from lightproof.evidence.checkpoint import Signer
from lightproof.evidence.ledger import Ledger
from lightproof.storage.migrate import open_database

at = datetime.fromisoformat(sys.argv[2])
ledger = Ledger(open_database(Path(sys.argv[1]), bytes(range(32))), Signer(bytes(range(32, 64))))
procedure = Procedure(ledger=ledger, by="other", now=lambda: at, regimes=("gdpr/fr",))
print("ready", flush=True)
try:
    procedure.notified("B-2026-0001", "initial", regime="gdpr/fr", authority="CNIL", filed_at=at)
    print("filed", flush=True)
except LightproofError as error:
    print(error.error_id, flush=True)
"""


def test_of_two_who_record_the_first_notice_at_once_one_comes_second(procedure: Procedure, tmp_path: Path) -> None:
    procedure.open_report(FACTS)
    command = [sys.executable, "-c", FILER, str(tmp_path / "lightproof.db"), NOW.isoformat()]
    with procedure.ledger.writing() as writing:
        writing.append("test.noted", "check", {}, principal="tester")
        filers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for filer in filers:
            assert filer.stdout is not None
            assert filer.stdout.readline() == "ready\n"
        time.sleep(1)  # both have read what there is, and wait for their turn to write
    assert sorted(filer.communicate(timeout=60)[0] for filer in filers) == ["filed\n", "initial-twice\n"]
    assert len(procedure.incident("B-2026-0001").notifications) == 1


def test_numbers_follow_one_another(procedure: Procedure) -> None:
    assert [procedure.open_report(FACTS).id for _ in range(3)] == ["B-2026-0001", "B-2026-0002", "B-2026-0003"]


def test_the_number_of_an_erased_breach_is_never_given_again(procedure: Procedure) -> None:
    first, second = (procedure.open_report(FACTS).id for _ in range(2))
    for duty in ("notify", "communicate"):
        procedure.decide(second, duty, "no", "unlikely", proposed="yes")  # type: ignore[arg-type]
    procedure.close(second, "done")
    procedure.erase(second, "its time is over")
    assert (first, procedure.open_report(FACTS).id) == ("B-2026-0001", "B-2026-0003")


def test_the_most_urgent_come_first_and_filters_hold(procedure: Procedure) -> None:
    later = procedure.open_report(FACTS).id
    sooner = procedure.open_report(FACTS.model_copy(update={"aware_at": AWARE - timedelta(hours=80)})).id
    with procedure.ledger.database.reading() as connection:
        every = register.page(connection, register.Filter(), limit=10)
        late = register.page(connection, register.Filter(late_at=NOW), limit=10)
        one = register.page(connection, register.Filter(), limit=1, start=1)
    assert [line.id for line in every.lines] == [sooner, later]
    assert [line.id for line in late.lines] == [sooner]
    assert ([line.id for line in one.lines], one.total) == ([later], 2)


EDITS = 1_000


def other(chance: random.Random, value: object) -> object:
    """Another value of the same type, near or far."""
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 7, -(2**40)])
    told = str(value)
    match chance.randrange(4):
        case 0:
            return ""
        case 1 if told.endswith("Z"):  # a date: back-dated, and still plausible
            at = datetime.fromisoformat(told) - timedelta(minutes=chance.randrange(1, 10_000))
            return rfc3339(at)
        case _:
            place = chance.randrange(len(told) + 1)
            return told[:place] + chance.choice("0aZ\n é") + told[place + chance.randrange(2) :]


def edit(chance: random.Random, connection: Connection) -> str:
    """One random edit by somebody who has the key: any row, any column, rows added, taken, exchanged."""
    rows = [tuple(row) for row in connection.execute(select(breach).order_by(breach.c.id))]
    names = [column.name for column in breach.columns]
    row = dict(zip(names, chance.choice(rows), strict=True))
    here = breach.c.id == row["id"]
    match chance.randrange(6):
        case 0:
            connection.execute(delete(breach).where(here))
            return "deleted"
        case 1:
            number = f"B-{chance.choice([2025, 2026])}-{chance.randrange(5, 10_000):04d}"
            connection.execute(insert(breach).values({**row, "id": number}))
            return "added"
        case 2:  # another's values, whole
            others = [dict(zip(names, one, strict=True)) for one in rows]
            values = {**chance.choice(others), "id": row["id"]}
        case 3:  # the digest computed anew, as a forger would who reads our code
            name = chance.choice([name for name in names if name not in ("id", "row_sha")])
            values = {**row, name: other(chance, row[name])}
            line = register.Line(**{name: values[name] for name in register.Line.__dataclass_fields__})
            values["row_sha"] = register.sha256_of(line)
        case 4:
            name = chance.choice(names)
            values = {**row, name: chance.choice(rows)[names.index(name)]}
        case _:
            name = chance.choice(names)
            values = {**row, name: other(chance, row[name])}
    if values == row:
        return ""
    connection.execute(update(breach).where(here).values(values))
    return f"{row} -> {values}"


def test_any_change_to_any_row_of_the_register_is_found(procedure: Procedure) -> None:
    for hours in range(4):
        facts = FACTS.model_copy(update={"aware_at": AWARE - timedelta(hours=hours), "title": f"Laptop {hours}"})
        assess_and_record(procedure, procedure.open_report(facts), REGIMES)
    ledger, chance = procedure.ledger, random.Random(33)
    entries = list(ledger.entries(under=SUBJECT))
    done, missed = 0, list[str]()
    while done < EDITS:
        with ledger.database.reading() as connection:
            assert done % 100 or register.verified(connection, entries) == ()
            try:
                what = edit(chance, connection)
                if what:
                    done += 1
                    missed += [] if register.verified(connection, entries) else [what]
            except IntegrityError:
                pass  # a constraint does not allow it
            finally:
                connection.rollback()
    assert missed == []


def test_a_row_that_is_gone_is_named(procedure: Procedure) -> None:
    numbers = [procedure.open_report(FACTS).id for _ in range(3)]
    ledger = procedure.ledger
    entries = list(ledger.entries(under=SUBJECT))
    with ledger.database.writing() as connection:
        connection.execute(delete(breach).where(breach.c.id == numbers[1]))
    with ledger.database.reading() as connection:
        assert register.verified(connection, entries) == (numbers[1],)
