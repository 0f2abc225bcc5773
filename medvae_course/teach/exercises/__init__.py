"""Check a learner's answer, say what is wrong with it, and hint in three grades.

Each chapter's exercises stand in a module of their own, such as `chapter_03.py`, as a
dictionary `EXERCISES` of id and `Exercise`; it is imported when one of them is needed.
"""

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

_ID = re.compile(r"E(\d\d)\.[1-9]\d?")


@dataclass(frozen=True)
class Exercise:
    """What is needed to judge an answer.

    Args:
        done: what is said when the answer is right, such as "both updates agree".
        problem: function of the answer that returns `""` when it is right, else a
            sentence, without capital and full stop, about what is wrong with it that
            does not give the right answer away. It may raise: `check` reports it.
        hints: three, from a nudge to nearly the answer, never the answer's code.

    Example:
        >>> Exercise("it is even", lambda n: "" if n % 2 == 0 else "it is odd", ("a",))
        Traceback (most recent call last):
            ...
        ValueError: an exercise has three hints, got 1
    """

    done: str
    problem: Callable[[Any], str]
    hints: tuple[str, str, str]

    def __post_init__(self) -> None:
        if len(self.hints) != 3:
            raise ValueError(f"an exercise has three hints, got {len(self.hints)}")


class _OpenError(Exception):
    """The learner's function gives nothing back yet."""


def check(exercise_id: str, answer: Any, *, hint: int = 1) -> None:
    """Print whether the answer is right, else what is wrong with it and a hint.

    A wrong answer never raises, whatever it is: the notebook runs on.

    Args:
        exercise_id: chapter and number, such as `"E03.1"`.
        answer: what the exercise asks for: a number, an array, a function, …
        hint: which of the three hints to give with a wrong answer, 1 to 3.

    Raises:
        ValueError: if there is no such exercise or no such hint.

    Example:
        >>> check("E99.1", 42)
        Traceback (most recent call last):
            ...
        ValueError: no exercise E99.1

    Taught in: chapter 1.
    """
    exercise = find(exercise_id)
    if hint not in (1, 2, 3):
        raise ValueError(f"`hint` is 1, 2 or 3, got {hint!r}")
    problem = _problem(exercise, answer)
    if not problem:
        print(f"✓ {exercise_id} {exercise.done}")
        return
    more = f" (for the next one: hint={hint + 1})" if hint < 3 else ""
    print(f"✗ {exercise_id} {problem}")
    print(f"  Hint {hint} of 3: {exercise.hints[hint - 1]}{more}")


def find(exercise_id: str) -> Exercise:
    """Return the exercise with this id.

    Args:
        exercise_id: chapter and number, such as `"E03.1"`.

    Returns:
        The exercise.

    Raises:
        ValueError: if there is none.
    """
    match = _ID.fullmatch(exercise_id)
    if not match:
        raise ValueError(f"an exercise id looks like E03.1, got {exercise_id!r}")
    if f"chapter_{match[1]}" in _chapters():
        exercises = _exercises(f"chapter_{match[1]}")
        if exercise_id in exercises:
            return exercises[exercise_id]
    raise ValueError(f"no exercise {exercise_id}")


def known() -> tuple[str, ...]:
    """Return the ids of all exercises, sorted."""
    return tuple(sorted(key for name in _chapters() for key in _exercises(name)))


def _chapters() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return [name for name in names if name.startswith("chapter_")]


def _exercises(name: str) -> MappingProxyType[str, Exercise]:
    return MappingProxyType(importlib.import_module(f"{__name__}.{name}").EXERCISES)


def _problem(exercise: Exercise, answer: Any) -> str:
    raised: list[Exception] = []
    try:
        if _is_open(answer):
            raise _OpenError
        return exercise.problem(_guarded(answer, raised))
    except _OpenError:
        return "is not answered yet"
    except Exception as error:
        lines = str(error).splitlines() or [""]
        brief = f"{type(error).__name__}: {lines[0]}"
        if error in raised:
            return f"your function stopped with {brief}"
        return f"this kind of answer cannot be checked: {brief}"


def _is_open(answer: Any) -> bool:
    if type(answer) in (tuple, list):
        return any(_is_open(part) for part in answer)
    return answer is None or answer is ...


def _guarded(answer: Any, raised: list[Exception]) -> Any:
    """Tell a learner's functions that raise or return nothing from a failing check."""
    if type(answer) in (tuple, list):
        return type(answer)(_guarded(part, raised) for part in answer)
    if not inspect.isfunction(answer):
        return answer

    @functools.wraps(answer)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            result = answer(*args, **kwargs)
        except Exception as error:
            raised.append(error)
            raise
        if _is_open(result):
            raise _OpenError
        return result

    return guarded
