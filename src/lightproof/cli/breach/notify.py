"""`lightproof breach notify`: the sheet to key in, and the record that a person filed it."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lightproof.cli.breach.desk import at_the_desk, by_option, json_option, number_argument, show_breach, zone
from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.breach.incident import Incident
    from lightproof.breach.notification import Notification

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_STAGES: Final = ("initial", "supplementary", "complete")
_DATA: Final = ".json"
_FORMS: Final = ("cnil", "edpb", "art-33")
_NEEDS: Final[Rules] = (
    ("--reference", ("--filed",)),
    ("--with", ("--filed",)),
)
_EXCLUDES: Final[Rules] = (("--explain-delay", ("--stage", "--form", "--out", "--filed", "--delay-reason")),)


@click.command(
    name="notify",
    help=_(
        "Write the notification as a sheet to key in at the authority's on-line service, filled from what was "
        "measured. lightproof never files: with --filed, record that you did."
    ),
)
@number_argument
@click.option("--stage", type=click.Choice(_STAGES), help=_("Which one; by default the one that comes next."))
@click.option("--regime", metavar="ID", help=_("Law to notify under; by default the first of those that judge it."))
@click.option("--form", "form_id", type=click.Choice(_FORMS), help=_("Which form; by default the authority's."))
@click.option("--out", type=_FILE, multiple=True, help=_("Write the sheet: .html .pdf .odt .docx .json"))
@click.option("--filed", metavar="INSTANT", help=_("When you filed it, as 2026-11-24T09:30+01:00"))
@click.option(
    "--with",
    "others",
    multiple=True,
    metavar="NUMBER",
    help=_("With --filed: a like breach that the same notice told of; can be repeated."),
)
@click.option("--reference", default="", help=_("Number that the authority gave."))
@click.option("--delay-reason", default="", help=_("Why it is late."))
@click.option(
    "--explain-delay", "explained", metavar="TEXT",
    help=_("Record why the notice on record is late, where that was not said with it."),
)  # fmt: skip
@by_option
@json_option
def command(
    *,
    number: str,
    stage: str | None,
    regime: str | None,
    form_id: str | None,
    out: tuple[Path, ...],
    filed: str | None,
    others: tuple[str, ...],
    reference: str,
    delay_reason: str,
    explained: str | None,
    by: str | None,
    as_json: bool,
) -> int:
    """The sheet is written first: what was filed is kept with it."""
    from lightproof.documents.files import DOCUMENT_ENDINGS, ending_of

    refuse_what_is_not_heeded(_NEEDS, _EXCLUDES)
    sheets = [ending_of(path, (*DOCUMENT_ENDINGS, _DATA)) != _DATA for path in out]
    with at_the_desk(by) as desk:
        told = desk.procedure.refresh(number)
        if explained is not None:
            told = desk.procedure.explained(number, regime or law_to_explain(told), explained)
            show_breach(desk, told, as_json=as_json)
            return 0
        law = regime or told.laws[0]
        notice = desk.notification(told, stage, law=law, delay_reason=delay_reason)
        # As data a notice is of no form: it is had under every law.
        form_id = form_under(law, form_id) if any(sheets) or not (as_json or filed) else ""
        for path in out:
            write_notice(notice, form_id, path)
            click.echo(_("Written: {path}").format(path=path), err=True)
        if filed is not None:
            notices = {number: notice}
            for other in others:
                also = desk.procedure.refresh(other)
                notices[other] = desk.notification(also, stage, law=law, delay_reason=delay_reason)
            told = desk.filed(notices, law=law, at=filed, reference=reference, delay_reason=delay_reason)
            show_breach(desk, told, as_json=as_json)
        else:
            show_notice(notice, form_id, as_json=as_json)
    return 0


def law_to_explain(told: "Incident") -> str:
    """The law whose notice is late without reasons; else the first that judges the breach."""
    from lightproof.breach.lateness import late_filings

    return next((late.law for late in late_filings(told) if not late.reasons), told.laws[0])


def form_under(law: str, wanted: str | None = None) -> str:
    """The form that is wanted, by default that of the authority under this law.

    Raises UsageRefused where none is known for this law: that of another says what the authority did not ask.
    """
    from lightproof.law.forms import form, outline
    from lightproof.law.regimes import regime

    applied = regime(law)
    name = wanted or applied.authority.form
    if name and law in (outline(name) or form(name)).laws:
        return name
    raise UsageRefused(
        "form-of-another-law",
        _("There is no form here for a notice under this law: {law}.").format(law=applied.title),
        _(
            "Tell {authority} by {channel}. What to say: “lightproof breach show NUMBER --out file.pdf”. Then record "
            "it with --filed. Or write under another law: --regime."
        ).format(authority=applied.authority.name, channel=applied.authority.channel),
    )


def write_notice(notice: "Notification", form_id: str, path: Path) -> None:
    """The notice as a sheet, or as data, in the format that the file name asks for."""
    from lightproof.breach.notification_json import dumps
    from lightproof.breach.sheets import sheet
    from lightproof.documents.files import put, write_document

    if path.suffix.lower() == _DATA:
        put(dumps(notice), path)
    else:
        write_document(sheet(notice, form_id, zone()), path)


def show_notice(notice: "Notification", form_id: str, *, as_json: bool) -> None:
    """What is to do on a terminal, or the whole notice as JSON."""
    from lightproof.breach.notification_json import dumps
    from lightproof.breach.sheets import brief
    from lightproof.documents.terminal import Screen, terminal

    if as_json:
        sys.stdout.buffer.write(dumps(notice))
    else:
        screen = Screen.of(sys.stdout, os.environ)
        sys.stdout.write(terminal(brief(notice, form_id, zone()), screen))
    sys.stdout.flush()
