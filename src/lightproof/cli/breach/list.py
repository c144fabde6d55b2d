"""`lightproof breach list`: the register on a screen."""

from typing import Final

import click

from lightproof.cli.breach.desk import json_option
from lightproof.cli.named_laws import refuse_unknown_laws
from lightproof.locale import gettext as _

_STATUSES: Final = ("open", "assessed", "notified", "closed")
_ROWS: Final = 20


@click.command(name="list", help=_("List the breaches of the register, those with the nearest deadline first."))
@click.option("--status", type=click.Choice(_STATUSES), help=_("Only those that stand so."))
@click.option("--late", is_flag=True, help=_("Only those not notified in time."))
@click.option("--limit", type=click.IntRange(1, 10_000), default=_ROWS, show_default=True, help=_("At most so many."))
@click.option("--from", "start", type=click.IntRange(0, 1_000_000_000), default=0, help=_("Leave out so many first."))
@json_option
def command(status: str | None, late: bool, limit: int, start: int, as_json: bool) -> int:
    """Reads rows, never files: quick however long the register is."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from lightproof.breach import register
    from lightproof.breach.opening import title_here
    from lightproof.cli.breach.screens import rows_as_json, rows_as_text
    from lightproof.cli.home import opened

    now = datetime.now(UTC)
    with opened() as home, home.ledger.database.reading() as connection:
        refuse_unknown_laws(home.settings.breach.regimes)
        wanted = register.Filter(status=status, late_at=now if late else None)
        page = register.page(connection, wanted, limit=limit, start=start)
    page = replace(page, lines=tuple(replace(line, title=title_here(line.title)) for line in page.lines))
    click.echo(rows_as_json(page) if as_json else rows_as_text(page, now), nl=not as_json)
    return 0
