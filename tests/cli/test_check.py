"""`lightproof check`, run as people and scripts run it, against real servers."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from check.fleets import fleet
from check.unanswered_ports import dropping_calls
from cli.running import lightproof
from journeys.leaks import leaks, unlocked
from peers.images import Study, paths_of
from peers.networks import a_network
from peers.orthanc import Orthanc
from peers.processes import free_port


@pytest.fixture
def archive(orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]) -> Orthanc:
    server = orthanc({"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}, dicomweb=True)
    server.load(paths_of(studies))
    return server


def ports_of(server: Orthanc) -> str:
    return f"{server.dicom_port},{server.http_port}"


def test_an_open_archive_is_told_in_json_with_the_stable_core(archive: Orthanc, tmp_path: Path) -> None:
    ran = lightproof("check", "127.0.0.1", "--ports", ports_of(archive), "--json", home=tmp_path)
    assert ran.code == 3
    report = ran.json
    assert report["letter"] == "F"
    assert report["scope"]["basis"] == "own"
    assert {"dicom", "orthanc", "dicomweb"} <= {service["service"] for service in report["services"]}
    dicom = next(service for service in report["services"] if service["service"] == "dicom")
    assert (dicom["address"], dicom["port"], dicom["transport"]) == ("127.0.0.1", archive.dicom_port, "tcp")
    assert dicom["facts"] | {"reachable": True} == {
        "reachable": True,
        "open": True,
        "listable": True,
        "downloadable": True,
        "writable": None,
    }
    assert {"id", "rule", "severity", "duties", "evidence"} <= report["findings"][0].keys()
    assert {finding["id"] for finding in report["findings"]} >= set(dicom["findings"])


def test_the_json_fits_the_schema_that_the_command_prints(archive: Orthanc, tmp_path: Path) -> None:
    schema = lightproof("check", "--schema", home=tmp_path)
    assert schema.code == 0
    ran = lightproof("check", "127.0.0.1", "--ports", ports_of(archive), "--json", home=tmp_path)
    jsonschema.validate(ran.json, schema.json, cls=jsonschema.Draft202012Validator)


def test_no_output_names_a_patient(archive: Orthanc, studies: tuple[Study, ...], tmp_path: Path) -> None:
    reports = [tmp_path / f"report{ending}" for ending in (".html", ".pdf", ".json", ".ndjson", ".sarif", ".csv")]
    home = tmp_path / "home"
    arguments = [argument for path in reports for argument in ("--report", path)]
    ran = lightproof(
        "check", "127.0.0.1", "--ports", ports_of(archive), "--count", *arguments, home=home, language="fr"
    )
    assert ran.code == 3
    assert all(path.is_file() for path in reports)
    exported = lightproof("ledger", "export", tmp_path / "exported", "--with-attachments", home=home)
    assert exported.code == 0, exported.err
    canaries = [canary for study in studies for canary in study.canaries]
    kept = unlocked(home)
    assert b"dicom-counted" in kept
    assert leaks(canaries, [tmp_path], printed=ran.out + ran.err.encode(), database=kept) == []
    assert json.loads(reports[2].read_bytes())["services"][0]["counts"]["studies"] == len(studies)


def test_nothing_exposed_ends_well(tmp_path: Path) -> None:
    ran = lightproof("check", "127.0.0.1", "--ports", free_port(), "--json", home=tmp_path)
    assert (ran.code, ran.json["letter"], ran.json["services"]) == (0, "A", [])


def test_silence_is_no_closed_port(tmp_path: Path) -> None:
    with dropping_calls() as port:
        ran = lightproof("check", f"127.0.0.1:{port}", "--json", home=tmp_path)
    assert ran.code == 4
    assert [(entry["target"]["port"], entry["reason"]) for entry in ran.json["unchecked"]] == [(port, "no-answer")]
    assert (ran.json["letter"], ran.json["caps"][0]["id"]) == ("C", "nothing-checked")


def test_a_named_box_that_is_silent_is_not_checked(tmp_path: Path) -> None:
    ran = lightproof("check", "--box", "127.0.0.2", "--ports", free_port(), "--json", home=tmp_path)
    assert ran.code == 4
    assert {entry["reason"] for entry in ran.json["unchecked"]} == {"box-silent"}


def test_a_service_that_stays_silent_is_listed_as_not_checked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ran = lightproof("check", "127.0.0.1", "--ports", port, "--json", home=tmp_path)
    assert ran.code == 4
    assert [entry["target"]["port"] for entry in ran.json["unchecked"]] == [port]
    assert ran.json["letter"] != "A"


def test_a_graver_threshold_lets_an_open_service_pass(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    server = orthanc({"DicomCheckCalledAet": True})
    arguments = ("check", "127.0.0.1", "--ports", server.dicom_port, "--json")
    assert lightproof(*arguments, home=tmp_path).code == 0
    assert lightproof(*arguments, "--fail-on", "reachable", home=tmp_path).code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "error_id"),
    [
        (("8.8.8.8",), 5, "scope-missing"),
        (("--box", "8.8.8.8", "--dry-run"), 5, "scope-missing"),
        (("127.0.0.1", "--box", "8.8.8.8", "--dry-run"), 5, "scope-missing"),
        (("1.2.3",), 2, "target-unreadable"),
        (("127.0.0.1", "--ports", "0"), 2, "ports-unreadable"),
        (("127.0.0.1", "--report", "report.docx"), 2, "report-format-unknown"),
        (("--exclude-file", "/nonexistent"), 2, "file-unreadable"),
        (("--exclude", "1.2.3"), 2, "target-unreadable"),
        (("--ports", "0"), 2, "ports-unreadable"),
        (("127.0.0.1", "--exclude", "127.0.0.0/8"), 2, "nothing-to-check"),
        (("192.168.77.1", "--count", "--dry-run"), 5, "consent-needs-scope"),
        (("192.168.77.1", "--called-ae", "PACS", "--dry-run"), 5, "consent-needs-scope"),
        (("127.0.0.1", "--scope", "/nonexistent.toml"), 2, "file-unreadable"),
        (("127.0.0.1", "--journal", "/nonexistent/journal"), 2, "journal-not-kept"),
        (("127.0.0.1", "--journal", "/dev/null"), 2, "journal-strange"),
        (("127.0.0.1", "--report", "/nonexistent/report.html"), 2, "report-not-written"),
        (("127.0.0.1", "--called-ae", "PACS", "--called-ae", "CO\\MMON"), 2, "called-ae-unreadable"),
        (("127.0.0.1", *(word for n in range(21) for word in ("--called-ae", f"PACS{n}"))), 2, "called-ae-too-many"),
        (("127.0.0.1", "--json", "--ndjson"), 2, "options-conflict"),
        (("127.0.0.1", "--box", "127.0.0.2", "--no-box"), 2, "options-conflict"),
        (("127.0.0.1", "--survey", "--box", "127.0.0.2"), 2, "options-conflict"),
        (("127.0.0.1", "--survey", "--count"), 2, "options-conflict"),
        (("127.0.0.1", "--survey", "--called-ae", "PACS"), 2, "options-conflict"),
    ],
)
def test_what_cannot_be_done_is_said_with_id_cause_and_fix(
    arguments: tuple[str, ...], code: int, error_id: str, tmp_path: Path
) -> None:
    ran = lightproof("check", *arguments, home=tmp_path)
    assert (ran.code, ran.out) == (code, b"")
    assert re.fullmatch(rf"Error {error_id}: .+\n  → .+\n", ran.err), ran.err


def test_what_another_scanner_found_inside_needs_a_scope_file_of_two_lines(tmp_path: Path) -> None:
    found = tmp_path / "found.csv"
    found.write_text("saddr,sport\n192.168.77.1,104\n")
    refused = lightproof("check", "--import", found, "--dry-run", home=tmp_path)
    assert (refused.code, refused.err.partition(":")[0]) == (5, "Error import-needs-scope")
    scope = tmp_path / "own.toml"
    scope.write_text('basis = "own"\ntargets = ["192.168.77.0/24"]\n')
    assert lightproof("check", "--import", found, "--scope", scope, "--dry-run", home=tmp_path).code == 0


def test_two_lines_say_whose_archives_may_be_counted(tmp_path: Path) -> None:
    scope = tmp_path / "own.toml"
    scope.write_text('basis = "own"\ntargets = ["192.168.77.0/24"]\n')
    ran = lightproof("check", "192.168.77.1", "--count", "--scope", scope, "--dry-run", home=tmp_path)
    assert ran.code == 0, ran.err


def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        ran = lightproof("check", "127.0.0.1", "--ports", server.getsockname()[1], "--dry-run", home=tmp_path)
        with pytest.raises(TimeoutError):
            server.accept()
    assert ran.code == 0
    assert ran.out.decode().splitlines()[0] == "1 target (address and port)"


def test_a_dry_run_says_which_ports_it_would_try_where(tmp_path: Path) -> None:
    found = tmp_path / "found.csv"
    found.write_text("saddr,sport\n" + "".join(f"127.0.1.{n},104\n" for n in range(30)))
    targets = ("127.0.0.1:11112", "127.0.0.1:8042", "127.0.0.2:104")
    said = lightproof("check", *targets, "--import", found, "--dry-run", home=tmp_path).out.decode()
    assert said.splitlines()[2:5] == ["  127.0.0.1: 8042,11112", "  127.0.0.2: 104", "  127.0.1.0: 104"]
    assert "  and 12 other addresses\n" in said
    assert "Ports" not in said
    ranges = lightproof("check", "127.0.0.0/30", "--ports", "104,105", "--dry-run", home=tmp_path).out.decode()
    assert ranges.splitlines()[2:4] == ["  127.0.0.0/30", "Ports: 104-105"]


def test_somebodys_file_is_no_place_for_a_journal(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("what I found out\nand more")
    for resume in ((), ("--resume",)):
        ran = lightproof("check", "127.0.0.1", "--ports", free_port(), "--journal", notes, *resume, home=tmp_path / "h")
        assert (ran.code, ran.err.partition(":")[0]) == (2, "Error journal-strange")
        assert notes.read_text() == "what I found out\nand more"


def test_a_report_that_cannot_be_written_in_the_end_leaves_the_result_and_its_exit_code(
    archive: Orthanc, tmp_path: Path
) -> None:
    lost, kept = tmp_path / "lost.html", tmp_path / "kept.json"
    reports = ("--report", lost, "--report", kept)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take_the_place() -> None:  # it could be written there when the check began
            with server.accept()[0]:
                lost.mkdir()

        threading.Thread(target=take_the_place).start()
        ports = f"{ports_of(archive)},{server.getsockname()[1]}"
        ran = lightproof("check", "127.0.0.1", "--ports", ports, "--json", *reports, home=tmp_path / "home")
    assert ran.code == 3
    assert ran.json["letter"] == json.loads(kept.read_bytes())["letter"] == "F"
    assert ran.err.count("Error ") == ran.err.count("Error report-not-written: ") == 1


def test_a_stream_of_records_ends_with_its_summary(archive: Orthanc, tmp_path: Path) -> None:
    ran = lightproof("check", "127.0.0.1", "--ports", ports_of(archive), "--ndjson", home=tmp_path)
    kinds = [json.loads(line)["kind"] for line in ran.out.splitlines()]
    assert kinds[0] == "observation"
    assert kinds[-1] == "summary"
    assert {"service", "finding"} <= set(kinds)


def test_without_target_this_machine_is_checked(tmp_path: Path) -> None:
    port = free_port()
    # In a network of its own: all that other tests have running would be visited too.
    with a_network() as there, fleet("honest_services.py", 256, 1, port, before=there):
        ran = subprocess.run(
            [*there, sys.executable, "-m", "lightproof", "check", "--no-box", "--json"],
            env={**os.environ, "LIGHTPROOF_HOME": str(tmp_path)}, stdout=subprocess.PIPE, timeout=100, check=False,
        )  # fmt: skip
    found = [s for s in json.loads(ran.stdout)["services"] if s["port"] == port]
    assert found
    assert {service["process"] for service in found} == {Path(sys.executable).name}


def test_what_is_excluded_of_this_machine_is_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.settimeout(0.3)
        ran = lightproof("check", "--no-box", "--json", "--ports", port, "--exclude", "127.0.0.0/8", home=tmp_path)
        assert ran.json["targets"] == 0
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_box_that_is_excluded_is_not_asked(tmp_path: Path) -> None:
    arguments = ("check", "127.0.0.1", "--ports", free_port(), "--box", "127.0.0.2", "--dry-run")
    assert b"2 questions" in lightproof(*arguments, home=tmp_path).out
    assert b"0 questions" in lightproof(*arguments, "--exclude", "127.0.0.2", home=tmp_path).out


def test_a_look_at_some_ports_of_this_machine_is_no_look_at_all_of_it(archive: Orthanc, tmp_path: Path) -> None:
    some = lightproof("check", "--no-box", "--json", "--ports", archive.dicom_port, home=tmp_path / "home")
    assert {s["port"] for s in some.json["services"]} == {archive.dicom_port}
    exported = lightproof("ledger", "export", tmp_path / "exported", home=tmp_path / "home")
    assert exported.code == 0, exported.err
    kept = b"".join(path.read_bytes() for path in (tmp_path / "exported").rglob("*") if path.is_file())
    assert b'"machine":[]' in kept


def test_french_is_spoken_when_asked(tmp_path: Path) -> None:
    ran = lightproof("check", "8.8.8.8", "--lang", "fr", home=tmp_path)
    assert ran.err.startswith("Erreur scope-missing")


def test_a_finished_run_leaves_no_journal(tmp_path: Path) -> None:
    lightproof("check", "127.0.0.1", "--ports", free_port(), home=tmp_path)
    assert not list((tmp_path / "runs").iterdir())


def test_a_survey_says_what_speaks_dicom_and_asks_nothing_more(archive: Orthanc, tmp_path: Path) -> None:
    ran = lightproof("check", "127.0.0.1", "--ports", ports_of(archive), "--survey", "--json", home=tmp_path)
    assert [(s["service"], s["port"], s["grade"]) for s in ran.json["services"]] == [
        ("dicom", archive.dicom_port, "reachable")
    ]
    assert (ran.json["letter"], ran.json["caps"][0]["id"], ran.json["survey"]) == ("C", "survey", True)
    told = lightproof("check", "127.0.0.1", "--ports", ports_of(archive), "--survey", home=tmp_path).out.decode()
    assert "Not established" in told
    assert "This was a survey" in told
    assert "ask who is calling" not in told
