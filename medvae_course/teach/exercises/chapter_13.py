"""Exercises of chapter 13: mean precision, an honest threshold, patients' scores.

Each check measures the learner's function by properties of the right answer, or against
scikit-learn, so that no finished solution is stored here.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from . import Exercise


def _precision_problem(average_precision: Callable) -> str:
    generator = np.random.default_rng(13)
    lesion = generator.random(400) < 0.1
    fine = generator.normal(size=400) + 1.5 * lesion
    found = average_precision(fine.copy(), lesion.copy())
    if np.ndim(found) or not 0 <= float(found) <= 1 + 1e-9:
        return f"one number between 0 and 1 is asked for, got {found!r}"
    right = average_precision_score(lesion, fine)
    if not np.isclose(found, right):
        if np.isclose(found, average_precision_score(lesion, -fine)):
            return "the highest scores are the most suspicious: start with them"
        if np.isclose(found, roc_auc_score(lesion, fine)):
            return "this is the area under the ROC, not under precision over recall"
        return (
            f"wrong where no two scores are equal: got {float(found):.4f}, and it is"
            f" {right:.4f}"
        )
    flat = average_precision(np.zeros(400), lesion.copy())
    if not np.isclose(flat, lesion.mean()):
        return (
            "a score that is equal everywhere must get the prevalence: pixels of equal"
            " score are found together"
        )
    rough = np.round(fine)
    found = average_precision(rough, lesion.copy())
    if not np.isclose(found, average_precision_score(lesion, rough)):
        return "pixels of equal score must be found together, in whatever order"
    return ""


def _honest_problem(honest_dice: Callable) -> str:
    for seed in range(6):
        parts = [*_pixels(seed, 0.0), *_pixels(seed + 50, 0.8)]
        found = float(honest_dice(*(part.copy() for part in parts)))
        right = _dice_at(_best_level(*parts[:2]), *parts[2:])
        if np.isclose(found, right):
            continue
        if np.isclose(found, _dice_at(_best_level(*parts[2:]), *parts[2:])):
            return "the threshold was chosen on the test: it knew the answer"
        if np.isclose(found, _dice_at(_best_level(*parts[:2]), *parts[:2])):
            return "this is the Dice on the validation, the test's is asked for"
        above = parts[2] > _best_level(*parts[:2])
        if np.isclose(found, f1_score(parts[3], above)):
            return "what scores exactly the threshold is marked too"
        if np.isclose(found, _best_level(*parts[:2])):
            return "this is the threshold, its Dice on the test is asked for"
        return f"the Dice on the test is wrong: got {found:.4f}"
    return ""


def _pixels(seed: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    lesion = generator.random(300) < 0.15
    noise = generator.normal(size=300)
    return np.round(noise + shift + 1.5 * lesion, 1), lesion


def _dice_at(level: float, scores: np.ndarray, lesion: np.ndarray) -> float:
    return float(f1_score(lesion, scores >= level))


def _best_level(scores: np.ndarray, lesion: np.ndarray) -> float:
    every = np.unique(scores)
    return float(every[np.argmax([_dice_at(k, scores, lesion) for k in every])])


def _patients_problem(patient_scores: Callable) -> str:
    scores = np.array([2.0, 9, 6, 4, 1, 5, 7, 3, 10, 8])
    patients = np.array(["b", "a", "b", "a", "b", "a", "c", "b", "d", "d"])
    found = np.asarray(patient_scores(scores.copy(), patients.copy()), dtype=float)
    if found.shape != (4,):
        return f"one number for each of 4 patients is asked for, got {found.shape}"
    right = np.array([6.0, 11 / 3, 7, 9])
    if np.allclose(found, right):
        return ""
    if np.allclose(found, [9, 6, 7, 10]):
        return "this is each patient's highest score: one noisy slice decides"
    if np.allclose(found, [6, 10 / 3, 7, 9]):
        return "the last three as they stand are not the highest three"
    if np.allclose(found, [6, 3, 7, 9]):
        return "this is the mean of all slices: a small lesion drowns in it"
    if np.allclose(np.sort(found), np.sort(right)):
        return "the numbers are right, but not in the order of np.unique(patients)"
    if not np.isfinite(found).all():
        return "a patient of fewer than three slices has a score too"
    if np.allclose(found[:2], right[:2]):
        return "where a patient has fewer than three slices, take the mean of those"
    return "wrong for a patient with more than three slices"


EXERCISES = MappingProxyType(
    {
        "E13.1": Exercise(
            "precision is averaged, and equal scores are found together",
            _precision_problem,
            (
                "how many pixels have at least a certain score, and how many of them"
                " are lesion?",
                "go through the different scores from the highest down, and keep in"
                " mind how many lesion pixels were found before",
                "each step adds its precision times the share of all lesion pixels that"
                " came in with this step",
            ),
        ),
        "E13.2": Exercise(
            "the threshold was chosen without the test",
            _honest_problem,
            (
                "which of the four arrays may the threshold depend on?",
                "try every different validation score as a threshold and keep the one"
                " with the highest Dice there",
                "then mark the test pixels that score at least as much and compare with"
                " the test's lesions, once",
            ),
        ),
        "E13.3": Exercise(
            "one noisy slice does not make a patient suspicious",
            _patients_problem,
            (
                "take one patient's scores first: which of them count?",
                "sorted in ascending order, the highest three are the last three",
                "do so for each name that NumPy's unique gives, and join the means in"
                " that order",
            ),
        ),
    }
)
