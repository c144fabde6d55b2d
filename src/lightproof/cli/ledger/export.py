"""`lightproof ledger export`: all of it, or one subject, for whoever verifies it without lightproof."""

from pathlib import Path

import click

from lightproof.cli.home import opened
from lightproof.cli.ledger import COMMANDS
from lightproof.locale import gettext as _
from lightproof.locale import ngettext


@click.command(name="export", help=COMMANDS["export"])
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--subject", metavar="SUBJECT",
    help=_("Only what is about this, as breach/B-2026-0001: of the rest, hashes alone, and it verifies all the same."),
)  # fmt: skip
@click.option("--with-attachments", is_flag=True, help=_("Also the files kept with entries: reports hold findings."))
def command(folder: Path, subject: str | None, with_attachments: bool) -> int:
    """The format is documented: docs/en/ledger-format.md."""
    from lightproof.evidence import export as exports

    with opened() as home:
        size = exports.export(home.ledger, folder, with_attachments=with_attachments, subject=subject)
    said = ngettext("{n} entry exported to {folder}.", "{n} entries exported to {folder}.", size)
    click.echo(said.format(n=size, folder=folder))
    return 0
