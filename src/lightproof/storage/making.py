"""Making a home, and changing the ways of unlocking it.

A home counts as made when its `root-key.json` is there: that file is written last, in one step. Before it, a power cut
leaves nothing that opens anything, and the next `init` goes on from there.
"""

import hmac
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _
from lightproof.storage.configuration import SETTINGS_FILE
from lightproof.storage.durable import locked, make_folder, read_whole, sweep_unfinished, write_new, write_over
from lightproof.storage.home import unusable
from lightproof.storage.root_key import ROOT_KEY_BYTES, RootKey
from lightproof.storage.secret_sources import (
    key_file_in_home,
    passphrase_bytes,
    read_credential,
    read_key_file,
    refuse_key_file_in_home,
    refuse_short,
    unusable_key_file,
)
from lightproof.storage.settings_file import default_settings
from lightproof.storage.slots import (
    KEY_FILE_BYTES,
    CredentialLock,
    KeyFileLock,
    Kind,
    Lock,
    PassphraseAndKeyFileLock,
    PassphraseLock,
    RandomBytes,
    RecoveryLock,
    Slot,
    encode,
    together,
    unwrap,
    wrap,
)
from lightproof.storage.unlock import ROOT_KEY_FILE, confirmed, home_is_made, read_slots

KEY_FILE_IN_HOME: Final = "unlock.key"

_ALONE: Final[tuple[Kind, ...]] = ("passphrase", "key-file", "systemd-credential")


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Unlock with something a person knows."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Unlock with a file, without a question; it is made where none is."""

    path: Path


@dataclass(frozen=True, slots=True)
class PassphraseAndKeyFile:
    """Unlock with both at once: something a person knows, and a file that lies elsewhere than the home."""

    text: str = field(repr=False)
    path: Path


@dataclass(frozen=True, slots=True)
class Credential:
    """Unlock with a systemd credential, which must be at hand in `folder` when the lock is made."""

    name: str
    folder: Path | None


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """Unlock with the code of a recovery kit (`recovery.CODE_BYTES` random bytes)."""

    code: bytes = field(repr=False)


Unlock = Passphrase | KeyFile | PassphraseAndKeyFile | Credential | RecoveryCode


def make_home(
    folder: Path,
    unlock: Unlock,
    *,
    recovery: RecoveryCode | None = None,
    settings: str | None = None,
    before_done: Callable[[RootKey], None] | None = None,
    random_bytes: RandomBytes = os.urandom,
) -> RootKey:
    """Makes a home in `folder`, and gives its root key.

    `settings` is the text of settings.toml, by default the commented one in the current language; one that is there
    is kept. `before_done` is called just before the home counts as made: the recovery kit is written there, so that
    no home is without it.

    Raises UsageRefused: `home-exists`, `home-key-lost`, `home-open-to-others`, `home-unusable`, or what is wrong with
    the way of unlocking.
    """
    with _changing(folder, make=True):
        refuse_existing(folder)
        root = RootKey(random_bytes(ROOT_KEY_BYTES))
        ways = (unlock,) if recovery is None else (unlock, recovery)
        slots = [wrap(root, *_lock(way, folder, random_bytes), random_bytes) for way in ways]
        if not (folder / SETTINGS_FILE).exists():
            text = default_settings() if settings is None else settings
            write_new(folder / SETTINGS_FILE, text.encode())
        if before_done is not None:
            before_done(root)
        write_new(folder / ROOT_KEY_FILE, encode(slots, root))
    return root


def refuse_existing(folder: Path) -> None:
    """Raises UsageRefused where a home is, or what is left of one: a new root key beside its database would bury it."""
    if home_is_made(folder):
        raise UsageRefused(
            "home-exists",
            _("There is a home of lightproof in {folder} already; nothing was changed.").format(folder=folder),
            _(
                "Use it as it is: its settings are in settings.toml, --set-unlock changes how it opens, “--set-unlock "
                "recovery” gives a recovery kit. A second home goes into another folder (LIGHTPROOF_HOME)."
            ),
        )
    if any(folder.glob("*.db")):
        raise UsageRefused(
            "home-key-lost",
            _("{folder} holds a database, and not the file of the key that opens it.").format(folder=folder),
            _("Put {file} back from a backup; or move the database away to begin anew.").format(file=ROOT_KEY_FILE),
        )


def set_unlock(folder: Path, root: RootKey, unlock: Unlock, *, random_bytes: RandomBytes = os.urandom) -> None:
    """Adds a way of unlocking, in the place of the one of its kind. Raises as `make_home` and `read_slots` do."""
    with _changing(folder):
        lock, secret = _lock(unlock, folder, random_bytes)
        kept = [slot for slot in _slots(folder, root) if slot.lock.kind != lock.kind]
        write_over(folder / ROOT_KEY_FILE, encode([*kept, wrap(root, lock, secret, random_bytes)], root))


