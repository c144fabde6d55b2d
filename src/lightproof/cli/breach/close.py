"""`lightproof breach close`: the end of a file, and its opening again."""

import click

from lightproof.cli.breach.desk import at_the_desk, by_option, json_option, number_argument, show_breach
from lightproof.locale import gettext as _


@click.command(name="close", help=_("Close a breach whose duties are done; with --reopen, open it again."))
@number_argument
@click.option("--reason", required=True, help=_("Why: it stays in the register."))
@click.option("--reopen", is_flag=True, help=_("Open a closed breach again."))
@by_option
@json_option
def command(number: str, reason: str, reopen: bool, by: str | None, as_json: bool) -> int:
    """Refused while something decided is not done."""
    with at_the_desk(by) as desk:
        desk.procedure.refresh(number)
        told = desk.procedure.reopen(number, reason) if reopen else desk.procedure.close(number, reason)
        show_breach(desk, told, as_json=as_json)
    return 0
