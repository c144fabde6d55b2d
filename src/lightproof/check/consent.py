"""What the owner of the machines agreed to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

MOST_TITLES: Final = 20
"""A guess against an access rule stays a guess, not a search."""
_LONGEST_TITLE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the owner agreed to beyond zero-match proofs."""

    count: bool = False
    """Studies may be counted: identifiers become keyed hashes as they are parsed."""
    key: bytes = b""
    """Of those hashes (HMAC-SHA-256); made for one report and forgotten with it."""
    called_aes: tuple[str, ...] = ()
    """AE titles to try where a DICOM service only answers to its own: a guess against an access rule."""

    @property
    def beyond_proofs(self) -> bool:
        """Whether anything of it asks for more than zero-match proofs."""
        return self.count or bool(self.called_aes)


def called_ae_titles(texts: Iterable[str]) -> tuple[str, ...]:
    """AE titles as somebody wrote them, each once. Raises UsageRefused naming the one that is none.

    PS3.5 section 6.2, AE: at most 16 characters of the default repertoire (ISO-IR 6), without backslash and control
    characters; spaces around it mean nothing, and it is not made of spaces alone.
    """
    titles = tuple(dict.fromkeys(_title(text) for text in texts))
    if len(titles) > MOST_TITLES:
        raise UsageRefused(
            "called-ae-too-many",
            _("{count} AE titles were given; one run tries at most {most}.").format(
                count=len(titles), most=MOST_TITLES
            ),
            _("Keep the likely ones, or run the check again with the others."),
        )
    return titles


def _title(text: str) -> str:
    title = text.strip(" ")
    if not 0 < len(title) <= _LONGEST_TITLE or "\\" in title or not (title.isascii() and title.isprintable()):
        raise UsageRefused(
            "called-ae-unreadable",
            _("“{title}” is not an AE title.").format(
                title="".join(c if c.isprintable() else "?" for c in text[: 2 * _LONGEST_TITLE])
            ),
            _("An AE title has 1 to 16 letters, digits, spaces and signs of ASCII, and no backslash."),
        )
    return title
