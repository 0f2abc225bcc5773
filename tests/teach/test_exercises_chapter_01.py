"""The exercises of chapter 1: right answers pass, wrong ones are told what is wrong."""

import numpy as np
import pytest
from exercise_answers import right_answers_pass, wrong_answers_are_told

from medvae_course.teach.exercises import find

# --- right answers, each in two ways ---------------------------------------------


def rescale(stored, slopes, intercepts):
    return stored * slopes[:, None, None] + intercepts[:, None, None]


def rescale_in_a_loop(stored, slopes, intercepts):
    parts = zip(stored, slopes, intercepts, strict=True)
    return np.stack([s.astype(np.float32) * m + b for s, m, b in parts])


def order(positions, orientation):
    normal = np.cross(orientation[:3], orientation[3:])
    return np.argsort(positions @ normal)


def order_as_list(positions, orientation):
    normal = np.cross(orientation[:3], orientation[3:])
    return sorted(range(len(positions)), key=lambda n: float(positions[n] @ normal))


def split(patients, fraction, seed):
    names = np.unique(patients)
    count = max(1, round(fraction * len(names)))
    drawn = np.random.default_rng(seed).choice(names, count, replace=False)
    return np.isin(patients, drawn)


def split_by_shuffling(patients, fraction, seed):
    names = np.random.default_rng(seed).permutation(np.unique(patients))
    tested = set(names[: max(1, int(fraction * len(names)))].tolist())
    return np.array([name in tested for name in patients])


RIGHT = [
    ("E01.1", rescale),
    ("E01.1", rescale_in_a_loop),
    ("E01.2", order),
    ("E01.2", order_as_list),
    ("E01.3", split),
    ("E01.3", split_by_shuffling),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def split_by_slice(patients, fraction, seed):
    return np.random.default_rng(seed).random(len(patients)) < fraction


def split_without_seed(patients, fraction, seed):
    return split(patients, fraction, np.random.default_rng().integers(1 << 30))


def split_rounding_down(patients, fraction, seed):
    names = np.random.default_rng(seed).permutation(np.unique(patients))
    return np.isin(patients, names[: int(fraction * len(names))])


WRONG = [
    ("E01.1", lambda s, m, b: s * m + b, "rows or columns"),
    ("E01.1", lambda s, m, b: s * m[:, None] + b[:, None], "rows or columns"),
    ("E01.1", lambda s, m, b: s * m[0] + b[0], "same numbers"),
    ("E01.1", lambda s, m, b: s.astype(float), "same numbers"),
    ("E01.1", lambda s, m, b: rescale(s, m, -b), "intercept"),
    ("E01.1", lambda s, m, b: (s + b[:, None, None]) * m[:, None, None], "intercept"),
    ("E01.1", lambda s, m, b: s + b[:, None, None], "slope"),
    ("E01.1", lambda s, m, b: rescale(s, m, b).astype(np.int16), "fractions"),
    ("E01.1", lambda s, m, b: rescale(s, m, b)[0], "shape"),
    (
        "E01.1",
        lambda s, m, b: (
            (s * (2 * m).astype(np.int16)[:, None, None]).astype(float) / 2
            + b[:, None, None]
        ),
        "run over",
    ),
    ("E01.2", lambda p, o: np.arange(len(p)), "not changed"),
    ("E01.2", lambda p, o: np.argsort(p[:, 2]), "a sagittal series"),
    ("E01.2", lambda p, o: np.argsort(-p[:, 2]), "an axial series comes out back"),
    ("E01.2", lambda p, o: order(p, o)[::-1], "an axial series comes out back"),
    (
        "E01.2",
        lambda p, o: np.argsort(p @ np.abs(np.cross(o[:3], o[3:]))),
        "back to front",
    ),
    ("E01.2", lambda p, o: np.argsort(np.linalg.norm(p, axis=1)), "out of order"),
    ("E01.2", lambda p, o: p[order(p, o)], "nine indices"),
    ("E01.2", lambda p, o: order(p, o)[1:], "nine indices"),
    ("E01.3", split_by_slice, "both sides"),
    ("E01.3", lambda p, f, seed: np.zeros(len(p), bool), "empty"),
    ("E01.3", lambda p, f, seed: split(p, f, 0), "six seeds"),
    ("E01.3", split_without_seed, "two different splits"),
    ("E01.3", lambda p, f, seed: split(p, 2 * f, seed), "another number"),
    ("E01.3", lambda p, f, seed: np.flatnonzero(split(p, f, seed)), "True or False"),
    ("E01.3", split_rounding_down, "none is tested"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)


@pytest.mark.parametrize("exercise_id", ["E01.1", "E01.2", "E01.3"])
def test_hints_never_hold_code(exercise_id):
    for text in (*find(exercise_id).hints, find(exercise_id).done):
        assert not any(sign in text for sign in ("np.", "(s", "=", "[", "cross"))
