"""`lightproof ledger`: verify what was written down, prove it to others, give it away whole."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.cli.commands import ENTRY, WholeSummaries
from lightproof.cli.home import opened
from lightproof.errors import UsageRefused, system_reason
from lightproof.evidence.entries import rfc3339
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

if TYPE_CHECKING:
    from lightproof.check.contacts import Contact
    from lightproof.cli.home import OpenHome
    from lightproof.evidence.verification import Fault

FAILED: Final = 3
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_SHOWN: Final = 20
_NOTE_BYTES: Final = 1 << 20
_NEEDS: Final[Rules] = (("--key", ("PROOF",)),)
_EXCLUDES: Final[Rules] = (("PROOF", ("--against",)),)
"""Of `verify`."""


@click.group(
    name="ledger",
    cls=WholeSummaries,
    help=_(
        "The ledger: everything that was measured and decided, in one record that cannot be changed unseen. Verify "
        "it, prove an entry to someone, export it for whoever wants to verify it without lightproof."
    ),
)
def command() -> None:
    """The group itself does nothing."""


@command.command("verify", help=_("Verify the whole ledger, or a proof that someone gave you."))
@click.argument("proof_file", metavar="[PROOF]", required=False, type=_FILE)
@click.option("--key", metavar="KEY", help=_("Key of the ledger, as its owner gave it to you by another way."))
@click.option(
    "--against", "witnessed", type=_FILE, multiple=True, help=_("Checkpoint kept elsewhere, which must still hold.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
def verify(proof_file: Path | None, key: str | None, witnessed: tuple[Path, ...], as_json: bool) -> int:
    """Exit code 3 when anything is wrong."""
    refuse_what_is_not_heeded(_NEEDS, _EXCLUDES)
    if proof_file is None:
        return _verify_ledger(witnessed, as_json=as_json)
    return _verify_proof(proof_file, key, as_json=as_json)


@command.command("export", help=_("Write the ledger into a new folder, to be verified without lightproof."))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--subject", metavar="SUBJECT",
    help=_("Only what is about this, as breach/B-2026-0001: of the rest, hashes alone, and it verifies all the same."),
)  # fmt: skip
@click.option("--with-attachments", is_flag=True, help=_("Also the files kept with entries: reports hold findings."))
def export(folder: Path, subject: str | None, with_attachments: bool) -> int:
    """The format is documented: docs/en/ledger-format.md."""
    from lightproof.evidence import export as exports

    with opened() as home:
        size = exports.export(home.ledger, folder, with_attachments=with_attachments, subject=subject)
    said = ngettext("{n} entry exported to {folder}.", "{n} entries exported to {folder}.", size)
    click.echo(said.format(n=size, folder=folder))
    return 0


@command.command("prove", help=_("Prove one entry: its line and its proof of inclusion, in one file."))
@click.argument("index", metavar="ENTRY", type=ENTRY)
@click.option("--out", type=_FILE, help=_("Write it there instead of printing it."))
def prove(index: int, out: Path | None) -> int:
    """Whoever gets it verifies it with `lightproof ledger verify FILE --key KEY`, or with a script of their own."""
    from lightproof.documents.files import put
    from lightproof.evidence import export as exports

    with opened() as home:
        content = exports.proof(home.ledger, index)
    if out is None:
        sys.stdout.write(content.decode("ascii"))
    else:
        put(content, out)
        click.echo(_("Written: {path}").format(path=out), err=True)
    return 0


@command.command("stamp", help=_("Have the newest checkpoint stamped by the time-stamping authority of the settings."))
def stamp() -> int:
    """Run it from a timer: an authority that does not answer today is asked again tomorrow, and nothing is lost."""
    import asyncio

    from lightproof.evidence.checkpoint import opened as opened_note
    from lightproof.evidence.timestamps import Authority, read_certificates, request_stamp

    with opened() as home:
        wanted = home.settings.ledger
        if wanted.timestamp_authority is None or wanted.timestamp_certificate is None:
            raise UsageRefused(
                "stamp-nowhere",
                _("The settings name no time-stamping authority."),
                _("Fill timestamp_authority and timestamp_certificate under [ledger] in settings.toml."),
            )
        authority = Authority(wanted.timestamp_authority, read_certificates(_read(wanted.timestamp_certificate)))
        note = home.ledger.checkpoint()
        size = opened_note(note, home.ledger.key).size
        if not size:
            click.echo(_("The ledger is empty: there is nothing to stamp."))
            return 0
        received = asyncio.run(request_stamp(authority, note.encode()))
        home.ledger.stamp(size, received.token, received.at)
    click.echo(_("Stamped: {n} entries, at {when}.").format(n=size, when=received.at.isoformat()))
    return 0


@command.command(
    "probes",
    help=_(
        "Show what was ever sent to ADDRESS, by which check, on whose authority: for whoever asks why they were called."
    ),
)
@click.argument("address", metavar="ADDRESS")
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
def probes(address: str, as_json: bool) -> int:
    """Ports that refused are in it too."""
    from lightproof.check.addresses import NotAnAddress, range_of
    from lightproof.check.contacts import contacts
    from lightproof.evidence import runs

    try:
        one = range_of(address)
    except NotAnAddress as error:
        raise _not_one_address(address) from error
    if one.size > 1:
        raise _not_one_address(address)
    with opened() as home:
        found = tuple(contacts(str(one), home.ledger.entries(subject=runs.SUBJECT), home.ledger.attachment))
    if as_json:
        click.echo(json.dumps({"address": str(one), "runs": [_contact_as_json(contact) for contact in found]}))
        return 0
    for contact in found:
        click.echo("\n".join(_contact_told(contact)))
    if not found:
        click.echo(_("Nothing was sent to {address}, as far as this ledger tells.").format(address=one))
    return 0


def _not_one_address(text: str) -> UsageRefused:
    from lightproof.check.targets import shown

    return UsageRefused(
        "address-unreadable",
        _("“{text}” is not the address of one machine.").format(text=shown(text)),
        _("Write it as 192.0.2.10 or 2001:db8::10: names are not kept, since they may lead elsewhere later."),
    )


def _contact_told(contact: "Contact") -> Iterator[str]:
    from lightproof.documents import wording

    began = contact.beginning
    yield _("{at}, by {who}. Allowed by: {allowed}. Entry {entry}.").format(
        at=_utc(began.at), who=began.by, allowed=wording.allowed_by(began.scope), entry=began.entry
    )
    if contact.calls:
        first = min(call.after for call in contact.calls)
        last = max(call.before for call in contact.calls)
        told = (
            ngettext(
                "  asked whether DICOM is spoken, in up to four calls, between {first} and {last}: port {ports}",
                "  asked whether DICOM is spoken, in up to four calls each, between {first} and {last}: ports {ports}",
                len(contact.calls),
            )
            if began.survey
            else ngettext(
                "  called, to see whether somebody picks up, between {first} and {last}: port {ports}",
                "  called, to see whether somebody picks up, between {first} and {last}: ports {ports}",
                len(contact.calls),
            )
        )
        ports = ", ".join(str(call.port) for call in contact.calls)
        yield told.format(first=_utc(first), last=_utc(last), ports=ports)
    for probe in contact.probes:
        said = ngettext("{n} byte", "{n} bytes", probe.bytes_out).format(n=probe.bytes_out)
        calls = ngettext("{n} connection", "{n} connections", probe.connections).format(n=probe.connections)
        yield _("  {at}  {port}/{transport}  {detector}: {calls}, {said}, SHA-256 {sha256}").format(
            at=_utc(probe.at), port=",".join(map(str, probe.ports)), transport=probe.target.transport,
            detector=probe.detector, calls=calls, said=said, sha256=f"{probe.sha256[:16]}…",
        )  # fmt: skip


def _contact_as_json(contact: "Contact") -> dict[str, object]:
    began = contact.beginning
    return {
        "entry": began.entry,
        "started": rfc3339(began.at),
        "by": began.by,
        "basis": began.scope.basis,
        "controller": began.scope.controller,
        "authoriser": began.scope.authoriser,
        "reference": began.scope.reference,
        "survey": began.survey,
        "calls": [
            {"port": call.port, "after": rfc3339(call.after), "before": rfc3339(call.before)} for call in contact.calls
        ],
        "probes": [
            {
                "at": rfc3339(probe.at),
                "port": probe.target.port,
                "transport": probe.target.transport,
                "detector": probe.detector,
                "ports": list(probe.ports),
                "connections": probe.connections,
                "bytes_out": probe.bytes_out,
                "sha256": probe.sha256,
            }
            for probe in contact.probes
        ],
    }


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


@command.command("key", help=_("Print the public key with which others verify this ledger."))
def public_key() -> int:
    """One word, to be given by another way than what it verifies."""
    with opened() as home:
        click.echo(str(home.ledger.key))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What the verification of the whole ledger found."""

    entries: int
    faults: "Sequence[Fault]"
    rows: Sequence[str]
    """Breaches whose row of the register is not the one that their entries draw."""
    lost: Sequence[str]
    """Witnesses that know another ledger."""
    stamps: int
    wrong_stamps: Sequence[tuple[int, str]]
    stamps_checked: bool
    """False when the settings name no certificate to check them with."""

    @property
    def whole(self) -> bool:
        """Whether everything is as it was written."""
        return not (self.faults or self.rows or self.lost or self.wrong_stamps)


