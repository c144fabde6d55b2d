"""The top of the command line: the commands, the options all share, and how errors are told."""

import sys
from collections.abc import Sequence
from typing import Final

import click

from lightproof import __version__
from lightproof.cli import INTERRUPTED
from lightproof.cli.commands import Commands
from lightproof.errors import LightproofError, UsageRefused, system_refused
from lightproof.locale import LANGUAGES
from lightproof.locale import gettext as _

COMMANDS: Final = {
    "check": _("Find medical images that strangers can reach; without TARGET, on this machine and its internet box."),
    "breach": _("Run the 72 hours: open, assess, notify, write to patients, keep the register."),
    "init": _("Make the home: its keys, its settings, and a recovery kit to print."),
    "config": _("The settings: those in force, and where each comes from."),
    "ledger": _("Verify the record of everything that was measured and decided; prove it to others."),
    "demo": _("Try everything on an exposed practice that lives on this machine only."),
}
"""Name -> summary. The module of the same name under lightproof.cli holds the command."""


@click.group(
    cls=Commands,
    package="lightproof.cli",
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    help=_(
        "lightproof finds medical images that strangers can reach, proves it without taking any, "
        "and says how to close the door.\n\nStart with: lightproof demo"
    ),
)
@click.version_option(__version__, "--version", message="lightproof %(version)s", help=_("Show the version."))
@click.option("--lang", type=click.Choice(LANGUAGES), help=_("Language of everything that is shown."))
@click.option("--debug", is_flag=True, help=_("Show the program's own trace when something goes wrong."))
def app(lang: str | None, debug: bool) -> None:
    """Both options are taken wherever they stand, before this runs; they are declared for the help and for errors."""


def run(arguments: Sequence[str], *, debug: bool) -> int:
    """Runs the command line and returns its exit code; says what went wrong in words, on stderr."""
    try:
        result = app.main(args=list(arguments), prog_name="lightproof", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except LightproofError as error:
        if debug:
            raise
        tell(error)
        return error.exit_code
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        tell(as_ours(error))
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo(_("Interrupted."), err=True)
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        told = _last_words(error)
        tell(told)
        return told.exit_code


def _last_words(error: Exception) -> LightproofError:
    """For what nobody nearer knew: a person is told, never shown a traceback unasked."""
    return (
        system_refused(error)
        or _no_text(error)
        or LightproofError(
            "unexpected",
            _("Something went wrong inside lightproof ({kind}).").format(kind=type(error).__name__),
            _("Run the same command with --debug and send what it prints to the project."),
        )
    )


def _no_text(error: Exception) -> LightproofError | None:
    """Bytes of a command line that are no text, and met what takes text alone: a name of a file may hold them."""
    if not isinstance(error, UnicodeEncodeError) or error.encoding != "utf-8":
        return None
    return UsageRefused(
        "not-text",
        _("Something in the command, or in the environment, is not text in UTF-8."),
        _("Write it again in letters that this terminal shows, or set its language to one in UTF-8."),
    )


def as_ours(error: click.ClickException) -> LightproofError:
    """A command line that cannot be read, as every error is told: what is wrong with it, and how it is written."""
    from lightproof.documents.text import for_terminal

    cause = for_terminal(" ".join(error.format_message().split()))
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return UsageRefused("usage", cause, _("“lightproof --help” lists the commands."))
    usage = " ".join((context.command_path, *context.command.collect_usage_pieces(context)))
    fix = _("Write “{usage}”; “{command} --help” says what each part is.")
    return UsageRefused("usage", cause, fix.format(usage=usage, command=context.command_path))


def tell(error: LightproofError) -> None:
    """An error, its cause and its fix, on stderr."""
    click.echo(_("Error {id}: {cause}").format(id=error.error_id, cause=error.cause), err=True)
    click.echo(f"  → {error.fix}", err=True)
