import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.documents.text import LONGEST, for_csv, for_markdown, for_sarif, for_terminal, visible

anything = st.text(st.characters(exclude_categories=()))


@given(anything)
def test_visible_text_holds_no_control_no_override_and_no_surrogate(text: str) -> None:
    assert not {unicodedata.category(c) for c in visible(text)} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=LONGEST))
def test_printable_ascii_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(anything)
def test_no_cell_begins_a_formula(text: str) -> None:
    assert not for_csv(text).lstrip().startswith(tuple("=+-@|%＝＋－＠"))


@given(anything)
def test_a_terminal_gets_no_byte_it_would_act_on(text: str) -> None:
    assert all(byte >= 0x20 and byte != 0x7F for byte in for_terminal(text).encode())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m", "a\\x1b[31m"),
        ("exe.\u202egpj", "exe.\\u202egpj"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
        ("Élysée – 1\u202f200 œuvres", "Élysée – 1\u202f200 œuvres"),
        ("e\u0301", "e\u0301"),
    ],
)
def test_what_is_hidden_is_spelled_and_what_is_read_is_kept(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_stacked_marks_do_not_cover_the_lines_around() -> None:
    assert visible("a" + "\u0301" * 40).count("\u0301") == 2


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert visible("A" * 65534) == "A" * (LONGEST - 1) + "…"


def test_brackets_of_a_sarif_message_are_no_link() -> None:
    assert for_sarif("[x](1)\\") == "\\[x\\](1)\\\\"


def test_markdown_and_html_are_text_for_defectdojo() -> None:
    assert not set("<>[]()`*_") & set(for_markdown("<img src=x> [a](javascript:b) `c` *d* _e_"))
