"""What a stranger can verify without us: an export, its tampered copies, proofs, and checkpoints in other hands."""

import errno
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from evidence.stranger_verifier import verify
from lightproof.errors import UsageRefused
from lightproof.evidence.checkpoint import Signer
from lightproof.evidence.export import export, proof, verify_proof
from lightproof.evidence.ledger import Ledger
from lightproof.evidence.witness import held
from lightproof.storage.migrate import open_database

KEY = bytes(range(32))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_database(tmp_path / "ledger.db", KEY) as database:
        yield grown(Ledger(database, Signer(KEY)), 12)


def grown(ledger: Ledger, transactions: int) -> Ledger:
    for number in range(transactions):
        with ledger.writing() as writing:
            for part in range(1 + number % 3):
                if part == 1:
                    writing.attach(f"report {number}".encode(), "text/plain")
                writing.append("breach.noted", f"breach/B-2026-{number:04d}", {"n": number}, principal="Dr Demo")
    return ledger


@dataclass
class Exported:
    """An export that can be tampered with and put back."""

    folder: Path
    key: str
    witnessed: str
    files: dict[str, bytes]

    @classmethod
    def of(cls, ledger: Ledger, folder: Path) -> "Exported":
        witnessed = ledger.checkpoints()[-3]
        export(ledger, folder, with_attachments=True)
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        return cls(folder, files["key"].decode(), witnessed, files)

    def problems(self, changed: dict[str, bytes | None], verifier: Callable[[], None] | None = None) -> list[str]:
        """What the stranger (or another verifier, which raises) finds when these files are changed, or missing."""
        for name, content in changed.items():
            path = self.folder / name
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)
        try:
            (verifier or self._whole)()
        except Exception as wrong:  # noqa: BLE001 - whatever stops a stranger's script is a problem found
            return [repr(wrong)]
        else:
            return []
        finally:
            for name in changed:
                (self.folder / name).unlink(missing_ok=True)
                if name in self.files:
                    (self.folder / name).write_bytes(self.files[name])

    def _whole(self) -> None:
        assert verify(self.folder, self.key, self.witnessed) == 0, "entries were kept back"


@pytest.fixture
def exported(ledger: Ledger, tmp_path: Path) -> Exported:
    return Exported.of(ledger, tmp_path / "export")


def test_an_export_verifies_by_a_script_that_knows_only_the_documentation(exported: Exported) -> None:
    assert exported.problems({}) == []
    script = Path(__file__).parent / "stranger_verifier.py"
    ran = subprocess.run(
        [sys.executable, script, exported.folder, exported.folder / "key"], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "this ledger is whole; 0 of its entries were kept back\n")


def test_the_script_has_fifty_lines_and_shares_no_code_with_us() -> None:
    text = (Path(__file__).parent / "stranger_verifier.py").read_text()
    assert len(text.splitlines()) <= 50
    assert "import lightproof" not in text
    assert "from lightproof" not in text


Change = Callable[[Exported, random.Random, "Forger"], dict[str, bytes | None]]


class Forger:
    """Root with every file and without the key: a key of its own, and another ledger that it wrote itself."""

    def __init__(self, folder: Path) -> None:
        with open_database(folder / "forged.db", KEY) as database:
            forged = grown(Ledger(database, Signer(bytes(32))), 12)
            export(forged, folder / "forged", with_attachments=True)
        inside = folder / "forged"
        self.files = {str(path.relative_to(inside)): path.read_bytes() for path in inside.rglob("*") if path.is_file()}


def lines_of(exported: Exported) -> list[bytes]:
    return exported.files["entries.ndjson"].splitlines(keepends=True)


def with_lines(lines: list[bytes]) -> dict[str, bytes | None]:
    return {"entries.ndjson": b"".join(lines)}


def flipped(exported: Exported, rng: random.Random, name: str) -> dict[str, bytes | None]:
    content = bytearray(exported.files[name])
    places = [*range(len(content))]
    if name.startswith("checkpoint"):
        # The last letter of a signature in base64 has two bits that stand for nothing: readers may pass over them.
        del places[-3]
    content[rng.choice(places)] ^= 1 << rng.randrange(8)
    return {name: bytes(content)}


