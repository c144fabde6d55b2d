"""`lightproof init`: makes the home and its keys, and changes the ways of opening it."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lightproof.cli.home import ledger_signer, opened, unlocked
from lightproof.cli.person import person
from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.storage.making import RecoveryCode, Unlock
    from lightproof.storage.root_key import RootKey
    from lightproof.storage.slots import Kind

_FILE: Final = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
_BOTH: Final = "passphrase-and-key-file"
_DAILY: Final = ("passphrase", "key-file", _BOTH, "systemd-credential")
_KINDS: Final = (*_DAILY, "recovery")
_CREDENTIAL: Final = "lightproof"
_SUBJECT: Final = "home"
_LONGEST_INPUT: Final = 64 * 1024


@click.command(
    name="init",
    help=_(
        "Make the home: its keys, its settings, and a recovery kit to print.\n\n"
        "A passphrase is asked for at each use, and protects against whoever takes the machine. A key file opens "
        "without a question, as scheduled checks need: it protects copies and backups of the home that do not hold "
        "it, and the disk alone when the key lies on another one; it does not protect against whoever takes the whole "
        "machine or can act as its user. A systemd credential lies between: it can be bound to the machine’s TPM.\n\n"
        "A passphrase and a key file together (passphrase-and-key-file) are two factors: neither opens anything alone. "
        "The file lies on a stick, never in the home. Scheduled checks have nobody who gives both: they cannot open "
        "such a home.\n\n"
        "With --set-unlock or --remove-unlock, change how a home that exists is opened."
    ),
)
@click.option("--unlock", type=click.Choice(_DAILY), help=_("How it opens. Default: a passphrase."))
@click.option(
    "--key-file", type=_FILE, help=_("The key file; made where none is. Default: in the home, where it opens alone.")
)
@click.option("--credential", metavar="NAME", help=_("The systemd credential. Default: lightproof."))
@click.option("--passphrase-file", type=_FILE, help=_("Take the new passphrase from its first line (- is the input)."))
@click.option("--organisation", type=_FILE, help=_("TOML file with what the authority’s form asks about you."))
@click.option("--recovery-kit", type=_FILE, help=_("Write the recovery kit there instead of printing it."))
@click.option(
    "--set-unlock", type=click.Choice(_KINDS), help=_("Add or replace a way of opening; recovery: a new kit.")
)
@click.option("--remove-unlock", type=click.Choice(_KINDS), help=_("Take a way of opening away."))
@click.option("--recover", is_flag=True, help=_("Open with the code of the recovery kit, asked for or from the input."))
def command(**options: Any) -> int:
    """Makes a home, or changes the locks of one."""
    asked = Asked(**options)
    _refuse_what_contradicts(asked)
    if asked.changes:
        return _change(asked)
    return _make(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options, as they were given."""

    unlock: "Kind | None"
    key_file: Path | None
    credential: str | None
    passphrase_file: Path | None
    organisation: Path | None
    recovery_kit: Path | None
    set_unlock: "Kind | None"
    remove_unlock: "Kind | None"
    recover: bool

    @property
    def changes(self) -> bool:
        """Whether it is about a home that exists."""
        return self.recover or self.set_unlock is not None or self.remove_unlock is not None

    @property
    def kind(self) -> "Kind":
        """The way of opening to make, said or implied."""
        if self.set_unlock or self.unlock:
            return self.set_unlock or self.unlock or "passphrase"
        if self.key_file:
            return "key-file"
        return "systemd-credential" if self.credential else "passphrase"


def _refuse_what_contradicts(asked: Asked) -> None:
    made = {"--unlock": asked.unlock, "--organisation": asked.organisation}
    if asked.changes and (wrong := next((name for name, value in made.items() if value), None)):
        raise click.UsageError(_("{option} is for a new home.").format(option=wrong))
    belongs = {
        "--key-file": (asked.key_file, ("key-file", _BOTH)),
        "--credential": (asked.credential, ("systemd-credential",)),
        "--passphrase-file": (asked.passphrase_file, ("passphrase", _BOTH)),
    }
    for option, (value, kinds) in belongs.items():
        if value and asked.kind not in kinds:
            raise click.UsageError(_("{option} goes with: {kinds}.").format(option=option, kinds=", ".join(kinds)))
    if asked.changes and asked.recovery_kit and asked.kind != "recovery":
        raise click.UsageError(_("{option} goes with: {kinds}.").format(option="--recovery-kit", kinds="recovery"))


