"""`lightproof demo`: an exposed practice on this machine only, checked for real."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from lightproof.cli.showing import Narrator, show
from lightproof.cli.stopping import stopped_as_by_ctrl_c
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.cli.home import OpenHome
    from lightproof.evidence.records import ExposureReport

_EXPOSED: Final = "lightproof-demo"
_FIXED: Final = "lightproof-demo-fixed"
_SHEET: Final = "lightproof-demo-notification"
_LETTER: Final = "lightproof-demo-letter"


@click.command(
    name="demo",
    help=_(
        "Try everything on an exposed practice that lives on this machine only.\n\n"
        "Starts a DICOM archive, a web server, an FTP server and an internet box that let everyone in, on loopback, "
        "with invented patients; checks them for real; writes the report as HTML and PDF; and leaves nothing else."
    ),
)
@click.option("--fix", is_flag=True, help=_("Close the doors afterwards, and check again."))
@click.option("--breach", is_flag=True, help=_("Go on to the breach: clock, assessment, sheet to key in, letter."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(),
    help=_("Folder where the reports are written; by default, this one."),
)  # fmt: skip
def command(*, fix: bool, breach: bool, as_json: bool, out: Path) -> int:
    """Checks the practice as it is exposed and, when asked, once more with its doors closed."""
    with stopped_as_by_ctrl_c():  # everything it started is stopped first
        _tell(_("DEMO: an exposed practice, on this machine only, with invented patients."))
        exposed = exposed_practice(fixed=False)
        # One JSON document and nothing else: the last one.
        show(exposed, reports=_reports(out, _EXPOSED), as_json=as_json, silent=as_json and (fix or breach))
        if breach:
            _breach(exposed, out, as_json=as_json and not fix)
        if fix:
            _tell(_("DEMO: the same practice with its doors closed."))
            show(exposed_practice(fixed=True), reports=_reports(out, _FIXED), as_json=as_json)
    following = "lightproof demo --fix" if not (fix or breach) else "lightproof check"
    _tell(_("Next: {command}").format(command=following))
    return 0


def _breach(exposed: "ExposureReport", out: Path, *, as_json: bool) -> None:
    """From the finding to the sheet and the letter, in a home that lasts as long: nothing of it is kept."""
    from lightproof.breach.letters import document
    from lightproof.cli.breach.desk import at, show_breach
    from lightproof.cli.breach.letter import letter_of
    from lightproof.cli.breach.notify import form_under, write_notice
    from lightproof.documents.files import write_document

    _tell(_("DEMO: the breach that this finding is, as Article 33 wants it handled."))
    with temporary_home(exposed) as home:
        desk = at(home, _("Dr Demo"))
        told = desk.assessed(desk.procedure.open_from_finding())
        notice = desk.notification(told, None, law=desk.regimes[0], delay_reason="")
        for path in _reports(out, _SHEET):
            write_notice(notice, form_under(desk.regimes[0]), path)
            _tell(_("Sheet to key in written: {path}").format(path=path))
        for path in _reports(out, _LETTER):
            write_document(document(letter_of(desk, told, "letter")), path)
            _tell(_("Letter to patients written: {path}").format(path=path))
        left = len([field for field in notice.fields if field.open])
        _tell(_("51 fields; {n} are left for a person to fill in.").format(n=left))
        show_breach(desk, told, as_json=as_json)


@contextmanager
def temporary_home(exposed: "ExposureReport") -> Generator["OpenHome"]:
    """A home of this demo's own whose ledger holds the check."""
    from lightproof.cli.home import opened
    from lightproof.documents import json
    from lightproof.evidence import runs
    from lightproof.storage.making import KeyFile, make_home

    with TemporaryDirectory(prefix="lightproof-demo-") as place:
        folder = Path(place) / "home"
        make_home(folder, KeyFile(folder / "unlock.key"))
        with opened(folder) as home:
            with home.ledger.writing() as writing:
                digest = writing.attach(json.dumps(exposed), "application/json")
                said = runs.finished(exposed, plan="demo", machine=(), report_sha256=digest)
                writing.append(runs.FINISHED, runs.SUBJECT, said, principal="demo")
            yield home


def exposed_practice(*, fixed: bool) -> "ExposureReport":
    """A real check of the practice, by the machinery that checks real ones."""
    from lightproof.check.consent import Consent
    from lightproof.check.plan import Plan
    from lightproof.check.reporting import perform
    from lightproof.check.run import opened
    from lightproof.check.targets import Ports, TargetSpace
    from lightproof.check.watching import at_once
    from lightproof.demo.practice import running
    from lightproof.evidence.records import ScopeRecord, Vantage

    with running(fixed=fixed) as practice, TemporaryDirectory(prefix="lightproof-demo-") as folder:
        if practice.files is None:
            _tell(_("Without the part “demo” (pip install 'lightproof[demo]') there is no FTP server."))
        plan = Plan(
            space=TargetSpace((), Ports(()), explicit=[(t.address, t.port) for t in practice.services]),
            boxes=(practice.box,),
            scope=ScopeRecord(basis="own"),
            # The practice's own network sees all of it; what the box forwards, the Internet sees too.
            vantage=lambda _target: Vantage.LOCAL_NETWORK,
            consent=Consent(count=True),
        )
        with Narrator(as_ndjson=False) as narrator:
            return perform(plan, at_once(partial(opened, plan, journal=Path(folder) / "journal")), narrator)


def _reports(folder: Path, name: str) -> tuple[Path, ...]:
    """HTML always; PDF where its part is installed."""
    from importlib.util import find_spec

    endings = (".html", ".pdf") if find_spec("typst") else (".html",)
    return tuple(folder / f"{name}{ending}" for ending in endings)


def _tell(text: str) -> None:
    click.echo(text, err=True)
