"""`lightproof breach` and `lightproof ledger`, run as people and scripts run them."""

import email
import email.policy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from cli.running import lightproof
from lightproof.cli.breach.desk import now_utc
from lightproof.errors import UsageRefused
from lightproof.locale import LANGUAGES
from peers.orthanc import Orthanc

FACTS = {
    "confidentiality": "presumed",
    "sensitive": ["health"],
    "recipients": ["public"],
    "aware_at": "2026-03-27T22:30:00+01:00",
}


def reported(home: Path, *arguments: str) -> str:
    lightproof("init", "--unlock", "key-file", "--recovery-kit", home.parent / "kit.txt", home=home)
    opened = lightproof("breach", "open", "--report", "A laptop was stolen", *arguments, "--json", home=home)
    assert opened.code == 0, opened.err
    number: str = opened.json["id"]
    return number


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.parametrize("year", [1970, 2201])
def test_no_period_is_counted_from_a_clock_that_was_never_set(monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    class Unset(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(year, 1, 2, tzinfo=tz)

    monkeypatch.setattr("lightproof.cli.breach.desk.datetime", Unset)
    with pytest.raises(UsageRefused, match="clock-not-set"):
        now_utc()


def test_facts_are_judged_alone_without_a_home(home: Path, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    ran = lightproof("breach", "assess", "--facts", tmp_path / "facts.json", "--json", home=home)
    assert ran.code == 0, ran.err
    judged = ran.json["assessments"]["gdpr/fr"]
    assert judged["clock"]["deadline"] == "2026-03-30T21:30:00.000000Z"
    assert [answer["choice"] for answer in judged["answers"]] == ["yes", "yes", "yes"]
    assert not home.exists()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "severity 4.5 (very high)",
                "4.5 = 4.0 × 1.0 + 0.5",
                "Ease of identification (EI)",
                "Nothing proved makes",
            ),
        ),
        (
            "fr",
            ("gravité 4,5 (très élevée)", "4,5 = 4,0 × 1,0 + 0,5", "Facilité d’identification (EI)", "Rien de prouvé"),
        ),
    ],
)
def test_an_assessment_shows_its_sum_its_reasons_and_what_would_change_it(
    home: Path, tmp_path: Path, language: str, said: tuple[str, ...]
) -> None:
    number = reported(
        home, "--set", "recipients=public", "--set", "confidentiality=presumed", "--set", "sensitive=health"
    )
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    for what in (("--facts", tmp_path / "facts.json"), (number,)):
        shown = lightproof("breach", "assess", *what, home=home, language=language).out.decode()
        assert all(words in shown for words in (*said, "proved_none"))
        assert max(map(len, shown.splitlines())) <= 80
    place = tmp_path / "file.html"
    lightproof("breach", "show", number, "--out", place, home=home, language=language)
    assert all(words in place.read_text() for words in (*said, "proved_none"))


@pytest.mark.parametrize("command", ["list", "show", "register"])
def test_a_law_that_the_settings_name_and_nobody_knows_is_refused_by_its_setting(home: Path, command: str) -> None:
    number = reported(home)
    (home / "settings.toml").write_text('[breach]\nregimes = ["gdpr/xx"]\n')
    ran = lightproof("breach", command, *([number] if command == "show" else []), home=home)
    assert ran.code == 2
    assert "regime-unknown" in ran.err
    assert "breach.regimes" in ran.err
    shown = lightproof("config", "show", "--origin", home=home)
    assert b"file, line 2" in shown.out
    assert shown.code == 2
    assert "regime-unknown" in shown.err