def a_byte(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    return flipped(exported, rng, rng.choice(sorted(set(exported.files) - {"key"})))


def a_byte_of_the_log(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    names = [name for name in sorted(exported.files) if name.startswith(("entries", "checkpoint"))]
    return flipped(exported, rng, rng.choice(names))


def a_field(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    lines = lines_of(exported)
    place = rng.randrange(len(lines))
    entry = json.loads(lines[place])
    name = rng.choice(["at", "principal", "kind", "subject", "payload"])
    entry[name] = {"n": rng.random()} if name == "payload" else entry[name][:-1] + "0"
    changed = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    return with_lines([*lines[:place], changed if changed != lines[place] else b"{}\n", *lines[place + 1 :]])


def dropped(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    lines = lines_of(exported)
    del lines[rng.randrange(len(lines))]
    return with_lines(lines)


def reordered(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    lines = lines_of(exported)
    one, other = rng.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return with_lines(lines)


def doubled(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    lines = lines_of(exported)
    return with_lines([*lines[: (at := rng.randrange(len(lines)))], lines[at], *lines[at:]])


def replayed(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    lines = lines_of(exported)
    return with_lines([*lines, rng.choice(lines)])


def spelled(entry: dict[str, object]) -> bytes:
    """The one spelling of an entry, as the format says."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def earlier(line: bytes, by: timedelta) -> bytes:
    entry = json.loads(line)
    at = datetime.fromisoformat(entry["at"]) - by
    return spelled({**entry, "at": at.isoformat(timespec="microseconds").replace("+00:00", "Z")})


def back_dated(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    """One entry, or all up to it, said to be a little older: every line still is an entry; nothing is signed."""
    lines = lines_of(exported)
    place = rng.randrange(len(lines))
    by = timedelta(microseconds=rng.choice([1, 10**6, 10**9, 10**11]) * rng.randrange(1, 9))
    first = rng.choice([0, place])
    return with_lines([*lines[:first], *(earlier(line, by) for line in lines[first : place + 1]), *lines[place + 1 :]])


def replayed_as_new(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    """An old entry once more, numbered and dated as if it came last."""
    lines = lines_of(exported)
    last, old = json.loads(lines[-1]), json.loads(rng.choice(lines))
    again = spelled({**old, "index": last["index"] + 1, "at": last["at"]})
    return with_lines([*lines, again] if rng.randrange(2) else [*lines[:-1], spelled({**old, "index": last["index"]})])


def forked_under_the_same_checkpoints(
    exported: Exported, rng: random.Random, forger: Forger
) -> dict[str, bytes | None]:
    """From some entry on, what somebody else wrote, each line in its place; the checkpoints stay as signed."""
    lines = lines_of(exported)
    place = rng.randrange(len(lines))
    others = forger.files["entries.ndjson"].splitlines(keepends=True)
    return with_lines([*lines[:place], *others[place : len(lines)]])


def hidden(exported: Exported, rng: random.Random, mark: bytes) -> dict[str, bytes | None]:
    """A line in place of which only its hash is shown."""
    lines = lines_of(exported)
    place = rng.randrange(len(lines))
    leaf = hashlib.sha256(b"\0" + lines[place].rstrip(b"\n")).hexdigest()
    lines[place] = mark + leaf.encode() + b"\n"
    return with_lines(lines)


def erased_unseen(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    return hidden(exported, rng, b"-")


def kept_back_unseen(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    return hidden(exported, rng, b"~")


def rolled_back(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    """Everything as it was before the checkpoint in other hands: whole in itself, and shorter."""
    names = sorted(name for name in exported.files if name.startswith("checkpoints/"))
    keep = rng.randrange(1, len(names) - 3)
    size = int(names[keep - 1].partition("/")[2])
    changed: dict[str, bytes | None] = dict.fromkeys(names[keep:])
    return {
        **changed,
        "checkpoint": exported.files[names[keep - 1]],
        "entries.ndjson": b"".join(lines_of(exported)[:size]),
    }


def a_checkpoint_left_out(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    names = sorted(name for name in exported.files if name.startswith("checkpoints/"))
    return {rng.choice(names[1:]): None}


def forked(exported: Exported, rng: random.Random, forger: Forger) -> dict[str, bytes | None]:
    """Another history, signed by another key; sometimes only its last part."""
    if rng.random() < 0.5:
        return {name: forger.files[name] for name in ("entries.ndjson", "checkpoint")}
    gone: dict[str, bytes | None] = {name: None for name in exported.files if name.startswith("checkpoints/")}
    return {**gone, **{name: content for name, content in forger.files.items() if name != "key"}}


def swapped(exported: Exported, rng: random.Random, _forger: Forger) -> dict[str, bytes | None]:
    names = [name for name in exported.files if name.startswith("attachments/")]
    one, other = rng.sample(sorted(names), 2)
    return {one: exported.files[other], other: exported.files[one]}


CHANGES: tuple[Change, ...] = (
    a_byte, a_field, back_dated, dropped, reordered, doubled, replayed, replayed_as_new, erased_unseen,
    kept_back_unseen, rolled_back, a_checkpoint_left_out, forked, forked_under_the_same_checkpoints, swapped,
)  # fmt: skip


def tampered(exported: Exported, tmp_path: Path, times: int) -> list[str]:
    """The changes that the stranger did not find."""
    forger = Forger(tmp_path)
    rng = random.Random(20201207)
    unseen: list[str] = []
    for number in range(times):
        change = CHANGES[number % len(CHANGES)]
        changed = change(exported, rng, forger)
        if all(exported.files.get(name) == content for name, content in changed.items()):
            continue
        if not exported.problems(changed):
            unseen.append(change.__name__)
    return unseen


def test_every_tampering_is_found(exported: Exported, tmp_path: Path) -> None:
    assert tampered(exported, tmp_path, 1_000) == []
    assert exported.problems({}) == []


@pytest.mark.soak
def test_ten_thousand_tamperings_are_found(exported: Exported, tmp_path: Path) -> None:
    assert tampered(exported, tmp_path, 10_000) == []


def test_what_was_erased_openly_still_verifies(ledger: Ledger, tmp_path: Path) -> None:
    ledger.erase([2, 3], "retention is over", principal="Dr Demo")
    exported = Exported.of(ledger, tmp_path / "export")
    assert exported.problems({}) == []
    assert exported.files["entries.ndjson"].count(b"\n-") == 2


def test_a_proof_of_one_entry_holds_and_a_changed_one_does_not(ledger: Ledger) -> None:
    shown = proof(ledger, 7)
    assert verify_proof(shown).holds
    assert verify_proof(shown, str(ledger.key)).key_given
    said = json.loads(shown)
    said["line"] = said["line"].replace("Dr Demo", "Dr Dome")
    assert not verify_proof(json.dumps(said).encode()).holds
    assert not verify_proof(shown, str(Signer(bytes(32)).key)).holds


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"schema": "urn:lightproof:schema:ledger-proof:1"}'])
def test_what_is_no_proof_is_refused(content: bytes) -> None:
    with pytest.raises(UsageRefused) as told:
        verify_proof(content)
    assert told.value.error_id == "proof-unreadable"


def test_a_checkpoint_in_other_hands_shows_a_rewritten_history_even_with_the_key_stolen(
    ledger: Ledger, tmp_path: Path
) -> None:
    witnessed = ledger.checkpoint().encode()
    grown(ledger, 3)
    assert held(ledger, witnessed)
    with open_database(tmp_path / "rewritten.db", KEY) as database:
        rewritten = grown(Ledger(database, Signer(KEY)), 20)
        assert rewritten.size() > ledger.size()
        assert not held(rewritten, witnessed)
    with open_database(tmp_path / "rolled-back.db", KEY) as database:
        assert not held(grown(Ledger(database, Signer(KEY)), 2), witnessed)
    assert not held(ledger, b"not a checkpoint")


def test_one_subject_is_exported_and_verified_and_gives_nothing_else_away(ledger: Ledger, tmp_path: Path) -> None:
    ledger.erase([2], "retention is over", principal="Dr Demo")
    subject = "breach/B-2026-0008"
    shown = export(ledger, tmp_path / "part", with_attachments=True, subject=subject)
    mine = list(ledger.entries(subject=subject))
    folder = tmp_path / "part"
    lines = (folder / "entries.ndjson").read_bytes().splitlines()
    read = [json.loads(line) for line in lines if line.startswith(b"{")]
    assert [entry["subject"] for entry in read] == [subject] * len(mine) + ["ledger"]
    assert shown == len(mine) + 1
    assert verify(folder, str(ledger.key)) == ledger.size() - shown - 1
    assert {path.name for path in (folder / "attachments").iterdir()} == {d for e in mine for d in e.attachments}
    changed = [line.replace(b"Dr Demo", b"Dr Dome") for line in lines]
    (folder / "entries.ndjson").write_bytes(b"".join(line + b"\n" for line in changed))
    with pytest.raises(AssertionError, match="not what was signed"):
        verify(folder, str(ledger.key))


def test_an_unknown_subject_is_refused_before_anything_is_written(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UsageRefused) as refusal:
        export(ledger, tmp_path / "part", with_attachments=False, subject="breach/B-2030-0001")
    assert refusal.value.error_id == "subject-unknown"
    assert not (tmp_path / "part").exists()


def test_an_export_is_never_mixed_with_another(ledger: Ledger, exported: Exported) -> None:
    with pytest.raises(UsageRefused) as told:
        export(ledger, exported.folder, with_attachments=False)
    assert told.value.error_id == "export-exists"


def test_an_export_that_the_disk_refuses_is_told_and_leaves_nothing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.name == "key":
            raise OSError(errno.ENOSPC, "")
        path.write_bytes(content)

    with monkeypatch.context() as disk:
        disk.setattr("lightproof.evidence.export.write_new", full)
        with pytest.raises(UsageRefused, match="the disk is full"):
            export(ledger, tmp_path / "out", with_attachments=False)
    assert not (tmp_path / "out").exists()
    assert export(ledger, tmp_path / "out", with_attachments=False)
    with pytest.raises(UsageRefused, match="export-not-written"):
        export(ledger, tmp_path / ("n" * 300), with_attachments=False)
