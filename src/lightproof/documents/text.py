"""One typed encoder a sink, for text that may come from a hostile network.

HTML is encoded by the template engine's autoescape and PDF by passing data instead of source; both, and the sinks
below, first make invisible and reordering characters visible. JSON keeps the text as it is, in ASCII.
"""

import re
import unicodedata
from typing import Final, NewType

VisibleText = NewType("VisibleText", str)
TerminalText = NewType("TerminalText", str)
CsvCell = NewType("CsvCell", str)
SarifText = NewType("SarifText", str)
MarkdownText = NewType("MarkdownText", str)

LONGEST: Final = 600
"""Characters of one text that a document for people shows; the whole text is in the JSON."""

_MOST_MARKS: Final = 2
"""Combining marks kept in a row: more only serve to cover neighbouring lines."""

_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_CSV_FORMULA: Final = tuple("=+-@\t\r\n|%＝＋－＠")
_SARIF_SPECIAL: Final = re.compile(r"[\\\[\]]")
_MARKDOWN_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|~&:/@=$]")


def visible(text: str) -> VisibleText:
    """The text, `spelled_out`; cut at `LONGEST` characters with an ellipsis."""
    return spelled_out(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def visible_lines(text: str) -> VisibleText:
    """The same for a sink that shows lines: whole, its line feeds kept."""
    return VisibleText("\n".join(map(spelled_out, text.split("\n"))))


def spelled_out(text: str) -> VisibleText:
    """The text with controls, bidirectional overrides, zero-width and unassigned characters written as `\\u202e`."""
    if text.isprintable() and (text.isascii() or not any(map(unicodedata.combining, text))):
        return VisibleText(text)
    shown: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES or marks > _MOST_MARKS
        shown.append(_spelled(character) if hidden else character)
    return VisibleText("".join(shown))


def for_terminal(text: str) -> TerminalText:
    """Text that a terminal only prints: no byte of it moves the cursor, changes a colour or a title, or rings."""
    return TerminalText(visible(text))


def for_csv(text: str) -> CsvCell:
    """Text, whole, that a spreadsheet shows and never computes: before a formula's first character comes an apostrophe.

    Source: OWASP ASVS 5.0, 1.2.10.
    """
    shown = spelled_out(text)
    return CsvCell("'" + shown if text.startswith(_CSV_FORMULA) or shown.lstrip().startswith(_CSV_FORMULA) else shown)


def for_sarif(text: str) -> SarifText:
    """Plain text of a SARIF message, in which brackets would begin a link (SARIF 2.1.0, 3.11.6)."""
    return SarifText(_SARIF_SPECIAL.sub(lambda match: "\\" + match[0], visible(text)))


def for_markdown(text: str) -> MarkdownText:
    """Text that stays text where the reader renders Markdown with HTML in it."""
    return MarkdownText(_MARKDOWN_SPECIAL.sub(lambda match: f"&#{ord(match[0])};", visible(text)))


def _spelled(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