@pytest.mark.parametrize(
    ("arguments", "endings"),
    [
        (("show",), ".html, .pdf, .odt, .docx."),
        (("notify",), ".html, .pdf, .odt, .docx, .json."),
        (("letter",), ".html, .pdf, .odt, .docx, .txt."),
        (("letter", "--recipients", "list.csv"), ".html, .pdf, .odt, .docx, .eml."),
        (("register",), ".xlsx, .csv, .json, .html, .pdf, .odt, .docx."),
    ],
)
def test_a_wrong_ending_is_refused_before_anything_is_written(
    home: Path, tmp_path: Path, arguments: tuple[str, ...], endings: str
) -> None:
    command, *options = arguments
    number = () if command == "register" else (reported(home),)
    first = tmp_path / "first.pdf"
    ran = lightproof("breach", command, *number, *options, "--out", first, "--out", tmp_path / "x.exe", home=home)
    assert (ran.code, ran.out) == (2, b"")
    assert "report-format-unknown" in ran.err
    assert f"one of: {endings}" in ran.err
    assert not first.exists()


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (
            "gdpr/eu",
            ("To", "The competent supervisory authority", "under Article 33(1) of Regulation (EU) 2016/679 (GDPR)."),
        ),
        ("uk-gdpr/uk", ("ICO", "under Article 33(1) of the UK GDPR.")),
    ],
)
def test_a_letter_names_its_own_law_and_authority(home: Path, tmp_path: Path, law: str, said: tuple[str, ...]) -> None:
    number, place = reported(home), tmp_path / "notice.html"
    ran = lightproof("breach", "notify", number, "--regime", law, "--out", place, home=home)
    assert ran.code == 0, ran.err
    assert all(words in place.read_text() for words in said)
    assert ("2016/679" in place.read_text()) == (law == "gdpr/eu")


@pytest.mark.parametrize("law", ["hipaa/us", "ch/ch", "gdpr/eu-omnibus-2025"])
def test_no_form_of_another_law_stands_in_where_a_law_has_none(home: Path, tmp_path: Path, law: str) -> None:
    number, place = reported(home), tmp_path / "notice.html"
    for form in ((), ("--form", "art-33"), ("--form", "cnil")):
        ran = lightproof("breach", "notify", number, "--regime", law, *form, "--out", place, home=home)
        assert ran.code == 2
        assert "form-of-another-law" in ran.err
        assert not place.exists()
    as_data = lightproof("breach", "notify", number, "--regime", law, "--json", home=home)
    assert as_data.json["regime"] == law
    filed = lightproof("breach", "notify", number, "--regime", law, "--filed", datetime.now(UTC).isoformat(), home=home)
    assert filed.code == 0, filed.err


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_breach_is_summed_up_on_one_screen_with_both_readings_of_the_period(home: Path, language: str) -> None:
    number = reported(
        home, "--set", "recipients=public", "--set", "confidentiality=presumed", "--set", "sensitive=health",
        "--set", f"aware_at={(datetime.now(UTC) - timedelta(hours=3)).replace(minute=20).isoformat()}",
    )  # fmt: skip
    lines = lightproof("breach", "show", number, home=home, language=language).out.decode().splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert "1182/71" in "\n".join(lines)


def test_a_law_that_is_only_proposed_is_never_shown_as_the_law(home: Path, tmp_path: Path) -> None:
    reported(home)
    (home / "settings.toml").write_text('[breach]\nregimes = ["gdpr/eu-omnibus-2025"]\n')
    number = lightproof("breach", "open", "--report", "A door was open", "--json", home=home).json["id"]
    shown = lightproof("breach", "show", number, home=home).out.decode()
    assert "it is not the law." in " ".join(shown.split())
    assert "must be told" not in shown
    place = tmp_path / "file.html"
    lightproof("breach", "show", number, "--out", place, home=home)
    assert "only proposed" in place.read_text()


