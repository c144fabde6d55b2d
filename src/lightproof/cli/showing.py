"""What a person or a script is shown of a check: how it goes, what it found, the reports that were asked for."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from lightproof.cli.output import reader_left
from lightproof.cli.progress import ProgressLine
from lightproof.errors import LightproofError
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.evidence.records import ExposureReport, Observation, Probe, Unchecked


class Narrator:
    """Tells how a run goes: a line of progress on stderr, or each record on stdout as it comes."""

    def __init__(self, *, as_ndjson: bool) -> None:
        self._progress = ProgressLine()
        self._as_ndjson = as_ndjson

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.clear()

    def swept(self, done: int, total: int, answering: int) -> None:
        """So many targets were tried, and so many answer."""
        self._progress.show(
            _("{done}/{total} ports tried, {answering} answer").format(done=done, total=total, answering=answering)
        )

    def tried(self, positions: Sequence[tuple[int, int]]) -> None:
        """Not told: `swept` tells how many."""

    def probed(self, probe: "Probe") -> None:
        """Not told: `learnt` tells what came of it."""

    def visited(self, done: int, total: int) -> None:
        """So many of the services that answer were looked at."""
        self._progress.show(_("{done}/{total} services looked at").format(done=done, total=total))

    def learnt(self, observations: Sequence["Observation"], unchecked: Sequence["Unchecked"]) -> None:
        """What was seen, each record once."""
        if self._as_ndjson:
            from lightproof.documents import ndjson

            sys.stdout.buffer.writelines(map(ndjson.line, (*observations, *unchecked)))
            sys.stdout.flush()
            if reader_left():
                raise KeyboardInterrupt  # nothing more is sent for nobody


def show(
    report: "ExposureReport",
    *,
    reports: Sequence[Path] = (),
    as_json: bool = False,
    as_ndjson: bool = False,
    following: str = "",
    silent: bool = False,
) -> None:
    """Prints the result (unless `silent`) and the command that may follow, and writes the reports that were asked for.

    Each is done whatever becomes of the others. Raises what one of them raised for a person.
    """
    try:
        if not silent:
            _print(report, as_json=as_json, as_ndjson=as_ndjson, following=following)
    finally:
        _write(report, reports)


def _write(report: "ExposureReport", reports: Sequence[Path]) -> None:
    from lightproof.documents import files

    failure: LightproofError | None = None
    for path in reports:
        try:
            files.write(report, path)
        except LightproofError as error:
            failure = failure or error
            continue
        click.echo(_("Report written: {path}").format(path=path), err=True)
    if failure is not None:
        raise failure


def _print(report: "ExposureReport", *, as_json: bool, as_ndjson: bool, following: str) -> None:
    from lightproof.documents import json, ndjson

    out = sys.stdout.buffer
    if as_json:
        out.write(json.dumps(report))
    elif as_ndjson:
        out.writelines(ndjson.conclusion(report))
    else:
        from lightproof.documents.exposure import exposure_document
        from lightproof.documents.terminal import Screen, terminal

        screen = Screen.of(sys.stdout, os.environ)
        sys.stdout.write(terminal(exposure_document(report), screen, following))
    sys.stdout.flush()
