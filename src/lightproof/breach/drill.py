"""A drill: a synthetic exposure goes through the whole procedure against the clock, and the readiness gets a score.

Art. 32(1)(d) asks for a regular test of the measures; this one tests the procedure itself. Its score has two
parts. Steps are done by the machinery that does them in earnest, and timed. Questions are put to a person, one at a
time, with what the law says after each answer. Both are data (`drill.toml`); points are whole and add up to 100.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from lightproof.locale import language

POINTS: Final = 100
READY: Final = 80
"""From this score on the procedure is called ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """A step that the procedure must be able to do."""

    id: str
    points: int
    within: timedelta | None
    """Done later than this, it earns half."""
    title: str
    advice: str
    """What to do so that it goes better next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person must know when it happens."""

    id: str
    points: int
    text: str
    choices: tuple[str, ...]
    right: int
    """Place of the right choice."""
    because: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a step went."""

    exercise: str
    succeeded: bool
    took: timedelta
    note: str = ""
    """What stood in the way, in the reader's language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What one step or answer earned."""

    id: str
    title: str
    earned: int
    points: int
    took: timedelta | None = None
    advice: str = ""
    """Empty when there is nothing to do better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A drill's score."""

    marks: tuple[Mark, ...]
    took: timedelta

    @property
    def score(self) -> int:
        """Points out of 100. Questions that nobody was asked count as not known."""
        return sum(mark.earned for mark in self.marks)

    @property
    def ready(self) -> bool:
        """Whether the procedure would have held."""
        return self.score >= READY


def exercises() -> tuple[Exercise, ...]:
    """The steps, in the order of the procedure, in the current language."""
    return tuple(
        Exercise(
            id=row["id"],
            points=row["points"],
            within=timedelta(seconds=row["within_s"]) if "within_s" in row else None,
            title=row["title"][language()],
            advice=row["advice"][language()],
        )
        for row in _data()["exercise"]
    )


def questions() -> tuple[Question, ...]:
    """The questions, in the current language."""
    return tuple(
        Question(
            id=row["id"],
            points=row["points"],
            text=row["text"][language()],
            choices=tuple(row["choices"][language()]),
            right=row["right"],
            because=row["because"][language()],
            source=row["source"][language()],
        )
        for row in _data()["question"]
    )


def scored(done: Sequence[Done], answers: Mapping[str, int], took: timedelta) -> Result:
    """The score of these steps and answers (question -> place of the choice)."""
    by_exercise = {step.exercise: step for step in done}
    marks = [_mark_of_step(exercise, by_exercise.get(exercise.id)) for exercise in exercises()]
    marks += [_mark_of_answer(question, answers.get(question.id)) for question in questions()]
    return Result(marks=tuple(marks), took=took)


def _mark_of_step(exercise: Exercise, step: Done | None) -> Mark:
    if step is None or not step.succeeded:
        note = f"{step.note} " if step and step.note else ""
        return Mark(
            id=exercise.id,
            title=exercise.title,
            earned=0,
            points=exercise.points,
            took=step.took if step else None,
            advice=f"{note}{exercise.advice}",
        )
    late = exercise.within is not None and step.took > exercise.within
    return Mark(
        id=exercise.id,
        title=exercise.title,
        earned=exercise.points // 2 if late else exercise.points,
        points=exercise.points,
        took=step.took,
        advice=exercise.advice if late else "",
    )


def _mark_of_answer(question: Question, given: int | None) -> Mark:
    right = given == question.right
    return Mark(
        id=question.id,
        title=question.text,
        earned=question.points if right else 0,
        points=question.points,
        advice="" if right else f"{question.because} ({question.source})",
    )


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((resources.files("lightproof.breach") / "drill.toml").read_text("utf-8"))