def test_two_laws_judge_side_by_side(home: Path, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    ran = lightproof(
        "breach", "assess", "--facts", tmp_path / "facts.json", "--regime", "gdpr/fr", "--regime", "hipaa/us", "--json",
        home=home,
    )  # fmt: skip
    assert set(ran.json["assessments"]) == {"gdpr/fr", "hipaa/us"}


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"aware_at": "2026-01-01T10:00:00"}, "aware_at"),
        ({"aware_at": "2999-01-01T10:00:00Z"}, "aware_at"),
    ],
)
def test_impossible_facts_are_refused_by_their_field(facts: object, field: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    ran = lightproof("breach", "assess", "--facts", tmp_path / "facts.json", home=home)
    assert (ran.code, f"“{field}”" in ran.err) == (2, True)
    assert "Traceback" not in ran.err


def test_the_schema_describes_the_facts(home: Path) -> None:
    assert "aware_at" in lightproof("breach", "assess", "--schema", home=home).json["properties"]


def test_a_late_notification_needs_reasons_and_is_then_kept(home: Path) -> None:
    number = reported(home, "--set", "aware_at=2026-01-05T10:00+01:00")
    filed = ("breach", "notify", number, "--filed", "2026-02-01T10:00+01:00", "--json")
    refused = lightproof(*filed, home=home)
    assert (refused.code, "delay-unexplained" in refused.err) == (2, True)
    kept = lightproof(*filed, "--delay-reason", "the provider told us late", home=home)
    assert kept.json["notifications"][0]["delay_reason"] == "the provider told us late"
    assert kept.json["status"] == "notified"


def test_two_laws_run_side_by_side_for_one_breach(home: Path, tmp_path: Path) -> None:
    lightproof("init", "--unlock", "key-file", "--recovery-kit", tmp_path / "kit.txt", home=home)
    settings = home / "settings.toml"
    settings.write_text(settings.read_text().replace('# regimes = ["gdpr/fr"]', 'regimes = ["ch/ch", "gdpr/fr"]'))
    number = reported(home, "--set", "aware_at=2026-01-05T10:00+01:00", "--set", "confidentiality=presumed")
    told = lightproof("breach", "assess", number, "--json", home=home).json
    assert set(told["assessments"]) == {"ch/ch", "gdpr/fr"}
    assert told["clock"]["deadline"] == "2026-01-08T09:00:00.000000Z"
    swiss = lightproof("breach", "notify", number, home=home)
    assert (swiss.code, "form-of-another-law" in swiss.err) == (2, True)
    french = lightproof("breach", "notify", number, "--regime", "gdpr/fr", home=home).out.decode()
    assert "The deadline has passed" in french
    assert "CNIL" in french
    for law in ("ch/ch", "gdpr/fr"):
        ran = lightproof(
            "breach", "notify", number, "--regime", law, "--filed", "2026-02-01T10:00+01:00", "--delay-reason", "x",
            "--json", home=home,
        )  # fmt: skip
        assert ran.code == 0, ran.err
    filed = {one["regime"]: one["authority"] for one in ran.json["notifications"]}
    assert filed == {"ch/ch": "PFPDT / EDÖB", "gdpr/fr": "CNIL"}
    unknown = lightproof("breach", "notify", number, "--regime", "mars", home=home)
    assert (unknown.code, "regime-unknown" in unknown.err) == (2, True)


def test_the_register_and_the_ledger_are_shown_exported_and_verified(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    assert number in lightproof("breach", "list", home=home).out.decode()
    for name in ("register.xlsx", "register.csv", "register.html", "register.json"):
        ran = lightproof("breach", "register", "--out", tmp_path / name, home=home)
        assert ran.code == 0, ran.err
        assert (tmp_path / name).stat().st_size > 100
    assert lightproof("breach", "register", "--verify", home=home).code == 0
    assert lightproof("ledger", "verify", "--json", home=home).json["faults"] == []
    assert lightproof("ledger", "prove", "1", "--out", tmp_path / "proof.json", home=home).code == 0
    elsewhere = tmp_path / "elsewhere"
    assert lightproof("ledger", "verify", tmp_path / "proof.json", home=elsewhere).code == 0
    changed = (tmp_path / "proof.json").read_text().replace("A laptop", "No laptop", 1)
    (tmp_path / "proof.json").write_text(changed)
    assert lightproof("ledger", "verify", tmp_path / "proof.json", home=elsewhere).code == 3


def test_a_drill_is_scored_and_kept(home: Path) -> None:
    lightproof("init", "--unlock", "key-file", "--recovery-kit", home.parent / "kit.txt", home=home)
    ran = lightproof("breach", "drill", "--answers", "2,1,3,1,2,3", "--json", home=home, language="fr")
    assert ran.code == 0, ran.err
    assert ran.json["score"] == 80
    assert lightproof("ledger", "verify", home=home).code == 0


def test_a_file_that_is_attached_carries_an_exemption_and_its_name_stays_outside(home: Path, tmp_path: Path) -> None:
    number = reported(home, "--set", "confidentiality=presumed", "--set", "sensitive=health")
    sound = json.dumps({"protection": "encrypted", "state_of_the_art": True, "key": "safe"})
    proof = tmp_path / "CANARY Ada.pdf"
    proof.write_bytes(b"%PDF-1.7 the key was in the safe")
    exempt = ("breach", "assess", number, "--decide", "communicate=no", "--exemption", "34(3)(a)", "--reason", "sealed")
    set_ = ("--set", f"intelligibility={sound}")
    for evidence in ("entry 99999", "sha256:" + "00" * 32):
        ran = lightproof(*exempt, *set_, "--evidence", evidence, home=home)
        assert ran.code == 2, ran.out
    assert lightproof("breach", "show", number, "--json", home=home).json["facts"].get("intelligibility") is None
    ran = lightproof(*exempt, *set_, "--attach", f"intelligibility={proof}", "--json", home=home)
    assert ran.code == 0, ran.err
    told = ran.json
    assert told["decisions"]["communicate"]["exemption"] == "34(3)(a)"
    assert told["decisions"]["communicate"]["evidence"][0] in ran.err
    answers = {answer["duty"]: answer["choice"] for answer in told["assessments"]["gdpr/fr"]["answers"]}
    assert answers == {"document": "yes", "notify": "no", "communicate": "no"}
    assert lightproof("ledger", "export", tmp_path / "export", home=home).code == 0
    assert b"CANARY" not in (tmp_path / "export" / "entries.ndjson").read_bytes()


def test_an_entry_is_named_as_evidence_by_its_number_as_everywhere_else(home: Path) -> None:
    number = reported(home)
    decided = (
        "breach",
        "assess",
        number,
        "--decide",
        "communicate=no",
        "--exemption",
        "34(3)(a)",
        "--reason",
        "sealed",
    )
    told = {lightproof(*decided, "--evidence", named, home=home).err for named in ("99999", "entry 99999")}
    assert len(told) == 1
    assert "Error entry-unknown" in told.pop()


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        ((), "option-alone"),
        (("--decide", "notify=no"), "exemption-misplaced"),
        (("--decide", "communicate=yes"), "exemption-misplaced"),
    ],
)
def test_an_exemption_is_never_passed_over_in_silence(decision: tuple[str, ...], error: str, home: Path) -> None:
    number = reported(home, "--set", "confidentiality=presumed")
    ran = lightproof(
        "breach", "assess", number, *decision, "--exemption", "34(3)(a)", "--reason", "sealed", home=home
    )  # fmt: skip
    assert (ran.code, error in ran.err) == (2, True)


