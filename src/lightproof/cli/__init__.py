"""The command line: one module a command group; parse, call, print.

Results go to stdout, everything else to stderr. Commands import what they need when they run, so that `--help` answers
at once. Exit codes: 0 fine, 1 our fault, 2 usage, 3 an exposure, 4 not all checked, 5 not authorised, 130 interrupted.
"""

import gc
import sys
from collections.abc import Sequence
from typing import Final

from lightproof.locale import Language, as_language, preferred_language, speaking, the_library_speaking

INTERRUPTED: Final = 130

_OBJECTS_BETWEEN_COLLECTIONS = 10_000
"""Loading a command makes many objects and no garbage: looking for it took a tenth of a short command (measured)."""


def main() -> None:
    """Entry point of the `lightproof` command."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    arguments, language = _without_language(sys.argv[1:])
    debug = "--debug" in arguments
    with speaking(language or preferred_language()), the_library_speaking():
        try:
            # Imported inside the language: help texts are translated while the commands are declared.
            from lightproof.cli.app import run
            from lightproof.cli.output import guard_output

            guard_output()
            code = run([a for a in arguments if a != "--debug"], debug=debug)
        except KeyboardInterrupt:  # before a command is there to be interrupted, or as it ends
            raise SystemExit(INTERRUPTED) from None
        raise SystemExit(code)


def _without_language(arguments: Sequence[str]) -> tuple[list[str], Language | None]:
    """Takes `--lang fr` or `--lang=fr` out, wherever it stands; an unknown language stays, for the parser to refuse.

    What comes after `--` is not ours to read.
    """
    kept: list[str] = []
    language: Language | None = None
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return [*kept, argument, *rest], language
        name, equals, value = argument.partition("=")
        wished = value if equals else (rest[0] if rest else "")
        known = as_language(wished)
        if name != "--lang" or known is None:
            kept.append(argument)
            continue
        language = known
        if not equals:
            rest.pop(0)
    return kept, language