def _make(asked: Asked) -> int:
    from lightproof.storage.configuration import read_organisation
    from lightproof.storage.home import home
    from lightproof.storage.making import make_home, refuse_existing
    from lightproof.storage.settings_file import default_settings

    folder = home().absolute()
    refuse_existing(folder)  # before anything is asked
    settings = default_settings(read_organisation(asked.organisation) if asked.organisation else None)
    unlock = _unlock(asked, folder)
    code, show = _recovery_kit(asked, folder)
    root = make_home(folder, unlock, recovery=code, settings=settings, before_done=show.before)
    with opened(folder, root) as made, made.ledger.writing() as writing:
        writing.append("home.made", _SUBJECT, {"unlock": [asked.kind, "recovery"]}, principal=person())
    show.after(root)
    _tell(_("The home is made: {folder}").format(folder=folder))
    if asked.kind == "key-file":
        _tell(
            _(
                "The key file opens it without a question. It protects copies of the home that do not hold the key; it "
                "does not protect against whoever takes the whole machine, or can act as its user."
            )
        )
        if asked.key_file is None:
            _tell(
                _("The key lies in the home itself: leave unlock.key out of backups, or put it elsewhere (--key-file).")
            )
    if asked.kind == _BOTH:
        _tell(
            _(
                "The passphrase and the key file open it together, and neither alone. Keep the stick apart from this "
                "machine, and unplug it after use. Scheduled checks cannot open this home."
            )
        )
    _tell(_("Next: {command}").format(command="lightproof check"))
    return 0


def _change(asked: Asked) -> int:
    from lightproof.storage.configuration import load_settings
    from lightproof.storage.home import home
    from lightproof.storage.making import recovered, remove_unlock, set_unlock
    from lightproof.storage.recovery import read
    from lightproof.storage.unlock import read_slots

    folder = home().absolute()
    read_slots(folder)  # says so when there is no home, before anything is asked
    root = (
        recovered(folder, read(_typed_code())) if asked.recover else unlocked(folder, load_settings(folder, os.environ))
    )
    said: dict[str, list[str]] = {}
    if asked.set_unlock or asked.recover:
        if asked.kind == "recovery":
            code, show = _recovery_kit(asked, folder)
            show.before(root)
            set_unlock(folder, root, code)
            show.after(root)
        else:
            set_unlock(folder, root, _unlock(asked, folder))
        said["set"] = [asked.kind]
        _tell(_("The home now opens with: {kind}").format(kind=asked.kind))
    if asked.remove_unlock:
        remove_unlock(folder, root, asked.remove_unlock)
        said["removed"] = [asked.remove_unlock]
        _tell(
            _("The home no longer opens with: {kind}. Backups made before still do.").format(kind=asked.remove_unlock)
        )
    if asked.recover:
        said["by"] = ["recovery"]
    _tell_what_opens_alone(folder)
    with opened(folder, root) as home_opened, home_opened.ledger.writing() as writing:
        writing.append("home.unlock-changed", _SUBJECT, said, principal=person())
    return 0


def _tell_what_opens_alone(folder: Path) -> None:
    from lightproof.storage.making import opening_alone

    if not (alone := opening_alone(folder)):
        return
    _tell(
        _(
            "The home still opens with one thing alone: {kinds}. As long as it does, a second factor protects nothing. "
            "To take it away:"
        ).format(kinds=", ".join(alone))
    )
    for kind in alone:
        _tell(f"  lightproof init --remove-unlock {kind}")


