"""Reasons that lightproof itself writes beside a change of the facts, where no person gave one."""

from lightproof.locale import gettext as _


def found_closed(entry: int) -> str:
    """Why the end is known: the check in this entry."""
    return _("A later check (ledger entry {entry}) found it closed.").format(entry=entry)


def logs_read() -> str:
    """Why the access is known."""
    return _("Access logs were read.")


def stated_at_opening() -> str:
    """Why a fact differs from what was measured in the same minute."""
    return _("Stated when the breach was opened.")


def stated_by_a_person() -> str:
    """How a number was found that nobody measured."""
    return _("stated by a person")
