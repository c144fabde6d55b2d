"""The notification: what the facts fill, what a person must still say, and what may follow later."""

import json
from datetime import date, datetime
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breach.practice_case import DIGEST, FACTS, FOUND, PRACTICE, a_notice, an_entry, filed, opened, the_incident
from lightproof.breach.answers import Contact
from lightproof.breach.asked import Judgement, judgement_of
from lightproof.breach.facts import Range
from lightproof.breach.incident import incident
from lightproof.breach.notification import next_stage
from lightproof.breach.notification_json import document, dumps, filed_values, schema
from lightproof.breach.triage import assess, recorded
from lightproof.errors import UsageRefused
from lightproof.law.regimes import regime
from lightproof.locale import LANGUAGES, speaking

VALIDATOR: Any = jsonschema.Draft202012Validator(schema())


def the_judgement(**changes: Any) -> Judgement:
    """What the French law says of the practice's case, as the ledger keeps it."""
    said = recorded(assess(the_incident(**changes).facts, regime("gdpr/fr")))
    judged = judgement_of(the_incident(an_entry(5, "assessed", said), **changes), "gdpr/fr")
    assert judged is not None
    return judged


def value(notice: Any, key: str) -> Any:
    return notice.field(key).answer.value


def test_the_practice_case_leaves_at_most_ten_fields_to_a_person() -> None:
    notice = a_notice()
    assert len(notice.fields) == 51
    left = [field.key for field in notice.fields if field.open]
    assert left == ["siren", "name", "address", "legal_rep", "contact", "dpo", "comm_date"]
    assert [field.key for field in notice.fields if field.needed_now] == left[:-1]


def test_with_settings_filled_an_initial_notice_needs_nothing_more_than_confirmation() -> None:
    notice = a_notice(the_incident(controller_kind="individual_doctor"), organisation=PRACTICE)
    assert [field.key for field in notice.fields if field.needed_now] == []
    assert notice.field("dpo").state == "not-applicable"
    assert {field.key for field in notice.in_state("to-confirm")} == {
        "conf_effects", "harms", "communicated", "comm_means", "cross_border",
    }  # fmt: skip


def test_every_field_that_needs_no_person_is_filled_from_the_finding() -> None:
    notice = a_notice()
    assert value(notice, "start") == datetime.fromisoformat("2026-07-20T08:00:00Z")
    assert value(notice, "records") == Range(
        at_least=5300, at_most=5300, estimated=False, method="series counted by the server"
    )
    assert value(notice, "origin") == ("unintended_publication",)
    assert value(notice, "cause") == ("internal_accidental",)
    assert value(notice, "nature") == ("confidentiality",)
    assert value(notice, "established") == "presumed"
    assert value(notice, "severity") == "maximal"
    assert notice.field("records").answer.source == "evidence"
    assert notice.field("records").answer.evidence == ("entry 3", f"sha256:{DIGEST}")
    assert notice.field("origin").answer.source == "default"


def test_what_is_only_the_earliest_evidence_is_no_known_period() -> None:
    notice = a_notice()
    assert value(notice, "period_known") is False
    assert notice.field("start").answer.note
    corrected = an_entry(6, "corrected", {"facts": {"started_at": "2026-06-01T08:00:00Z"}, "reason": "contract"})
    later = a_notice(the_incident(corrected))
    assert value(later, "period_known") is True
    assert later.field("start").answer.source == "person"
    assert later.field("start").answer.evidence == ("entry 6",)


def test_an_ended_breach_has_its_end_and_is_not_going_on() -> None:
    closed = an_entry(
        6,
        "corrected",
        {
            "facts": {"ended_at": "2026-11-23T11:00:00Z", "ongoing": False, "evidence": {"ended_at": ["entry 5"]}},
            "reason": "a later check found it closed",
        },
        hours=2,
    )
    notice = a_notice(the_incident(closed), hours=3)
    assert value(notice, "ongoing") is False
    assert notice.field("end").answer.evidence == ("entry 5",)
    assert a_notice().field("end").state == "not-applicable"


