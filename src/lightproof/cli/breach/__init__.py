"""`lightproof breach`: Art. 33 and 34, from the first sign to the closed file. One module a command."""

from typing import Final

import click

from lightproof.cli.commands import Commands
from lightproof.locale import gettext as _

COMMANDS: Final = {
    "open": _("Open a breach: from a finding of a check, an alert, or what a person reports."),
    "list": _("List the breaches of the register, the most urgent first."),
    "show": _("Show one breach: its clock, its facts, what is decided, done and still to do."),
    "assess": _("Assess the risk, correct facts, read access logs, and decide."),
    "notify": _("Write the sheet to key in at the authority; record that it was filed."),
    "letter": _("Write to the persons concerned; record that they were told."),
    "close": _("Close a breach, or open it again."),
    "register": _("Export the register of Article 33(5), with proofs."),
    "remind": _("Send the alerts of the clock that are due: for a timer of the system."),
    "drill": _("Play an exposure through the whole procedure, and score it."),
}


@click.group(
    name="breach",
    cls=Commands,
    package="lightproof.cli.breach",
    modules=COMMANDS,
    help=_(
        "What the law asks when patients' data were within reach of strangers: the clock of 72 hours, the assessment, "
        "the notification, the letters and the register. lightproof prepares; a person files.\n\n"
        "Start with: lightproof breach open"
    ),
)
def command() -> None:
    """The group itself does nothing."""