def test_a_key_found_with_the_data_opens_the_questions_again(home: Path, tmp_path: Path) -> None:
    number = reported(home, "--set", "confidentiality=presumed", "--set", "sensitive=health")
    sound = {"protection": "encrypted", "state_of_the_art": True, "key": "safe"}
    proof = tmp_path / "disk.pdf"
    proof.write_bytes(b"%PDF-1.7 the key was in the safe")
    told = ("breach", "assess", number, "--reason", "sealed")
    lightproof(
        *told, "--set", f"intelligibility={json.dumps(sound)}", "--attach", f"intelligibility={proof}",
        "--decide", "communicate=no", "--exemption", "34(3)(a)", home=home,
    )  # fmt: skip
    decided = lightproof(*told, "--decide", "notify=no", "--json", home=home).json
    assert (set(decided["decisions"]), decided["pending"]) == ({"notify", "communicate"}, [])
    sound["key"] = "with_the_data"
    page = lightproof(*told, "--set", f"intelligibility={json.dumps(sound)}", home=home, language="fr").out.decode()
    assert "Décidez à nouveau" in " ".join(page.split())
    shown = lightproof("breach", "show", number, "--json", home=home).json
    assert (shown["decisions"], len(shown["outgrown"]), len(shown["decided"])) == ({}, 2, 2)
    assert [duty["law"] for duty in shown["pending"]] == ["gdpr/fr"]
    assert [line["deadline"] for line in lightproof("breach", "list", "--json", home=home).json["breaches"]] != [""]
    closing = lightproof("breach", "close", number, "--reason", "done", home=home)
    assert (closing.code, "decision-outgrown" in closing.err) == (2, True)


