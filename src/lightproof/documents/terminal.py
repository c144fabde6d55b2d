"""A document's first section on a terminal of 80 columns and 24 lines: what it is worth, what to do, what comes next.

Symbol, word and colour together; no colour when the stream is no terminal, with NO_COLOR, or on a dumb terminal
(clig.dev, no-color.org). Every text passes `text.for_terminal`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final, TextIO, assert_never

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.style import Style
from rich.text import Text

from lightproof.documents.model import (
    BarChart,
    Block,
    Card,
    Cell,
    Counts,
    Document,
    FactList,
    Heading,
    Items,
    Ladder,
    Link,
    Mark,
    Paragraph,
    Table,
    Tone,
    Verdict,
)
from lightproof.documents.palette import ASCII_SYMBOLS, COLOURS, SYMBOLS
from lightproof.documents.text import for_terminal
from lightproof.locale import gettext as _

_WIDTH: Final = 80
_LINES: Final = 23
"""A screen of 24, less the line of the next prompt."""
_GAP: Final = 2
_CELL_LINES: Final = 3
_ANSI: Final = {
    Tone.GOOD: "green",
    Tone.INFO: "default",
    Tone.LOW: "blue",
    Tone.MEDIUM: "yellow",
    Tone.HIGH: "bright_red",
    Tone.CRITICAL: "red",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """What a terminal can show."""

    colour: bool
    symbols: bool
    """It prints ◆ and its kin; otherwise ASCII stands for them."""

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str]) -> "Screen":
        """What `stream` can show, by itself and by the reader's wish."""
        colour = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        return cls(colour=colour, symbols="utf" in (stream.encoding or "").lower())


