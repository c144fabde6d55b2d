"""A breach is what its entries say, in their order, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.breach.facts import BreachFacts
from lightproof.breach.incident import Status, corrected, incident
from lightproof.evidence.entries import Entry

BEGAN = datetime(2026, 11, 23, 10, tzinfo=UTC)


def entry(index: int, what: str, payload: dict[str, object], *, by: str = "Dr Demo", hours: float = 0) -> Entry:
    return Entry(
        index=index,
        at=BEGAN + timedelta(hours=hours),
        kind=f"breach.{what}",
        subject="breach/B-2026-0001",
        principal=by,
        payload=payload,
        salt=bytes(16),
    )


OPENED = entry(
    4,
    "opened",
    {
        "source": {"kind": "finding", "entry": 3, "findings": ["F-0001"], "report_sha256": "ab" * 32},
        "facts": {"title": "Images within reach", "aware_at": "2026-11-23T09:30:00Z", "ongoing": True},
    },
)


def test_what_was_opened_is_told_with_its_source_and_its_facts() -> None:
    told = incident([OPENED])
    assert (told.id, told.status, told.opened_by) == ("B-2026-0001", Status.OPEN, "Dr Demo")
    assert (told.source.kind, told.source.entry, told.source.findings) == ("finding", 3, ("F-0001",))
    assert told.facts.title == "Images within reach"


def test_a_correction_adds_and_what_was_stated_stays_visible() -> None:
    earlier = {"facts": {"aware_at": "2026-11-20T18:00:00+01:00"}, "reason": "the provider phoned on Friday"}
    told = incident([OPENED, entry(5, "corrected", earlier, hours=30)])
    assert told.facts.aware_at == datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert [(one.value, one.entry, one.late) for one in told.stated] == [
        (datetime(2026, 11, 23, 9, 30, tzinfo=UTC), 4, False),
        (datetime(2026, 11, 20, 17, tzinfo=UTC), 5, True),
    ]
    assert told.stated[-1].reason == "the provider phoned on Friday"


def test_a_notice_recorded_long_after_it_was_filed_is_seen() -> None:
    filing = {"stage": "initial", "regime": "gdpr/fr", "authority": "CNIL", "filed_at": "2026-11-23T10:00:00Z"}
    sending = {"means": ["post"], "count": 1, "at": "2026-11-23T10:00:00Z", "letters_sha256": [], "by_means": {},
               "not_reached": None, "list_digest": ""}  # fmt: skip
    for hours, late in ((0.2, False), (0.3, True), (24, True)):
        told = incident(
            [OPENED, entry(5, "notified", filing, hours=hours), entry(6, "communicated", sending, hours=hours)]
        )
        stated = {one.name: one.late for one in told.stated if one.entry > 4}
        assert stated == {"filed_at": late, "sent_at": late}
    assert told.notifications[0].filed_at == BEGAN
    assert told.notifications[0].recorded_at == told.communications[0].recorded_at == BEGAN + timedelta(hours=24)


def test_the_states_follow_the_steps() -> None:
    steps = [
        (entry(5, "assessed", {"regime": "gdpr/fr", "answers": []}), Status.ASSESSED),
        (
            entry(
                6,
                "notified",
                {"stage": "initial", "regime": "gdpr/fr", "authority": "CNIL", "filed_at": "2026-11-24T08:00:00Z"},
            ),
            Status.NOTIFIED,
        ),
        (entry(7, "closed", {"reason": "done"}), Status.CLOSED),
        (entry(8, "reopened", {"reason": "a patient called"}), Status.NOTIFIED),
    ]
    entries = [OPENED]
    for added, expected in steps:
        entries.append(added)
        assert incident(entries).status is expected


def test_the_last_decision_holds_and_the_earlier_stay_in_the_history() -> None:
    def decision(index: int, choice: str, reason: str) -> Entry:
        return entry(
            index, "decided", {"duty": "notify", "choice": choice, "reason": reason, "proposed": "yes"}, hours=index
        )

    told = incident([OPENED, decision(5, "no", "unlikely"), decision(6, "yes", "the logs came")])
    assert told.decisions["notify"].choice == "yes"
    assert [step.payload.get("reason") for step in told.steps[1:]] == ["unlikely", "the logs came"]


def test_an_alert_of_an_earlier_version_is_of_the_clock_and_its_notice_explains_as_it_did() -> None:
    notice = {"stage": "initial", "regime": "gdpr/fr", "authority": "CNIL", "filed_at": "2026-11-28T09:00:00Z"}
    told = incident(
        [
            OPENED,
            entry(5, "alerted", {"hours_before": 6, "sent": ["mail"]}),
            entry(6, "notified", {**notice, "delay_reason": "ill"}),
            entry(7, "notified", {**notice, "stage": "supplementary"}),
        ]
    )
    assert [one.follows_up for one in told.alerted] == [""]
    assert [(one.reason, one.entry) for one in told.explained] == [("ill", 6)]


def test_a_step_of_a_later_version_is_kept_and_changes_nothing() -> None:
    told = incident([OPENED, entry(5, "something-new", {"x": 1})])
    assert told.last.what == "something-new"
    assert told.facts == incident([OPENED]).facts


@pytest.mark.parametrize("entries", [[], [entry(5, "corrected", {"facts": {}, "reason": "why"})]])
def test_entries_that_open_nothing_are_no_breach(entries: list[Entry]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        incident(entries)


TEXTS = st.sampled_from(["title", "discovery", "aware_by"])


@given(st.lists(st.tuples(TEXTS, st.text(max_size=20))))
def test_the_last_word_on_each_fact_holds(changes: list[tuple[str, str]]) -> None:
    facts = BreachFacts()
    for name, value in changes:
        facts = corrected(facts, {name: value})
    last = dict(changes)
    assert all(getattr(facts, name) == last.get(name, "") for name in ("title", "discovery", "aware_by"))


def test_evidence_adds_up_and_null_empties_a_fact() -> None:
    facts = corrected(BreachFacts(), {"title": "x", "evidence": {"title": ["entry 1"]}})
    facts = corrected(facts, {"evidence": {"persons": ["entry 2"]}, "title": None})
    assert facts.title == ""
    assert dict(facts.evidence) == {"persons": ("entry 2",)}, "nothing shows what is not said"


SHOWN = BreachFacts.model_validate(
    {"access": "proved", "persons": {"at_least": 9, "at_most": 9}, "started_at": "2026-11-01T08:00:00Z",
     "evidence": {name: ["entry 6"] for name in ("access", "persons", "started_at", "care")}}
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("access", "proved_none"), ("persons", {"at_least": 1, "at_most": 1}), ("started_at", "2026-11-02T08:00:00Z")],
)
def test_what_takes_the_place_of_a_fact_does_not_take_its_evidence(name: str, value: object) -> None:
    changed = corrected(SHOWN, {name: value})
    assert changed.shown(name) == ()
    assert set(changed.evidence) == set(SHOWN.evidence) - {name}
    assert corrected(SHOWN, {name: value, "evidence": {name: ["entry 9"]}}).shown(name) == ("entry 9",)


def test_what_is_said_again_or_for_the_first_time_keeps_the_evidence_attached_for_it() -> None:
    same = corrected(SHOWN, {"started_at": "2026-11-01T09:00:00+01:00"})
    assert same.shown("started_at") == ("entry 6",)
    assert corrected(SHOWN, {"care": "none"}).shown("care") == ("entry 6",)
