"""`lightproof breach show`: one breach as it stands."""

from pathlib import Path
from typing import Final

import click

from lightproof.cli.breach.desk import at_the_desk, by_option, json_option, number_argument, show_breach
from lightproof.locale import gettext as _

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(name="show", help=_("Show one breach: its clock, its facts, its history, and what comes next."))
@number_argument
@click.option("--out", type=_FILE, multiple=True, help=_("Write the whole file: .html .pdf .odt .docx"))
@by_option
@json_option
def command(number: str, out: tuple[Path, ...], by: str | None, as_json: bool) -> int:
    """Looks first whether a later check found the doors closed."""
    from lightproof.documents.files import document_format_of

    for path in out:
        document_format_of(path)
    with at_the_desk(by) as desk:
        told = desk.procedure.refresh(number)
        for path in out:
            from lightproof.documents.files import write_document

            write_document(desk.dossier(told), path)
            click.echo(_("Written: {path}").format(path=path), err=True)
        show_breach(desk, told, as_json=as_json)
    return 0
