"""Exercises of chapter 10: a gap of information, honest folds, a turned Gaussian.

Each check measures the learner's function by properties of the right answer, so that no
finished solution is stored here.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from . import Exercise


def _gap_problem(gap: Callable) -> str:
    own = gap(np.array([[2.0, 0.0], [0.0, 3.0]]), np.array([2.0, 3.0]))
    if np.ndim(own) != 0:
        return f"one number is asked for, the mean over factors, got {np.shape(own)}"
    if not np.isclose(own, 1.0):
        if np.isclose(own, 2.5):
            return "nats remain: each gap is a share of that factor's entropy"
        return "a latent of its own for each factor must give 1"
    shared = np.array([[1.5, 0.2], [1.5, 0.2], [0.1, 0.0]])
    if not np.isclose(gap(shared, np.array([2.0, 1.0])), 0.0):
        return "where two latents tell the same of every factor the gap is 0"
    told = np.array([[0.2, 0.5], [0.8, 0.1], [0.4, 0.3]])
    entropy = np.array([1.0, 4.0])
    found = gap(told, entropy)
    if np.isclose(found, gap(told[:, ::-1], entropy)):
        return "the factors' entropies differ: each belongs to its own column"
    if not np.isclose(found, gap(told[::-1], entropy)):
        return "the order of the latents must not matter"
    if not np.isclose(gap(told, 2 * entropy), found / 2):
        return "with twice the entropy the score must be half"
    raised = told.copy()
    raised[0, 0] = 0.3
    if not np.isclose(gap(raised, entropy), found):
        return "a third latent counts, though it is neither the best nor the second"
    raised[1, 0] = 0.9
    if not np.isclose(gap(raised, entropy) - found, 0.05):
        return "0.1 nats more for the best latent must raise this score by 0.05"
    return ""


def _folds_problem(folds: Callable) -> str:
    rng = np.random.default_rng(2)
    patients = np.repeat([f"p{i:02d}" for i in rng.permutation(13)], 3)
    patients = patients[rng.permutation(len(patients))]
    for n_folds in (2, 4, 13):
        found = np.asarray(folds(patients.copy(), n_folds))
        if found.shape != patients.shape:
            return f"one fold for each row is asked for, got shape {found.shape}"
        if found.dtype.kind not in "iu":
            return f"folds are whole numbers, got {found.dtype}"
        for patient in np.unique(patients):
            if len(set(found[patients == patient].tolist())) > 1:
                return f"patient {patient} is in more than one fold"
        used = set(found.tolist())
        if used != set(range(n_folds)):
            return f"the {n_folds} folds are 0 to {n_folds - 1}, got {sorted(used)}"
        held = [len(np.unique(patients[found == fold])) for fold in range(n_folds)]
        if max(held) - min(held) > 1:
            return f"folds of {held} patients: they may differ by one at most"
    return ""


def _kl_problem(kl_full: Callable) -> str:
    rng = np.random.default_rng(5)
    zero = kl_full(np.zeros(3), np.eye(3))
    if np.ndim(zero) != 0:
        return f"one number is asked for, in nats, got shape {np.shape(zero)}"
    if not np.isclose(zero, 0.0, atol=1e-9):
        return "the prior's distance from itself is not 0"
    mean = rng.normal(size=3)
    moved = kl_full(mean, np.eye(3))
    if not np.isclose(moved, mean @ mean / 2):
        return "with the prior's covariance half of the squared mean must remain"
    variances = np.array([0.1, 0.5, 2.0])
    narrow = kl_full(np.zeros(3), np.diag(variances))
    right = 0.5 * np.sum(variances - 1 - np.log(variances))
    if not np.isclose(narrow, right):
        if np.isclose(narrow, 0.5 * np.sum(variances**2 - 1 - 2 * np.log(variances))):
            return "the diagonal holds variances; they were taken as deviations"
        return "for a diagonal covariance it must be the sum over latents"
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    covariance = turn @ np.diag(variances) @ turn.T
    if not np.isclose(kl_full(turn @ mean, covariance), moved + narrow):
        return "a turned Gaussian must be as far from the prior as before"
    return ""


EXERCISES = MappingProxyType(
    {
        "E10.1": Exercise(
            "it is the gap, as a share of what there is to know",
            _gap_problem,
            (
                "go through the factors one by one: which two latents tell most?",
                "sort each column; the last two entries are those that count",
                "divide each difference by the entropy of its own factor, and only then"
                " take the mean",
            ),
        ),
        "E10.2": Exercise(
            "no patient is parted, and the folds are of one size",
            _folds_problem,
            (
                "deal out patients as one deals out cards, not slices",
                "NumPy's unique can return, for each row, the number of its patient",
                "a patient's number modulo the number of folds is a fold",
            ),
        ),
        "E10.3": Exercise(
            "it agrees with the formula of chapter 6, however the code is turned",
            _kl_problem,
            (
                "three parts of the formula of independent latents: squared means,"
                " variances, logarithms of variances; what becomes of their sums?",
                "the sum of the variances becomes the trace of the covariance, that of"
                " their logarithms the logarithm of its determinant",
                "NumPy's slogdet gives the logarithm safely, as the second of two"
                " numbers; subtract the number of latents, and halve",
            ),
        ),
    }
)
