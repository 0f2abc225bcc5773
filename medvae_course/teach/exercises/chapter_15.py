"""Exercises of chapter 15: empty masks in a mean, a temperature, a Dice for training.

Each check measures the learner's function by properties of the right answer, or against
scikit-learn and the library, so that no finished solution is stored here.
"""

from collections.abc import Callable
from itertools import permutations
from types import MappingProxyType

import numpy as np
from scipy.special import softmax
from sklearn.metrics import f1_score

from medvae_course.evaluate import segmentation_calibration as calibration

from . import Exercise

# of each pair the first pixel and the one after the last: of what was drawn, and found
_PAIRS = ((0, 10, 5, 15), (0, 30, 10, 30), (4, 8, 4, 8), (20, 26, 25, 27))
_DICE = np.array([0.5, 0.8, 1.0, 0.25])
_EMPTY, _ALARM, _MISSED = (0, 0, 0, 0), (0, 0, 3, 5), (7, 12, 0, 0)
_OVERFLOW = "logits may be thousands, whose exponentials here overflow or vanish"


def _told(found: np.ndarray, *cases: tuple, rest: str = "") -> str:
    """Return what is said of the first value that was found, else the rest."""
    return next(
        (words for value, words in cases if np.allclose(found, value, equal_nan=True)),
        rest,
    )


def _means_problem(three_means: Callable) -> str:
    def means(*pairs):
        pixel = np.arange(42).reshape(6, 7)
        ends = np.array(pairs).T[:, :, None, None]
        true, found = ((pixel >= ends[k]) & (pixel < ends[k + 1]) for k in (0, 2))
        with np.errstate(all="ignore"):
            return three_means(true, found)

    found = means(*_PAIRS)
    if np.shape(found) != (3,):
        return f"three numbers are asked for, got shape {np.shape(found)}"
    if not np.allclose(found, _DICE.mean()):
        return _wrong_dice(means, np.asarray(found, dtype=float))
    for pair, case in ((_ALARM, "nothing was drawn"), (_MISSED, "nothing was found")):
        if not np.allclose(means(*_PAIRS, pair), _DICE.sum() / 5):
            return f"where {case}, but the other mask has pixels, Dice is 0 and counts"
    try:
        found = means(_EMPTY, *_PAIRS, _EMPTY, _MISSED, _ALARM, _EMPTY)
    except ZeroDivisionError:
        return "your function divides 0 by 0: a pair of two empty masks has no Dice"
    return _wrong_empty(np.asarray(found, dtype=float), _DICE.sum())


def _wrong_dice(means: Callable, found: np.ndarray) -> str:
    if np.ptp(found) > 1e-6:
        return "where no pair is empty the three means must be equal"
    jaccard = np.mean(_DICE / (2 - _DICE))
    words = _told(
        found,
        (60 / 86, "all pixels went into one Dice; each pair has one of its own"),
        (jaccard, "this is the Jaccard index, not Dice"),
        (2 * jaccard, "the union, or a sum of Booleans, has common pixels only once"),
        (_DICE.mean() / 2, "Dice takes the common pixels twice"),
    )
    if not words and not np.allclose(
        (means((4, 8, 4, 8)), means((4, 8, 20, 22))), [[1], [0]]
    ):
        return "equal masks must have 1, masks apart 0: was a number added to a sum?"
    return words or f"wrong where no pair is empty: got {found[0]:.4f}"


def _wrong_empty(found: np.ndarray, total: float) -> str:
    names = ("left out", "counted 1", "counted 0")
    right = np.array([total / 6, (total + 3) / 9, total / 9])
    if np.isnan(found).any():
        return "an empty pair gives 0/0, and one NaN makes a whole mean NaN"
    wrong = int(np.argmin(np.isclose(found, right)))
    return _told(
        found,
        (right, ""),
        (right[0], "all three leave empty pairs out, as a mean that skips NaN does"),
        (right[1], "all three count empty pairs 1: was a number added to both sums?"),
        (right[2], "all three count empty pairs 0: was a number added to the sizes?"),
        *((k, f"the order is {', '.join(names)}") for k in permutations(right)),
        rest=f"wrong with empty pairs {names[wrong]}: got {found[wrong]:.4f}",
    )


