"""`lightproof breach register`: the register of Art. 33(5), to show to the authority."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lightproof.cli.breach.desk import Desk, at_the_desk, by_option, json_option, now_utc
from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

if TYPE_CHECKING:
    from lightproof.breach.incident import Incident

VERIFICATION_FAILED: Final = 3
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_STATUSES: Final = ("open", "assessed", "notified", "closed")
_NEEDS: Final[Rules] = (
    ("--yes", ("--erase",)),
    ("--reason", ("--erase",)),
)
_EXCLUDES: Final[Rules] = (
    ("--verify", ("--out", "--status", "--year", "--expired", "--erase")),
    ("--erase", ("--out", "--json")),
)


@click.command(
    name="register",
    help=_(
        "Export the register of Article 33(5): every breach with its facts, effects and remedies, its decisions and "
        "their reasons. A proof for each entry goes along, which verifies without lightproof."
    ),
)
@click.option("--out", type=_FILE, multiple=True, help=_("Write it: .xlsx .csv .pdf .html .odt .docx .json"))
@click.option("--status", type=click.Choice(_STATUSES), help=_("Only those that stand so."))
@click.option("--year", type=click.IntRange(2018, 2200), help=_("Only those opened in that year."))
@click.option("--verify", is_flag=True, help=_("Compare each row with the entries it comes from."))
@click.option("--expired", is_flag=True, help=_("Only closed ones whose time in the register has passed."))
@click.option("--erase", is_flag=True, help=_("With --expired: erase them for good; asks first. Needs --reason."))
@click.option("--yes", is_flag=True, help=_("With --erase: do not ask."))
@click.option("--reason", default="", help=_("With --erase: why; only that stays in the ledger."))
@by_option
@json_option
def command(
    *,
    out: tuple[Path, ...],
    status: str | None,
    year: int | None,
    verify: bool,
    expired: bool,
    erase: bool,
    yes: bool,
    reason: str,
    by: str | None,
    as_json: bool,
) -> int:
    """An export is a photograph of the register at one checkpoint of the ledger."""
    from lightproof.breach.register_export import as_json as register_as_json
    from lightproof.documents.files import DOCUMENT_ENDINGS, ending_of

    refuse_what_is_not_heeded(_NEEDS, _EXCLUDES)
    for path in out:
        ending_of(path, (".xlsx", ".csv", ".json", *DOCUMENT_ENDINGS))
    if erase and not expired:
        raise UsageRefused(
            "erase-what",
            _("Only breaches whose time in the register is over can be erased."),
            _("Write --expired --erase --reason …"),
        )
    with at_the_desk(by) as desk:
        if verify:
            return _verify(desk, as_json=as_json)
        wanted = _wanted(desk, status, year, expired=expired)
        if erase:
            return _erase(desk, wanted, reason, asked=yes)
        for path in out:
            for written in _write(desk, wanted, path):
                click.echo(_("Written: {path}").format(path=written), err=True)
        if as_json:
            retold = [desk.retold(told) for told in wanted]
            sys.stdout.buffer.write(register_as_json(retold, desk.home.ledger, now_utc()))
        elif not out:
            click.echo(
                ngettext("{n} breach in the register.", "{n} breaches in the register.", len(wanted)).format(
                    n=len(wanted)
                )
            )
            click.echo(_("Next: {command}").format(command="lightproof breach register --out register.xlsx"))
        sys.stdout.flush()
    return 0


def _wanted(desk: Desk, status: str | None, year: int | None, *, expired: bool) -> list["Incident"]:
    from lightproof.breach.incident import SUBJECT
    from lightproof.breach.register import incidents

    every = incidents(desk.home.ledger.entries(under=SUBJECT))
    return [
        told
        for told in every
        if (status is None or told.status.value == status)
        and (year is None or told.opened_at.year == year)
        and (not expired or _has_expired(desk, told))
    ]


def _has_expired(desk: Desk, told: "Incident") -> bool:
    """Closed for longer than the settings, or the law, want it kept; without a limit, never."""
    from lightproof.breach.judging import kept_years

    years = desk.home.settings.retention.register_years or kept_years(told)
    return (
        years is not None and told.closed_at is not None and now_utc() - told.closed_at > timedelta(days=365.25 * years)
    )


def _erase(desk: Desk, wanted: list["Incident"], reason: str, *, asked: bool) -> int:
    """Erases what has expired, one breach a transaction: whoever stops it in between has erased some of them whole."""
    from lightproof.breach.opening import title_here

    for told in wanted:
        click.echo(f"{told.id}  {title_here(told.facts.title)}")
    question = ngettext(
        "Erase this breach for good? Copies and backups made before still hold it.",
        "Erase these {n} breaches for good? Copies and backups made before still hold them.",
        len(wanted),
    ).format(n=len(wanted))
    if wanted and not asked:
        click.confirm(question, abort=True, prompt_suffix=_(": "), err=True)
    for told in wanted:
        desk.procedure.erase(told.id, reason)
    done = ngettext("{n} breach erased.", "{n} breaches erased.", len(wanted))
    click.echo(done.format(n=len(wanted)))
    return 0


def _write(desk: Desk, wanted: list["Incident"], path: Path) -> tuple[Path, ...]:
    """The register, and the proofs of its entries: inside it where the format has a place for them, else beside it."""
    from lightproof.breach import register_export
    from lightproof.documents.files import put, write_document
    from lightproof.documents.model import Attachment

    now = now_utc()
    wanted = [desk.retold(told) for told in wanted]
    proofs = register_export.as_json(wanted, desk.home.ledger, now)
    match path.suffix.lower():
        case ".json":
            put(proofs, path)
            return (path,)
        case ".pdf":
            kept = Attachment("register-proofs.json", "application/json", _("Entries and their proofs"), proofs)
            document = register_export.as_document(wanted, now, desk.home.ledger.checkpoint(), (kept,))
            write_document(document, path)
            return (path,)
        case ".xlsx":
            put(register_export.as_xlsx(wanted, now), path)
        case ".csv":
            put(register_export.as_csv(wanted), path)
        case _:
            write_document(register_export.as_document(wanted, now, desk.home.ledger.checkpoint()), path)
    beside = path.with_name(f"{path.name}.proofs.json")
    put(proofs, beside)
    return path, beside


def _verify(desk: Desk, *, as_json: bool) -> int:
    """Exit code 3 when a row is not the one that its entries draw."""
    from lightproof.breach.incident import SUBJECT
    from lightproof.breach.register import verified

    ledger = desk.home.ledger
    with ledger.database.reading() as connection:
        wrong = verified(connection, ledger.entries(under=SUBJECT))
    if as_json:
        click.echo(json.dumps({"wrong": list(wrong)}))
    elif wrong:
        click.echo(_("Rows that are not what the ledger says: {numbers}").format(numbers=", ".join(wrong)))
    else:
        click.echo(_("Every row is what the ledger says."))
    return VERIFICATION_FAILED if wrong else 0
