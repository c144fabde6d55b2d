"""French is complete: every text of the program is translated, with the same placeholders, and typeset as French is."""

import ast
import gettext as library
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from lightproof import locale
from lightproof.locale import gettext, ngettext, preferred_language, speaking

SOURCE = Path(locale.__file__).parent.parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
CATALOGUES = sorted((SOURCE / "locale" / "fr" / "LC_MESSAGES").glob("*.po"))


def texts_of_the_program() -> set[str]:
    found = extract_from_dir(SOURCE, [("**.py", "python")], keywords=KEYWORDS)
    texts: set[str] = set()
    for _file, _line, message, _comments, _context in found:
        texts.add(message if isinstance(message, str) else message[0])
    return texts


def messages(path: Path) -> list[Message]:
    with path.open("rb") as file:
        return [message for message in read_po(file, locale="fr") if message.id]


def pairs(message: Message) -> list[tuple[str, str]]:
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return list(zip(message.id, message.string, strict=True))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_no_text_hides_in_a_formatted_string() -> None:
    """Babel does not look into f-strings: such a text would never be translated."""
    hidden = [
        f"{file.relative_to(SOURCE)}:{node.lineno}"
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.JoinedStr)
        for called in ast.walk(node)
        if isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id in KEYWORDS
    ]
    assert not hidden


def test_every_text_of_the_program_is_translated() -> None:
    translated = {pairs(m)[0][0] for m in messages(SOURCE / "locale/fr/LC_MESSAGES/lightproof.po") if all(pairs(m)[0])}
    assert sorted(texts_of_the_program() - translated) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_what_is_installed_was_compiled_from_the_catalogue_as_it_is(path: Path) -> None:
    with path.with_suffix(".mo").open("rb") as file:
        compiled = library.GNUTranslations(file)
    for message in messages(path):
        english, french = pairs(message)[0]
        if french and not message.fuzzy:
            said = compiled.gettext(english) if isinstance(message.id, str) else compiled.ngettext(*message.id, 1)
            assert said == french, "make test compiles it"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_translations_keep_the_placeholders(path: Path) -> None:
    for message in messages(path):
        for english, french in pairs(message):
            assert placeholders(french) <= placeholders(english) | placeholders(pairs(message)[0][0]), english


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_translations_are_typeset_as_french_is(path: Path) -> None:
    for message in messages(path):
        for _english, french in pairs(message):
            assert not re.search(r" [;?!»](\s|$)|« | :(\s|$)", french), french
            assert "'" not in re.sub(r"'[^']*'", "", french), french


def french_of(value: object, *, french: bool = False) -> Iterator[str]:
    """Every text under a key `fr`, however deep."""
    if isinstance(value, dict):
        for key, below in cast("dict[str, object]", value).items():
            yield from french_of(below, french=french or key == "fr")
    elif isinstance(value, list):
        for below in cast("list[object]", value):
            yield from french_of(below, french=french)
    elif isinstance(value, str) and french:
        yield value


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.toml")), ids=lambda path: path.stem)
def test_french_in_the_tables_is_typeset_as_french_is(path: Path) -> None:
    for french in french_of(tomllib.loads(path.read_text())):
        assert not re.search(r" [:;?!»](\s|$)|« |\d \d{3}\b|'", french), french


def test_each_context_speaks_its_own_language() -> None:
    with speaking("fr"):
        assert gettext("Interrupted.") == "Interrompu."
        with speaking("en"):
            assert gettext("Interrupted.") == "Interrupted."
    assert ngettext("{n} file", "{n} files", 2) == "{n} files"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE", "LC_ALL": "fr_BE"}, "fr"),
        ({"LIGHTPROOF_LANG": "en", "LANG": "fr_FR"}, "en"),
        ({}, "en"),
    ],
)
def test_the_environment_chooses_the_language(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIGHTPROOF_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert preferred_language() == language
