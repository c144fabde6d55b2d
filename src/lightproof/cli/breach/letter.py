"""`lightproof breach letter`: what the persons are told, and the record that they were."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from lightproof.cli.breach.desk import (
    Desk,
    at_the_desk,
    by_option,
    json_option,
    now_utc,
    number_argument,
    read_file,
    show_breach,
    zone,
)
from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.locale import Language, language, ngettext
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.breach.incident import Incident
    from lightproof.breach.letters import Kind, Letter
    from lightproof.breach.mail_merge import Means, Recipients

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_KINDS: Final = ("letter", "email", "sms", "public-notice")
_MEANS: Final = ("post", "email", "sms", "phone", "public_notice", "other")
_LINES_NAMED: Final = 20
_NEEDS: Final[Rules] = (
    ("--recipients", ("--out", "--sent")),
    ("--leave-out", ("--recipients",)),
    ("--returned", ("--recipients",)),
    ("--returned", ("--sent",)),
    ("--count", ("--sent",)),
    ("--means", ("--sent",)),
)
_EXCLUDES: Final[Rules] = (("--recipients", ("--count", "--means")),)
"""A list says itself how many are told, and how."""


@click.command(
    name="letter",
    help=_(
        "Write to the persons concerned in plain words (Article 34). With --recipients, one letter a person: the list "
        "is read, used and forgotten. With --sent, record how many were told: counted from the list, or stated."
    ),
)
@number_argument
@click.option("--kind", type=click.Choice(_KINDS), default="letter", show_default=True, help=_("What is written."))
@click.option("--recipients", type=_FILE, help=_("List of persons (CSV), which stays outside the evidence."))
@click.option(
    "--leave-out", "left_out", multiple=True, metavar="HEAD",
    help=_("With a list: a column that is not needed; can be repeated."),
)  # fmt: skip
@click.option(
    "--out", type=_FILE, multiple=True, help=_("Write it: .odt .docx .pdf .html; without a list .txt, with one .eml")
)
@click.option("--sent", metavar="INSTANT", help=_("When they were told, as 2026-11-25T10:00+01:00"))
@click.option("--count", type=click.IntRange(0), help=_("How many were told."))
@click.option("--returned", multiple=True, metavar="MEANS=N", help=_("With a list: how many came back, as post=12."))
@click.option("--means", type=click.Choice(_MEANS), multiple=True, help=_("How; can be repeated."))
@by_option
@json_option
def command(
    *,
    number: str,
    kind: str,
    recipients: Path | None,
    left_out: tuple[str, ...],
    out: tuple[Path, ...],
    sent: str | None,
    count: int | None,
    returned: tuple[str, ...],
    means: tuple[str, ...],
    by: str | None,
    as_json: bool,
) -> int:
    """Nothing of the list goes into the ledger, a log or an error: counts alone."""
    from lightproof.breach.entered import entered_instant
    from lightproof.documents.files import DOCUMENT_ENDINGS, ending_of

    refuse_what_is_not_heeded(_NEEDS, _EXCLUDES)
    for path in out:
        ending_of(path, (*DOCUMENT_ENDINGS, ".txt" if recipients is None else ".eml"))
    at = entered_instant(sent, field="sent") if sent is not None else None
    came_back = _returned(returned)
    with at_the_desk(by) as desk:
        told = desk.procedure.refresh(number)
        written = letter_of(desk, told, kind)
        for warning in written.to_complete:
            click.echo(f"▲ {warning}", err=True)
        persons = _persons(desk, recipients, left_out) if recipients is not None else None
        if persons is not None:
            _tell_who_is_not_reached(persons, out)
        done = [place for path in out for place in _write(desk, told, written, persons, path)]
        for place in done:
            click.echo(_("Written: {path}").format(path=place), err=True)
        if at is not None:
            if persons is None:
                letters = [written.text().encode()]
                told = desk.procedure.communicated(number, means or ("post",), at=at, count=count, letters=letters)
            else:
                told = _delivered(desk, told, written, persons=persons, at=at, returned=came_back)
            show_breach(desk, told, as_json=as_json)
        elif as_json:
            sys.stdout.buffer.write(_as_json(written, done))
            sys.stdout.flush()
        elif not out:
            sys.stdout.write(written.text())
            sys.stdout.flush()
    return 0


def _as_json(written: "Letter", done: list[Path]) -> bytes:
    from lightproof.documents.json import encoded

    return encoded(
        {
            "breach": written.reference,
            "kind": written.kind,
            "language": written.language,
            "subject": written.subject,
            "text": written.text(),
            "to_complete": list(written.to_complete),
            "written": [str(place) for place in done],
        }
    )


def _tell_who_is_not_reached(persons: "Recipients", out: tuple[Path, ...]) -> None:
    """Lines by number on stderr, never names: those persons must be told in another way."""
    endings = {path.suffix.lower() for path in out}
    drafts, letters = ".eml" in endings, bool(endings - {".eml"})

    def tell(lines: tuple[int, ...], said: str) -> None:
        if lines:
            named = ", ".join(map(str, lines[:_LINES_NAMED])) + (", …" if len(lines) > _LINES_NAMED else "")
            count = ngettext("{n} person", "{n} persons", len(lines)).format(n=len(lines))
            click.echo(f"▲ {said.format(count=count, lines=named)}", err=True)

    lost = frozenset(persons.unreachable)
    tell(
        persons.unreachable,
        _("Neither address nor e-mail: {count}, to be told otherwise. Lines: {lines}"),
    )
    if letters:
        alone = tuple(line for line in persons.without_address if line not in lost)
        tell(alone, _("Letters that show no address, for want of one: {count}. Lines: {lines}"))
    if drafts:
        alone = tuple(line for line in persons.without_email if line not in lost)
        tell(alone, _("No draft, for want of an e-mail address: {count}. Lines: {lines}"))


def letter_of(
    desk: Desk, told: "Incident", kind: str, wanted: Language | None = None, *, guardian: bool = False
) -> "Letter":
    """What the persons are told, in this language or in the current one."""
    from lightproof.breach.letters import letter

    return letter(
        told,
        desk.home.settings.organisation,
        cast("Kind", kind),
        language=wanted or language(),
        now=now_utc(),
        zone=zone(),
        guardian=guardian,
    )


def _write(desk: Desk, told: "Incident", written: "Letter", persons: "Recipients | None", path: Path) -> list[Path]:
    """The letter, or one file for each language and kind of reader with a copy for each person."""
    from lightproof.breach.letters import document
    from lightproof.breach.mail_merge import drafts, merged
    from lightproof.documents.files import put, write_document

    if persons is None:
        if path.suffix.lower() == ".txt":
            put(written.text().encode(), path)
        else:
            write_document(document(written), path)
        return [path]
    variant = _variants(desk, told, written)
    made: list[Path] = []
    if path.suffix.lower() == ".eml":
        for name, draft in drafts(persons, variant):
            place = path.with_name(f"{path.stem}{name.removeprefix('letter')}")
            put(draft, place)
            made.append(place)
        return made
    for name, one in merged(persons, variant):
        place = path.with_name(f"{path.stem}{name.removeprefix('letters')}{path.suffix}")
        write_document(one, place)
        made.append(place)
    return made


def _delivered(
    desk: Desk,
    told: "Incident",
    written: "Letter",
    *,
    persons: "Recipients",
    at: datetime,
    returned: "dict[Means, int]",
) -> "Incident":
    """Records a mailing as its list counts it: the list itself is forgotten."""
    from lightproof.breach.mail_merge import delivery

    shown = delivery(persons, returned)
    variant = _variants(desk, told, written)
    letters = [variant(*which).text().encode() for which in persons.variants]
    return desk.procedure.communicated(
        told.id, tuple(shown.means), at=at, count=shown.count, letters=letters, delivery=shown
    )


def _persons(desk: Desk, path: Path, left_out: tuple[str, ...]) -> "Recipients":
    from lightproof.breach.mail_merge import LIST_BYTES, read_recipients

    content = read_file(path, most=LIST_BYTES)
    return read_recipients(content, key=desk.home.root.derive("recipients"), language=language(), left_out=left_out)


def _variants(desk: Desk, told: "Incident", written: "Letter") -> "Callable[[Language, bool], Letter]":
    def variant(wanted: Language, minor: bool) -> "Letter":
        return letter_of(desk, told, written.kind, wanted, guardian=minor)

    return variant


def _returned(texts: tuple[str, ...]) -> "dict[Means, int]":
    """`post=12`, as it was typed. Raises UsageRefused."""
    from lightproof.breach.entered import entered_number
    from lightproof.errors import UsageRefused

    counted: dict[Means, int] = {}
    for text in texts:
        means, _equals, said = text.partition("=")
        number = entered_number(said)
        if means not in ("post", "email") or means in counted or number is None:
            raise UsageRefused(
                "returned-unreadable",
                _("“{text}” does not say how many came back.").format(text=text[:40]),
                _("Write post=12 or email=3."),
            )
        counted[means] = number
    return counted
