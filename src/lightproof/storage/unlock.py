"""Unlocking a home: with a systemd credential, a key file, a passphrase and a key file together, or a passphrase alone.

They are tried in this order: nobody is asked for what is not needed, and the key file that goes with a passphrase is
looked for before the passphrase is asked, once, for both ways that take one. A way that is not at hand, or that fails,
gives way to the next. When none opens, a passphrase that was given in vain is told, else the first failure. A key that
other users can read is told at once, whatever else would open.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from lightproof.errors import LightproofError, UsageRefused, system_reason
from lightproof.locale import gettext as _
from lightproof.storage.durable import read_whole
from lightproof.storage.home import unusable
from lightproof.storage.root_key import RootKey
from lightproof.storage.secret_sources import (
    READABLE_BY_OTHERS,
    passphrase_bytes,
    read_credential,
    read_key_file,
    refuse_key_file_in_home,
    refuse_what_others_read,
)
from lightproof.storage.slots import (
    LONGEST_FILE,
    CredentialLock,
    KeyFileLock,
    Kind,
    Lock,
    NotASlotFile,
    PassphraseAndKeyFileLock,
    PassphraseLock,
    Slot,
    SlotFile,
    decode,
    together,
    unwrap,
)

ROOT_KEY_FILE: Final = "root-key.json"
MAY_BE_MISTYPED: Final = frozenset({"passphrase-wrong", "passphrase-or-key-file-wrong"})
"""Failures after which asking again makes sense."""

_ORDER: Final[tuple[Kind, ...]] = ("systemd-credential", "key-file", "passphrase-and-key-file", "passphrase")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What is at hand for unlocking."""

    credentials: Path | None = None
    """The folder of this service's systemd credentials."""
    key_file: Path | None = None
    """Where the key file lies now, when it was moved since the home was made."""
    passphrase: Callable[[], str] | None = None
    """Gives the passphrase; None when nobody can be asked."""


def home_is_made(folder: Path) -> bool:
    """Whether there is a home: the file of the root key is the last thing that making one writes.

    Raises UsageRefused `home-unusable` where that cannot be seen: in a folder of somebody else's, for instance.
    """
    try:
        return (folder / ROOT_KEY_FILE).exists()
    except OSError as error:
        raise unusable(folder, error) from error


def unlock(folder: Path, means: Means) -> RootKey:
    """The root key of the home in `folder`.

    Raises UsageRefused: `home-not-made`; `sealed` when no way of unlocking is at hand; else what is wrong with the
    first that is. Raises LightproofError `root-key-broken` when the file of the root key is not as it was written.
    """
    root = _first_that_opens(folder, read_slots(folder), means)
    if root is None:
        raise UsageRefused(
            "sealed",
            _("The home in {folder} is sealed, and nothing here can open it.").format(folder=folder),
            _(
                "Run this on a terminal and give the passphrase, or name a file that holds it in "
                "LIGHTPROOF_PASSPHRASE_FILE (“-” reads it from the input)."
            ),
        )
    return root


def read_slots(folder: Path) -> SlotFile:
    """The slots of the home in `folder`. Raises `home-not-made`, `key-readable-by-others`, `root-key-broken`."""
    path = folder / ROOT_KEY_FILE
    try:
        raw, mode = read_whole(path, LONGEST_FILE)
    except FileNotFoundError as error:
        raise UsageRefused(
            "home-not-made",
            _("There is no home of lightproof in {folder} yet.").format(folder=folder),
            _("Run: lightproof init"),
        ) from error
    except OSError as error:
        raise _broken(path, system_reason(error)) from error
    refuse_what_others_read(path, mode)
    try:
        return decode(raw)
    except NotASlotFile as error:
        raise _broken(path, _("it is not as this program writes it")) from error


def confirmed(folder: Path, file: SlotFile, root: RootKey) -> RootKey:
    """The root key, when it confirms the file that it was found in. Raises `root-key-broken`."""
    if not file.confirmed_by(root):
        raise _broken(folder / ROOT_KEY_FILE, _("it was changed by something other than lightproof"))
    return root


def _broken(path: Path, reason: str) -> LightproofError:
    return LightproofError(
        "root-key-broken",
        _("The file of the root key, {path}, cannot be used: {reason}.").format(path=path, reason=reason),
        _("Put the file back from a backup of the home; nothing else was touched."),
    )


def _first_that_opens(folder: Path, file: SlotFile, means: Means) -> RootKey | None:
    if means.passphrase is not None:
        means = replace(means, passphrase=cache(means.passphrase))
    failures: list[UsageRefused] = []
    for slot in filter(None, map(file.slot, _ORDER)):
        try:
            root = _opened(folder, slot, means)
        except UsageRefused as error:
            if error.error_id == READABLE_BY_OTHERS:
                raise
            failures.append(error)
        else:
            if root is not None:
                return confirmed(folder, file, root)
    if failures:
        raise next((failure for failure in failures if failure.error_id in MAY_BE_MISTYPED), failures[0])
    return None


def _opened(folder: Path, slot: Slot, means: Means) -> RootKey | None:
    """The root key in this slot; None when its secret is not at hand."""
    secret = _secret(folder, slot.lock, means)
    if secret is None:
        return None
    root = unwrap(slot, secret)
    if root is None:
        raise _does_not_open(slot.lock)
    return root


def _secret(folder: Path, lock: Lock, means: Means) -> bytes | None:
    if isinstance(lock, CredentialLock) and means.credentials is not None:
        return read_credential(lock.name, means.credentials)
    if isinstance(lock, KeyFileLock):
        return read_key_file(means.key_file or folder / lock.path)
    if isinstance(lock, PassphraseAndKeyFileLock) and means.passphrase is not None:
        path = means.key_file or Path(lock.path)
        refuse_key_file_in_home(path, folder)
        key = read_key_file(path)  # before anybody is asked
        return together(passphrase_bytes(means.passphrase()), key)
    if isinstance(lock, PassphraseLock) and means.passphrase is not None:
        return passphrase_bytes(means.passphrase())
    return None


def _does_not_open(lock: Lock) -> UsageRefused:
    if isinstance(lock, PassphraseLock):
        return UsageRefused(
            "passphrase-wrong",
            _("The passphrase is not the one of this home."),
            _("Try again; if it is lost: lightproof init --recover, with the code of the recovery kit."),
        )
    if isinstance(lock, PassphraseAndKeyFileLock):
        return UsageRefused(
            "passphrase-or-key-file-wrong",
            _("The passphrase or the key file is not the one of this home."),
            _(
                "Try again, with the right stick. If one of the two is lost, with the recovery kit: "
                "lightproof init --recover --set-unlock passphrase-and-key-file --key-file …"
            ),
        )
    return UsageRefused(
        "key-changed",
        _("The key file or credential is not the one that this home was made with."),
        _("Put the right one back, or open the home another way: lightproof init --set-unlock makes a new one."),
    )
