"""Witnesses: checkpoints that were kept elsewhere, and whether the ledger still begins with what they were signed for.

With every key of this machine a thief can write another ledger; not one that begins with a checkpoint in other hands.
"""

from lightproof.evidence.checkpoint import NoteRefused, opened
from lightproof.evidence.ledger import Ledger, LedgerBroken
from lightproof.evidence.merkle import EMPTY_ROOT, extends


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
