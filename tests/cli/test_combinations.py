"""An option that could not be heeded is refused with its name, before a home is opened."""

from collections.abc import Iterator
from importlib import import_module

import click
import pytest

from lightproof.cli.combinations import Rules
from lightproof.errors import UsageRefused

COMMANDS = ("open", "assess", "notify", "letter", "register")


def command(name: str) -> click.Command:
    found: click.Command = import_module(f"lightproof.cli.breach.{name}").command
    return found


def rules(kind: str) -> Iterator[tuple[str, str, str]]:
    """Command, option, and each option that stands with it in a row."""
    for name in COMMANDS:
        table: Rules = getattr(import_module(f"lightproof.cli.breach.{name}"), kind, ())
        yield from ((name, option, other) for option, others in table for other in others)


def typed(name: str, *options: str) -> list[str]:
    """The command line with these options, each with a value of its kind."""
    known = {parameter.opts[0]: parameter for parameter in command(name).params}
    words = ["B-2026-0001"] if "number" in known and "--facts" not in options else []
    for option in options:
        parameter = known[option]
        words.append(option)
        if isinstance(parameter, click.Option) and not parameter.is_flag:
            kind = parameter.type
            if isinstance(kind, click.Choice):
                words.append(str(kind.choices[0]))
            else:
                words.append(str(kind.min) if isinstance(kind, click.IntRange) else "1")
    return words


def refused(name: str, *options: str) -> UsageRefused:
    with pytest.raises(UsageRefused) as refusal:
        command(name).main(typed(name, *options), standalone_mode=False)
    return refusal.value


@pytest.mark.parametrize(("name", "option"), sorted({(name, option) for name, option, _other in rules("_NEEDS")}))
def test_an_option_that_says_nothing_alone_is_refused(name: str, option: str) -> None:
    refusal = refused(name, option)
    assert refusal.error_id == "option-alone"
    assert option in refusal.cause


@pytest.mark.parametrize(("name", "option", "other"), list(rules("_EXCLUDES")))
def test_what_would_not_be_heeded_is_refused(name: str, option: str, other: str) -> None:
    needed = {first: second for each, first, second in rules("_NEEDS") if each == name}
    beside = [needed[one] for one in (option, other) if one in needed]
    refusal = refused(name, option, other, *(one for one in beside if one not in (option, other)))
    assert refusal.error_id == "options-conflict", refusal
    assert option in refusal.cause
    assert other in refusal.cause


def test_no_number_of_anything_is_a_number_all_the_same() -> None:
    assert refused("letter", "--count").error_id == "option-alone"
    with pytest.raises(UsageRefused):
        command("letter").main(["B-2026-0001", "--count", "0"], standalone_mode=False)
