"""The door of the home: unlocked, its settings read, its database and ledger open, for as long as a block lasts."""

import os
import resource
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.evidence.checkpoint import Signer
    from lightproof.evidence.ledger import Ledger
    from lightproof.storage.root_key import RootKey
    from lightproof.storage.settings import Settings
    from lightproof.storage.unlock import Means

_MISTAKES: Final = 2


@dataclass(frozen=True, slots=True)
class OpenHome:
    """Everything that is kept, within reach."""

    folder: Path
    settings: "Settings"
    root: "RootKey"
    ledger: "Ledger"


@contextmanager
def opened(folder: Path | None = None, root: "RootKey | None" = None) -> Generator[OpenHome]:
    """The home in this folder, by default the one that is in use; unlocked, unless its root key is at hand.

    Raises what unlocking, the settings, the database and the ledger raise: each names its cause and its fix.
    """
    from lightproof.evidence.ledger import Ledger
    from lightproof.storage.configuration import load_settings
    from lightproof.storage.home import home
    from lightproof.storage.migrate import DATABASE_FILE, open_database

    place = folder or home()
    settings = load_settings(place, os.environ)
    key = root or unlocked(place, settings)
    with open_database(place / DATABASE_FILE, key.derive("database")) as database:
        home_opened = OpenHome(place, settings, key, Ledger(database, ledger_signer(key)))
        yield home_opened
        if settings.ledger.witness is not None:
            _keep_with_witness(home_opened.ledger, settings.ledger.witness)


def _keep_with_witness(ledger: "Ledger", folder: Path) -> None:
    """What was done stays done: a witness that is away, or that contradicts, is told and stops nothing."""
    from lightproof.evidence.ledger import LedgerBroken
    from lightproof.evidence.witness import keep

    try:
        said = keep(ledger, folder)
    except OSError as error:
        told = _("The witness of the ledger in “{folder}” cannot be reached: {reason}. It is told next time.")
        click.echo(told.format(folder=folder, reason=system_reason(error)), err=True)
        return
    except LedgerBroken:
        return  # whoever verifies is told; the witness keeps what it has
    if said == "broken":
        told = _("The ledger is not the one that its witness in “{folder}” knows: run “lightproof ledger verify”.")
        click.echo(told.format(folder=folder), err=True)


def ledger_signer(root: "RootKey") -> "Signer":
    """Who signs the ledger of the home with this root key."""
    from lightproof.evidence.checkpoint import Signer

    return Signer(root.derive("ledger-signing"))


@contextmanager
def opened_or_made() -> Generator[OpenHome]:
    """The home; on the first use of all one is made that a key file unlocks, and the user is told."""
    from lightproof.storage.home import home
    from lightproof.storage.making import KEY_FILE_IN_HOME, KeyFile, make_home
    from lightproof.storage.unlock import home_is_made

    place = home()
    if not home_is_made(place):
        make_home(place, KeyFile(place / KEY_FILE_IN_HOME))
        told = _("What is measured is kept, encrypted, in {folder}; the key lies beside it (“lightproof init --help”).")
        click.echo(told.format(folder=place), err=True)
    with opened(place) as home_opened:
        yield home_opened


def unlocked(folder: Path, settings: "Settings") -> "RootKey":
    """The root key. A person at a terminal may mistype the passphrase twice. Raises as `unlock` does."""
    from lightproof.storage.unlock import MAY_BE_MISTYPED, unlock

    # From here on the memory of this process holds keys: a crash must not write it to the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    mistakes = _MISTAKES if settings.unlock.passphrase_file is None else 0
    while True:
        try:
            return unlock(folder, means(settings))
        except UsageRefused as error:
            if error.error_id not in MAY_BE_MISTYPED or not mistakes:
                raise
            mistakes -= 1
            click.echo(error.cause, err=True)


def means(settings: "Settings") -> "Means":
    """What may unlock: a systemd credential, a key file, the passphrase from a file or from whoever sits there."""
    from lightproof.storage.secret_sources import credentials_folder, read_secret
    from lightproof.storage.unlock import Means

    passphrase_file = settings.unlock.passphrase_file

    def passphrase() -> str:
        if passphrase_file is not None:
            return read_secret(passphrase_file)
        prompted: str = click.prompt(_("Passphrase"), hide_input=True, prompt_suffix=_(": "), err=True)
        return prompted

    asked = passphrase_file is not None or sys.stdin.isatty()
    return Means(
        credentials=credentials_folder(os.environ),
        key_file=settings.unlock.key_file,
        passphrase=passphrase if asked else None,
    )
