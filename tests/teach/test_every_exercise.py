"""What holds for the exercises of every chapter."""

import pytest

from medvae_course.teach.exercises import check, find, known

CODE = ("np.", "(x", "=", "[", "@")


@pytest.mark.parametrize("exercise_id", known())
@pytest.mark.parametrize("answer", [..., None, lambda *args, **kwargs: ...])
def test_open_answer_is_not_an_error(capsys, exercise_id, answer):
    check(exercise_id, answer)
    assert f"✗ {exercise_id} is not answered yet" in capsys.readouterr().out


@pytest.mark.parametrize("exercise_id", known())
def test_hints_never_hold_code(exercise_id):
    for text in (*find(exercise_id).hints, find(exercise_id).done):
        assert not any(sign in text for sign in CODE)
