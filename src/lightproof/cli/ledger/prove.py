"""`lightproof ledger prove`: one entry, with what proves that it is in the ledger."""

import sys
from pathlib import Path

import click

from lightproof.cli.commands import ENTRY
from lightproof.cli.home import opened
from lightproof.cli.ledger import COMMANDS
from lightproof.locale import gettext as _


@click.command(name="prove", help=COMMANDS["prove"])
@click.argument("index", metavar="ENTRY", type=ENTRY)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help=_("Write it there instead of printing it.")
)
def command(index: int, out: Path | None) -> int:
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
