"""What somebody writes as an AE title is one, or is named."""

import pytest

from lightproof.check.consent import MOST_TITLES, called_ae_titles
from lightproof.errors import UsageRefused


def test_titles_are_kept_each_once_without_the_spaces_around_them() -> None:
    assert called_ae_titles(("PACS", " PACS ", "A B", "SIXTEEN-LETTERS!")) == ("PACS", "A B", "SIXTEEN-LETTERS!")


@pytest.mark.parametrize("text", ["", "  ", "SEVENTEEN-LETTERS", "é", "CO\\MMON", "A\tB", "A\nB", "A\x7f", "\xa0"])
def test_what_is_no_title_is_refused(text: str) -> None:
    with pytest.raises(UsageRefused, match="called-ae-unreadable") as refused:
        called_ae_titles(("PACS", text))
    assert refused.value.exit_code == 2
    assert f"“{''.join(c if c.isprintable() else '?' for c in text)}”" in refused.value.cause


def test_more_titles_than_are_tried_are_refused_and_none_is_dropped() -> None:
    titles = [f"PACS{number}" for number in range(MOST_TITLES + 1)]
    assert len(called_ae_titles(titles[1:])) == MOST_TITLES
    with pytest.raises(UsageRefused, match=r"called-ae-too-many: 21 .* 20"):
        called_ae_titles(titles)
