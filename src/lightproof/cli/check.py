"""`lightproof check`: find medical images that strangers can reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lightproof.cli.combinations import Rules, refuse_what_is_not_heeded
from lightproof.cli.showing import Narrator, show
from lightproof.errors import LightproofError
from lightproof.evidence.records import Grade
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

if TYPE_CHECKING:
    from lightproof.check.hearsay import Bounds
    from lightproof.check.imports import Imported
    from lightproof.check.plan import Plan
    from lightproof.check.targets import Ports
    from lightproof.check.watching import Opening
    from lightproof.evidence.records import ExposureReport

EXPOSED: Final = 3
NOT_ALL_CHECKED: Final = 4

_GRADES: Final = tuple(grade.value for grade in Grade if grade is not Grade.CLOSED)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_RATE: Final = 1_000.0

_EXCLUDES: Final[Rules] = (
    ("--json", ("--ndjson",)),
    ("--no-box", ("--box",)),
    ("--survey", ("--box", "--count", "--called-ae")),
)
"""A survey asks for nothing but whether DICOM is spoken."""
_MOST_TOLD: Final = 20
"""Addresses with ports of their own that a dry run lists."""


@click.command(
    name="check",
    help=_(
        "Find medical images that strangers can reach, and prove it without taking any.\n\n"
        "TARGET is an address, a range (192.168.1.0/24, 192.168.1.10-20) or a name, with a port if you like. "
        "Without TARGET: what listens on this machine, and its internet box. Public addresses need a scope file that "
        "says who allowed it."
    ),
    epilog=_(
        "Exit codes: 0 nothing found; 3 an exposure at or above --fail-on; 4 some targets could not be checked; "
        "5 not authorised; 2 something was asked that cannot be understood."
    ),
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--scope", "scope_file", type=_FILE, help=_("File that says who allowed this check."))
@click.option("--ports", metavar="LIST", help=_("Ports to try, as 104,11112,8000-8100. Default: those of imaging."))
@click.option(
    "--import", "imports", type=_FILE, multiple=True, help=_("Targets found by masscan (JSON), zmap (CSV), nmap (XML).")
)
@click.option("--exclude", multiple=True, metavar="TARGET", help=_("Never touch these."))
@click.option("--exclude-file", type=_FILE, help=_("Never touch what this file lists."))
@click.option("--box", multiple=True, metavar="ADDRESS", help=_("Internet box to ask for its port forwards."))
@click.option("--no-box", is_flag=True, help=_("Do not ask the internet box."))
@click.option(
    "--count", is_flag=True, help=_("Count studies too: identifiers become keyed hashes, then are forgotten.")
)
@click.option("--called-ae", multiple=True, metavar="TITLE", help=_("AE title to try where one is demanded."))
@click.option(
    "--rate", type=click.FloatRange(0.1, 1_000_000), default=_RATE, show_default=True,
    help=_("Connections a second, in all."),
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
@click.option("--ndjson", "as_ndjson", is_flag=True, help=_("Print each record as a line of JSON, as it comes."))
@click.option(
    "--report", "reports", type=_FILE, multiple=True,
    help=_("Write a report; its ending says which: .html .pdf .json .ndjson .sarif .csv .dojo.json"),
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(_GRADES), default=Grade.OPEN.value, show_default=True,
    help=_("End with exit code 3 when a service has this grade or a graver one."),
)  # fmt: skip
@click.option("--journal", type=_FILE, help=_("Where to keep what is done so far."))
@click.option("--resume", is_flag=True, help=_("Go on where the same command was stopped."))
@click.option("--survey", is_flag=True, help=_("Only say which targets speak DICOM: a first look at large ranges."))
@click.option("--dry-run", is_flag=True, help=_("Say what would be tried, on whose authority; try nothing."))
@click.option("--schema", is_flag=True, help=_("Print the JSON Schema of --json."))
def command(**options: Any) -> int:
    """Makes the plan, carries it out, shows what was found."""
    refuse_what_is_not_heeded(excludes=_EXCLUDES)
    asked = Asked(**options)
    if asked.schema:
        from lightproof.documents.json import compact, schema

        click.echo(compact(schema()))
        return 0
    return _check(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options, as they were given."""

    targets: tuple[str, ...]
    scope_file: Path | None
    ports: str | None
    imports: tuple[Path, ...]
    exclude: tuple[str, ...]
    exclude_file: Path | None
    box: tuple[str, ...]
    no_box: bool
    count: bool
    called_ae: tuple[str, ...]
    rate: float
    as_json: bool
    as_ndjson: bool
    reports: tuple[Path, ...]
    fail_on: str
    journal: Path | None
    resume: bool
    survey: bool
    dry_run: bool
    schema: bool

    @property
    def names_nothing(self) -> bool:
        """Whether this machine and its box are meant."""
        return not (self.targets or self.imports or self.scope_file)

    @property
    def whole_machine(self) -> bool:
        """Whether a service of this machine that the report does not show is not there."""
        return self.names_nothing and not (self.ports or self.exclude or self.exclude_file)


