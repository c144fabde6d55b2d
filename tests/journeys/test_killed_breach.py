"""A procedure killed at any call that changes the disk: nothing that a person stated is lost, and it goes on."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import lightproof
from peers.processes import program

_SOURCE = Path(__file__).parent / "killing" / "kill_at_nth.c"
_PROCEDURE = """
import sys
from datetime import UTC, datetime, timedelta

from lightproof.breach.facts import BreachFacts
from lightproof.cli.breach.desk import at_the_desk, now_utc

aware = now_utc() - timedelta(hours=2)
facts = BreachFacts.model_validate({
    "title": "Laptop stolen", "description": "A laptop with images was stolen.", "confidentiality": "presumed",
    "sensitive": ["health"], "data": ["civil_status"], "identifiability": "name_and_birth_date",
    "recipients": ["unknown"], "ongoing": False, "aware_at": aware,
})
number = f"B-{now_utc().year}-0001"
with at_the_desk("Dr Demo") as desk:
    did = desk.procedure
    told = lambda: did.incident(number)
    steps = [
        lambda: did.open_report(facts),
        lambda: did.correct(number, {"persons": {"at_least": 1, "at_most": 1200}}, "counted by the provider"),
        lambda: desk.assessed(told()),
        lambda: desk.decided(told(), "notify=yes", "", "", ()),
        lambda: desk.decided(told(), "communicate=yes", "", "", ()),
        lambda: desk.filed(
            {number: desk.notification(told(), "initial", law="gdpr/fr", delay_reason="")}, law="gdpr/fr",
            at=now_utc().isoformat(), reference="2026-1234", delay_reason="",
        ),
        lambda: did.communicated(number, ["post"], at=now_utc(), count=1180, letters=[b"Dear patient"]),
        lambda: did.close(number, "port closed, patients told"),
    ]
    done = len(list(desk.home.ledger.entries(subject="breach/" + number)))
    for step in steps[done:]:
        step()
        done += 1
        print(done, flush=True)
"""


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that kills."""
    library = tmp_path_factory.mktemp("killer") / "kill_at_nth.so"
    subprocess.run([program("gcc"), "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True, timeout=60)
    return library


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    made = lightproof("init", "--unlock", "key-file", "--key-file", tmp_path / "key", home=folder)
    assert made.code == 0, made.err
    return folder


def played(home: Path, killer: Path | None = None, at: int = 0) -> tuple[int, int]:
    """How the procedure ended, and the last step that it said was done (0: none)."""
    environment = {**os.environ, "LIGHTPROOF_HOME": str(home)}
    if killer is not None:
        environment |= {"LD_PRELOAD": str(killer), "KILL_AT": str(at)}
    ended = subprocess.run(
        [sys.executable, "-c", _PROCEDURE], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    said = ended.stdout.split()
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode, int(said[-1]) if said else 0


def the_file(home: Path) -> list[dict[str, object]]:
    """The steps that the register holds."""
    listed = lightproof("breach", "list", "--json", home=home)
    assert listed.code == 0, listed.err
    if not listed.json["breaches"]:
        return []
    shown = lightproof("breach", "show", listed.json["breaches"][0]["id"], "--json", home=home)
    assert shown.code == 0, shown.err
    steps: list[dict[str, object]] = shown.json["steps"]
    return steps


def assert_it_goes_on(home: Path, said: int) -> int:
    """What was said to be done is held, whole; gives how much is."""
    held = len(the_file(home))
    assert said <= held <= said + 1, "one step may be written and not said yet"
    verified = lightproof("ledger", "verify", home=home)
    assert verified.code == 0, verified.err
    return held


def assert_it_ends(home: Path) -> None:
    assert played(home)[0] == 0
    steps = [step["what"] for step in the_file(home)]
    assert steps == ["opened", "corrected", "assessed", "decided", "decided", "notified", "communicated", "closed"]


def test_a_procedure_killed_at_some_writes_goes_on_where_it_was(home: Path, killer: Path) -> None:
    chance, held = random.Random(3), 0
    for _ in range(5):
        code, said = played(home, killer, chance.randint(10, 70))
        assert code == -signal.SIGKILL
        held = assert_it_goes_on(home, max(said, held))
    assert held
    assert_it_ends(home)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_procedure_killed_at_every_write_goes_on_where_it_was(home: Path, killer: Path, tmp_path: Path) -> None:
    for at in range(1, 1_000):
        folder = tmp_path / "again"
        shutil.copytree(home, folder)
        code, said = played(folder, killer, at)
        if code == 0:
            break
        assert_it_goes_on(folder, said)
        assert_it_ends(folder)
        shutil.rmtree(folder)
    assert code == 0, "the procedure never ran to its end"
    assert at > 100
