"""The two tests that every chapter puts to answers of its own."""

import pytest

from medvae_course.teach.exercises import check, find


def right_answers_pass(answers):
    """Return a test of pairs (exercise id, right answer)."""

    @pytest.mark.parametrize(("exercise_id", "answer"), answers)
    def test_right_answer_passes(capsys, exercise_id, answer):
        check(exercise_id, answer)
        assert capsys.readouterr().out == f"✓ {exercise_id} {find(exercise_id).done}\n"

    return test_right_answer_passes


def wrong_answers_are_told(answers):
    """Return a test of triples (exercise id, wrong answer, words of the message)."""

    @pytest.mark.parametrize(("exercise_id", "answer", "said"), answers)
    def test_wrong_answer_is_told_what_is_wrong(capsys, exercise_id, answer, said):
        check(exercise_id, answer)
        out = capsys.readouterr().out
        assert out.startswith(f"✗ {exercise_id} ")
        assert said in out
        assert "Hint 1 of 3" in out

    return test_wrong_answer_is_told_what_is_wrong
