"""What the ledger is told at the end of a check, of reports that are larger than an entry."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from check.observing import query_open, reported
from lightproof.check.consent import Consent
from lightproof.check.plan import Plan, plan_of_named
from lightproof.check.targets import Ports, parse_target
from lightproof.cli.check import command
from lightproof.cli.home import opened_or_made
from lightproof.cli.recording import recorded
from lightproof.errors import UsageRefused
from lightproof.evidence import appending, runs
from lightproof.evidence.records import ExposureReport, Target
from peers.processes import free_port

MANY = 1_010
"""More exposed services than an entry names."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHTPROOF_HOME", str(tmp_path / "home"))


def the_plan() -> Plan:
    return plan_of_named(
        [parse_target("127.0.0.1", lambda _name: ())], Ports.parse("11112"),
        own_addresses=frozenset({"127.0.0.1"}), consent=Consent(), rate=1_000, now=datetime.now(UTC),
    )  # fmt: skip


def open_on(hosts: Iterable[int]) -> ExposureReport:
    return reported([query_open(Target(f"192.0.{n >> 8}.{n & 255}", 11112)) for n in hosts])


def finish(report: ExposureReport) -> None:
    with recorded(the_plan(), "tester", whole_machine=False) as recording:
        recording.finished(report)


def kinds_and_exposed() -> list[tuple[str, int]]:
    with opened_or_made() as home:
        entries = home.ledger.entries(subject=runs.SUBJECT)
        return [(e.kind, e.payload["exposed_in_all"]) for e in entries if "exposed" in e.payload]  # type: ignore[index, operator]


def test_what_was_exposed_before_is_no_alert_though_no_entry_had_room_to_name_it() -> None:
    finish(open_on(range(MANY)))
    finish(open_on(range(20, MANY)))  # the first are mended: those that follow move up into the entry
    finish(open_on(range(20, MANY + 1)))
    assert kinds_and_exposed() == [
        ("check.finished", MANY),
        ("check.alert", MANY),
        ("check.finished", MANY - 20),
        ("check.finished", MANY - 19),
        ("check.alert", 1),
    ]


def test_a_report_too_long_for_the_ledger_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "ATTACHMENT_BYTES", 1_000)
    with pytest.raises(UsageRefused, match="report-too-long"):
        finish(open_on(range(3)))
    assert kinds_and_exposed() == []


def test_what_the_ledger_cannot_keep_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    monkeypatch.setattr(appending, "ATTACHMENT_BYTES", 500)
    written = tmp_path / "report.json"
    asked = ["127.0.0.1", "--ports", str(free_port()), "--json", "--report", str(written)]
    code = command.main(asked, standalone_mode=False)
    shown, told = capfdbinary.readouterr()
    assert code == UsageRefused.exit_code
    assert b"report-too-long" in told
    assert json.loads(shown)["targets"] == json.loads(written.read_bytes())["targets"] == 1
