"""The recovery kit: one page of text, to be printed and kept away from the machine."""

import textwrap
from datetime import datetime
from pathlib import Path
from typing import Final

from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

_WIDTH: Final = 76


def page(code: str, folder: Path, made: datetime, ledger_key: str) -> str:
    """The text of the kit. `code` as `recovery.written` gives it; `made` in UTC."""
    return "\n".join(
        [
            _("LIGHTPROOF RECOVERY KIT"),
            "",
            _paragraph(
                _(
                    "This page opens the home of lightproof named below when its passphrase, key file or credential is "
                    "lost. It is shown once. Print it, or copy it by hand; keep it in a safe or with your notary, "
                    "never on this machine; then delete the file. Whoever holds it, together with the home or a "
                    "backup of it, reads everything that lightproof keeps."
                )
            ),
            "",
            _("Recovery code:"),
            "",
            f"    {code}",
            "",
            _("Home: {folder}").format(folder=folder),
            _("Made: {when} (UTC)").format(when=made.strftime("%Y-%m-%d %H:%M")),
            _("Public key of its ledger, for those who verify what it proves:"),
            f"    {ledger_key}",
            "",
            _paragraph(
                _(
                    "To use it: put the home back in its folder, from a backup if need be (with its file "
                    "root-key.json), and run the command below; it asks for the code."
                )
            ),
            "",
            "    lightproof init --recover --set-unlock passphrase",
            "",
            _paragraph(_("A new kit voids this one: lightproof init --set-unlock recovery")),
            "",
        ]
    )


def refuse_inside(path: Path, folder: Path) -> None:
    """Raises UsageRefused for a kit that would be lost or stolen together with what it opens."""
    if path.resolve().is_relative_to(folder.resolve()):
        raise not_written(path, _("it would lie in the home that it opens"))


def not_written(path: Path, reason: str) -> UsageRefused:
    """What is told when the kit cannot be put there."""
    return UsageRefused(
        "recovery-kit-not-written",
        _("The recovery kit cannot be written to {path}: {reason}.").format(path=path, reason=reason),
        _("Name a new file in another folder, on a stick for instance; nothing was changed."),
    )


def _paragraph(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH))
