"""The drill: its points, its questions in both languages, and what each lapse costs."""

from datetime import timedelta

import pytest

from lightproof.breach.drill import POINTS, Done, exercises, questions, scored
from lightproof.locale import LANGUAGES, speaking

SECOND = timedelta(seconds=1)


def all_done() -> list[Done]:
    return [Done(exercise=exercise.id, succeeded=True, took=SECOND) for exercise in exercises()]


def all_right() -> dict[str, int]:
    return {question.id: question.right for question in questions()}


def test_everything_done_and_known_is_a_hundred_points() -> None:
    result = scored(all_done(), all_right(), SECOND)
    assert result.score == POINTS
    assert result.ready
    assert not any(mark.advice for mark in result.marks)


def test_a_step_that_fails_earns_nothing_and_says_what_to_do() -> None:
    done = [step for step in all_done() if step.exercise != "alerts"]
    done.append(Done(exercise="alerts", succeeded=False, took=SECOND, note="No channel."))
    result = scored(done, all_right(), SECOND)
    assert result.score == POINTS - 10
    mark = next(mark for mark in result.marks if mark.id == "alerts")
    assert mark.advice.startswith("No channel. ")


def test_a_slow_step_earns_half() -> None:
    done = [Done(exercise=step.exercise, succeeded=True, took=timedelta(hours=1)) for step in all_done()]
    assert scored(done, all_right(), SECOND).score == POINTS - sum(
        e.points - e.points // 2 for e in exercises() if e.within
    )


def test_questions_nobody_answered_earn_nothing() -> None:
    result = scored(all_done(), {}, SECOND)
    assert result.score == POINTS - sum(question.points for question in questions())
    assert not result.ready


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_is_there_in(lang: str) -> None:
    with speaking(lang):
        for exercise in exercises():
            assert exercise.title
            assert exercise.advice
        for question in questions():
            assert len(question.choices) == 3
            assert 0 <= question.right < 3
            assert question.text
            assert question.because
            assert question.source
