"""`lightproof breach open`: the file is opened, the clock is known."""

from pathlib import Path
from typing import Final

import click

from lightproof.cli.breach.desk import at_the_desk, by_option, json_option, now_utc, read_file, show_breach
from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.cli.commands import ENTRY
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_NEEDS: Final[Rules] = (("--reason", ("--set",)),)
_EXCLUDES: Final[Rules] = (
    ("--report", ("--reason", "--again")),
    ("--facts", ("--reason", "--again")),
)
"""A report is not measured: nothing in it is corrected, and no two of them are known to tell of one thing."""


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
@click.option("--check", "run_entry", type=ENTRY, metavar="ENTRY", help=_("Take another check: its ledger entry."))
@click.option("--from-alert", "alert", type=ENTRY, metavar="ENTRY", help=_("Alert: its ledger entry."))
@click.option("--report", metavar="TEXT", help=_("What a person reports, in a few words; never a patient's name."))
@click.option("--facts", "facts_file", type=_FILE, help=_("Facts in JSON: see “breach assess --schema”."))
@click.option("--set", "pairs", multiple=True, metavar="FACT=VALUE", help=_("A fact, as persons=100..1200"))
@click.option("--reason", default="", help=_("With --set: why it is not as measured; needed for a later awareness."))
@click.option("--again", is_flag=True, help=_("Open another one though one from the same exposure is open."))
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
    reason: str,
    again: bool,
    by: str | None,
    as_json: bool,
) -> int:
    """Opens the breach, then assesses it at once: the clock does not wait."""
    from lightproof.breach.entered import entered_facts
    from lightproof.breach.facts import BreachFacts, read_facts, reported_facts

    refuse_what_is_not_heeded(_NEEDS, _EXCLUDES)
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
        elif alert is not None:
            told = desk.procedure.open_from_alert(alert, changes=changes, reason=reason, again=again)
        else:
            told = desk.procedure.open_from_finding(
                findings, run_entry=run_entry, changes=changes, reason=reason, again=again
            )
        told = desk.assessed(told)
        show_breach(desk, told, as_json=as_json)
    return 0
