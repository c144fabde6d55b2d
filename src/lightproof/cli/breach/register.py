"""`lightproof breach register`: the register of Art. 33(5), to show to the authority."""

from pathlib import Path
from typing import Final

import click

from lightproof.cli.breach.desk import at_the_desk
from lightproof.locale import gettext as _

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_STATUSES: Final = ("open", "assessed", "notified", "closed")


@click.command(
    name="register",
    help=_(
        "Export the register of Article 33(5): every breach with its facts, effects and remedies, its decisions and "
        "their reasons. JSON carries a proof for each entry, which verifies without lightproof."
    ),
)
@click.option("--out", type=_FILE, multiple=True, help=_("Write it: .xlsx .csv .pdf .html .json"))
@click.option("--status", type=click.Choice(_STATUSES), help=_("Only those that stand so."))
@click.option("--year", type=click.IntRange(2018, 2200), help=_("Only those opened in that year."))
@click.option("--verify", is_flag=True, help=_("Compare each row with the entries it comes from."))
@click.option("--expired", is_flag=True, help=_("Show whose time in the register has passed, and erase nothing."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
def command(
    *, out: tuple[Path, ...], status: str | None, year: int | None, verify: bool, expired: bool, as_json: bool
) -> int:
    """An export is a photograph of the register at one checkpoint of the ledger."""
    from lightproof.cli.breach.screens import register_export, register_verified

    with at_the_desk(None) as desk:
        if verify:
            return register_verified(desk, as_json=as_json)
        return register_export(desk, out, status=status, year=year, expired=expired, as_json=as_json)