def remove_unlock(folder: Path, root: RootKey, kind: Kind) -> None:
    """Takes a way of unlocking away; copies of the home made before still have it.

    Raises UsageRefused: `unlock-not-there`, or `unlock-last` when only the recovery kit would be left.
    """
    with _changing(folder):
        slots = _slots(folder, root)
        kept = [slot for slot in slots if slot.lock.kind != kind]
        if len(kept) == len(slots):
            raise UsageRefused(
                "unlock-not-there",
                _("This home is not unlocked by “{kind}”.").format(kind=kind),
                _("It is unlocked by: {kinds}.").format(kinds=", ".join(slot.lock.kind for slot in slots)),
            )
        if all(isinstance(slot.lock, RecoveryLock) for slot in kept):
            raise UsageRefused(
                "unlock-last",
                _("Without “{kind}” nothing would unlock this home from day to day.").format(kind=kind),
                _("Add another way first: lightproof init --set-unlock passphrase"),
            )
        write_over(folder / ROOT_KEY_FILE, encode(kept, root))


def opening_alone(folder: Path) -> tuple[Kind, ...]:
    """The daily ways that make a second factor worth nothing: each opens, alone, a home that a pair opens too."""
    file = read_slots(folder)
    alone = _ALONE if file.slot("passphrase-and-key-file") else ()
    return tuple(kind for kind in alone if file.slot(kind))


def recovered(folder: Path, code: bytes) -> RootKey:
    """The root key, by the code of the recovery kit. Raises UsageRefused `recovery-code-wrong`, or as `read_slots`."""
    file = read_slots(folder)
    slot = file.slot("recovery")
    root = unwrap(slot, code) if slot else None
    if root is None:
        raise UsageRefused(
            "recovery-code-wrong",
            _("The code is well formed, and is not the one of this home."),
            _("Take the latest recovery kit: making a new one voids those before. Compare the folder that it names."),
        )
    return confirmed(folder, file, root)


@contextmanager
def _changing(folder: Path, *, make: bool = False) -> Generator[None]:
    """One program at a time changes a home; what the system refuses is told as `home-unusable`."""
    try:
        if make:
            make_folder(folder)
            _refuse_a_folder_that_others_change(folder)
        elif not home_is_made(folder):
            read_slots(folder)  # says why
        with locked(folder):
            sweep_unfinished(folder)
            yield
    except OSError as error:
        raise unusable(folder, error) from error


def _refuse_a_folder_that_others_change(folder: Path) -> None:
    if folder.stat().st_mode & 0o022:
        raise UsageRefused(
            "home-open-to-others",
            _("Other users of this machine can change what is in {folder}.").format(folder=folder),
            _("Run: chmod 700 '{folder}' — or name a folder of your own in LIGHTPROOF_HOME.").format(folder=folder),
        )


def _slots(folder: Path, root: RootKey) -> tuple[Slot, ...]:
    file = read_slots(folder)
    confirmed(folder, file, root)
    return file.slots


def _lock(unlock: Unlock, folder: Path, random_bytes: RandomBytes) -> tuple[Lock, bytes]:
    """The lock to write down, and the secret that opens it; a key file is made where none is."""
    if isinstance(unlock, Passphrase):
        refuse_short(unlock.text)
        return PassphraseLock(), passphrase_bytes(unlock.text)
    if isinstance(unlock, Credential):
        secret = read_credential(unlock.name, unlock.folder)
        return CredentialLock(name=unlock.name), secret
    if isinstance(unlock, RecoveryCode):
        return RecoveryLock(), unlock.code
    path, home = unlock.path.absolute(), folder.absolute()
    if isinstance(unlock, PassphraseAndKeyFile):
        refuse_short(unlock.text)
        refuse_key_file_in_home(path, home)
        key = _key_in(path, random_bytes)
        _refuse_a_copy_in_the_home(key, home)
        return PassphraseAndKeyFileLock(path=str(path)), together(passphrase_bytes(unlock.text), key)
    # Inside the home the path is relative: the home can be moved whole.
    kept = path.relative_to(home) if path.is_relative_to(home) else path
    return KeyFileLock(path=str(kept)), _key_in(path, random_bytes)


def _key_in(path: Path, random_bytes: RandomBytes) -> bytes:
    """The key in this file, which is made where none is."""
    try:
        write_new(path, random_bytes(KEY_FILE_BYTES))
    except FileExistsError:
        pass  # made before, here or by hand: it is checked like any other
    except OSError as error:
        raise unusable_key_file(path, system_reason(error)) from error
    return read_key_file(path)


def _refuse_a_copy_in_the_home(key: bytes, home: Path) -> None:
    """Who copies the home's own key to a stick instead of moving it would leave the second factor with the first."""
    with suppress(OSError):
        if hmac.compare_digest(read_whole(home / KEY_FILE_IN_HOME, KEY_FILE_BYTES)[0], key):
            raise key_file_in_home(home / KEY_FILE_IN_HOME)
