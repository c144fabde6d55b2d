"""`lightproof ledger`, with a witness on a stick and a time-stamping authority that openssl runs here."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import pytest

from cli.running import Ran, lightproof
from lightproof.check.consent import Consent
from lightproof.check.plan import plan_of_this_machine
from lightproof.cli.home import opened
from lightproof.cli.recording import Recording
from lightproof.evidence import sending
from lightproof.evidence.appending import Writing
from peers.processes import free_port
from peers.timestamp_authority import running_timestamp_authority


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a breach in it."""
    folder = tmp_path / "home"
    assert lightproof("init", "--unlock", "key-file", "--key-file", tmp_path / "key", home=folder).code == 0
    return folder


@contextmanager
def web_server(port: int) -> Iterator[None]:
    """One on 127.0.0.9 that has nothing."""
    with ThreadingHTTPServer(("127.0.0.9", port), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def reported(home: Path, what: str = "A laptop was stolen") -> Ran:
    ran = lightproof("breach", "open", "--report", what, "--json", home=home)
    assert ran.code == 0, ran.err
    return ran


def settings(home: Path, **ledger: Path | str) -> None:
    file = home / "settings.toml"
    lines = "".join(f'{name} = "{value}"\n' for name, value in ledger.items())
    file.write_text(file.read_text().replace("[ledger]\n", f"[ledger]\n{lines}"))


def test_a_witness_finds_the_ledger_that_was_put_back(home: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    settings(home, witness=stick)
    reported(home)
    before = tmp_path / "before"
    shutil.copytree(home, before)
    reported(home, "A second laptop was stolen")
    assert lightproof("ledger", "verify", home=home).code == 0
    shutil.rmtree(home)
    shutil.copytree(before, home)
    found = lightproof("ledger", "verify", home=home)
    assert found.code == 3
    assert "rolled back or rewritten" in found.out.decode()
    assert str(stick) in found.out.decode()
    later = reported(home, "As if nothing had happened")
    assert "ledger verify" in later.err
    assert lightproof("ledger", "verify", "--json", home=home).json["witnesses_lost"]


def test_a_witness_that_is_away_stops_nothing_and_is_told(home: Path, tmp_path: Path) -> None:
    settings(home, witness=tmp_path / "stick")
    ran = reported(home)
    assert "cannot be reached" in ran.err
    verified = lightproof("ledger", "verify", home=home)
    assert verified.code == 0
    (tmp_path / "stick").mkdir()
    assert "from now on" in lightproof("ledger", "verify", home=home).err
    assert lightproof("ledger", "verify", home=home).err == ""


def test_stamps_are_verified_with_the_certificate_of_the_settings(home: Path, tmp_path: Path) -> None:
    for name in ("authority", "other"):
        (tmp_path / name).mkdir()
    with (
        running_timestamp_authority(tmp_path / "authority") as authority,
        running_timestamp_authority(tmp_path / "other") as other,
    ):
        certificate = tmp_path / "certificate.pem"
        certificate.write_bytes(authority.root.read_bytes())
        settings(home, timestamp_authority=authority.url, timestamp_certificate=certificate)
        reported(home)
        assert lightproof("ledger", "stamp", home=home).code == 0
        asked = len(authority.asked)
        verified = lightproof("ledger", "verify", home=home)
        assert (verified.code, len(authority.asked)) == (0, asked), "verified without the network"
        assert "1 time stamp, true." in verified.out.decode()
        certificate.write_bytes(other.root.read_bytes())
    wrong = lightproof("ledger", "verify", "--json", home=home)
    assert wrong.code == 3
    assert wrong.json["stamps_wrong"][0]["reason"] == "signature-not-trusted"


def test_stamps_without_a_certificate_are_said_not_to_be_checked(home: Path, tmp_path: Path) -> None:
    (tmp_path / "authority").mkdir()
    text = (home / "settings.toml").read_text()
    with running_timestamp_authority(tmp_path / "authority") as authority:
        settings(home, timestamp_authority=authority.url, timestamp_certificate=authority.root)
        reported(home)
        assert lightproof("ledger", "stamp", home=home).code == 0
    (home / "settings.toml").write_text(text)
    verified = lightproof("ledger", "verify", home=home)
    assert verified.code == 0
    assert "not checked" in verified.out.decode()


def test_one_breach_is_exported_alone_and_nothing_else_is_shown(home: Path, tmp_path: Path) -> None:
    reported(home, "A laptop was stolen")
    second = reported(home, "A letter went to the wrong person").json["id"]
    out = tmp_path / "alone"
    alone = lightproof("ledger", "export", out, "--subject", f"breach/{second}", home=home)
    assert alone.code == 0, alone.err
    shown = (out / "entries.ndjson").read_text()
    assert "wrong person" in shown
    assert "laptop" not in shown
    again = lightproof("ledger", "export", tmp_path / "again", "--subject", "breach/B-1999-0001", home=home)
    assert again.code == 2
    assert "breach/B-1999-0001" in again.err
    assert not (tmp_path / "again").exists()


def test_a_proof_is_verified_by_whoever_gets_it_and_every_option_is_heeded_or_refused(
    home: Path, tmp_path: Path
) -> None:
    reported(home)
    key = lightproof("ledger", "key", home=home).out.decode().strip()
    proof, nobody = tmp_path / "proof", tmp_path / "nobody"
    assert lightproof("ledger", "prove", "1", "--out", proof, home=home).code == 0
    assert lightproof("ledger", "verify", proof, "--key", key, home=nobody).code == 0
    told = lightproof("ledger", "verify", proof, "--key", key, "--json", home=nobody)
    assert (told.code, told.json["holds"], told.json["entry"]) == (0, True, 1)
    proof.write_text(proof.read_text().replace("A laptop", "No laptop"))
    told = lightproof("ledger", "verify", proof, "--key", key, "--json", home=nobody)
    assert (told.code, told.json["holds"]) == (3, False)
    for options, error in (
        (("--key", key), "option-alone"),
        ((proof, "--against", proof), "options-conflict"),
    ):
        refused = lightproof("ledger", "verify", *options, home=nobody)
        assert (refused.code, error in refused.err) == (2, True), refused.err


def test_whoever_asks_is_told_what_was_sent_to_an_address(home: Path) -> None:
    port, refusing = free_port(), free_port()
    with web_server(port):
        ran = lightproof("check", "127.0.0.9", "--ports", f"{port},{refusing}", "--json", home=home)
    assert ran.code in (0, 4), ran.err
    (run,) = lightproof("ledger", "probes", "127.0.0.9", "--json", home=home).json["runs"]
    assert [call["port"] for call in run["calls"]] == sorted((port, refusing))
    assert {probe["port"] for probe in run["probes"]} == {port}
    assert sum(probe["bytes_out"] for probe in run["probes"]) > 0
    assert run["basis"] == "own"
    told = lightproof("ledger", "probes", "127.0.0.9", home=home, language="fr").out.decode()
    assert f"{port}/tcp" in told
    assert "SHA-256" in told
    assert "Nothing was sent" in lightproof("ledger", "probes", "127.0.0.8", home=home).out.decode()
    assert lightproof("ledger", "verify", home=home).code == 0


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_sent_before_a_run_was_stopped_is_told(end: signal.Signals, home: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    arguments = ("check", "127.0.8.0/22", "--ports", "1-20", "--rate", "2000", "--survey", "--journal", str(journal))
    running = subprocess.Popen(
        [sys.executable, "-m", "lightproof", *arguments], env={**os.environ, "LIGHTPROOF_HOME": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    gives_up = time.monotonic() + 30
    while not (journal.exists() and journal.read_text().count("swept") > 12):
        assert time.monotonic() < gives_up
        time.sleep(0.05)
    running.send_signal(end)
    assert running.wait(20) == 130
    swept = [json.loads(line) for line in journal.read_text().splitlines() if '"swept"' in line]
    done = sum(stop - first for line in swept for first, stop in line["ranges"])
    with opened(home) as found:
        told = [sending.sent_of(entry).tried for entry in found.ledger.entries(kind=sending.PROBED)]
    assert sum(stop - first for tried in told for first, stop in tried) >= done > 0


def test_whoever_asks_is_told_on_whose_authority(home: Path, tmp_path: Path) -> None:
    scope = tmp_path / "scope.toml"
    scope.write_text(
        'controller = "Cabinet X"\nauthoriser = "Dr Y"\nbasis = "mandate"\nreference = "2026-17"\npurpose = "test"\n'
        'expires = 2999-01-01T00:00:00Z\ntargets = ["127.0.0.9"]\n'
    )
    assert lightproof("check", f"127.0.0.9:{free_port()}", "--scope", scope, home=home).code == 0
    told = lightproof("ledger", "probes", "127.0.0.9", home=home, language="fr").out.decode()
    assert "mandat, Cabinet X, Dr Y, 2026-17, jusqu’au 1er janvier 2999" in told
    assert "ports" not in told  # there is one
    (run,) = lightproof("ledger", "probes", "127.0.0.9", "--json", home=home).json["runs"]
    assert (run["basis"], run["controller"], run["authoriser"]) == ("mandate", "Cabinet X", "Dr Y")


def test_an_interruption_while_the_disk_takes_its_time_takes_nothing_from_the_record(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_writing: Writing) -> NoReturn:
        raise KeyboardInterrupt

    plan = plan_of_this_machine((), own_addresses=frozenset(), consent=Consent(), rate=9.0, now=datetime.now(UTC))
    with opened(home) as found:
        recording = Recording(found, plan, "tester", whole_machine=False, survey=False)
        recording.tried([(0, 1)])
        with monkeypatch.context() as slow, pytest.raises(KeyboardInterrupt):
            slow.setattr(Writing, "finished", interrupted)
            recording.write_what_was_sent()
        recording.write_what_was_sent()
        told = [sending.sent_of(entry).tried for entry in found.ledger.entries(kind=sending.PROBED)]
    assert told == [((0, 1),)]


@pytest.mark.parametrize("text", ["pacs.example.org", "10.0.0.0/24", "10.0.0.1-2", "", "\x1b[2J"])
def test_only_an_address_can_be_asked_about(home: Path, text: str) -> None:
    ran = lightproof("ledger", "probes", text, home=home, language="fr")
    assert ran.code == 2
    assert "192.0.2.10" in ran.err
    assert "\x1b" not in ran.err


def test_a_file_without_an_end_is_no_proof(home: Path) -> None:
    ran = lightproof("ledger", "verify", "/dev/zero", home=home, timeout_s=20)
    assert ran.code == 2
    assert "proof-unreadable" in ran.err
