"""A group of commands whose modules are loaded only when they are called, and that guesses at typing errors."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click

from lightproof.errors import system_refused
from lightproof.locale import gettext as _

ENTRY: Final = click.IntRange(0, 2**53)
"""The number of an entry of the ledger: beyond what any ledger holds, a database cannot even look for it."""


class Commands(click.Group):
    """`modules`: name -> summary; the module of that name in `package` holds the command."""

    def __init__(self, *arguments: Any, package: str, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._package = package
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return None
        command: click.Command = import_module(f"{self._package}.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click takes any for a reader of stdout that left, and would end the program here without a word.
            raise system_refused(error) or error from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self._modules
        if args and args[0] not in known and (close := get_close_matches(args[0], known, 1)):
            ctx.fail(_("No such command “{wrong}”. Did you mean “{right}”?").format(wrong=args[0][:40], right=close[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl(list(self._modules.items()))
