"""`lightproof breach letter`: what the persons are told, and the record that they were."""

from pathlib import Path
from typing import Final

import click

from lightproof.cli.breach.desk import at_the_desk, by_option, json_option, show
from lightproof.locale import gettext as _

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_KINDS: Final = ("letter", "email", "sms", "public-notice")
_MEANS: Final = ("post", "email", "sms", "phone", "public_notice", "other")


@click.command(
    name="letter",
    help=_(
        "Write to the persons concerned in plain words (Article 34). With --recipients, one letter a person: the list "
        "is read, used and forgotten. With --sent, record how many were told."
    ),
)
@click.argument("number", metavar="NUMBER")
@click.option("--kind", type=click.Choice(_KINDS), default="letter", show_default=True, help=_("What is written."))
@click.option("--recipients", type=_FILE, help=_("List of persons (CSV), which stays outside the evidence."))
@click.option("--out", type=_FILE, multiple=True, help=_("Write it: .odt .docx .pdf .html .txt"))
@click.option("--sent", metavar="INSTANT", help=_("When they were told, as 2026-11-25T10:00+01:00"))
@click.option("--count", type=click.IntRange(0), help=_("How many were told."))
@click.option("--means", type=click.Choice(_MEANS), multiple=True, help=_("How; can be repeated."))
@by_option
@json_option
def command(
    *,
    number: str,
    kind: str,
    recipients: Path | None,
    out: tuple[Path, ...],
    sent: str | None,
    count: int | None,
    means: tuple[str, ...],
    by: str | None,
    as_json: bool,
) -> int:
    """Nothing of the list goes into the ledger, a log or an error: counts alone."""
    with at_the_desk(by) as desk:
        told = desk.procedure.refresh(number)
        written = desk.letter(told, kind)
        for path in out:
            merged = desk.write_letter(told, written, recipients, path)
            click.echo(_("Written: {path} ({count} letters)").format(path=path, count=merged), err=True)
        if sent is not None:
            told = desk.communicated(told, written, sent=sent, count=count, means=means or ("post",))
            show(desk, told, as_json=as_json)
        elif not out:
            desk.show_letter(written, as_json=as_json)
    return 0