def _check(asked: Asked) -> int:
    from lightproof.check.apart import apart
    from lightproof.check.journal import clear_away, refuse_unusable
    from lightproof.cli import INTERRUPTED
    from lightproof.cli.app import tell
    from lightproof.cli.person import person
    from lightproof.cli.recording import recorded
    from lightproof.cli.stopping import stopped_as_by_ctrl_c
    from lightproof.documents.files import ready_to_write

    # Where results are to go is looked at before anything is sent.
    for path in asked.reports:
        ready_to_write(path)
    if asked.journal is not None:
        refuse_unusable(asked.journal)
    plan = _plan(asked)
    if asked.dry_run:
        _tell(plan)
        return 0
    troubles: list[LightproofError] = []
    # The order matters: the process that meets the network is begun before any key is in memory, and before what it
    # has no use for is loaded.
    try:
        with (
            stopped_as_by_ctrl_c(),  # what was sent by then is written down
            apart(lambda: _opening(asked, plan), _bounds(plan)) as look,
            recorded(plan, person(), whole_machine=asked.whole_machine, survey=asked.survey) as recording,
        ):
            from lightproof.check.reporting import perform

            with Narrator(as_ndjson=asked.as_ndjson) as narrator:
                report = perform(plan, look, recording.hearing(narrator), survey=asked.survey)
            try:
                recording.finished(report)
            except LightproofError as trouble:  # what was found is shown all the same: it may have taken hours
                troubles.append(trouble)
            else:
                clear_away(_journal(asked, plan))
    except KeyboardInterrupt:
        click.echo(_("Interrupted. What was done is kept: the same command with --resume goes on."), err=True)
        return INTERRUPTED
    following = "" if asked.reports else "lightproof check … --report report.html"
    code = exit_code(report, Grade(asked.fail_on))
    try:
        show(report, reports=asked.reports, as_json=asked.as_json, as_ndjson=asked.as_ndjson, following=following)
    except LightproofError as trouble:
        troubles.append(trouble)
    for trouble in troubles:
        tell(trouble)
    # What was found is graver than a file that is missing.
    return code or next((trouble.exit_code for trouble in troubles), 0)


def _bounds(plan: "Plan") -> "Bounds":
    from lightproof.check.hearsay import Bounds

    return Bounds(positions=len(plan.space), rate=plan.rate, includes=plan.includes)


def _opening(asked: Asked, plan: "Plan") -> "Opening":
    """What carries the plan out. It is loaded by the process that meets the network, and by no other."""
    if asked.survey:
        from lightproof.check.survey_run import opened
    else:
        from lightproof.check.detectors import all_detectors
        from lightproof.check.run import opened

        all_detectors()  # now, while Python may keep what it compiles

    return partial(opened, plan, journal=_journal(asked, plan), resume=asked.resume)


def _journal(asked: Asked, plan: "Plan") -> Path:
    """Where what is done so far is kept."""
    from lightproof.storage.home import journal_path

    return asked.journal or journal_path(plan.digest[:32] + ("-survey" if asked.survey else ""))