def test_without_a_channel_nobody_is_alerted_and_that_is_said(home: Path) -> None:
    reported(home)
    ran = lightproof("breach", "remind", home=home)
    assert (ran.code, "alerts-nowhere" in ran.err) == (2, True)


def test_an_alert_that_is_due_becomes_a_calendar_file_once(home: Path, tmp_path: Path) -> None:
    number = reported(home, "--set", "aware_at=2026-01-05T10:00+01:00")
    (home / "settings.toml").write_text(f'[alerts.calendar]\nfolder = "{tmp_path / "calendar"}"\n')
    (tmp_path / "calendar").mkdir()
    assert lightproof("breach", "remind", "--json", home=home).json["sent"] == [
        {"breach": number, "channel": "calendar", "failure": ""}
    ]
    assert b"BEGIN:VALARM" in (tmp_path / "calendar" / f"{number}.ics").read_bytes()
    assert lightproof("breach", "remind", "--json", home=home).json["sent"] == []


LIST = (
    "name;salutation;address;email;language;minor\n"
    "CANARY Ada;;1 rue de la Paix|75002 Paris;;fr;no\n"
    "CANARY Brian;;2 High Street|London;;en;no\n"
    "CANARY Chloé;;;chloe@home.example;fr;yes\n"
    "CANARY Nobody;;;;fr;no\n"
)


def test_a_mailing_is_counted_from_its_list_which_is_forgotten(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    persons = tmp_path / "patients.csv"
    persons.write_text(LIST)
    sent = lightproof(
        "breach", "letter", number, "--recipients", persons, "--sent", datetime.now(UTC).isoformat(),
        "--returned", "post=1", "--json", home=home,
    )  # fmt: skip
    assert sent.code == 0, sent.err
    (told,) = sent.json["communications"]
    assert told["by_means"] == {"post": 1, "email": 1}
    assert (told["count"], told["not_reached"], len(told["list_digest"])) == (2, 2, 64)
    assert len(told["letters_sha256"]) == 3, "in French, in English, and to who holds parental authority"
    sheet = lightproof("breach", "notify", number, "--json", home=home)
    fields = {field["key"]: field for field in sheet.json["fields"]}
    assert fields["comm_count"]["value"] == 2
    shown = lightproof("breach", "show", number, "--out", tmp_path / "f.html", home=home)
    for output in (sent.out, sheet.out, shown.out):
        assert b"CANARY" not in output
    assert b"CANARY" not in (tmp_path / "f.html").read_bytes()
    assert "e-mail 1, post 1; 2 persons told; not reached: 2" in (tmp_path / "f.html").read_text()
    assert lightproof("ledger", "export", tmp_path / "export", "--with-attachments", home=home).code == 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "export").rglob("*") if path.is_file())
    assert b"CANARY" not in kept
    assert b"home.example" not in kept


@pytest.mark.parametrize("returned", ["post=9", "pigeon=1", "post=some"])
def test_more_letters_back_than_went_out_are_refused(returned: str, home: Path, tmp_path: Path) -> None:
    number = reported(home)
    (tmp_path / "patients.csv").write_text(LIST)
    ran = lightproof(
        "breach", "letter", number, "--recipients", tmp_path / "patients.csv", "--sent", datetime.now(UTC).isoformat(),
        "--returned", returned, home=home,
    )  # fmt: skip
    assert ran.code == 2, ran.out
    assert "CANARY" not in ran.err


