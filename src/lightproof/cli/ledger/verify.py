"""`lightproof ledger verify`: the whole ledger, the register drawn from it, its witnesses and stamps; or one proof."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.cli.home import opened
from lightproof.cli.ledger import COMMANDS
from lightproof.cli.ledger.notes import read_note
from lightproof.errors import system_reason
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

if TYPE_CHECKING:
    from lightproof.cli.home import OpenHome
    from lightproof.evidence.verification import Fault

FAILED: Final = 3
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_SHOWN: Final = 20
_NEEDS: Final[Rules] = (("--key", ("PROOF",)),)
_EXCLUDES: Final[Rules] = (("PROOF", ("--against",)),)


@click.command(name="verify", help=COMMANDS["verify"])
@click.argument("proof_file", metavar="[PROOF]", required=False, type=_FILE)
@click.option("--key", metavar="KEY", help=_("Key of the ledger, as its owner gave it to you by another way."))
@click.option(
    "--against", "witnessed", type=_FILE, multiple=True, help=_("Checkpoint kept elsewhere, which must still hold.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
def command(proof_file: Path | None, key: str | None, witnessed: tuple[Path, ...], as_json: bool) -> int:
    """Exit code 3 when anything is wrong."""
    refuse_what_is_not_heeded(_NEEDS, _EXCLUDES)
    if proof_file is None:
        return _verify_ledger(witnessed, as_json=as_json)
    return _verify_proof(proof_file, key, as_json=as_json)


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
    wrong = () if certificate is None else tuple(wrong_stamps(stamps, read_certificates(read_note(certificate))))
    lost = [str(path) for path in witnessed if not held(home.ledger, read_note(path))]
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

    shown = verify_proof(read_note(path), key)
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
