"""`lightproof breach assess`: the risk, the three decisions, and the facts they rest on."""

import sys
from pathlib import Path
from typing import Final

import click

from lightproof.cli.breach.desk import (
    at_the_desk,
    by_option,
    json_option,
    named_evidence,
    now_utc,
    read_file,
    show_breach,
)
from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

_DEFAULT_REGIME: Final = "gdpr/fr"
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_NEEDS: Final[Rules] = (
    ("--exemption", ("--decide",)),
    ("--evidence", ("--decide",)),
    ("--own", ("--log",)),
    ("--zone", ("--log",)),
    ("--reason", ("--set", "--attach", "--decide", "--ordered")),
)
_EXCLUDES: Final[Rules] = (("--facts", ("--set", "--log", "--attach", "--decide", "--ordered", "--by")),)


@click.command(
    name="assess",
    help=_(
        "Assess a breach: severity, and whether the authority and the persons must be told, with reasons. Correct "
        "facts with --set, read access logs with --log, decide with --decide.\n\n"
        "With --facts FILE instead of NUMBER: judge the facts of that file alone, without keeping anything."
    ),
)
@click.argument("number", metavar=_("[NUMBER]"), required=False)
@click.option("--facts", "facts_file", type=_FILE, help=_("Judge this file alone (JSON; “-” reads standard input)."))
@click.option("--schema", is_flag=True, help=_("Print the JSON Schema of the facts."))
@click.option(
    "--regime",
    "regimes",
    multiple=True,
    metavar="ID",
    help=_("Law to judge by, and to decide about, as gdpr/fr; can be repeated."),
)
@click.option("--set", "pairs", multiple=True, metavar="FACT=VALUE", help=_("Correct a fact, as persons=100..1200"))
@click.option(
    "--log", "logs", multiple=True, metavar="FILE[@PORT]", help=_("Access log of the server or box; can be repeated.")
)
@click.option("--own", multiple=True, metavar="RANGE", help=_("With --log: your own addresses; can be repeated."))
@click.option("--zone", metavar="ZONE", help=_("With --log: time zone of logs that name none, as Europe/Paris."))
@click.option(
    "--attach",
    "attachments",
    multiple=True,
    metavar="[FACT=]FILE",
    help=_("Keep a file as evidence, of that fact if named; with --decide, of the decision. Can be repeated."),
)
@click.option("--decide", metavar="DUTY=yes|no", help=_("Decide about “notify” or “communicate”."))
@click.option("--exemption", metavar="34(3)(a)", help=_("Exemption relied on; needs --evidence."))
@click.option("--evidence", multiple=True, metavar="ENTRY|DIGEST", help=_("What shows it."))
@click.option(
    "--ordered",
    metavar="INSTANT",
    help=_("The authority ordered then that the persons be told (Article 34(4)); --reason says in which words."),
)
@click.option("--reason", default="", help=_("Why: it stays in the register."))
@by_option
@json_option
def command(
    *,
    number: str | None,
    facts_file: Path | None,
    schema: bool,
    regimes: tuple[str, ...],
    pairs: tuple[str, ...],
    logs: tuple[str, ...],
    own: tuple[str, ...],
    zone: str | None,
    attachments: tuple[str, ...],
    decide: str | None,
    exemption: str | None,
    evidence: tuple[str, ...],
    ordered: str | None,
    reason: str,
    by: str | None,
    as_json: bool,
) -> int:
    """Without a number: pure judgement of a file. With one: steps of that breach, each an entry."""
    if schema:
        from lightproof.breach import facts
        from lightproof.documents.json import compact

        click.echo(compact(facts.schema()))
        return 0
    if (number is None) == (facts_file is None):
        raise UsageRefused(
            "assess-what",
            _("Say what to assess: the number of a breach, or a file of facts."),
            _("Write “lightproof breach assess B-2026-0001” or “lightproof breach assess --facts FILE”."),
        )
    refuse_what_is_not_heeded(_NEEDS, _EXCLUDES)
    if facts_file is not None:
        return _judge_alone(facts_file, regimes, as_json=as_json)
    assert number is not None
    from lightproof.breach.entered import entered_facts, entered_instant

    changes = entered_facts(pairs)
    with at_the_desk(by) as desk:
        told = desk.procedure.refresh(number)
        found = None
        if logs:
            told = desk.procedure.as_corrected(number, changes, reason) if changes else told
            found = desk.examined(told, logs, own, zone)
        kept: list[str] = []
        with desk.as_one() as together:
            if changes:
                told = together.procedure.correct(number, changes, reason)
            if found is not None:
                told = together.procedure.accessed(number, found)
            for named in attachments:
                told = together.attached(told, named, reason)
                kept.append(
                    next(str(step.payload["sha256"]) for step in reversed(told.steps) if step.what == "attached")
                )
            told = together.assessed(told, regimes)
            if ordered is not None:
                told = together.procedure.ordered(told.id, entered_instant(ordered, field="ordered"), reason)
            if decide is not None:
                shown = (*map(named_evidence, evidence), *(f"sha256:{digest}" for digest in kept))
                told = together.decided(told, decide, reason, exemption or "", shown, laws=regimes)
        for digest in kept:
            click.echo(_("Kept as evidence: sha256:{digest}").format(digest=digest), err=True)
        if not as_json:
            from lightproof.cli.breach.screens import assessments_as_text

            click.echo(assessments_as_text(desk.retold(told).assessments))
        show_breach(desk, told, as_json=as_json)
    return 0


def _judge_alone(facts_file: Path, regimes: tuple[str, ...], *, as_json: bool) -> int:
    """Without a home, a ledger or a clock of one's own: facts in, answers out."""
    from lightproof.breach.facts import read_facts
    from lightproof.breach.triage import assess, recorded
    from lightproof.documents.json import encoded
    from lightproof.law.regimes import regime

    facts = read_facts(read_file(facts_file), now=now_utc())
    said = {name: recorded(assess(facts, regime(name), alone=True)) for name in regimes or (_DEFAULT_REGIME,)}
    if as_json:
        sys.stdout.buffer.write(encoded({"assessments": said}))
    else:
        from lightproof.cli.breach.screens import assessments_as_text

        sys.stdout.write(assessments_as_text(said))
    sys.stdout.flush()
    return 0
