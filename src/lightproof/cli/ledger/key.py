"""`lightproof ledger key`: with what others verify."""

import click

from lightproof.cli.home import opened
from lightproof.cli.ledger import COMMANDS


@click.command(name="key", help=COMMANDS["key"])
def command() -> int:
    """One word, to be given by another way than what it verifies."""
    with opened() as home:
        click.echo(str(home.ledger.key))
    return 0