def _verify_ledger(witnessed: tuple[Path, ...], *, as_json: bool) -> int:
    with opened() as home:
        found = _verified(home, witnessed)
    if as_json:
        said = {
            "entries": found.entries,
            "faults": [{"what": fault.what, "index": fault.index, "name": fault.name} for fault in found.faults],
            "rows": list(found.rows),
            "witnesses_lost": list(found.lost),
            "stamps": found.stamps,
            "stamps_checked": found.stamps_checked,
            "stamps_wrong": [{"size": size, "reason": reason} for size, reason in found.wrong_stamps],
        }
        click.echo(json.dumps(said))
    else:
        for line in _told(found):
            click.echo(line)
    return 0 if found.whole else FAILED


def _verified(home: "OpenHome", witnessed: tuple[Path, ...]) -> Verified:
    from lightproof.evidence.timestamps import read_certificates, wrong_stamps
    from lightproof.evidence.witness import held

    faults = home.ledger.verify()
    # A broken ledger cannot be read: only what is wrong with it can be told.
    stamps = () if faults else [(kept.size, kept.note, kept.token) for kept in home.ledger.stamps()]
    certificate = home.settings.ledger.timestamp_certificate if stamps else None
    wrong = () if certificate is None else tuple(wrong_stamps(stamps, read_certificates(_read(certificate))))
    lost = [str(path) for path in witnessed if not held(home.ledger, _read(path))]
    return Verified(
        entries=0 if faults else home.ledger.size(),
        faults=faults,
        rows=() if faults else _wrong_rows(home),
        lost=[*lost, *_contradicting(home)],
        stamps=len(stamps),
        wrong_stamps=wrong,
        stamps_checked=certificate is not None,
    )


