"""Verifies an export of a lightproof ledger from its documentation alone: no line of lightproof's own code is used."""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    while len(leaves) > 1:
        pairs = [hashlib.sha256(b"\1" + a + b).digest() for a, b in zip(leaves[::2], leaves[1::2], strict=False)]
        leaves = pairs + leaves[len(leaves) & ~1 :]
    return leaves[0]


def signed(note, key):
    """Size and root of a checkpoint, when `key` (name+hash+base64) signed it."""
    name, _hash, public = key.strip().split("+", 2)
    text, signatures = note.rsplit("\n\n", 1)
    origin, size, root_hash = (text + "\n").split("\n")[:3]
    mine = [line.split(" ")[2] for line in signatures.splitlines() if line.startswith(f"\u2014 {name} ")]
    assert origin == name, "another ledger's checkpoint"
    assert len(mine) == 1, "not signed by this key, or twice"
    signature, raw = base64.b64decode(mine[0], validate=True), base64.b64decode(public, validate=True)
    assert signature[:4] == hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4], "another key's hash"
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], (text + "\n").encode())
    return int(size), base64.b64decode(root_hash, validate=True)


def verify(folder, key, witnessed=""):
    """What is wrong, in a word each. `witnessed`: a checkpoint kept elsewhere, which the ledger must begin with."""
    try:
        lines = (folder / "entries.ndjson").read_bytes().split(b"\n")
        assert lines.pop() == b"", "the last line does not end"
        leaves = [bytes.fromhex(e[1:].decode()) if e[:1] == b"-" else hashlib.sha256(b"\0" + e).digest() for e in lines]
        erased = {place for place, line in enumerate(lines) if line[:1] == b"-"}
        read = {place: json.loads(line) for place, line in enumerate(lines) if place not in erased}
        assert all(entry["index"] == place for place, entry in read.items()), "an entry out of its place"
        told = {row[0] for e in read.values() if e["kind"] == "ledger.erased" for row in e["payload"]["entries"]}
        assert erased <= told, "an erasure that no entry tells"
        notes = [path.read_text() for path in sorted((folder / "checkpoints").iterdir())]
        sizes = [signed(note, key)[0] for note in notes]
        assert sizes == sorted(set(sizes)), "checkpoints out of order"
        assert (sizes or [0])[-1] == len(lines), "checkpoints that do not cover the entries"
        previous = [0, *sizes]
        for note, before in zip(notes, previous, strict=False):
            assert f"\nprevious {before}\n" in note or not before, "a checkpoint was left out"
        for note in [(folder / "checkpoint").read_text(), *notes, *([witnessed] if witnessed else [])]:
            size, expected = signed(note, key)
            assert size <= len(leaves), "shorter than what was signed"
            assert root(leaves[:size]) == expected, f"not what was signed at {size}"
        for path in (folder / "attachments").glob("*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, "an attachment was changed"
    except (AssertionError, ValueError, KeyError, TypeError, IndexError, OSError, InvalidSignature) as wrong:
        return [str(wrong) or type(wrong).__name__]
    return []


if __name__ == "__main__":
    found = verify(Path(sys.argv[1]), Path(sys.argv[2]).read_text(), *(Path(p).read_text() for p in sys.argv[3:]))
    print(*(found or ["this ledger is whole"]), sep="\n")
    sys.exit(bool(found))
