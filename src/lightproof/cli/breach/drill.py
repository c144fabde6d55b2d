"""`lightproof breach drill`: the whole procedure, played with an invented exposure, timed and scored."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from lightproof.cli.breach.desk import Desk, at, at_the_desk, by_option, json_option
from lightproof.errors import LightproofError
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.breach.drill import Done, Question, Result
    from lightproof.evidence.records import ExposureReport


@click.command(
    name="drill",
    help=_(
        "Play an exposure through the whole procedure: an invented practice on this machine is checked for real, a "
        "breach is opened and assessed, the sheet and the letter are written, the alerts are tried; and six questions "
        "are put to you. The score, out of 100, is kept: Article 32(1)(d) asks for regular tests."
    ),
)
@click.option("--answers", metavar="1,2,1,…", help=_("Answers to the questions, instead of being asked."))
@by_option
@json_option
def command(*, answers: str | None, by: str | None, as_json: bool) -> int:
    """The exercise leaves one entry in the ledger: its score."""
    from lightproof.breach.drill import questions, scored

    began = time.monotonic()
    with at_the_desk(by) as desk:
        click.echo(_("DRILL: nothing of this is real, and nobody is told."), err=True)
        steps = _steps(desk)
        given = _given(answers, questions()) if answers is not None else _asked(questions())
        result = scored(steps, given, timedelta(seconds=time.monotonic() - began))
        with desk.home.ledger.writing() as writing:
            writing.append("drill.finished", "drill", _payload(result), principal=desk.procedure.by)
    _tell(result, as_json=as_json)
    return 0


def _steps(desk: Desk) -> "list[Done]":
    """Every step by the machinery that does it in earnest, in a home of the drill's own."""
    from lightproof.breach.drill import Done
    from lightproof.cli.breach.letter import letter_of
    from lightproof.cli.breach.notify import form_under, write_notice
    from lightproof.cli.breach.reminding import remind
    from lightproof.cli.demo import exposed_practice, temporary_home

    done: list[Done] = []

    def step(name: str, act: "Callable[[], object]") -> object:
        began = time.monotonic()
        note, outcome = "", None
        try:
            outcome = act()
        except LightproofError as error:
            note = error.cause
        took = timedelta(seconds=time.monotonic() - began)
        done.append(Done(exercise=name, succeeded=not note and outcome is not False, took=took, note=note))
        return outcome

    report = step("found", lambda: exposed_practice(fixed=False))
    if report is None:
        return done
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with temporary_home(_as_report(report)) as home, TemporaryDirectory(prefix="lightproof-drill-") as folder:
        inside = at(home, desk.procedure.by)
        opened = inside.procedure.open_from_finding
        told = None

        def open_it() -> bool:
            nonlocal told
            told = opened()
            return bool(told.facts.evidence)

        step("opened", open_it)
        if told is None:
            return done
        known = told

        def assess_it() -> bool:
            nonlocal known
            known = inside.assessed(known)
            return bool(known.assessments)

        step("assessed", assess_it)
        organisation = desk.home.settings.organisation
        step(
            "organisation",
            lambda: bool(organisation.name and organisation.legal_rep.name and organisation.contact.name),
        )

        def sheet() -> bool:
            notice = inside.notification(known, None, law=inside.regimes[0], delay_reason="")
            write_notice(notice, form_under(inside.regimes[0]), Path(folder) / "sheet.html")
            return len(notice.still_open) <= _FIELDS_LEFT

        step("sheet", sheet)
        step("letter", lambda: bool(letter_of(inside, known, "letter").text()))
    step("alerts", lambda: any(not one.failure for _breach, one in asyncio.run(remind(desk, test=True))))
    step("ledger", lambda: not desk.home.ledger.verify())
    return done


_FIELDS_LEFT = 10


def _as_report(value: object) -> "ExposureReport":
    from lightproof.evidence.records import ExposureReport

    assert isinstance(value, ExposureReport)
    return value


def _asked(questions: "tuple[Question, ...]") -> dict[str, int]:
    """One question at a time, with what the law says after each answer; nobody is asked where nobody sits."""
    if not sys.stdin.isatty():
        return {}
    given: dict[str, int] = {}
    for question in questions:
        click.echo(f"\n{question.text}", err=True)
        for place, choice in enumerate(question.choices, 1):
            click.echo(f"  {place}. {choice}", err=True)
        chosen: int = click.prompt(
            _("Your answer"), type=click.IntRange(1, len(question.choices)), prompt_suffix=_(": "), err=True
        )
        given[question.id] = chosen - 1
        right = _("Right.") if chosen - 1 == question.right else _("No.")
        click.echo(f"{right} {question.because} ({question.source})", err=True)
    return given


def _given(answers: str, questions: "tuple[Question, ...]") -> dict[str, int]:
    from lightproof.breach.entered import entered_number

    numbers = [entered_number(part.strip()) for part in answers.split(",")]
    return {question.id: number - 1 for question, number in zip(questions, numbers, strict=False) if number is not None}


def _payload(result: "Result") -> dict[str, object]:
    return {
        "score": result.score,
        "ready": result.ready,
        "took_s": int(result.took.total_seconds()),
        "marks": [{"id": mark.id, "earned": mark.earned, "points": mark.points} for mark in result.marks],
    }


def _tell(result: "Result", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_payload(result)))
        return
    click.echo(
        _("Score: {score} of 100 in {seconds} s").format(score=result.score, seconds=int(result.took.total_seconds()))
    )
    for mark in result.marks:
        sign = "●" if mark.earned == mark.points else "▲"
        click.echo(f"{sign} {mark.earned:>3}/{mark.points:<3} {mark.title[:68]}")
    advice = [mark.advice for mark in result.marks if mark.advice]
    if advice:
        from lightproof.cli.breach.screens import wrapped

        click.echo(_("To do better:"))
        for line in wrapped(advice):
            click.echo(line)
