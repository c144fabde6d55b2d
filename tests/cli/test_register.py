"""`lightproof breach register`: proofs that travel with every export, and the end of a breach's time in it."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, lightproof
from evidence.stranger_verifier import signed, verify
from journeys.test_moved_clocks import under
from peers.processes import program

HORIZON = "+3650d"
SECRET = "A laptop was stolen from the second drawer"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    assert lightproof("init", "--unlock", "key-file", "--key-file", tmp_path / "key", home=folder).code == 0
    settings = folder / "settings.toml"
    settings.write_text(settings.read_text().replace("[retention]\n", "[retention]\nregister_years = 5\n"))
    return folder


def opened(home: Path) -> str:
    ran = lightproof("breach", "open", "--report", SECRET, "--set", "ongoing=no", "--json", home=home)
    assert ran.code == 0, ran.err
    number: str = ran.json["id"]
    return number


def closed(home: Path) -> str:
    number = opened(home)
    for duty in ("notify", "communicate"):
        decided = lightproof("breach", "assess", number, "--decide", f"{duty}=no", "--reason", "found", home=home)
        assert decided.code == 0, decided.err
    assert lightproof("breach", "close", number, "--reason", "found again", home=home).code == 0
    return number


def leads_to(root: bytes, leaf: bytes, index: int, size: int, path: list[bytes]) -> bool:
    """RFC 9162, 2.1.3.2, written from its text."""
    node, last, value = index, size - 1, leaf
    for other in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            value = hashlib.sha256(b"\1" + other + value).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\1" + value + other).digest()
        node, last = node >> 1, last >> 1
    return last == 0 and value == root


def proved(content: bytes) -> list[dict[str, Any]]:
    """Every entry of these proofs, when each is in the tree that the checkpoint signs."""
    said = json.loads(content)
    size, root = signed(said["checkpoint"], said["key"])
    entries = []
    for told in said["breaches"]:
        for entry in told["entries"]:
            leaf = hashlib.sha256(b"\0" + entry["line"].encode()).digest()
            path = [base64.b64decode(one) for one in entry["proof"]]
            assert leads_to(root, leaf, entry["index"], size, path)
            assert not leads_to(root, hashlib.sha256(leaf).digest(), entry["index"], size, path)
            entries.append(json.loads(entry["line"]))
    return entries


@pytest.mark.parametrize("name", ["register.xlsx", "register.csv", "register.html", "register.json", "register.pdf"])
def test_every_export_carries_proofs_that_verify_without_us(name: str, home: Path, tmp_path: Path) -> None:
    number = closed(home)
    path = tmp_path / name
    ran: Ran = lightproof("breach", "register", "--out", path, home=home)
    assert ran.code == 0, ran.err
    match path.suffix:
        case ".json":
            content = path.read_bytes()
        case ".pdf":
            detached = tmp_path / "detached.json"
            subprocess.run([program("pdfdetach"), "-save", "1", "-o", detached, path], check=True, timeout=30)
            content = detached.read_bytes()
        case _:
            content = path.with_name(f"{name}.proofs.json").read_bytes()
    kinds = [entry["kind"] for entry in proved(content) if entry["subject"] == f"breach/{number}"]
    assert kinds[0] == "breach.opened"
    assert kinds[-1] == "breach.closed"


def test_a_breach_whose_time_is_over_is_erased_and_the_ledger_still_verifies(home: Path, tmp_path: Path) -> None:
    old = closed(home)
    register = ("breach", "register", "--expired", "--erase", "--reason", "its time in the register is over")
    early = lightproof(*register, "--yes", home=home)
    assert "0 breaches erased" in early.out.decode()
    later = under(HORIZON, *register, "--yes", home=home)
    assert later.code == 0, later.err
    assert "1 breach erased" in later.out.decode()
    assert lightproof("breach", "show", old, home=home).code == 2
    assert lightproof("breach", "list", "--json", home=home).json["breaches"] == []
    verified = lightproof("ledger", "verify", home=home)
    assert verified.code == 0, verified.out
    assert lightproof("breach", "register", "--verify", home=home).code == 0
    assert lightproof("ledger", "export", tmp_path / "export", home=home).code == 0
    verify(tmp_path / "export", (tmp_path / "export" / "key").read_text())
    entries = (tmp_path / "export" / "entries.ndjson").read_text()
    assert SECRET not in entries
    assert f"{old}: its time in the register is over" in entries


def test_what_has_not_expired_and_what_has_no_reason_is_not_erased(home: Path) -> None:
    number = closed(home)
    assert "erase-what" in lightproof("breach", "register", "--erase", "--reason", "x", "--yes", home=home).err
    assert "reason-missing" in under(HORIZON, "breach", "register", "--expired", "--erase", "--yes", home=home).err
    unanswered = under(HORIZON, "breach", "register", "--expired", "--erase", "--reason", "x", home=home)
    assert unanswered.code != 0, "nobody said yes"
    assert lightproof("breach", "show", number, home=home).code == 0
