import pytest

from lightproof.documents.model import Tone
from lightproof.documents.palette import ASCII_SYMBOLS, COLOURS, OUTLINES, PAGE_DARK, PAGE_LIGHT, SYMBOLS


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tone", Tone)
def test_each_tone_reads_at_4_5_to_1_in_both_themes(tone: Tone) -> None:
    colours = COLOURS[tone]
    assert contrast("#ffffff", colours.solid) >= 4.5
    assert contrast(PAGE_LIGHT, colours.ink_light) >= 4.5
    assert contrast(PAGE_DARK, colours.ink_dark) >= 4.5


def test_each_tone_has_a_symbol_of_its_own() -> None:
    for symbols in (SYMBOLS, ASCII_SYMBOLS, OUTLINES):
        assert set(symbols) == set(Tone)
        assert len(set(symbols.values())) == len(Tone)
