"""Two laws judge one breach: each authority has its own clock, and telling one ends nothing of the other's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, lightproof
from peers.processes import free_port

AWARE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=50)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    assert lightproof("init", "--unlock", "key-file", "--key-file", tmp_path / "key", home=folder).code == 0
    settings(folder, 'regimes = ["gdpr/fr", "hipaa/us"]')
    return folder


def settings(home: Path, regimes: str, alerts: str = "") -> None:
    (home / "settings.toml").write_text(f"[breach]\n{regimes}\n{alerts}")


def done(*arguments: object, home: Path) -> Ran:
    ran = lightproof("breach", *arguments, home=home)
    assert ran.code == 0, ran.err
    return ran


def opened(home: Path) -> str:
    facts = ("--set", f"aware_at={AWARE.isoformat()}", "--set", "sensitive=health", "--set", "recipients=public",
             "--set", "confidentiality=presumed", "--set", "ongoing=no")  # fmt: skip
    number: str = done("open", "--report", "An open server", *facts, "--json", home=home).json["id"]
    return number


def only_row(home: Path) -> dict[str, Any]:
    (row,) = done("list", "--json", home=home).json["breaches"]
    return row


def test_the_first_notice_leaves_the_other_clock_running(home: Path) -> None:
    number = opened(home)
    done("assess", number, "--decide", "notify=yes", home=home)
    done("assess", number, "--decide", "communicate=no", "--reason", "told in person", home=home)
    now = datetime.now(UTC).isoformat()
    told = done("notify", number, "--regime", "hipaa/us", "--filed", now, "--json", home=home).json
    deadline = (AWARE + timedelta(hours=72)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert [(duty["law"], duty["deadline"]) for duty in told["pending"]] == [("gdpr/fr", deadline)]
    assert (told["status"], told["clock"]["deadline"]) == ("assessed", deadline)
    assert (only_row(home)["status"], only_row(home)["deadline"]) == ("assessed", deadline)
    shown = done("show", number, home=home).out.decode()
    for line in ("hours left", "Still to be told: CNIL", f"notify {number} --out sheet.html"):
        assert line in " ".join(shown.split()), shown
    early = lightproof("breach", "close", number, "--reason", "done", home=home)
    assert (early.code, "duty-not-done" in early.err, "CNIL (gdpr/fr)" in early.err) == (2, True, True)
    told = done("notify", number, "--regime", "gdpr/fr", "--filed", now, "--json", home=home).json
    assert (told["status"], told["pending"], only_row(home)["deadline"]) == ("notified", [], "")
    assert done("close", number, "--reason", "done", "--json", home=home).json["status"] == "closed"


def test_the_gravest_answer_of_two_laws_is_shown(home: Path) -> None:
    number = opened(home)
    done("assess", number, "--set", "confidentiality=", "--set", "availability=established", "--set",
         "availability_effect=lost", "--reason", "a disk was lost", home=home)  # fmt: skip
    told = done("show", number, "--json", home=home).json
    notify = {law: said["answers"][1]["choice"] for law, said in told["assessments"].items()}
    assert notify == {"gdpr/fr": "yes", "hipaa/us": "no"}
    page = " ".join(done("show", number, home=home).out.decode().split())
    assert "Tell the authority? yes, proposed." in page, page


def test_other_settings_are_no_tampering(home: Path) -> None:
    number = opened(home)
    settings(home, 'regimes = ["ch/ch"]')
    told = done(
        "assess", number, "--set", "identifiability=name_and_birth_date", "--reason", "seen", "--json", home=home
    ).json
    judged = {law: said["elements"][1]["fact"] for law, said in told["assessments"].items()}
    assert set(judged) == {"gdpr/fr", "hipaa/us", "ch/ch"}, "its own laws go on judging it"
    done("register", "--verify", home=home)
    assert lightproof("ledger", "verify", home=home).code == 0


def test_each_clock_alerts_and_a_channel_that_failed_is_tried_again(home: Path, tmp_path: Path) -> None:
    number = opened(home)
    (tmp_path / "calendar").mkdir()
    settings(
        home, 'regimes = ["gdpr/fr", "hipaa/us"]',
        f'[alerts.calendar]\nfolder = "{tmp_path / "calendar"}"\n'
        f'[alerts.webhook]\nurl = "http://127.0.0.1:{free_port()}/"\n',
    )  # fmt: skip
    outcomes = [lightproof("breach", "remind", "--json", home=home) for _ in range(5)]
    tried = [{one["channel"]: one["failure"] for one in ran.json["sent"]} for ran in outcomes]
    assert tried == [{"calendar": "", "webhook": "ConnectError"}, *[{"webhook": "ConnectError"}] * 2, {}, {}]
    assert [ran.code for ran in outcomes] == [4, 4, 4, 0, 0]
    assert [file.name for file in (tmp_path / "calendar").iterdir()] == [f"{number}-gdpr-fr.ics"]
    later = (AWARE + timedelta(hours=1)).isoformat()
    done("assess", number, "--set", f"aware_at={later}", "--reason", "the log says so", home=home)
    moved = lightproof("breach", "remind", "--json", home=home).json["sent"]
    assert {one["channel"] for one in moved} == {"calendar", "webhook"}
