"""`lightproof ledger stamp`: the time, said by somebody else."""

import click

from lightproof.cli.home import opened
from lightproof.cli.ledger import COMMANDS
from lightproof.cli.ledger.notes import read_note
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _


@click.command(name="stamp", help=COMMANDS["stamp"])
def command() -> int:
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
        authority = Authority(wanted.timestamp_authority, read_certificates(read_note(wanted.timestamp_certificate)))
        note = home.ledger.checkpoint()
        size = opened_note(note, home.ledger.key).size
        if not size:
            click.echo(_("The ledger is empty: there is nothing to stamp."))
            return 0
        received = asyncio.run(request_stamp(authority, note.encode()))
        home.ledger.stamp(size, received.token, received.at)
    click.echo(_("Stamped: {n} entries, at {when}.").format(n=size, when=received.at.isoformat()))
    return 0
