"""Colours and symbols of the tones, one table for every renderer.

White text on a `solid` colour, and each `ink` on its page, have a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lightproof.documents.model import Tone


@dataclass(frozen=True, slots=True)
class Colours:
    """`#rrggbb` colours of one tone."""

    solid: str
    """Ground under white text, in either theme."""
    ink_light: str
    """Text and symbols on a light page."""
    ink_dark: str
    """Text and symbols on a dark page."""


COLOURS: Final[Mapping[Tone, Colours]] = {
    Tone.GOOD: Colours("#1b7339", "#1b7339", "#6fd08c"),
    Tone.INFO: Colours("#4a5666", "#4a5666", "#b4bfcc"),
    Tone.LOW: Colours("#1c5fa8", "#1c5fa8", "#8cc0f5"),
    Tone.MEDIUM: Colours("#876000", "#7d5900", "#e8c15a"),
    Tone.HIGH: Colours("#b0470a", "#a84308", "#ffa869"),
    Tone.CRITICAL: Colours("#b3161f", "#b3161f", "#ff9a98"),
}

PAGE_LIGHT: Final = "#ffffff"
PAGE_DARK: Final = "#14181d"

SYMBOLS: Final[Mapping[Tone, str]] = {
    Tone.GOOD: "✓",
    Tone.INFO: "○",
    Tone.LOW: "●",
    Tone.MEDIUM: "■",
    Tone.HIGH: "▲",
    Tone.CRITICAL: "◆",
}

ASCII_SYMBOLS: Final[Mapping[Tone, str]] = {
    Tone.GOOD: "+",
    Tone.INFO: "i",
    Tone.LOW: "o",
    Tone.MEDIUM: "*",
    Tone.HIGH: "!",
    Tone.CRITICAL: "!!",
}

OUTLINES: Final[Mapping[Tone, tuple[tuple[float, float], ...]]] = {
    Tone.GOOD: ((2, 8.5), (4, 6.5), (6.5, 9), (12, 3), (14, 5), (6.5, 13)),
    Tone.INFO: ((8, 2), (14, 8), (8, 14), (2, 8), (8, 2), (8, 5), (5, 8), (8, 11), (11, 8), (8, 5)),
    Tone.LOW: ((5.5, 2), (10.5, 2), (14, 5.5), (14, 10.5), (10.5, 14), (5.5, 14), (2, 10.5), (2, 5.5)),
    Tone.MEDIUM: ((2.5, 2.5), (13.5, 2.5), (13.5, 13.5), (2.5, 13.5)),
    Tone.HIGH: ((8, 1.5), (15, 14), (1, 14)),
    Tone.CRITICAL: ((8, 0.5), (15.5, 8), (8, 15.5), (0.5, 8)),
}
"""The symbols as polygons in a 16 by 16 box, y down, so that no renderer depends on a font that has them."""
