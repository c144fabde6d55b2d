"""Evidence that is named, looked up in the ledger: what is not there, or was erased, shows nothing.

An entry that only holds what a person said of the breach (its opening, a correction, a decision) is no evidence of it:
a word does not prove itself.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath
from typing import Final

from lightproof.breach.facts import REFERENCE, BreachFacts
from lightproof.breach.incident import Incident
from lightproof.errors import UsageRefused
from lightproof.evidence.ledger import Ledger
from lightproof.locale import gettext as _

FILE_BYTES: Final = 16 << 20
_MEASURED: Final = frozenset({"breach.access", "breach.attached"})
"""Steps of a breach that bring something besides words."""
_TYPES: Final[Mapping[str, str]] = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".log": "text/plain",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def look_up(ledger: Ledger, refs: Iterable[str], *, read: Collection[str] = ()) -> None:
    """Looks up each reference (`entry 12`, `sha256:…`); lines of another form are notes, and show nothing.

    `read`: digests of the logs that were read for this breach: they stay where they are.
    Raises UsageRefused: `entry-unknown`, `entry-erased`, `attachment-unknown`, `evidence-only-said`.
    """
    for ref in dict.fromkeys(refs):
        found = REFERENCE.fullmatch(ref)
        if found is None:
            continue
        if digest := found["digest"]:
            if digest in read:
                continue
            ledger.attachment(digest)
            continue
        entry = ledger.entry(int(found["entry"]))
        if entry.kind.startswith("breach.") and entry.kind not in _MEASURED:
            raise UsageRefused(
                "evidence-only-said",
                _("Entry {entry} holds what a person said: it shows nothing by itself.").format(entry=entry.index),
                _("Name the entry of a check or of access logs, or attach what shows it with --attach FILE."),
            )


def logs_read(told: Incident) -> frozenset[str]:
    """Digests of the access logs that entries of this breach say were read."""
    return frozenset(str(log["sha256"]) for summary in told.access for log in summary.get("logs", ()))


def named_in(facts: BreachFacts, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Every line of evidence that the facts name, for these facts or for all."""
    wanted = facts.evidence if names is None else names
    return tuple(ref for name in wanted for ref in facts.evidence.get(name, ()))


def media_type(path: PurePath) -> str:
    """The type of a file that is attached, by its ending. Raises UsageRefused for one that is not known."""
    found = _TYPES.get(path.suffix.lower())
    if found is None:
        raise UsageRefused(
            "attachment-type",
            _("Files of this kind are not kept as evidence."),
            _("Attach one of: {endings}.").format(endings=" ".join(_TYPES)),
        )
    return found