# seed, classes, how many times too sure, share of pixels thrice as sure, and guessed
_NETWORKS = ((1, 3, 2.0, 0.15), (2, 4, 12.0, 0.0), (3, 2, 0.3, 0.0), (4, 5, 1.0, 0.0))


def _temperature_problem(best_temperature: Callable) -> str:
    for seed, n_classes, scale, guessed in _NETWORKS:
        rng = np.random.default_rng(seed)
        logits = rng.normal(scale=1.5, size=(500, n_classes))
        labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        odd = rng.random(500) < guessed
        labels[odd] = rng.integers(n_classes, size=odd.sum())
        logits *= scale * np.where(odd, 3, 1)[:, None]
        far = np.linspace(-3000, 3000, 500)[:, None]  # one for all logits of a pixel
        with np.errstate(all="ignore"):
            found = best_temperature(logits.copy(), labels.copy())
            if np.size(found) != 1 or np.asarray(found).dtype.kind not in "fiu":
                return "one number is asked for, the temperature"
            if words := _wrong_temperature(float(np.squeeze(found)), logits, labels):
                return words
            moved = best_temperature(logits + far, labels.copy())
        if not np.allclose(moved, found, rtol=0.02):
            return _OVERFLOW
    return ""


def _wrong_temperature(found: float, logits: np.ndarray, labels: np.ndarray) -> str:
    best = calibration.fit_temperature(logits, labels)
    if np.isclose(found, best, rtol=0.01):
        return ""
    if np.isclose(np.exp(found), best, rtol=0.01):
        return "this is the logarithm of the temperature"
    if not 0 < found < np.inf:
        return f"a temperature is a positive number, got {found:.3g}"
    if np.isclose(1 / found, best, rtol=0.01):
        return "by this number logits are multiplied; a temperature divides them"
    if np.isclose(found, best, rtol=0.1):
        return f"{found:.3g} is near, but more than 1 % off: search in finer steps"
    if found < 1.01 < best:
        return f"this network is too sure, which {found:.3g} does not mend: go above 1"
    if found > 0.99 > best:
        return f"this network is not sure enough, and {found:.3g} is not below 1"

    def gap(temperature):
        p = calibration.probabilities_of(logits, temperature=temperature)
        return calibration.reliability(p, labels).error

    if gap(found) < 1.4 * min(gap(k) for k in np.geomspace(0.05, 20, 200)):
        return (
            "this makes the calibration error small, which hangs on bins; cross-entropy"
            " also minds how sure the network is where it is wrong"
        )
    side = "lower" if best < found else "higher"
    return f"{found:.3g} is not the best: a {side} one has a smaller cross-entropy"


def _soft_problem(soft_dice: Callable) -> str:
    def dice(logits, labels):
        with np.errstate(all="ignore"):
            return np.asarray(soft_dice(logits.copy(), labels.copy()), dtype=float)

    rng = np.random.default_rng(15)
    labels = rng.choice(4, size=(2, 5, 6), p=(0.5, 0.2, 0.2, 0.1))
    labels[0, labels[0] == 3] = 0  # the first image lacks a class
    logits = rng.normal(scale=2, size=(2, 5, 6, 4)) + 2 * np.eye(4)[labels]
    if (found := dice(logits, labels)).shape != (4,):
        more = {(3,): ", the background too", (2, 4): ", of the whole batch"}
        return f"one number per class{more.get(found.shape, '')}: got {found.shape}"
    if not np.allclose(found, _overlap(softmax(logits, axis=-1), labels)):
        return _wrong_soft(dice, logits, labels)
    far = np.where(labels % 2, 4096.0, -4096.0)[..., None]
    for large in (logits + far, 4096 * logits):
        right = _overlap(softmax(large, axis=-1), labels)
        if not np.allclose(dice(large, labels), right, rtol=2e-3):  # float32 may do
            return _OVERFLOW
    return _wrong_unknown(dice, logits, labels)


