"""Messages in the reader's language: gettext catalogues, French and English.

The English text is the key, so English needs no catalogue. The language travels in a context variable: each command,
request or test sets its own with `speaking`, and none disturbs another.
"""

import gettext as _gettext
import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["en", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_current: ContextVar[Language] = ContextVar("language", default="en")


def gettext(message: str) -> str:
    """The message in the current language; the English text itself where no translation exists."""
    return _catalogue(_current.get()).gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """Singular or plural form for `n`, in the current language."""
    return _catalogue(_current.get()).ngettext(singular, plural, n)


def language() -> Language:
    """The language messages are given in now."""
    return _current.get()


def as_language(code: str) -> Language | None:
    """The language with this code; None when we do not have it."""
    return next((known for known in LANGUAGES if known == code), None)


def preferred_language() -> Language:
    """What the environment asks for: LIGHTPROOF_LANG, then LC_ALL, LC_MESSAGES and LANG; English otherwise."""
    for variable in ("LIGHTPROOF_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if wished := os.environ.get(variable):
            return "fr" if wished.lower().startswith("fr") else "en"
    return "en"


@contextmanager
def speaking(wished: Language) -> Generator[None]:
    """Messages inside the block are given in this language."""
    token = _current.set(wished)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def the_library_speaking() -> Generator[None]:
    """Inside the block, click (which asks the process-wide gettext) speaks the current language too."""
    domain, languages = _gettext.textdomain(), os.environ.get("LANGUAGE")
    _gettext.bindtextdomain("click", str(Path(__file__).parent))
    _gettext.textdomain("click")
    os.environ["LANGUAGE"] = language()
    try:
        yield
    finally:
        _gettext.textdomain(domain)
        if languages is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = languages


@cache
def _catalogue(wished: Language) -> _gettext.NullTranslations:
    return _gettext.translation("lightproof", Path(__file__).parent, languages=[wished], fallback=True)