def _plan(asked: Asked) -> "Plan":
    from lightproof.check import this_machine
    from lightproof.check.consent import Consent, called_ae_titles
    from lightproof.check.plan import boxes_at, plan_of_named, plan_of_this_machine
    from lightproof.check.scope import load_scope
    from lightproof.check.targets import Ports, parse_target, pinned, read_target_list

    consent = Consent(count=asked.count, called_aes=called_ae_titles(asked.called_ae))
    own, names = this_machine.own_addresses(), this_machine.own_names()
    gateways = this_machine.default_gateways()
    resolver = pinned(this_machine.within(this_machine.NAMES_WITHIN_S, this_machine.resolve))
    ports = Ports.parse(asked.ports) if asked.ports else None
    excluded = [parse_target(text, resolver) for text in asked.exclude]
    if asked.exclude_file is not None:
        excluded.extend(read_target_list(asked.exclude_file, resolver))
    boxes = [parse_target(text, resolver) for text in asked.box]
    if asked.names_nothing:
        return plan_of_this_machine(
            this_machine.listening_sockets(),
            ports,
            excluded=excluded,
            boxes=boxes,
            boxes_found=() if boxes or asked.no_box or asked.survey else boxes_at(gateways),
            own_addresses=own,
            own_names=names,
            gateways=gateways,
            consent=consent,
            rate=asked.rate,
            now=datetime.now(UTC),
        )
    named = [parse_target(text, resolver) for text in asked.targets]
    each_has_its_port = bool(named or asked.imports) and all(target.port is not None for target in named)
    found = _imported(asked.imports)
    return plan_of_named(
        named,
        ports or (Ports(()) if each_has_its_port else _ports_of_detectors()),
        imported=found.targets if asked.imports else None,
        imported_names=found.names,
        excluded=excluded,
        boxes=() if asked.no_box else boxes,
        scope=load_scope(asked.scope_file, resolver) if asked.scope_file else None,
        own_addresses=own,
        own_names=names,
        gateways=gateways,
        consent=consent,
        rate=asked.rate,
        now=datetime.now(UTC),
    )


def _ports_of_detectors() -> "Ports":
    from lightproof.check.detectors import default_ports
    from lightproof.check.targets import Ports

    return Ports.of(default_ports())


def _imported(files: Sequence[Path]) -> "Imported":
    from lightproof.check.imports import Imported, read_import

    read = [read_import(path) for path in files]
    return Imported(
        targets=tuple(pair for found in read for pair in found.targets),
        names=tuple(named for found in read for named in found.names),
    )


def _tell(plan: "Plan") -> None:
    """What would be tried: for --dry-run."""
    from lightproof.documents import wording

    targets, boxes = len(plan.space), len(plan.boxes)
    click.echo(
        ngettext("{count} target (address and port)", "{count} targets (addresses × ports)", targets).format(
            count=wording.number(targets)
        )
    )
    click.echo(
        ngettext("{count} question to an internet box", "{count} questions to internet boxes", boxes).format(
            count=wording.number(boxes)
        )
    )
    for found in plan.space.ranges:
        click.echo(f"  {found}")
    if plan.space.ranges:
        click.echo(_("Ports: {ports}").format(ports=plan.space.ports))
    singles = plan.space.singles()
    for address, ports in islice(singles, _MOST_TOLD):
        click.echo(_("  {address}: {ports}").format(address=address, ports=ports))
    if others := sum(1 for _single in singles):
        click.echo(
            ngettext("  and {count} other address", "  and {count} other addresses", others).format(count=others)
        )
    for box in plan.boxes:
        click.echo(_("  {address}: {ports}").format(address=box.address, ports=f"{box.port}/udp"))
    for address, names in plan.names.items():
        click.echo(_("  {address} is asked as {names}").format(address=address, names=", ".join(names)))
    click.echo(_("Allowed by: {allowed}. Nothing was sent.").format(allowed=wording.allowed_by(plan.scope)))


def exit_code(report: "ExposureReport", fail_on: Grade) -> int:
    """What the shell is told about a report: an exposure outweighs what could not be checked.

    An internet box that shows its forwards to the inside, as it must, is no exposure by itself.
    """
    if any(service.grade >= fail_on and not service.serves_the_inside for service in report.services):
        return EXPOSED
    return NOT_ALL_CHECKED if report.unchecked else 0