def test_nothing_is_invented_for_a_report_that_says_nothing() -> None:
    empty = an_entry(4, "opened", {"source": {"kind": "report"}, "facts": {}})
    notice = a_notice(incident([empty]), judgement=None)
    measured = [field.key for field in notice.fields if field.answer.source == "evidence"]
    assert measured == []
    for key in ("nature", "origin", "cause", "description", "data", "records", "persons", "measures", "severity"):
        assert notice.field(key).needed_now, key
    assert value(notice, "communicated") == "undetermined"


def test_a_person_s_word_takes_the_place_of_what_was_measured() -> None:
    told = the_incident(
        an_entry(6, "corrected", {"facts": {"persons": {"at_least": 900, "at_most": 900}}, "reason": "index"})
    )
    answer = a_notice(told).field("persons").answer
    assert (answer.source, answer.evidence) == ("person", ("entry 6",))


def test_what_the_law_suggests_is_a_proposal_with_its_reason() -> None:
    answer = a_notice().field("harms").answer
    assert answer.value == (
        "loss_of_control", "discrimination", "reputation", "breach_of_professional_secrecy", "privacy",
    )  # fmt: skip
    assert answer.proposed
    assert answer.source == "law"
    assert answer.note
    stated = a_notice(the_incident(harms=["privacy"]))
    assert value(stated, "harms") == ("privacy",)
    assert not stated.field("harms").answer.proposed


def test_effects_of_another_kind_do_not_apply() -> None:
    notice = a_notice()
    assert notice.field("int_effects").state == "not-applicable"
    altered = a_notice(the_incident(integrity="presumed"))
    assert value(altered, "int_effects") == ("modified_then_used_though_invalid",)


def test_a_late_notice_is_not_complete_without_reasons() -> None:
    assert a_notice(hours=72).field("delay_reason").state == "not-applicable"
    late = a_notice(hours=72.01)
    assert late.late
    assert late.field("delay_reason").needed_now
    explained = a_notice(hours=80, delay_reason="The provider did not answer over the week-end.")
    assert value(explained, "delay_reason") == "The provider did not answer over the week-end."
    assert not explained.field("delay_reason").open


def test_a_first_notice_in_time_stays_in_time() -> None:
    told = the_incident(filed(6, hours=20))
    assert not a_notice(told, "supplementary", hours=300).late
    late = the_incident(filed(6, hours=90, delay_reason="no one was there"))
    assert value(a_notice(late, "supplementary", hours=300), "delay_reason") == "no one was there"


def test_a_supplementary_notice_says_what_changed_and_why() -> None:
    first = dumps(a_notice(organisation=PRACTICE))
    told = the_incident(
        filed(6),
        an_entry(
            7,
            "corrected",
            {"facts": {"persons": {"at_least": 800, "at_most": 900}}, "reason": "counted in the index"},
            hours=30,
        ),
    )
    notice = a_notice(told, "supplementary", organisation=PRACTICE, hours=31, before=filed_values(first))
    assert [field.key for field in notice.fields if field.changed] == ["kind", "earlier_ref", "persons"]
    assert notice.field("persons").why_changed == "counted in the index (entry 7)"
    assert value(notice, "earlier_ref") == "FR-1234"
    shown = {field.key for field in notice.shown}
    assert shown == {"kind", "earlier_ref", "name", "siren", "contact", "persons", "dpo", "comm_date"}


def test_without_the_earlier_sheet_everything_known_counts_as_changed() -> None:
    notice = a_notice(the_incident(filed(6)), "supplementary")
    assert notice.field("description").changed
    assert not notice.field("siren").changed


