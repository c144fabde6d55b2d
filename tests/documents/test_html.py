import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from lightproof.documents.exposure import exposure_document
from lightproof.documents.html import html
from lightproof.evidence.records import ExposureReport
from lightproof.locale import LANGUAGES, Language, speaking

TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "p", "nav", "ul", "ol", "li",
    "a", "main", "section", "div", "span", "b", "table", "thead", "tbody", "tr", "th", "td", "caption", "figure", "svg",
    "polygon", "desc", "text", "rect", "article", "dl", "dt", "dd", "footer",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "viewbox", "aria-hidden", "focusable", "points",
    "href", "role", "aria-label", "aria-labelledby", "scope", "width", "height", "x", "y", "rx", "text-anchor", "id",
    "data-head",
}  # fmt: skip


class Reader(HTMLParser):
    """What an independent reader finds in the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(report: ExposureReport, language: Language = "en") -> Reader:
    with speaking(language):
        page = html(exposure_document(report)).decode()
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_first_page_says_letter_word_sentence_counts_and_what_to_do(a_practice: ExposureReport) -> None:
    text = " ".join(" ".join(read(a_practice).text).split())
    for said in (
        "F Wide open Your images can be read from the Internet.",
        "Capped at F: Anyone on the Internet can list, take or alter patients’ images.",
        "5,300 series",
        "0 image copied",
        "What improves the letter",
        "Do now",
        "Close port 11112 on the internet box",
        "Critical",
        "F-0001",
        f"Evidence SHA-256: {a_practice.evidence_sha256}",
    ):
        assert said in text


def test_nothing_in_the_page_is_active_or_loaded_from_elsewhere(a_poisoned_report: ExposureReport) -> None:
    reader = read(a_poisoned_report)
    assert set(reader.tags) <= TAGS
    assert {name for name, _value in reader.attributes} <= ATTRIBUTES
    assert all(re.fullmatch(r"#(card|section)-\d+", value) for name, value in reader.attributes if name == "href")
    assert reader.tags.count("style") == 1


def test_hostile_text_cannot_leave_the_printed_footer(a_practice: ExposureReport, a_hostile_string: str) -> None:
    plain = html(exposure_document(a_practice)).decode()
    page = html(exposure_document(replace(a_practice, evidence_sha256=a_hostile_string))).decode()
    footer = re.search(r'@bottom-left \{ content: "([^"\\]*)"; font', page)
    assert footer
    assert not re.search(r"[{}<>;()'@#*/\n]", footer[1])
    assert page.count("{") - a_hostile_string[:600].count("{") * 2 <= plain.count("{") + 2


def test_the_longest_text_is_cut(a_practice: ExposureReport) -> None:
    finding = replace(a_practice.findings[0], evidence="A" * 65534)
    page = html(exposure_document(replace(a_practice, findings=(finding,)))).decode()
    assert "A" * 599 + "…" in page
    assert "A" * 601 not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_its_language(a_practice: ExposureReport, language: Language) -> None:
    assert ("lang", language) in read(a_practice, language).attributes


def test_the_same_report_gives_the_same_page(a_practice: ExposureReport) -> None:
    assert html(exposure_document(a_practice)) == html(exposure_document(a_practice))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_axe_finds_nothing(
    *, chromium: Browser, a_practice: ExposureReport, tmp_path: Path, language: Language, theme: str, width: int
) -> None:
    with speaking(language):
        (tmp_path / "report.html").write_bytes(html(exposure_document(a_practice)))
    page = chromium.new_page(color_scheme=theme, viewport={"width": width, "height": 800})  # type: ignore[arg-type]
    page.goto((tmp_path / "report.html").as_uri())
    found = Axe().run(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert found.violations_count == 0, found.generate_report()
    assert wide <= width


def test_chromium_runs_nothing_and_asks_for_nothing(
    chromium: Browser, a_poisoned_report: ExposureReport, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_bytes(html(exposure_document(a_poisoned_report)))
    page = chromium.new_page(viewport={"width": 360, "height": 800})
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())
    pwned = page.evaluate("'pwned' in window")
    wide = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()
    assert not pwned
    assert [s for s in said if not s.startswith(("file:", "data:font/"))] == []
    assert wide


@pytest.mark.parametrize("findings", [10_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_very_many_findings_stay_a_small_page(a_population: Callable[[int], ExposureReport], findings: int) -> None:
    page = html(exposure_document(a_population(findings)))
    assert len(page) < 1_000_000
    assert b"more places are in the JSON report" in page
