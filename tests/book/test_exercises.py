"""Each exercise has a solution; its stub fails its check, its solution passes."""

import re

import nbformat
import press
import pytest

from medvae_course.teach import exercises

CHAPTERS = sorted(path.name for path in (press.BOOK / "chapters").glob("*.md"))
chapters = pytest.mark.parametrize("chapter", CHAPTERS)


def stubs_of(chapter):
    text = (press.BOOK / "chapters" / chapter).read_text("utf-8")
    return re.findall(rf"^{press.STUB.pattern}$", text, re.MULTILINE)


def solutions_of(chapter):
    return press.solution_cells(press.BOOK / "solutions" / chapter)


def exercises_of(chapter):
    return [key for key in exercises.known() if key[1:3] == chapter[:2]]


def shown(name):
    """What the cells of a pressed notebook print, by the id in their first line."""
    path = press.BOOK / "notebooks" / f"{name}.ipynb"
    if not path.exists():
        pytest.skip(f"{name} is not pressed yet: run `make notebooks`")
    printed = {}
    for cell in press.code_cells(nbformat.read(path, as_version=4)):
        first = cell.source.split("\n")[0]
        if re.fullmatch(r"# E\d\d\.\d+", first):
            words = "".join(output.get("text", "") for output in cell.outputs)
            printed[first.removeprefix("# ")] = words
    return printed


@chapters
def test_stubs_solutions_and_checks_are_of_the_same_exercises(chapter):
    stubs = stubs_of(chapter)
    assert stubs == sorted(set(stubs))
    assert stubs == sorted(solutions_of(chapter))
    assert stubs == exercises_of(chapter)


@chapters
def test_every_solution_ends_in_its_check(chapter):
    for key, source in solutions_of(chapter).items():
        starter, answer = press.split_solution(source)
        assert f'check("{key}"' in starter.splitlines()[-1], key
        assert "check(" not in answer, key


@chapters
def test_every_exercise_and_solution_is_labelled(chapter):
    text = (press.BOOK / "chapters" / chapter).read_text("utf-8")
    solved = (press.BOOK / "solutions" / chapter).read_text("utf-8")
    labels = re.findall(r"^:label: (ex-[\w-]+)$", text, re.MULTILINE)
    answers = re.findall(r"\{solution-start\} (ex-[\w-]+)", solved)
    assert sorted(labels) == sorted(answers)
    assert len(labels) == len(stubs_of(chapter))


@chapters
def test_every_stub_fails_its_check(chapter):
    printed = shown(chapter.removesuffix(".md"))
    assert sorted(printed) == stubs_of(chapter)
    for key, words in printed.items():
        assert f"✗ {key} " in words, key
        assert "Hint 1 of 3: " in words, key
        assert "✓" not in words, key


@chapters
def test_every_solution_passes_its_check(chapter):
    printed = shown(f"solutions_{chapter.removesuffix('.md')}")
    assert sorted(printed) == stubs_of(chapter)
    for key, words in printed.items():
        assert f"✓ {key} " in words, key
        assert "✗" not in words, key


@chapters
def test_no_hint_and_no_verdict_holds_a_line_of_the_solution(chapter):
    for key, source in solutions_of(chapter).items():
        _, answer = press.split_solution(source)
        exercise = exercises.find(key)
        told = [plain(text) for text in (*exercise.hints, exercise.done)]
        for line in answer.splitlines():
            if len(plain(line)) >= 8:
                assert not any(plain(line) in text for text in told), (key, line)


@chapters
def test_chapter_holds_no_line_of_a_solution_in_its_exercises(chapter):
    text = (press.BOOK / "chapters" / chapter).read_text("utf-8")
    asked = "".join(
        re.findall(r"\{exercise-start\}.*?\{exercise-end\}", text, re.DOTALL)
    )
    for source in solutions_of(chapter).values():
        for line in press.split_solution(source)[1].splitlines():
            if len(plain(line)) >= 8:
                assert plain(line) not in plain(asked), line


def plain(text):
    return re.sub(r"[\s`]", "", text)