def test_a_supplementary_notice_needs_an_initial_one_and_its_number() -> None:
    with pytest.raises(UsageRefused) as refused:
        a_notice(the_incident(), "supplementary")
    assert refused.value.error_id == "initial-missing"
    told = the_incident(filed(6, reference=""))
    assert a_notice(told, "supplementary").field("earlier_ref").needed_now
    assert next_stage(the_incident(), "gdpr/fr") == "initial"
    assert next_stage(told, "gdpr/fr") == "supplementary"
    assert next_stage(told, "uk-gdpr") == "initial"


def test_a_complete_notice_needs_every_open_field() -> None:
    notice = a_notice(stage="complete")
    assert notice.field("comm_date").needed_now
    assert all(field.needed_now for field in notice.fields if field.open)


def test_persons_that_were_told_fill_the_section() -> None:
    kept = {"letters_sha256": ["cd" * 32], "by_means": {}, "not_reached": None, "list_digest": ""}
    sent = {"means": ["post", "sms"], "count": 1100, "at": "2026-11-25T09:00:00Z", **kept}
    more = {"means": ["post"], "count": 50, "at": "2026-11-26T09:00:00Z", **kept}
    told = the_incident(an_entry(6, "communicated", sent, hours=49), an_entry(7, "communicated", more, hours=72))
    notice = a_notice(told, hours=80)
    assert value(notice, "communicated") == "yes"
    assert value(notice, "comm_count") == 1150
    assert value(notice, "comm_means") == ("post", "sms")
    assert value(notice, "comm_date") == date(2026, 11, 26)
    assert value(notice, "comm_text") == f"sha256:{'cd' * 32}"


@pytest.mark.parametrize(
    ("exemption", "option"),
    [
        ("34(3)(a)", "34(3)(a)_unintelligible"),
        ("34(3)(b)", "34(3)(b)_risk_removed"),
        ("34(3)(c)", "34(3)(c)_disproportionate_public_notice"),
        ("", "no_high_risk"),
    ],
)
def test_who_decides_not_to_tell_gives_the_law_s_reason(exemption: str, option: str) -> None:
    decision = {
        "duty": "communicate", "choice": "no", "reason": "encrypted", "proposed": "yes",
        "exemption": exemption, "evidence": ["entry 9"],
    }  # fmt: skip
    carrying: dict[str, Any] = {
        "intelligibility": {"protection": "encrypted", "state_of_the_art": True, "key": "safe"},
        "recipients": ["known"],
        "recovery": "recovered",
        "risk_removed": "The one who had them gave them back.",
        "disproportionate_effort": {"effort": "no addresses", "notice": "regional press"},
    }
    notice = a_notice(the_incident(an_entry(6, "decided", decision), **carrying))
    assert value(notice, "communicated") == "no_and_will_not_be"
    assert value(notice, "exemption") == option
    assert notice.field("exemption").answer.evidence == ("entry 6", "entry 9")


def test_an_assessment_in_the_ledger_is_read_back() -> None:
    payload: dict[str, Any] = {
        "regime": "gdpr/fr",
        "level": "very high",
        "answers": [
            {"duty": "notify", "choice": "yes", "reasons": [{"text": "Anyone could read them."}]},
            {"duty": "communicate", "choice": "yes", "reasons": []},
        ],
    }
    told = the_incident(an_entry(5, "assessed", payload))
    judged = judgement_of(told, "gdpr/fr")
    assert judged is not None
    assert (judged.level, judged.communicate, judged.entry) == ("very high", "yes", 5)
    assert judged.reasons == ("Anyone could read them.",)
    assert judgement_of(told, "ch") is None
    assert a_notice(told, judgement=judged).field("severity").answer.evidence == ("entry 5",)


def test_the_assessment_of_the_law_fills_severity_and_what_the_persons_are_told() -> None:
    notice = a_notice(judgement=the_judgement())
    assert value(notice, "severity") == "maximal"
    assert value(notice, "communicated") == "not_yet_but_will_be"