def _unlock(asked: Asked, folder: Path) -> "Unlock":
    """The way of opening that was asked for, with its secret."""
    from lightproof.storage.making import KEY_FILE_IN_HOME, Credential, KeyFile, Passphrase, PassphraseAndKeyFile
    from lightproof.storage.secret_sources import credentials_folder, refuse_key_file_in_home

    if asked.kind == "key-file":
        return KeyFile(asked.key_file or folder / KEY_FILE_IN_HOME)
    if asked.kind == "systemd-credential":
        return Credential(asked.credential or _CREDENTIAL, credentials_folder(os.environ))
    if asked.kind == _BOTH:
        if asked.key_file is None:
            raise UsageRefused(
                "key-file-not-named",
                _("“{kind}” needs a key file that lies elsewhere than the home, and none was named.").format(
                    kind=_BOTH
                ),
                _("Name a place for it on a stick (--key-file /media/stick/lightproof.key); it is made where none is."),
            )
        refuse_key_file_in_home(asked.key_file, folder)  # before a passphrase is thought up
        return PassphraseAndKeyFile(_new_passphrase(asked, folder), asked.key_file)
    return Passphrase(_new_passphrase(asked, folder))


def _new_passphrase(asked: Asked, folder: Path) -> str:
    from lightproof.storage.configuration import load_settings
    from lightproof.storage.secret_sources import FEWEST_CHARACTERS, read_secret, refuse_short

    source = asked.passphrase_file
    if source is None and not asked.changes:
        source = load_settings(folder, os.environ).unlock.passphrase_file
    if source is not None:
        return read_secret(source)
    if not sys.stdin.isatty():
        raise UsageRefused(
            "passphrase-not-given",
            _("There is no terminal here to ask for a passphrase."),
            _("Name a file that holds one (--passphrase-file), or open the home with a key file (key-file)."),
        )
    _tell(_("Five or six words make a good passphrase ({n} characters at least).").format(n=FEWEST_CHARACTERS))

    def long_enough(text: str) -> str:
        try:
            refuse_short(text)
        except UsageRefused as error:
            raise click.UsageError(error.cause) from error  # asked for again
        return text

    typed: str = click.prompt(
        _("New passphrase"),
        hide_input=True,
        confirmation_prompt=_("Again"),
        value_proc=long_enough,
        prompt_suffix=_(": "),
        err=True,
    )
    return typed


def _typed_code() -> str:
    if sys.stdin.isatty():
        typed: str = click.prompt(_("Recovery code"), prompt_suffix=_(": "), err=True)
        return typed
    return sys.stdin.buffer.read(_LONGEST_INPUT).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Shown:
    """Gives the recovery kit away: to a file before it is in force, or on the screen once it is."""

    before: "Callable[[RootKey], None]"
    after: "Callable[[RootKey], None]"


def _recovery_kit(asked: Asked, folder: Path) -> "tuple[RecoveryCode, _Shown]":
    from lightproof.cli.recovery_kit import not_written, page, refuse_inside
    from lightproof.storage.durable import write_new
    from lightproof.storage.making import RecoveryCode
    from lightproof.storage.recovery import CODE_BYTES, written

    code = RecoveryCode(os.urandom(CODE_BYTES))
    path = asked.recovery_kit if asked.recovery_kit and str(asked.recovery_kit) != "-" else None
    if path is not None:
        refuse_inside(path, folder)

    def kit(root: "RootKey") -> str:
        return page(written(code.code), folder, datetime.now(UTC), str(ledger_signer(root).key))

    def before(root: "RootKey") -> None:
        if path is None:
            return
        try:
            write_new(path, kit(root).encode(errors="surrogateescape"))  # a folder may have any name
        except OSError as error:
            raise not_written(path, system_reason(error)) from error
        _tell(_("Recovery kit written: {path}").format(path=path))

    def after(root: "RootKey") -> None:
        if path is None:
            click.echo(kit(root))

    return code, _Shown(before, after)


def _tell(text: str) -> None:
    click.echo(text, err=True)