def test_e_mails_are_drafts_that_a_person_sends(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    (tmp_path / "patients.csv").write_text(LIST)
    out = tmp_path / "out"
    out.mkdir()
    ran = lightproof(
        "breach", "letter", number, "--kind", "email", "--recipients", tmp_path / "patients.csv", "--out",
        out / "draft.eml", home=home,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    (draft,) = out.iterdir()
    assert draft.name == "draft-0003.eml", "the place in the list, never a name"
    read = email.message_from_bytes(draft.read_bytes(), policy=email.policy.default)
    assert read["X-Unsent"] == "1"
    assert read["To"].addresses[0].addr_spec == "chloe@home.example"
    assert read.get_content_type() == "text/plain"
    assert len(read.get_content()) > 500


def test_a_list_larger_than_the_limit_is_refused_with_it(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    persons = tmp_path / "patients.csv"
    persons.write_text(LIST + "CANARY Ada;;1 rue de la Paix;;fr;no\n" * 40_000)
    assert persons.stat().st_size > 1 << 20
    now = datetime.now(UTC).isoformat()
    ran = lightproof("breach", "letter", number, "--recipients", persons, "--sent", now, home=home)
    assert ran.code == 0, ran.err
    with persons.open("ab") as file:
        file.truncate(33 << 20)
    ran = lightproof("breach", "letter", number, "--recipients", persons, "--out", tmp_path / "x.odt", home=home)
    assert (ran.code, "32 MiB" in ran.err) == (2, True), ran.err


def test_an_alert_of_a_check_opens_a_breach_with_all_that_the_check_measured(
    orthanc: Callable[..., Orthanc], home: Path, tmp_path: Path
) -> None:
    server = orthanc({"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True})
    assert lightproof("check", f"127.0.0.1:{server.dicom_port}", home=home).code == 3
    assert lightproof("ledger", "export", tmp_path / "export", home=home).code == 0
    entries = [json.loads(line) for line in (tmp_path / "export" / "entries.ndjson").read_bytes().splitlines()]
    (alert,) = [entry for entry in entries if entry["kind"] == "check.alert"]
    ran = lightproof("breach", "open", "--from-alert", alert["index"], "--json", home=home)
    assert ran.code == 0, ran.err
    told = ran.json
    assert (told["source"]["kind"], told["source"]["entry"]) == ("alert", alert["index"])
    assert told["source"]["findings"]
    assert told["facts"]["started_at"]
    assert told["facts"]["origin"] == ["unintended_publication"]
    for entry in (0, 9_999):
        refused = lightproof("breach", "open", "--from-alert", entry, home=home)
        assert refused.code == 2, refused.out
        assert str(entry) in refused.err
    assert [line["id"] for line in lightproof("breach", "list", "--json", home=home).json["breaches"]] == [told["id"]]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("open", "--report", "x", "--set", "persons=²"), "persons"),
        (("open", "--report", "x", "--set", "persons=" + "9" * 5_000), "persons"),
        (("open", "--from-alert", "99999999999999999999"), "--from-alert"),
        (("open", "--check", "99999999999999999999"), "--check"),
        (("list", "--from", "99999999999999999999"), "--from"),
        (("notify", "B-2026-0001", "--filed", "0001-01-01T00:00"), "filed"),
        (("letter", "B-2026-0001", "--sent", "0001-01-01T00:00"), "sent"),
        (
            ("letter", "B-2026-0001", "--sent", "2026-11-25T10:00Z", "--recipients", "x", "--returned", "post=²"),
            "post=²",
        ),
        (("assess", "B-2026-0001", "--log", "x.log@²"), "x.log@²"),
    ],
)
def test_what_only_looks_like_a_value_is_a_usage_error_that_names_its_field(
    home: Path, arguments: tuple[str, ...], field: str
) -> None:
    reported(home)
    ran = lightproof("breach", *arguments, home=home)
    assert (ran.code, field in ran.err, "unexpected" in ran.err) == (2, True, False), ran.err
    assert len(lightproof("breach", "list", "--json", home=home).json["breaches"]) == 1


def test_the_ledger_is_not_asked_for_an_entry_that_no_ledger_has(home: Path) -> None:
    reported(home)
    ran = lightproof("ledger", "prove", "99999999999999999999", home=home)
    assert (ran.code, "ENTRY" in ran.err) == (2, True), ran.err


def test_a_refused_assessment_changes_nothing(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    before = lightproof("breach", "show", number, "--json", home=home).json["steps"]
    proof = tmp_path / "proof.pdf"
    proof.write_bytes(b"%PDF-1.7")
    corrected = ("breach", "assess", number, "--set", "sensitive=health", "--reason", "r", "--attach", proof)
    for wrong in (
        ("--decide", "notify=perhaps"),
        ("--decide", "communicate=no", "--exemption", "34(3)(a)"),
        ("--regime", "mars"),
        ("--ordered", "2999-01-01T00:00Z"),
    ):
        ran = lightproof(*corrected, *wrong, home=home)
        assert (ran.code, ran.out) == (2, b""), ran.err
        assert "Kept as evidence" not in ran.err
    assert lightproof("breach", "show", number, "--json", home=home).json["steps"] == before
    assert lightproof(*corrected, "--decide", "notify=yes", home=home).code == 0
    told = lightproof("breach", "show", number, "--json", home=home).json
    assert [step["what"] for step in told["steps"][len(before) :]] == ["corrected", "attached", "assessed", "decided"]
    assert lightproof("ledger", "verify", home=home).code == 0


def test_a_correction_and_the_logs_that_it_is_about_are_read_together(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    log = tmp_path / "access.log"
    log.write_text('203.0.113.7 - - [20/Nov/2026:10:00:00 +0100] "GET /studies HTTP/1.1" 200 5000\n')
    early = ("--set", "started_at=2026-11-20T08:00+01:00", "--reason", "the provider's mail")
    ran = lightproof("breach", "assess", number, *early, "--log", log, "--json", home=home)
    assert ran.code == 0, ran.err
    what = [step["what"] for step in ran.json["steps"]]
    assert what.index("corrected") < what.index("access")
    assert ran.json["access"][0]["from"].startswith("2026-11-20T07:00")


def test_a_letter_is_one_json_document(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    shown = lightproof("breach", "letter", number, "--json", home=home)
    assert (shown.code, shown.json["breach"], shown.json["written"]) == (0, number, [])
    assert shown.json["text"] == lightproof("breach", "letter", number, home=home).out.decode()
    place = tmp_path / "letter.txt"
    written = lightproof("breach", "letter", number, "--out", place, "--json", home=home)
    assert written.json["written"] == [str(place)]
    assert place.exists()


def test_who_a_mailing_does_not_reach_is_told_by_line_and_never_by_name(home: Path, tmp_path: Path) -> None:
    number = reported(home)
    persons = tmp_path / "patients.csv"
    persons.write_text(LIST)
    letters = lightproof(
        "breach", "letter", number, "--recipients", persons, "--out", tmp_path / "l.html", "--out", tmp_path / "d.eml",
        home=home,
    )  # fmt: skip
    assert letters.code == 0, letters.err
    assert "Neither address nor e-mail: 1 person, to be told otherwise. Lines: 5" in letters.err
    assert "Letters that show no address, for want of one: 1 person. Lines: 4" in letters.err
    assert "No draft, for want of an e-mail address: 2 persons. Lines: 2, 3" in letters.err
    assert "CANARY" not in letters.err
    persons.write_text("nom;dossier\nCANARY Ada;17\n")
    refused = lightproof("breach", "letter", number, "--recipients", persons, "--out", tmp_path / "l.html", home=home)
    assert (refused.code, "dossier" in refused.err, "CANARY" in refused.err) == (2, True, False)
    left_out = lightproof(
        "breach", "letter", number, "--recipients", persons, "--leave-out", "Dossier", "--out", tmp_path / "l.html",
        home=home,
    )  # fmt: skip
    assert left_out.code == 0, left_out.err


def test_one_channel_with_a_bad_secret_stops_no_other(home: Path, tmp_path: Path) -> None:
    number = reported(home, "--set", "aware_at=2026-01-05T10:00+01:00")
    (tmp_path / "calendar").mkdir()
    (tmp_path / "token").write_text("clé-€uro")
    (home / "settings.toml").write_text(
        f'[alerts.calendar]\nfolder = "{tmp_path / "calendar"}"\n'
        f'[alerts.ntfy]\nurl = "http://127.0.0.1:1/topic"\ntoken_file = "{tmp_path / "token"}"\n'
        f'[alerts.webhook]\nurl = "http://127.0.0.1:1/"\nsecret_file = "{tmp_path / "nowhere"}"\n'
    )
    ran = lightproof("breach", "remind", "--json", home=home)
    assert {one["channel"]: one["failure"] for one in ran.json["sent"]} == {
        "calendar": "", "ntfy": "secret-unusable", "webhook": "secret-unusable",
    }  # fmt: skip
    assert ran.code == 4
    assert (tmp_path / "calendar" / f"{number}.ics").exists()
    assert "ASCII" in ran.err
    assert "nowhere" in ran.err
    assert "clé" not in ran.err


def test_what_a_notice_left_open_is_reminded_of_once_though_no_clock_runs(home: Path, tmp_path: Path) -> None:
    number = reported(home, "--set", "aware_at=2026-01-05T10:00+01:00")
    (tmp_path / "calendar").mkdir()
    (home / "settings.toml").write_text(f'[alerts.calendar]\nfolder = "{tmp_path / "calendar"}"\n')
    filed = lightproof("breach", "notify", number, "--filed", "2026-01-06T10:00+01:00", home=home)
    assert filed.code == 0, filed.err
    assert lightproof("breach", "remind", "--json", home=home).json["sent"] == [
        {"breach": number, "channel": "calendar", "failure": ""}
    ]
    assert b"--stage" in (tmp_path / "calendar" / f"{number}-follow-up.ics").read_bytes()
    assert lightproof("breach", "remind", "--json", home=home).json["sent"] == []
    shown = lightproof("breach", "show", number, "--out", tmp_path / "file.html", home=home)
    assert shown.code == 0
    assert "reminder of the questions left open (calendar)" in (tmp_path / "file.html").read_text()


def test_the_reasons_for_a_delay_are_not_walked_around(home: Path) -> None:
    number = reported(home, "--set", "aware_at=2026-01-05T10:00+01:00")
    assess = ("breach", "assess", number, "--reason", "r", "--set")
    filed = ("breach", "notify", number, "--filed", "2026-01-12T10:00+01:00")
    assert "delay-unexplained" in lightproof(*filed, home=home).err
    assert lightproof(*assess, "aware_at=", home=home).code == 0
    assert "awareness-unknown" in lightproof(*filed, home=home).err
    assert lightproof(*assess, "aware_at=2026-01-10T10:00+01:00", home=home).code == 0
    assert lightproof(*filed, home=home).code == 0
    assert lightproof(*assess, "aware_at=", home=home).code == 2
    assert lightproof(*assess, "aware_at=2026-01-05T10:00+01:00", home=home).code == 0
    shown = " ".join(lightproof("breach", "show", number, home=home).out.decode().split())
    assert "Notified late" in shown
    assert f"notify {number} --explain-delay" in shown
    explained = lightproof("breach", "notify", number, "--explain-delay", "the provider hid it", "--json", home=home)
    assert [one["reason"] for one in explained.json["late"][0]["reasons"]] == ["the provider hid it"]
    sheet = lightproof("breach", "notify", number, "--json", home=home).json
    assert {field["key"]: field["value"] for field in sheet["fields"]}["delay_reason"] == "the provider hid it"
