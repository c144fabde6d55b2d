"""Silence is never read as a closed door: who was named and not heard is told, and so is a run that nobody answered."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from check.unanswered_ports import closed_port, dropping_calls
from check.watchers import Unwatched
from lightproof.check import run, survey_run
from lightproof.check.addresses import range_of
from lightproof.check.consent import Consent
from lightproof.check.plan import Plan, boxes_at, plan_of_named, plan_of_this_machine
from lightproof.check.reporting import perform
from lightproof.check.silence import silent_boxes, unheard
from lightproof.check.sweeping.hearing import Hearing
from lightproof.check.sweeping.sweep import Limits
from lightproof.check.targets import Named, Ports, parse_target
from lightproof.check.this_machine import own_addresses
from lightproof.check.watching import at_once
from lightproof.evidence.records import ExposureReport, Target, Unchecked

SILENT = "127.0.0.1"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "limits", property(lambda plan: Limits(rate=plan.rate, connect_s=0.3)))


def a_plan(*texts: str, ports: Sequence[int] = ()) -> Plan:
    named = [parse_target(text, lambda _name: (SILENT,)) for text in texts]
    return plan_of_named(
        named,
        Ports.of(ports),
        own_addresses=frozenset(own_addresses()),
        consent=Consent(),
        rate=100_000,
        now=datetime.now(UTC),
    )


class Watching(Unwatched):
    def __init__(self, *, stops: bool = False) -> None:
        self._stops = stops

    def swept(self, done: int, total: int, answering: int) -> None:
        if self._stops:
            raise KeyboardInterrupt


LOOKS = pytest.mark.parametrize("module", [run, survey_run], ids=["check", "survey"])


def checked(plan: Plan, module: object, journal: Path, *, resume: bool = False) -> ExposureReport:
    look = at_once(partial(module.opened, plan, journal=journal, resume=resume))  # type: ignore[attr-defined]
    return perform(plan, look, Watching(), survey=module is survey_run)


def told(report: ExposureReport) -> list[tuple[Target, str]]:
    return [(entry.target, entry.reason) for entry in report.unchecked]


@LOOKS
def test_a_run_that_nobody_answered_checked_nothing(module: object, tmp_path: Path) -> None:
    with dropping_calls() as port:
        report = checked(a_plan(f"{SILENT}:{port}"), module, tmp_path / "j")
    assert told(report) == [(Target(SILENT, port), "no-answer")]
    assert report.letter == "C"
    assert {cap.id for cap in report.caps} == {"nothing-checked", "unchecked"} | ({"survey"} & {report.caps[0].id})
    assert (report.caps[0].id == "survey") is (module is survey_run)


@LOOKS
def test_silence_that_was_met_before_a_run_was_stopped_is_told_by_the_one_that_goes_on(
    module: object, tmp_path: Path
) -> None:
    journal = tmp_path / "j"
    with dropping_calls() as port:
        plan = a_plan(f"{SILENT}:{port}")
        with pytest.raises(KeyboardInterrupt):
            at_once(partial(module.opened, plan, journal=journal))(Watching(stops=True))  # type: ignore[attr-defined]
    assert json.loads(journal.read_text().splitlines()[1])["ranges"] == [[0, 1]]
    report = checked(plan, module, journal, resume=True)  # the port is closed by now; nothing is called again
    assert told(report) == [(Target(SILENT, port), "no-answer")]
    assert report.letter == "C"


@LOOKS
def test_a_range_that_nobody_answered_is_told_by_one_of_its_targets(module: object, tmp_path: Path) -> None:
    with dropping_calls() as port:
        whole = a_plan(f"{SILENT}/32", ports=(port,))
        nobody_named = Plan(space=whole.space, boxes=(), scope=whole.scope, vantage=whole.vantage, rate=whole.rate)
        report = checked(nobody_named, module, tmp_path / "j")
    assert told(report) == [(Target(SILENT, port), "no-answer")]


def test_a_named_machine_that_stays_silent_is_told_beside_one_that_refuses(tmp_path: Path) -> None:
    with dropping_calls() as port:
        report = checked(a_plan(f"{SILENT}:{port}", f"127.0.0.2:{port}"), run, tmp_path / "j")
    assert told(report) == [(Target(SILENT, port), "no-answer")]
    assert (report.letter, [cap.id for cap in report.caps]) == ("B", ["unchecked"])


@LOOKS
def test_a_silent_address_of_a_range_is_nobodys_fault(module: object, tmp_path: Path) -> None:
    with dropping_calls() as port:
        report = checked(a_plan("127.0.0.0/29", ports=(port,)), module, tmp_path / "j")
    assert told(report) == []


@LOOKS
def test_a_filtered_port_of_a_machine_that_refuses_another_is_ordinary(module: object, tmp_path: Path) -> None:
    with dropping_calls() as port:
        report = checked(a_plan(SILENT, ports=(port, closed_port())), module, tmp_path / "j")
    assert told(report) == []
    assert report.letter == ("A" if module is run else "C")


def test_a_named_box_that_answers_nothing_is_not_checked(tmp_path: Path) -> None:
    boxes, now = boxes_at([SILENT]), datetime.now(UTC)
    plan = plan_of_named((), Ports(()), boxes=boxes, consent=Consent(), rate=100_000, now=now)
    report = checked(plan, run, tmp_path / "j")
    assert told(report) == [(Target(SILENT, port, "udp"), "box-silent") for port in (1900, 5351)]
    assert (report.letter, {cap.id for cap in report.caps}) == ("C", {"nothing-checked", "unchecked"})


def test_a_box_that_was_only_found_may_stay_silent_and_one_answer_is_enough_from_a_named_one() -> None:
    def plan(**boxes: Sequence[Named]) -> Plan:
        own, now = frozenset({"192.168.1.5"}), datetime.now(UTC)
        return plan_of_this_machine((), own_addresses=own, consent=Consent(), rate=1, now=now, **boxes)

    found, asked = plan(boxes_found=boxes_at(["192.168.1.1"])), plan(boxes=boxes_at(["192.168.1.1"]))
    assert found.boxes == asked.boxes
    silence = dict.fromkeys(asked.boxes, ((), ()))
    assert [entry.target for entry in silent_boxes(asked, silence)] == list(asked.boxes)
    assert not list(silent_boxes(found, silence))
    failed = Unchecked(target=asked.boxes[0], detector="upnp_igd", reason="mappings-refused")
    assert not list(silent_boxes(asked, {**silence, asked.boxes[0]: ((), (failed,))}))
    assert not list(silent_boxes(asked, {}))  # when nothing more might be sent, that is told instead


def test_what_has_no_way_is_told_as_unreachable_unless_a_call_went_further() -> None:
    plan = a_plan("127.0.0.1", "127.0.0.2", ports=(104, 4242))
    hearing = Hearing()
    hearing.missed("127.0.0.1", 4242, "unreachable", watched=True)
    hearing.missed("127.0.0.1", 104, "unreachable", watched=True)
    hearing.missed("127.0.0.2", 104, "unreachable", watched=True)
    hearing.missed("127.0.0.2", 4242, "no-answer", watched=True)
    assert [(entry.target, entry.reason) for entry in unheard(plan, hearing)] == [
        (Target("127.0.0.1", 104), "unreachable"),
        (Target("127.0.0.2", 4242), "no-answer"),
    ]
    assert hearing.nobody
    hearing.heard("127.0.0.1", watched=True)
    assert not hearing.nobody
    assert [entry.target.address for entry in unheard(plan, hearing)] == ["127.0.0.2"]


def test_single_machines_are_those_that_somebody_named() -> None:
    assert a_plan("192.168.1.9", ports=(104,)).machines == {"192.168.1.9"}
    assert a_plan("pacs.lan", ports=(104,)).machines == {SILENT}
    assert a_plan("192.168.1.0/24", "192.168.2.1-9", ports=(104,)).machines == frozenset()
    assert Named((range_of("192.168.1.9"),), 104)  # a port beside it changes nothing
    assert a_plan("192.168.1.9:104").machines == {"192.168.1.9"}
