"""An export of the ledger that a stranger verifies without us, and proofs of single entries (docs: ledger-format).

Rules of this file:
- a line of `entries.ndjson` is what was hashed: leaf = SHA-256(0x00 || line without its newline), RFC 6962, 2.1;
- an entry that was erased is a line of its leaf's hash alone, after a minus sign; one that is kept back, because the
  export is of one subject, after a tilde;
- every checkpoint ever signed goes with it, so that nothing can have been rewritten between two of them.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Final, cast

from sqlalchemy import select

from lightproof.errors import UsageRefused, system_reason
from lightproof.evidence.checkpoint import NoteRefused, VerifierKey, opened
from lightproof.evidence.entries import ERASED
from lightproof.evidence.ledger import Ledger
from lightproof.evidence.merkle import HASH_BYTES, includes, leaf_hash
from lightproof.locale import gettext as _
from lightproof.storage import tables
from lightproof.storage.durable import make_folder, write_new

ENTRIES: Final = "entries.ndjson"
CHECKPOINT: Final = "checkpoint"
CHECKPOINTS: Final = "checkpoints"
KEY: Final = "key"
ATTACHMENTS: Final = "attachments"
STAMPS: Final = "stamps"
PROOF_SCHEMA: Final = "urn:lightproof:schema:ledger-proof:1"
_PROOF_BYTES: Final = 1 << 20
_GONE: Final = b"-"
_KEPT_BACK: Final = b"~"


def export(ledger: Ledger, folder: Path, *, with_attachments: bool, subject: str | None = None) -> int:
    """Writes the ledger into a new folder; gives how many entries are shown.

    With a `subject`, of all other entries (but those that tell erasures) only the hash is shown: it verifies in the
    same way, and nothing else is given away. Attachments hold findings: they go along only when they are wanted.

    Raises UsageRefused `export-exists`, `export-not-written`, `subject-unknown`.
    """
    if subject is not None and next(ledger.entries(subject=subject), None) is None:
        raise UsageRefused(
            "subject-unknown",
            _("The ledger has no entry about “{subject}”.").format(subject=subject[:80]),
            _("A breach is named as breach/B-2026-0001; “lightproof breach list” shows their numbers."),
        )
    if os.path.lexists(folder):
        raise UsageRefused(
            "export-exists",
            _("“{folder}” exists already; an export is never mixed with another.").format(folder=folder),
            _("Name a folder that does not exist yet."),
        )
    try:
        return _written(ledger, folder, subject, with_attachments=with_attachments)
    except OSError as error:
        rmtree(folder, ignore_errors=True)  # it was not there before: half of an export helps nobody
        raise UsageRefused(
            "export-not-written",
            _("The export could not be written to “{folder}”: {reason}.").format(
                folder=folder, reason=system_reason(error)
            ),
            _("Name a new folder where you may write, on a disk with room."),
        ) from error


def _written(ledger: Ledger, folder: Path, subject: str | None, *, with_attachments: bool) -> int:
    make_folder(folder)
    note = ledger.checkpoint()
    size = opened(note, ledger.key).size
    lines = list(_lines(ledger, size, subject))
    write_new(folder / ENTRIES, b"".join(line + b"\n" for line in lines))
    write_new(folder / CHECKPOINT, note.encode())
    write_new(folder / KEY, f"{ledger.key}\n".encode())
    make_folder(folder / CHECKPOINTS)
    for signed in ledger.checkpoints():
        at = opened(signed, ledger.key).size
        if at <= size:
            write_new(folder / CHECKPOINTS / f"{at:012d}", signed.encode())
    stamps = ledger.stamps()
    if stamps:
        make_folder(folder / STAMPS)
        for number, stamp in enumerate(stamps):
            write_new(folder / STAMPS / f"{stamp.size:012d}-{number}.tsr", stamp.token)
    if with_attachments:
        make_folder(folder / ATTACHMENTS)
        for entry in ledger.entries(subject=subject):
            for digest in entry.attachments:
                place = folder / ATTACHMENTS / digest
                if not place.exists():
                    write_new(place, ledger.attachment(digest))
    return sum(line[:1] not in (_GONE, _KEPT_BACK) for line in lines)


def _lines(ledger: Ledger, size: int, subject: str | None) -> Iterator[bytes]:
    with ledger.database.reading() as connection:
        wanted = (
            select(tables.entry.c.bytes, tables.entry.c.leaf, tables.entry.c.subject, tables.entry.c.kind)
            .where(tables.entry.c.idx < size)
            .order_by(tables.entry.c.idx)
        )
        for row in connection.execute(wanted):
            if row.bytes is None:
                yield _GONE + bytes(row.leaf).hex().encode()
            elif subject in (None, row.subject) or row.kind == ERASED:
                yield row.bytes
            else:
                yield _KEPT_BACK + bytes(row.leaf).hex().encode()


def proof(ledger: Ledger, index: int) -> bytes:
    """One entry with its proof of inclusion in the newest checkpoint, as JSON.

    Raises UsageRefused `entry-unknown`, `entry-erased`.
    """
    entry, shown = ledger.entry(index), ledger.inclusion(index)
    said = {
        "schema": PROOF_SCHEMA,
        "index": index,
        "line": entry.encode().decode("ascii"),
        "proof": [b64encode(one).decode() for one in shown.proof],
        "checkpoint": shown.note,
        "key": str(ledger.key),
    }
    return (json.dumps(said, indent=1) + "\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof shows."""

    index: int
    size: int
    holds: bool
    key_given: bool
    """Whether the key came from elsewhere: a proof with its own key shows that it fits together, not whose it is."""


def verify_proof(content: bytes, key: str | None = None) -> Proved:
    """Whether this proof holds. `key`: the ledger's verifier key, as the recovery kit has it.

    Raises UsageRefused `proof-unreadable` for what is no proof.
    """
    try:
        if len(content) > _PROOF_BYTES:
            raise ValueError("too long")
        said = cast("dict[str, Any]", json.loads(content))
        if said["schema"] != PROOF_SCHEMA:
            raise ValueError("schema")
        index, line = int(said["index"]), str(said["line"]).encode("ascii")
        path = tuple(b64decode(one, validate=True) for one in cast("list[str]", said["proof"]))
        note, own = str(said["checkpoint"]), str(said["key"])
        if any(len(one) != HASH_BYTES for one in path):
            raise ValueError("hash")
        trusted = VerifierKey.parse(key or own)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageRefused(
            "proof-unreadable",
            _("This file is not a proof of the ledger."),
            _("Give the file that “lightproof ledger prove NUMBER --out FILE” wrote."),
        ) from error
    try:
        checkpoint = opened(note, trusted)
    except NoteRefused:
        return Proved(index, 0, holds=False, key_given=key is not None)
    holds = includes(path, leaf_hash(line), index, checkpoint.size, checkpoint.root)
    try:
        holds = holds and json.loads(line)["index"] == index
    except (ValueError, KeyError, TypeError):
        holds = False
    return Proved(index, checkpoint.size, holds=holds, key_given=key is not None)
