"""The documentation says what the program does: commands parse, links lead somewhere, both languages are complete."""

import ast
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from cli.running import lightproof
from lightproof.cli.app import COMMANDS, app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted([*DOCS.rglob("*.md"), README, ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md"])
OF_OTHERS = {"--verbose"}
"""Options of the programs of others, such as Orthanc's."""
OWN_WORDS = {"pacs.practice.example", "pacs.cabinet.example", "register.xlsx.proofs.json", "registre.xlsx.proofs.json"}
"""Names that a reader chooses, and that each language may choose for itself."""
ERRORS = {"LightproofError", "UsageRefused", "ScopeRefused", "LedgerBroken"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_each_page_is_there_in_both_languages() -> None:
    assert {p.name for p in (DOCS / "en").glob("*.md")} == {p.name for p in (DOCS / "fr").glob("*.md")}


def prose(page: Path) -> str:
    """A page without its code and the targets of its links."""
    return re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "X", page.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("page", sorted((DOCS / "fr").glob("*.md")), ids=name_of)
def test_french_is_typeset_as_french_is(page: Path) -> None:
    wrong = r"[^\u00a0\d]:(?=\s)|[^\u202f][;?!](?=[\s*]|$)|«[^\u00a0]|[^\u00a0]»|'|\d \d{3}\b"
    text = prose(page)
    assert [text[m.start() - 20 : m.end() + 10] for m in re.finditer(wrong, text)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_ones_that_the_program_knows(page: Path) -> None:
    for block in re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.splitlines():
            words = (
                shlex.split(line, comments=True) if line.startswith(("lightproof ", ".venv/bin/lightproof ")) else []
            )
            if not words:
                continue
            command: click.Command = import_module(f"lightproof.cli.{words[1]}").command
            shared = [word for word in words[2:] if word not in ("--lang", "fr", "en", "--debug")]
            context = command.make_context(words[1], shared)
            if isinstance(command, click.Group):
                below = command.get_command(context, shared[0])
                assert below is not None, line
                below.make_context(shared[0], shared[1:])


def commands(above: click.Group, path: tuple[str, ...] = ()) -> Iterator[click.Command]:
    """Every command of the program, however deep."""
    context = click.Context(above)
    for name in above.list_commands(context):
        command = above.get_command(context, name)
        assert command is not None, (*path, name)
        yield command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_options_are_ones_that_the_program_has(page: Path) -> None:
    """The commands' own blocks are parsed above; a sentence names options too."""
    known = {name for command in (app, *commands(app)) for option in command.params for name in option.opts}
    known.add("--help")
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - known <= OF_OTHERS


@pytest.mark.parametrize("name", [p.name for p in sorted((DOCS / "en").glob("*.md"))])
def test_both_languages_say_the_same_in_the_same_order(name: str) -> None:
    """What no translation changes: headings, items, rows, blocks of code, options, names in code without a space."""
    english, french = (shape((DOCS / language / name).read_text()) for language in ("en", "fr"))
    assert french == english


def shape(text: str) -> list[list[str]]:
    marks: list[str] = []
    for line in text.splitlines():
        words = (
            re.findall(r"--[a-z-]+|^lightproof(?: [a-z]+(?![\w.-]))+", line) if line.startswith("lightproof ") else []
        )
        marks += words or re.findall(r"^(?:#+|\*(?= )|\d+\.|\|(?: `[a-z-]+` \|)?|```[a-z]*)", line)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    named = (span for span in re.findall(r"`([^`\n]+)`", prose) if re.fullmatch(r"[a-zA-Z0-9_.-]+", span))
    same = (span for span in named if span not in OWN_WORDS)
    return [
        marks,
        sorted(same),
        sorted(re.findall(r"--[a-z][a-z-]+", prose)),
        sorted(re.findall(r"\]\(([^)]+)\)", text)),
    ]


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    """But for its ports, which are others where somebody has these already."""
    ran = lightproof("demo", "--out", tmp_path, home=tmp_path / "home", COLUMNS="80")
    printed, shown = (
        re.sub(r"127\.0\.0\.1:\d{5}", "127.0.0.1:…", text) for text in (ran.out.decode(), README.read_text())
    )
    assert printed.strip("\n") in shown


def error_ids() -> set[str]:
    found = {"extra-missing"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and node.args:
                for constant in ast.walk(node.args[0]):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        found.add(constant.value)
    return found


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_error_is_explained_and_no_other(language: str) -> None:
    page = (DOCS / language / "when-something-fails.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == error_ids()


def test_every_command_has_a_module() -> None:
    assert all(import_module(f"lightproof.cli.{name}").command.name == name for name in COMMANDS)


@pytest.mark.parametrize("room", ["check", "breach", "evidence"])
def test_the_drawing_of_the_house_shows_every_module(room: str) -> None:
    """These rooms are drawn module by module; of the others the drawing says in one line what they hold."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    drawn = re.findall(r"([a-z0-9_]+)\.(?:py|\*)", page.split("```\nsrc/lightproof/")[1].split("```")[0])
    modules = {path.stem for path in (ROOT / "src/lightproof" / room).glob("*.py")} - {"__init__"}
    assert modules <= set(drawn)


def test_what_the_drawing_of_the_house_shows_is_there() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"([a-z0-9_]+\.(?:py|\*))", page.split("```\nsrc/lightproof/")[1].split("```")[0])
    assert [name for name in named if not any((ROOT / "src").rglob(name))] == []
