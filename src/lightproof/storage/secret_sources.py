"""Where the secrets that unlock a home come from: key files, systemd credentials, passphrases. Never a command line.

Every failure is UsageRefused and says what to do. No message holds a byte of a secret.
"""

import re
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lightproof.errors import UsageRefused, system_reason
from lightproof.locale import gettext as _
from lightproof.storage.durable import read_whole
from lightproof.storage.slots import CREDENTIAL_NAME, KEY_FILE_BYTES

READABLE_BY_OTHERS: Final = "key-readable-by-others"
FEWEST_CHARACTERS: Final = 14
"""Of a new passphrase. Long and of any kind, as NIST SP 800-63B says: rules of composition make worse ones."""

_CREDENTIAL_BYTES: Final = range(32, 4097)
_LONGEST_SECRET: Final = 4096


def credentials_folder(environment: Mapping[str, str]) -> Path | None:
    """Where systemd hands a service its credentials: $CREDENTIALS_DIRECTORY (systemd.exec(5))."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


def read_key_file(path: Path) -> bytes:
    """The 32 bytes of a key file that only its owner reads.

    Raises UsageRefused: `key-file-missing`, `key-file-unusable`, `key-readable-by-others`.
    """
    try:
        content, mode = read_whole(path, KEY_FILE_BYTES)
    except FileNotFoundError as error:
        raise UsageRefused(
            "key-file-missing",
            _("The key file {path} is not there.").format(path=path),
            _("Connect the disk or stick that holds it; if it was moved, name it in the settings ([unlock] key_file)."),
        ) from error
    except OSError as error:
        raise unusable_key_file(path, system_reason(error)) from error
    refuse_what_others_read(path, mode)
    if len(content) != KEY_FILE_BYTES:
        raise unusable_key_file(path, _("it does not hold exactly 32 bytes"))
    return content


def refuse_key_file_in_home(path: Path, folder: Path) -> None:
    """Raises UsageRefused for the key file of a second factor that would be stolen together with what it opens."""
    if path.resolve().is_relative_to(folder.resolve()):
        raise key_file_in_home(path)


def key_file_in_home(path: Path) -> UsageRefused:
    """What is told when the home holds what should be a second thing beside it."""
    return UsageRefused(
        "key-file-in-home",
        _("The key file {path} lies in the home that it opens: whoever takes the home takes both.").format(path=path),
        _("Put it elsewhere, on a stick for instance, and name that place: --key-file, or [unlock] key_file."),
    )


def unusable_key_file(path: Path, reason: str) -> UsageRefused:
    """What is told when a file cannot serve as a key file."""
    return UsageRefused(
        "key-file-unusable",
        _("{path} cannot serve as a key file: {reason}.").format(path=path, reason=reason),
        _("Name the right file; a new one is made where none is."),
    )


def refuse_what_others_read(path: Path, mode: int) -> None:
    """Raises UsageRefused when the permission bits let anyone but the owner in."""
    if mode & 0o077:
        raise UsageRefused(
            "key-readable-by-others",
            _("Other users of this machine can read or change {path}.").format(path=path),
            _(
                "Run: chmod 600 '{path}' — and make a new key if others may have read it. On a stick where chmod "
                "changes nothing (FAT), mount it with the option fmask=0177."
            ).format(path=path),
        )


def read_credential(name: str, folder: Path | None) -> bytes:
    """The secret in a systemd credential, 32 bytes or more. Raises UsageRefused `credential-unusable`."""
    reason = _("it was not given to this process")
    if not re.fullmatch(CREDENTIAL_NAME, name):
        reason, folder = _("this is not the name of a credential"), None
    if folder is not None:
        try:
            content, _mode = read_whole(folder / name, _CREDENTIAL_BYTES.stop)
        except OSError as error:
            reason = system_reason(error)
        else:
            if len(content) in _CREDENTIAL_BYTES:
                return content
            reason = _("it must hold 32 random bytes or more")
    raise UsageRefused(
        "credential-unusable",
        _("The systemd credential “{name}” cannot be used: {reason}.").format(name=name, reason=reason),
        _(
            "Make it once with systemd-creds encrypt, and name it in the service’s LoadCredentialEncrypted= (for a "
            "single command: systemd-run --pty -p LoadCredentialEncrypted={name} lightproof …)."
        ).format(name=name),
    )


def read_secret(path: Path) -> str:
    """A passphrase, password or token: the first line of a file; of the input, when the path is “-”.

    Raises UsageRefused `secret-unreadable`. Permissions are not looked at: containers hand over secrets as they do.
    """
    reason = _("its first line must be text in UTF-8, and not too long")
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.readline(_LONGEST_SECRET + 1)
        else:
            with path.open("rb") as file:
                raw = file.readline(_LONGEST_SECRET + 1)
        secret = raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        secret = ""
    except OSError as error:
        secret, reason = "", system_reason(error)
    if not 0 < len(secret.encode()) < _LONGEST_SECRET:
        raise UsageRefused(
            "secret-unreadable",
            _("No secret can be read from {path}: {reason}.").format(path=path, reason=reason),
            _("Put the secret on the first line of a file that only you read, and give its name."),
        )
    return secret


def passphrase_bytes(passphrase: str) -> bytes:
    """A passphrase as bytes: the same whichever way a keyboard composes its accents (NFC)."""
    return unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")


def refuse_short(passphrase: str) -> None:
    """Raises UsageRefused for a new passphrase that a thief of the disk could guess."""
    if len(passphrase) < FEWEST_CHARACTERS:
        raise UsageRefused(
            "passphrase-too-short",
            _("The passphrase has fewer than {n} characters.").format(n=FEWEST_CHARACTERS),
            _("Take five or six words that have nothing to do with each other."),
        )
