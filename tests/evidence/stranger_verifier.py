"""Verifies an export of a lightproof ledger from its documentation alone: no line of lightproof's own code is used."""

import sys
from base64 import b64decode
from hashlib import sha256
from itertools import pairwise
from json import loads
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def root(leaves):
    split = 1 << (max(len(leaves), 1) - 1).bit_length() >> 1
    both = b"\1" + root(leaves[:split]) + root(leaves[split:]) if split else b""
    return sha256(both).digest() if both or not leaves else leaves[0]


def signed(note, key):
    name, _hash, public = key.strip().split("+", 2)
    text, signatures = note.rsplit("\n\n", 1)
    origin, size, expected = text.split("\n")[:3]
    (mine,) = [line.split(" ")[2] for line in signatures.splitlines() if line.startswith(f"\u2014 {name} ")]
    signature, raw = b64decode(mine, validate=True), b64decode(public, validate=True)
    assert (origin, signature[:4]) == (name, sha256(name.encode() + b"\n" + raw).digest()[:4]), "another's checkpoint"
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], f"{text}\n".encode())
    return int(size), b64decode(expected, validate=True)


def verify(folder, key, *witnessed):
    lines = (folder / "entries.ndjson").read_bytes().splitlines()
    leaves = [bytes.fromhex(e[1:].decode()) if e[:1] in (b"-", b"~") else sha256(b"\0" + e).digest() for e in lines]
    read = {place: loads(line) for place, line in enumerate(lines) if line[:1] not in (b"-", b"~")}
    told = {row[0] for e in read.values() if e["kind"] == "ledger.erased" for row in e["payload"]["entries"]}
    assert all(entry["index"] == place for place, entry in read.items()), "an entry out of its place"
    assert all(n in told for n, line in enumerate(lines) if line[:1] == b"-"), "an erasure that no entry tells"
    notes = {path.name: path.read_text() for path in sorted((folder / "checkpoints").iterdir())}
    found = [signed(note, key) for note in (*notes.values(), (folder / "checkpoint").read_text(), *witnessed)]
    assert [f"{size:012}" for size, _root in found[: len(notes)]] == list(notes), "a checkpoint out of its place"
    assert all(f"\nprevious {int(old)}\n" in notes[new] for old, new in pairwise(notes)), "a checkpoint left out"
    assert all(root(leaves[:size]) == expected for size, expected in found), "not what was signed"
    assert max([0, *map(int, notes)]) == len(leaves), "entries that nobody signed"
    assert all(sha256(notes[p.name[:12]].encode()).digest() in p.read_bytes() for p in (folder / "stamps").glob("*"))
    assert all(sha256(path.read_bytes()).hexdigest() == path.name for path in (folder / "attachments").glob("*"))
    return sum(line[:1] == b"~" for line in lines)


if __name__ == "__main__":
    kept_back = verify(Path(sys.argv[1]), Path(sys.argv[2]).read_text(), *(Path(p).read_text() for p in sys.argv[3:]))
    print(f"this ledger is whole; {kept_back} of its entries were kept back")
