"""`lightproof breach remind`: the alerts of the clock that are due, sent now."""

import asyncio

import click

from lightproof.cli.breach.desk import at_the_desk, json_option
from lightproof.locale import gettext as _


@click.command(
    name="remind",
    help=_(
        "Send the alerts that are due (48, 24, 6 and 1 hours before the deadline, and once when it has passed; once, "
        "72 hours after a notice that left questions open) by the channels of the settings. Run it from a timer of the "
        "system, every quarter of an hour."
    ),
)
@click.option("--test", is_flag=True, help=_("Send a test to every channel, whatever the clock says."))
@json_option
def command(test: bool, as_json: bool) -> int:
    """Exit code 4 when a channel did not take an alert: somebody must look."""
    from lightproof.cli.breach.reminding import remind, sent_as_text

    with at_the_desk(None) as desk:
        sent = asyncio.run(remind(desk, test=test))
    click.echo(sent_as_text(sent, as_json=as_json), nl=False)
    return 4 if any(one.failure for _breach, one in sent) else 0
