"""`lightproof breach open`: the file is opened, the clock is known."""

from pathlib import Path
from typing import Final

import click

from lightproof.cli.breach.desk import at_the_desk, by_option, json_option, now_utc, read_file, show_breach
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(
    name="open",
    help=_(
        "Open a breach. Without an option: from everything that the last check found exposed. Start, numbers, origin "
        "and cause come from what was measured; nothing is typed again."
    ),
)
@click.option(
    "--from-finding", "findings", multiple=True, metavar="F-0001", help=_("Finding of the last check; can be repeated.")
)
@click.option("--check", "run_entry", type=int, metavar="ENTRY", help=_("Take another check: its ledger entry."))
@click.option("--from-alert", "alert", type=int, metavar="ENTRY", help=_("Alert: its ledger entry."))
@click.option("--report", metavar="TEXT", help=_("What a person reports, in a few words; never a patient's name."))
@click.option("--facts", "facts_file", type=_FILE, help=_("Facts in JSON: see “breach assess --schema”."))
@click.option("--set", "pairs", multiple=True, metavar="FACT=VALUE", help=_("A fact, as persons=100..1200"))
@by_option
@json_option
def command(
    *,
    findings: tuple[str, ...],
    run_entry: int | None,
    alert: int | None,
    report: str | None,
    facts_file: Path | None,
    pairs: tuple[str, ...],
    by: str | None,
    as_json: bool,
) -> int:
    """Opens the breach, then assesses it at once: the clock does not wait."""
    from lightproof.breach.entered import entered_facts
    from lightproof.breach.facts import BreachFacts, read_facts, reported_facts
    from lightproof.breach.reasons import stated_at_opening

    reported = report is not None or facts_file is not None
    if sum((bool(findings) or run_entry is not None, alert is not None, reported)) > 1:
        raise UsageRefused(
            "sources-conflict",
            _("A breach is opened from one thing: a finding, an alert or a report."),
            _("Keep one of --from-finding, --from-alert and --report."),
        )
    changes = entered_facts(pairs)
    with at_the_desk(by) as desk:
        if reported:
            known = read_facts(read_file(facts_file), now=now_utc()) if facts_file else BreachFacts()
            stated = desk.procedure.shaped(known, changes)
            facts = reported_facts(stated, report or "", by=desk.procedure.by, now=now_utc())
            told = desk.procedure.open_report(facts)
        else:
            if alert is not None:
                told = desk.procedure.open_from_alert(alert)
            else:
                told = desk.procedure.open_from_finding(findings, run_entry=run_entry)
            if changes:
                told = desk.procedure.correct(told.id, changes, stated_at_opening())
        told = desk.assessed(told)
        show_breach(desk, told, as_json=as_json)
    return 0
