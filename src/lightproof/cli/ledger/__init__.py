"""`lightproof ledger`: verify what was written down, prove it to others, give it away whole. One module a command."""

from typing import Final

import click

from lightproof.cli.commands import Commands
from lightproof.locale import gettext as _

COMMANDS: Final = {
    "verify": _("Verify the whole ledger, or a proof that someone gave you."),
    "prove": _("Prove one entry: its line and its proof of inclusion, in one file."),
    "export": _("Write the ledger into a new folder, to be verified without lightproof."),
    "key": _("Print the public key with which others verify this ledger."),
    "probes": _(
        "Show what was ever sent to ADDRESS, by which check, on whose authority: for whoever asks why they were called."
    ),
    "stamp": _("Have the newest checkpoint stamped by the time-stamping authority of the settings."),
}
"""Name -> summary, which is also the help of the command."""


@click.group(
    name="ledger",
    cls=Commands,
    package="lightproof.cli.ledger",
    modules=COMMANDS,
    help=_(
        "The ledger: everything that was measured and decided, in one record that cannot be changed unseen. Verify "
        "it, prove an entry to someone, export it for whoever wants to verify it without lightproof."
    ),
)
def command() -> None:
    """The group itself does nothing."""
