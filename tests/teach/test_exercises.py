import sys
from types import ModuleType

import numpy as np
import pytest

from medvae_course.teach import exercises
from medvae_course.teach.exercises import Exercise, check, find, known


def doubles(function):
    if function(2) != 4:
        return "two does not become four"
    return "" if function(np.ones(3)).shape == (3,) else "an array changes its shape"


EXERCISES = {
    "E98.1": Exercise("it doubles", doubles, ("first", "second", "third")),
    "E98.2": Exercise("right", lambda n: "" if n == 7 else "no", ("a", "b", "c")),
    "E98.3": Exercise("right", lambda p: "" if p[0](p[1]) else "no", ("a", "b", "c")),
}


@pytest.fixture(autouse=True)
def chapter_98(monkeypatch):
    chapter = ModuleType("chapter_98")
    chapter.EXERCISES = EXERCISES
    name = f"{exercises.__name__}.chapter_98"
    monkeypatch.setitem(sys.modules, name, chapter)
    chapters = [*exercises._chapters(), "chapter_98"]
    monkeypatch.setattr(exercises, "_chapters", lambda: chapters)


def test_right_answer_is_confirmed_without_a_hint(capsys):
    check("E98.1", lambda x: 2 * x)
    assert capsys.readouterr().out == "✓ E98.1 it doubles\n"


def test_wrong_answer_gets_its_problem_and_the_first_hint(capsys):
    check("E98.1", lambda x: x)
    problem, hint = capsys.readouterr().out.splitlines()
    assert problem == "✗ E98.1 two does not become four"
    assert hint == "  Hint 1 of 3: first (for the next one: hint=2)"


@pytest.mark.parametrize(("hint", "text"), [(2, "second"), (3, "third")])
def test_hints_are_graded(capsys, hint, text):
    check("E98.1", lambda x: x, hint=hint)
    assert f"Hint {hint} of 3: {text}" in capsys.readouterr().out


def stub(x): ...  # your code here


@pytest.mark.parametrize("answer", [None, ..., (..., 1), [None], (stub, 1)])
def test_open_answer_is_not_called_wrong(capsys, answer):
    check("E98.3", answer)
    assert "✗ E98.3 is not answered yet\n" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [stub, lambda x: ..., lambda x: (None, 2)])
def test_function_that_gives_nothing_back_is_open(capsys, answer):
    check("E98.1", answer)
    assert "✗ E98.1 is not answered yet\n" in capsys.readouterr().out


def test_function_that_raises_is_reported(capsys):
    check("E98.1", lambda x: 1 / 0)
    assert "your function stopped with ZeroDivisionError" in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer", ["four", 4, {}, np.zeros(3), lambda: 1, float("nan"), object()]
)
@pytest.mark.parametrize("exercise_id", ["E98.1", "E98.2", "E98.3"])
def test_no_answer_makes_the_check_raise(capsys, exercise_id, answer):
    check(exercise_id, answer)
    assert capsys.readouterr().out.startswith(f"✗ {exercise_id} ")


def test_answer_is_never_printed(capsys):
    for hint in (1, 2, 3):
        check("E98.2", 6, hint=hint)
    assert "7" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("exercise_id", "message"),
    [("E97.1", "no exercise E97.1"), ("E98.9", "no exercise"), ("3.1", "looks like")],
)
def test_unknown_exercise_is_an_error(exercise_id, message):
    with pytest.raises(ValueError, match=message):
        check(exercise_id, 7)


@pytest.mark.parametrize("hint", [0, 4, "2"])
def test_unknown_hint_is_an_error(hint):
    with pytest.raises(ValueError, match="1, 2 or 3"):
        check("E98.1", 7, hint=hint)


def test_every_exercise_has_three_different_hints_and_stands_in_its_chapter():
    for exercise_id in known():
        exercise = find(exercise_id)
        assert len(set(exercise.hints)) == 3, exercise_id
        assert all(hint.strip() for hint in exercise.hints), exercise_id
