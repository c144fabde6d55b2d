"""Witnesses: checkpoints that were kept elsewhere, and whether the ledger still begins with what they were signed for.

With every key of this machine a thief can write another ledger; not one that begins with a checkpoint in other hands.
"""

from pathlib import Path
from typing import Final, Literal

from lightproof.evidence.checkpoint import NoteRefused, opened
from lightproof.evidence.ledger import Ledger, LedgerBroken
from lightproof.evidence.merkle import EMPTY_ROOT, extends
from lightproof.storage.durable import read_whole, write_over

NOTE_BYTES: Final = 1 << 16
"""A checkpoint has some two hundred."""

Testimony = Literal["holds", "broken", "absent"]
"""What a witness says of the ledger: it begins with what was kept; it does not; nothing was kept."""


def held(ledger: Ledger, note: bytes) -> bool:
    """Whether this checkpoint is one of this ledger, and the ledger of today begins with it."""
    try:
        old = opened(note, ledger.key)
    except NoteRefused:
        return False
    if old.size > ledger.size():
        return False
    try:
        shown = ledger.consistency(old.size)
    except LedgerBroken:
        return False
    new = opened(shown.note, ledger.key)
    return old.root == EMPTY_ROOT if not old.size else extends(shown.proof, old.size, old.root, new.size, new.root)


def witness_file(ledger: Ledger, folder: Path) -> Path:
    """The file of this ledger in a witness's folder: several ledgers may share one."""
    return folder / f"lightproof-{ledger.key.key_hash.hex()}.checkpoint"


def testimony(ledger: Ledger, folder: Path) -> Testimony:
    """What the witness in this folder says. Raises OSError when its file is there and cannot be read."""
    try:
        note, _mode = read_whole(witness_file(ledger, folder), NOTE_BYTES)
    except FileNotFoundError:
        return "absent"
    return "holds" if held(ledger, note) else "broken"


def keep(ledger: Ledger, folder: Path) -> Testimony:
    """Leaves the newest checkpoint with the witness in this folder, unless what it has says that the ledger is another.

    A witness that was contradicted keeps what it has: it is the proof. Gives what the witness said before.
    Raises OSError when the folder cannot be read or written: a stick that was pulled out, a share that is away.
    """
    before = testimony(ledger, folder)
    if before != "broken" and ledger.size():
        note = ledger.checkpoint().encode()
        place = witness_file(ledger, folder)
        if before == "absent" or read_whole(place, NOTE_BYTES)[0] != note:
            write_over(place, note)
    return before