def test_when_the_authority_revealed_it_the_notice_says_that_it_is_not_due_and_can_still_be_made() -> None:
    revealed = {"at": "2026-11-23T08:00:00Z", "authority": "CNIL", "reference": "2026-152C", "own_information": True}
    shown = FACTS["evidence"] | {"revealed_by_authority": ["entry 5"]}
    told = the_incident(revealed_by_authority=revealed, evidence=shown)
    judgement = the_judgement(revealed_by_authority=revealed, evidence=shown)
    assert judgement.notify == "no"
    assert any("449694" in reason for reason in judgement.reasons)
    assert judgement.warnings
    notice = a_notice(told, judgement=judgement)
    assert value(notice, "communicated") == "not_yet_but_will_be"
    assert not notice.field("description").open


def test_news_from_the_authority_is_told_as_such() -> None:
    revealed = {"at": "2026-11-23T08:00:00Z", "authority": "CNIL", "reference": "2026-152C"}
    notice = a_notice(the_incident(discovery=None, revealed_by_authority=revealed))
    assert "CNIL" in value(notice, "discovery")
    assert "2026-152C" in value(notice, "discovery")


def test_persons_abroad_open_the_cross_border_questions() -> None:
    notice = a_notice(the_incident(other_countries=["BE", "DE"]))
    assert value(notice, "cross_border") is True
    assert value(notice, "countries") == ("BE", "DE")
    assert notice.field("lead_authority").open
    assert a_notice().field("countries").state == "not-applicable"


def test_the_doctor_alone_is_the_contact_too() -> None:
    organisation = PRACTICE.model_copy(update={"contact": type(PRACTICE.contact)()})
    answer = a_notice(the_incident(controller_kind="individual_doctor"), organisation=organisation).field("contact")
    assert isinstance(answer.answer.value, Contact)
    assert answer.state == "to-confirm"


@pytest.mark.parametrize("stage", ["initial", "complete", "supplementary"])
def test_the_json_fits_its_schema(stage: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    told = the_incident(filed(6)) if stage == "supplementary" else the_incident()
    for organisation in (PRACTICE, type(PRACTICE)()):
        notice = a_notice(told, stage, organisation=organisation)
        VALIDATOR.validate(json.loads(dumps(notice)))
    assert filed_values(dumps(a_notice(organisation=PRACTICE)))["siren"] == "732829320"  # type: ignore[index]


def test_a_sheet_that_is_no_notice_is_not_read_as_one() -> None:
    for sheet in (b"", b"[]", b"{}", b'{"schema": 1}', b"%PDF", b'{"schema":' * 100_000):
        assert filed_values(sheet) is None


def test_the_same_facts_give_the_same_bytes() -> None:
    assert dumps(a_notice()) == dumps(a_notice())


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_do_not_depend_on_the_language_where_they_are_keys(language: Any) -> None:
    with speaking(language):
        fields = cast("list[dict[str, Any]]", document(a_notice())["fields"])
    assert {field["key"]: field["value"] for field in fields}["origin"] == ["unintended_publication"]


@given(
    taken=st.sets(st.sampled_from(sorted(set(opened().payload["facts"]) - {"evidence"}))),  # type: ignore[call-overload]
    stage=st.sampled_from(["initial", "complete"]),
    hours=st.floats(0, 500),
)
def test_whatever_is_unknown_is_open_and_nothing_else(taken: set[str], stage: str, hours: float) -> None:
    notice = a_notice(the_incident(**dict.fromkeys(taken)), stage, hours=hours)
    for field in notice.fields:
        if field.open:
            assert field.answer.value is None
            assert field.answer.applies
        elif field.answer.applies and not field.question.optional:
            assert field.answer.value is not None
        if field.answer.value is not None:
            assert field.answer.source is not None
        if field.needed_now:
            assert field.open
    assert notice.made >= FOUND
    VALIDATOR.validate(json.loads(dumps(notice)))