def terminal(document: Document, screen: Screen, next_command: str = "") -> str:
    """The first section as lines of at most 80 columns, at most 23 of them where the findings can be shortened."""
    room = _LINES - 2 * bool(next_command)
    lines = _lines(document, screen, fewer=0)
    if len(lines) > room:
        lines = _lines(document, screen, fewer=len(lines) - room)
    if next_command:
        lines += [Text(), Text(_("Next: {command}").format(command=for_terminal(next_command)), style="bold")]
    console = Console(
        file=StringIO(), width=_WIDTH, force_terminal=screen.colour, color_system="256" if screen.colour else None,
        no_color=not screen.colour, highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    with console.capture() as captured:
        for line in lines:
            console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
    return text if screen.symbols else _ascii_typography(text)


def _lines(document: Document, screen: Screen, fewer: int) -> list[Text]:
    """All lines; `fewer` is how many lines the last table saves, as far as it can."""
    blocks = document.sections[0].blocks
    tables = [block for block in blocks if isinstance(block, Table)]
    lines: list[Text] = []
    for block in blocks:
        drawn = list(_block(block, screen, fewer if tables and block is tables[-1] else 0))
        if drawn and lines and not isinstance(block, Ladder):
            lines.append(Text())
        lines += drawn
    return lines


def _block(block: Block, screen: Screen, fewer: int) -> Iterator[Text]:
    match block:
        case Verdict():
            yield from _verdict(block)
        case Counts():
            yield from _packed(block.items)
        case Ladder():
            letters = " → ".join(for_terminal(letter) for letter in (block.letter, *(r.letter for r in block.rungs)))
            title = for_terminal(block.title)
            yield Text(_("{title}: {letters}").format(title=title, letters=letters), style="bold")
        case Paragraph():
            yield from _wrapped(block.text)
        case Heading():
            yield Text(for_terminal(block.text), style="bold")
        case Items():
            yield from _items(block)
        case FactList():
            yield from _facts(block)
        case BarChart() | Card():
            return  # pages have room for them, a first screen has not
        case Table():
            yield from _table(block, screen, fewer)
        case _:
            assert_never(block)


def _items(items: Items) -> Iterator[Text]:
    yield Text(for_terminal(items.title), style="bold")
    for number, item in enumerate(items.items, start=1):
        lead = f"{number}. " if items.ordered else "- "
        for index, line in enumerate(_wrapped(item, width=_WIDTH - len(lead))):
            yield Text.assemble(lead if index == 0 else " " * len(lead), line)


def _facts(facts: FactList) -> Iterator[Text]:
    """Terms in one column, their values beside them."""
    terms = [for_terminal(term) for term, _value in facts.rows]
    beside = min(max(map(cell_len, terms), default=0), _WIDTH // 3) + _GAP
    for term, (_term, value) in zip(terms, facts.rows, strict=True):
        for index, line in enumerate(_wrapped(value, width=_WIDTH - beside)):
            yield Text.assemble(set_cell_size(term if index == 0 else "", beside), line)


def _verdict(verdict: Verdict) -> Iterator[Text]:
    tile = Style(color="white", bgcolor=COLOURS[verdict.tone].solid, bold=True)
    beside = [Text(for_terminal(verdict.word), style=Style(color=_ANSI[verdict.tone], bold=True))]
    beside += _wrapped(verdict.sentence, width=_WIDTH - 7)
    for reason in verdict.reasons[:1]:
        beside += _wrapped(reason, width=_WIDTH - 7, lines=2)
    for index, line in enumerate(beside):
        letter = for_terminal(verdict.letter) if index == 1 else ""
        yield Text.assemble((letter.center(5), tile if index < 3 else ""), "  ", line)


def _table(table: Table, screen: Screen, fewer: int) -> Iterator[Text]:
    yield Text(for_terminal(table.title), style="bold")
    natural = [max(cell_len(_cell(row[i], screen)[0]) for row in table.rows) for i in range(len(table.columns))]
    too_wide = sum(natural) + _GAP * (len(natural) - 1) > _WIDTH
    if too_wide and not any(isinstance(row[0], Mark) for row in table.rows):
        drawn = [list(_stacked(row, screen)) for row in table.rows]
    else:
        widths = _fitted(natural)
        drawn = [list(_aligned(row, widths, screen)) for row in table.rows]
    shown = _shortened(drawn, fewer, has_note=bool(table.more or table.left_out))
    for lines in shown:
        yield from lines
    if more := table.more + len(drawn) - len(shown):
        yield Text(_("… and {n} more: see the full report").format(n=more))
    elif table.left_out:
        yield Text(for_terminal(table.left_out))


def _shortened(rows: Sequence[list[Text]], fewer: int, *, has_note: bool) -> Sequence[list[Text]]:
    """The first rows, so that so many lines are saved; one row at least. What is left out takes a line to be said."""
    kept = len(rows)
    saved = 0
    while kept > 1 and saved < fewer:
        saved -= 0 if has_note or kept < len(rows) else 1
        kept -= 1
        saved += len(rows[kept])
    return rows[:kept]


def _aligned(row: Sequence[Cell], widths: Sequence[int], screen: Screen) -> Iterator[Text]:
    """A row in columns: a cell that is too long for its own goes on below itself, so that no word is lost."""
    columns = [
        (_wrapped(text, width=width, lines=_CELL_LINES), style, width)
        for (text, style), width in zip((_cell(cell, screen) for cell in row), widths, strict=True)
    ]
    for number in range(max((len(lines) for lines, _style, _width in columns), default=0)):
        line = Text()
        for lines, style, width in columns:
            if line:
                line.append(" " * _GAP)
            text = lines[number].plain.rstrip() if number < len(lines) else ""
            line.append(text, style)
            line.append(" " * (width - cell_len(text)))
        yield line


def _stacked(row: Sequence[Cell], screen: Screen) -> Iterator[Text]:
    """A row that begins with a sentence: the sentence whole, the rest beside it where there is room, or below."""
    lead, *others = (_cell(cell, screen)[0] for cell in row)
    if cell_len(joined := " · ".join((lead, *others))) <= _WIDTH:
        yield Text(joined)
        return
    yield from _wrapped(lead, lines=2)
    yield from _wrapped("  " + " · ".join(others), lines=1)


def _fitted(natural: Sequence[int]) -> list[int]:
    """Widths of columns, the widest giving way until a line fits."""
    widths = list(natural)
    while sum(widths) + _GAP * (len(widths) - 1) > _WIDTH and max(widths) > 4:
        widths[widths.index(max(widths))] -= 1
    return widths


def _cell(cell: Cell, screen: Screen) -> tuple[str, str]:
    match cell:
        case Mark():
            symbol = (SYMBOLS if screen.symbols else ASCII_SYMBOLS)[cell.tone]
            return f"{symbol} {for_terminal(cell.word)}", f"bold {_ANSI[cell.tone]}"
        case Link():
            return for_terminal(cell.text), ""
        case str():
            return for_terminal(cell), ""
        case _:
            assert_never(cell)


def _wrapped(text: str, width: int = _WIDTH, lines: int = 3) -> list[Text]:
    """Running text on at most so many lines."""
    wrapped = list(Text(for_terminal(text)).wrap(Console(file=StringIO(), width=width), width))
    if len(wrapped) > lines:
        wrapped[lines - 1] = Text(set_cell_size(wrapped[lines - 1].plain, width - 1) + "…")
    return wrapped[:lines]


def _packed(items: Sequence[str]) -> Iterator[Text]:
    """Phrases with a dot between them, none broken over two lines."""
    line = ""
    for item in map(for_terminal, items):
        joined = f"{line} · {item}" if line else item
        if line and cell_len(joined) > _WIDTH:
            yield Text(line, style="bold")
            joined = item
        line = joined
    yield Text(line, style="bold")


def _ascii_typography(text: str) -> str:
    """For a terminal that cannot print our own typography; accents are left to its encoder."""
    return text.translate({0x2192: "->", 0xB7: "-", 0x2026: "...", 0x2019: "'", 0x202F: " ", 0xA0: " "})