def _overlap(weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """F1 if each pixel votes for every class, with weights that add up to 1."""
    true, said = np.repeat(labels.ravel(), 4), np.tile(range(4), labels.size)
    options = {"labels": range(4), "average": None, "zero_division": 0}
    return f1_score(true, said, sample_weight=weights.ravel(), **options)


def _wrong_soft(dice: Callable, logits: np.ndarray, labels: np.ndarray) -> str:
    found, p = dice(logits, labels), softmax(logits, axis=-1)
    right, hard = _overlap(p, labels), _overlap(np.eye(4)[p.argmax(axis=-1)], labels)
    sizes, squares = (np.sum(p**k + np.eye(4)[labels], (0, 1, 2)) for k in (1, 2))
    each = np.array([_overlap(*pair) for pair in zip(p, labels, strict=True)])
    if words := _told(
        found,
        (1 - right, "this is the loss; Dice is 1 less it"),
        (right / 2, "Dice takes what is common twice"),
        (right * sizes / squares, "probabilities are not squared in the denominator"),
        (hard, "probabilities count, not the likeliest class, which has no slope"),
        (each.mean(axis=0), "the mean of images' Dice: add up the batch, then divide"),
    ):
        return words
    if not np.allclose(dice(logits + np.sin(labels)[..., None], labels), found):
        return "the probabilities of a pixel are a softmax over its classes"
    if np.any(dice(logits, 0 * labels)[1:] > 1e-4):
        return "a class that no label shows must have 0: what was added to the overlap?"
    return f"wrong where all pixels are known: got {found.round(3).tolist()}"


def _wrong_unknown(dice: Callable, logits: np.ndarray, labels: np.ndarray) -> str:
    unknown = np.random.default_rng(16).random(labels.shape) < 0.3
    hidden, zero, last = (np.where(unknown, k, labels) for k in (255, 0, 3))
    try:
        found = dice(logits, hidden)
    except IndexError:
        return "255 is no class, and a table with a row for each class has no row 255"
    known = _overlap(softmax(logits[~unknown], axis=-1), labels[~unknown])
    turned = np.where(unknown[..., None], logits[..., ::-1], logits)
    return _told(
        found,
        (known, ""),
        (dice(logits, zero), "unknown pixels were taken for background"),
        (dice(logits, last), "unknown pixels were taken for the last class"),
        (dice(turned, hidden), "unknown pixels are not left out of every sum"),
        rest="the probabilities of unknown pixels are still in a sum",
    )


EXERCISES = MappingProxyType(
    {
        "E15.1": Exercise(
            "three conventions, three means, and none of them in silence",
            _means_problem,
            (
                "count overlap and sizes first: which pairs have nothing to divide by?",
                "a pair is empty only if both masks are; with one empty mask Dice is 0",
                "add up Dice over the pairs that have one; divide by their number, then"
                " by all with one more for each empty pair, then by all without",
            ),
        ),
        "E15.2": Exercise(
            "no other temperature has a smaller cross-entropy",
            _temperature_problem,
            (
                "first write the mean cross-entropy as a function of the temperature:"
                " what does the temperature divide, and before which step?",
                "search over the logarithm of the temperature: any number goes there",
                "a pixel's cross-entropy is SciPy's logsumexp of its divided logits"
                " less that of the true class; minimize_scalar finds the lowest mean",
            ),
        ),
        "E15.3": Exercise(
            "soft, over the whole batch, and blind where nobody knows",
            _soft_problem,
            (
                "which sums does Dice need, over which axes? Only the classes remain",
                "a table with a one at each pixel's class has the probabilities' shape",
                "first keep the known pixels only, as two tables of pixels by classes;"
                " then twice the sum of products over the sum of both, class by class",
            ),
        ),
    }
)
