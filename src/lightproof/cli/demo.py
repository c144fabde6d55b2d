"""`lightproof demo`: an exposed practice on this machine only, checked for real."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from lightproof.cli.check import Narrator, show
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.evidence.records import ExposureReport

_EXPOSED: Final = "lightproof-demo"
_FIXED: Final = "lightproof-demo-fixed"


@click.command(
    name="demo",
    help=_(
        "Try everything on an exposed practice that lives on this machine only.\n\n"
        "Starts a DICOM archive, a web server, an FTP server and an internet box that let everyone in, on loopback, "
        "with invented patients; checks them for real; writes the report as HTML and PDF; and leaves nothing else."
    ),
)
@click.option("--fix", is_flag=True, help=_("Close the doors afterwards, and check again."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(),
    help=_("Folder where the reports are written; by default, this one."),
)  # fmt: skip
def command(fix: bool, as_json: bool, out: Path) -> int:
    """Checks the practice as it is exposed and, when asked, once more with its doors closed."""
    with _stopped_by_sigterm():
        _tell(_("DEMO: an exposed practice, on this machine only, with invented patients."))
        exposed = _check(fixed=False)
        # One JSON document and nothing else: the last one.
        show(exposed, reports=_reports(out, _EXPOSED), as_json=as_json, silent=as_json and fix)
        if fix:
            _tell(_("DEMO: the same practice with its doors closed."))
            show(_check(fixed=True), reports=_reports(out, _FIXED), as_json=as_json)
    _tell(_("Next: {command}").format(command="lightproof check" if fix else "lightproof demo --fix"))
    return 0


def _check(*, fixed: bool) -> "ExposureReport":
    """A real check of the practice, by the machinery that checks real ones."""
    from lightproof.check.plan import Plan
    from lightproof.check.run import perform
    from lightproof.check.targets import Ports, TargetSpace
    from lightproof.check.wire import Consent
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
            return perform(plan, narrator, journal=Path(folder) / "journal")


def _reports(folder: Path, name: str) -> tuple[Path, ...]:
    """HTML always; PDF where its part is installed."""
    from importlib.util import find_spec

    endings = (".html", ".pdf") if find_spec("typst") else (".html",)
    return tuple(folder / f"{name}{ending}" for ending in endings)


def _tell(text: str) -> None:
    click.echo(text, err=True)


@contextmanager
def _stopped_by_sigterm() -> Generator[None]:
    """SIGTERM ends the demo as Ctrl-C does: everything it started is stopped first."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
