"""Which options of a command go together, as data: what one of them could not be heeded with is refused, not dropped.

`needs`: an option, and those of which one must stand beside it. `excludes`: an option, and those that it leaves nothing
to do.
"""

from collections.abc import Iterator, Sequence

import click
from click.core import ParameterSource

from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

Rules = Sequence[tuple[str, Sequence[str]]]


def refuse_what_is_not_heeded(needs: Rules = (), excludes: Rules = ()) -> None:
    """Looks at the command that runs. Raises UsageRefused naming the option, and what is missing or in its way."""
    given = frozenset(_given(click.get_current_context()))
    for option, wanted in needs:
        if option in given and not given & set(wanted):
            others = ", ".join(wanted)
            raise UsageRefused(
                "option-alone",
                _("{option} is heeded only with: {others}.").format(option=option, others=others),
                _("Add what is missing, or leave {option} out.").format(option=option),
            )
    for option, unheeded in excludes:
        if option in given and (in_the_way := ", ".join(other for other in unheeded if other in given)):
            raise UsageRefused(
                "options-conflict",
                _("Beside {option}, this would not be heeded: {others}.").format(option=option, others=in_the_way),
                _("Leave one of the two out; what both say takes two commands."),
            )


def _given(context: click.Context) -> Iterator[str]:
    """The options on this command line that say something, and the arguments as the help names them."""
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE and context.params[name] not in ("", ()):
            named = parameter.metavar.strip("[]") if isinstance(parameter, click.Argument) and parameter.metavar else ""
            yield named or parameter.opts[0]
