"""What the commands of a breach share: the open home, who is at the keyboard, and how a breach is shown."""

import getpass
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.breach.clock import Clock
    from lightproof.breach.incident import Incident
    from lightproof.breach.procedure import Procedure
    from lightproof.cli.home import OpenHome
    from lightproof.documents.model import Document

_FACTS_BYTES: Final = 1 << 20
by_option: Callable[[Any], Any] = click.option(
    "--by", metavar="NAME", help=_("Who does this; by default, the user of this machine.")
)
json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else.")
)


@dataclass(frozen=True, slots=True)
class Desk:
    """One home, open, and the procedure on it."""

    home: "OpenHome"
    procedure: "Procedure"

    @property
    def regimes(self) -> tuple[str, ...]:
        """The laws that the settings name."""
        return self.home.settings.breach.regimes

    def assessed(self, told: "Incident", regimes: tuple[str, ...] = ()) -> "Incident":
        """Judged by each regime, and recorded where the judgement is new."""
        from lightproof.breach.judging import assess_and_record

        return assess_and_record(self.procedure, told, regimes or self.regimes)

    def dossier(self, told: "Incident") -> "Document":
        """The whole file as a document."""
        from lightproof.breach.dossier import dossier

        return dossier(told, self.clock(told), now_utc())

    def clock(self, told: "Incident") -> "Clock":
        """The clock of a breach under the laws of the settings."""
        from lightproof.breach.judging import clock_of, drifts_of

        return clock_of(told, self.regimes, drifts_of(self.home.ledger, told))


@contextmanager
def at_the_desk(by: str | None) -> Generator[Desk]:
    """The home, opened for whoever is at the keyboard."""
    from lightproof.breach.judging import deadline_under
    from lightproof.breach.procedure import Procedure
    from lightproof.cli.home import opened

    with opened() as home:
        procedure = Procedure(
            ledger=home.ledger,
            by=(by or "").strip() or person(),
            now=now_utc,
            deadline_of=deadline_under(home.settings.breach.regimes),
        )
        yield Desk(home, procedure)


def now_utc() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def read_file(path: Path) -> bytes:
    """A file of facts; `-` is standard input. Raises UsageRefused when it cannot be read, or is far too long."""
    from lightproof.errors import UsageRefused

    try:
        content = sys.stdin.buffer.read(_FACTS_BYTES + 1) if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UsageRefused(
            "file-unreadable",
            _("“{path}” cannot be read: {reason}.").format(path=path, reason=error.strerror),
            _("Check its name and your rights."),
        ) from error
    if len(content) > _FACTS_BYTES:
        raise UsageRefused(
            "file-too-large",
            _("“{path}” is longer than any file of facts.").format(path=path),
            _("Check that it is the right file."),
        )
    return content


def person() -> str:
    """The user of this machine, by name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown-user"


def show(desk: Desk, told: "Incident", *, as_json: bool, following: str = "") -> None:
    """One breach on a terminal, or as JSON."""
    if as_json:
        from lightproof.breach.incident_json import dumps

        sys.stdout.buffer.write(dumps(told, desk.clock(told)))
    else:
        from lightproof.documents.terminal import Screen, terminal

        screen = Screen.of(sys.stdout, os.environ)
        sys.stdout.write(terminal(desk.dossier(told), screen, following))
    sys.stdout.flush()
