"""Evidence that is named, looked up in the ledger: what is not there, or was erased, shows nothing.

An entry that only holds what a person said of the breach (its opening, a correction, a decision) is no evidence of it:
a word does not prove itself. What stands in the ledger for another reason (the making of the home, a notice that was
filed, another breach's files) shows nothing either: checks, alerts, logs read and files attached for this breach do.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Final

from lightproof.breach.facts import REFERENCE, BreachFacts
from lightproof.breach.incident import SUBJECT, Incident
from lightproof.errors import UsageRefused
from lightproof.evidence import runs as checks
from lightproof.evidence.entries import Entry
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


def look_up(ledger: Ledger, refs: Iterable[str], told: Incident | None = None) -> None:
    """Looks up each reference (`entry 12`, `sha256:…`); lines of another form are notes, and show nothing.

    `told`: the breach that they are named for; None while it is not opened.
    Raises UsageRefused: `entry-unknown`, `entry-erased`, `attachment-unknown`, `evidence-only-said`,
    `evidence-unrelated`.
    """
    for ref in dict.fromkeys(refs):
        found = REFERENCE.fullmatch(ref)
        if found is None:
            continue
        if digest := found["digest"]:
            if told is not None and digest in kept_for(told):
                continue
            ledger.attachment(digest)
            finished = ledger.entries(subject=checks.SUBJECT, kind=checks.FINISHED)
            if not any(check.payload.get("report_sha256") == digest for check in finished):
                raise _unrelated(f"{ref[:15]}…")
        else:
            _look_up_entry(ledger.entry(int(found["entry"])), told)


def _look_up_entry(entry: Entry, told: Incident | None) -> None:
    if entry.kind == checks.FINISHED or entry.kind.endswith(".alert"):
        return
    if entry.kind.startswith("breach.") and entry.kind not in _MEASURED:
        raise UsageRefused(
            "evidence-only-said",
            _("Entry {entry} holds what a person said: it shows nothing by itself.").format(entry=entry.index),
            _("Name the entry of a check or of access logs, or attach what shows it with --attach FILE."),
        )
    if told is None or entry.kind not in _MEASURED or entry.subject != SUBJECT + told.id:
        raise _unrelated(_("ledger entry {entry}").format(entry=entry.index))


def _unrelated(what: str) -> UsageRefused:
    return UsageRefused(
        "evidence-unrelated",
        _("What was named as evidence ({what}) shows nothing of this breach.").format(what=what),
        _("Name the entry of a check, of an alert or of access logs read for it, or attach a file with --attach FILE."),
    )


def kept_for(told: Incident) -> frozenset[str]:
    """Digests of what can show something of this breach: logs read for it, which stay where they are, and files."""
    logs = (str(log["sha256"]) for summary in told.access for log in summary.get("logs", ()))
    files = (str(step.payload["sha256"]) for step in told.steps if step.what == "attached")
    return frozenset((*logs, *files))


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
