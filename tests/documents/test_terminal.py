import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import get_args

import pytest
from rich.cells import cell_len

from lightproof.documents.exposure import exposure_document
from lightproof.documents.model import (
    BarChart,
    Block,
    Card,
    Counts,
    Document,
    FactList,
    Heading,
    Items,
    Ladder,
    Paragraph,
    Rung,
    Section,
    Table,
    Tone,
    Verdict,
)
from lightproof.documents.terminal import Screen, terminal
from lightproof.evidence.records import ExposureReport
from lightproof.locale import LANGUAGES, Language, speaking

PLAIN = Screen(colour=False, symbols=True)
SGR = re.compile(r"\x1b\[[0-9;]*m")


class Tty(StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [1, 7, 3000])
def test_the_first_screen_fits(a_population: Callable[[int], ExposureReport], size: int, language: Language) -> None:
    with speaking(language):
        lines = terminal(exposure_document(a_population(size)), PLAIN, "lightproof demo --fix").splitlines()
    assert len(lines) <= 23
    assert max(map(cell_len, lines)) <= 80


def test_letter_sentence_counts_actions_findings_and_the_next_command_are_there(a_practice: ExposureReport) -> None:
    text = terminal(exposure_document(a_practice), PLAIN, "lightproof check --report report.pdf")
    for said in ("  F  ", "Wide open", "Your images can be read from the Internet.", "0 image copied", "Do now",
                 "Close port 11112", "◆ Critical", "F-0001", "Next: lightproof check --report report.pdf"):  # fmt: skip
        assert said in text


def test_many_rules_give_way_to_the_next_command(a_practice: ExposureReport) -> None:
    findings = tuple(replace(a_practice.findings[0], id=f"F-{n}", rule=f"rule-{n}") for n in range(40))
    text = terminal(exposure_document(replace(a_practice, findings=findings)), PLAIN, "lightproof check")
    assert len(text.splitlines()) <= 23
    assert "Next: lightproof check" in text


@pytest.mark.parametrize(
    ("stream", "environ", "colour"),
    [
        (Tty(), {"TERM": "xterm"}, True),
        (Tty(), {"TERM": "dumb"}, False),
        (Tty(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colour_only_where_it_is_wanted(stream: StringIO, environ: dict[str, str], colour: bool) -> None:
    assert Screen.of(stream, environ).colour is colour


def test_colour_adds_nothing_but_colour(a_practice: ExposureReport) -> None:
    document = exposure_document(a_practice)
    coloured = terminal(document, Screen(colour=True, symbols=True))
    assert SGR.search(coloured)
    stripped = [line.rstrip() for line in SGR.sub("", coloured).splitlines()]
    assert stripped == terminal(document, PLAIN).splitlines()


def test_a_terminal_without_unicode_gets_ascii_symbols(a_practice: ExposureReport) -> None:
    assert terminal(exposure_document(a_practice), Screen(colour=False, symbols=False)).isascii()


@pytest.mark.parametrize("colour", [True, False])
def test_hostile_text_reaches_the_terminal_as_text(a_poisoned_report: ExposureReport, colour: bool) -> None:
    text = terminal(exposure_document(a_poisoned_report), Screen(colour=colour, symbols=True), "lightproof")
    text = SGR.sub("", text) if colour else text
    assert all(c == "\n" or c.isprintable() for c in text)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert len(text.splitlines()) <= 23


def test_an_action_too_long_for_its_column_is_told_whole(a_practice: ExposureReport) -> None:
    rule = a_practice.rules["dicom-query-open"]
    action = "Close the DICOM port to strangers, and let only your own devices in, by title and address"
    told = replace(rule, texts={"en": replace(rule.texts["en"], action=action)})
    report = replace(a_practice, rules={**a_practice.rules, rule.id: told})
    text = terminal(exposure_document(report), PLAIN, "lightproof check")
    assert action in " ".join(text.split())
    assert len(text.splitlines()) <= 23


EVERY_BLOCK: dict[type, Block] = {
    Verdict: Verdict("F", "word-verdict", Tone.CRITICAL, "A sentence.", ()),
    Counts: Counts(("word-counts",)),
    Ladder: Ladder("word-ladder", "F", Tone.CRITICAL, (Rung("Do it", "A", Tone.GOOD),)),
    Paragraph: Paragraph("word-paragraph"),
    Heading: Heading("word-heading"),
    Items: Items("Next", ("word-items",), ordered=True),
    FactList: FactList((("Term", "word-factlist"),)),
    Table: Table("Rows", ("Head",), (("word-table",),)),
}


def test_every_block_of_a_document_is_shown() -> None:
    assert set(EVERY_BLOCK) | {BarChart, Card} == set(get_args(Block)), (
        "a new kind of block needs its place on the screen"
    )
    document = Document(
        title="t", subtitle="s", language="en", made=datetime(2026, 11, 23, tzinfo=UTC), producer="p", footer="f",
        sections=(Section("", tuple(EVERY_BLOCK.values())),),
    )  # fmt: skip
    screen = terminal(document, PLAIN)
    for kind in EVERY_BLOCK:
        assert f"word-{kind.__name__.lower()}" in screen
    assert all(cell_len(line) <= 80 for line in screen.splitlines())


def test_long_facts_and_items_go_on_below_themselves() -> None:
    blocks = (FactList((("Authority by", "word " * 30),)), Items("Next", ("word " * 30,)))
    document = Document(
        title="t", subtitle="s", language="en", made=datetime(2026, 11, 23, tzinfo=UTC), producer="p", footer="f",
        sections=(Section("", blocks),),
    )  # fmt: skip
    lines = terminal(document, PLAIN).splitlines()
    assert lines[0].startswith("Authority by  word")
    assert lines[1].startswith(" " * 14 + "word")
    assert "- word" in "\n".join(lines)
    assert all(cell_len(line) <= 80 for line in lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_title_too_long_for_its_column_is_told_whole(a_practice: ExposureReport, language: Language) -> None:
    title = "N’importe qui peut télécharger les images de vos patients depuis Internet"
    rule = a_practice.rules["dicom-query-open"]
    texts = {name: replace(text, title=title) for name, text in rule.texts.items()}
    report = replace(a_practice, rules={**a_practice.rules, rule.id: replace(rule, texts=texts)}, fixes=())
    with speaking(language):
        lines = terminal(exposure_document(report), PLAIN).splitlines()
    start = next(number for number, line in enumerate(lines) if "N’importe qui peut" in line)
    column = lines[start].index("N’importe")
    told = " ".join(line[column : column + 43].split("  ")[0].strip() for line in lines[start : start + 3])
    assert told.startswith(title)
    assert all(cell_len(line) <= 80 for line in lines)


def test_what_is_left_out_is_said_to_be_in_the_full_report(a_practice: ExposureReport) -> None:
    findings = tuple(replace(a_practice.findings[0], id=f"F-{n:04}", rule=f"rule-{n}") for n in range(40))
    report = replace(a_practice, findings=findings, rules={}, fixes=())
    lines = terminal(exposure_document(report), PLAIN).splitlines()
    shown = sum(line.startswith("◆") for line in lines)
    assert lines[-1] == f"… and {40 - shown} more: see the full report"
    assert "further on" not in "\n".join(lines)