def _contradicting(home: "OpenHome") -> Iterator[str]:
    """The witness of the settings, when what it keeps is of another ledger."""
    from lightproof.evidence.witness import testimony, witness_file

    folder = home.settings.ledger.witness
    if folder is None:
        return
    try:
        said = testimony(home.ledger, folder)
    except OSError as error:
        told = _("The witness in “{folder}” was not asked: {reason}.")
        click.echo(told.format(folder=folder, reason=system_reason(error)), err=True)
        return
    if said == "broken":
        yield str(witness_file(home.ledger, folder))
    elif said == "absent":
        told = _("The witness in “{folder}” has no checkpoint of this ledger yet; from now on it has.")
        click.echo(told.format(folder=folder), err=True)


def _told(found: Verified) -> Iterator[str]:
    faults, rows, size = found.faults, found.rows, found.entries
    if found.whole:
        whole = ngettext("{n} entry, all as it was written.", "{n} entries, all as they were written.", size)
        yield whole.format(n=size)
    if found.stamps and not found.stamps_checked:
        yield _("The time stamps were not checked: the settings name no certificate of their authority.")
    elif found.stamps and not found.wrong_stamps:
        stamped = ngettext("{n} time stamp, true.", "{n} time stamps, all true.", found.stamps)
        yield stamped.format(n=found.stamps)
    for stamped_size, reason in found.wrong_stamps:
        yield _("The time stamp of the first {n} entries is none of the authority of the settings ({reason}).").format(
            n=stamped_size, reason=reason
        )
    for fault in faults[:_SHOWN]:
        index = fault.index if fault.index is not None else "–"
        yield _("Entry {index}: {what}").format(index=index, what=fault.sentence())
    if len(faults) > _SHOWN:
        yield _("… and {n} more").format(n=len(faults) - _SHOWN)
    if rows:
        yield _("Rows that are not what the ledger says: {numbers}").format(numbers=", ".join(rows[:_SHOWN]))
    rewritten = _("The ledger is not the one that “{name}” was signed for: it was rolled back or rewritten.")
    for name in found.lost:
        yield rewritten.format(name=name)


def _wrong_rows(home: "OpenHome") -> tuple[str, ...]:
    """Breaches whose row of the register is not the one that their entries draw."""
    from lightproof.breach.incident import SUBJECT
    from lightproof.breach.register import verified

    with home.ledger.database.reading() as connection:
        entries = home.ledger.entries(under=SUBJECT)
        return verified(connection, entries)


def _verify_proof(path: Path, key: str | None, *, as_json: bool) -> int:
    from lightproof.evidence.export import verify_proof

    shown = verify_proof(_read(path), key)
    if as_json:
        said = {"holds": shown.holds, "entry": shown.index, "entries": shown.size, "key_given": shown.key_given}
        click.echo(json.dumps(said))
    elif shown.holds:
        told = _("Entry {index} is in the ledger of {size} entries, as it was written.")
        click.echo(told.format(index=shown.index, size=shown.size))
    else:
        click.echo(_("The proof does not hold: the entry was changed, or another key signed it."))
    if not shown.holds:
        return FAILED
    if not shown.key_given:
        click.echo(
            _("The key came with the proof: this shows that it fits together, not whose ledger it is (--key)."),
            err=True,
        )
    return 0


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageRefused(
            "file-unreadable",
            _("“{path}” cannot be read: {reason}.").format(path=path, reason=system_reason(error)),
            _("Check its name and your rights."),
        ) from error
    return content[:_NOTE_BYTES]
