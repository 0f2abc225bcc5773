"""Exercises of chapter 9: a bound without overflow, bits of grey levels, memory.

Each check measures the learner's function by properties of the right answer, so that no
finished solution is stored here.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from . import Exercise


def _bound_problem(bound: Callable) -> str:
    small = np.random.default_rng(9).normal(size=(5, 12))
    sizes = (1, 3, 12)
    with np.errstate(all="ignore"):
        found = np.asarray(bound(small.copy(), sizes), dtype=float)
        large = np.asarray(bound(small + 6000, sizes), dtype=float)
        low = np.asarray(bound(small - 6000, sizes), dtype=float)
    if found.shape != (5, 3):
        return (
            "5 images with 12 codes and 3 sizes must give 5 rows of 3 numbers, but the"
            f" result has shape {found.shape}"
        )
    right = _bounds(small, sizes)
    if not np.allclose(found, right):
        return _wrong_bound(found, small, sizes)
    if not np.allclose(large, right + 6000):
        return "weights near the exponential of 6000 overflow: it must not be formed"
    if not np.allclose(low, right - 6000):
        return "weights near the exponential of −6000 vanish, and the logarithm fails"
    return ""


def _wrong_bound(found: np.ndarray, small: np.ndarray, sizes: tuple[int, ...]) -> str:
    right = _bounds(small, sizes)
    strided = small.reshape(5, 3, 4).swapaxes(1, 2).reshape(5, 12)
    first = [_bounds(small[:, :size], (size,)) for size in sizes]
    if np.allclose(found, right[:, :1]):
        return "every size gives the mean of the logarithms, which is the ELBO"
    if np.allclose(found, right[:, -1:]):
        return (
            "every size gives the bound of all codes together: the groups are averaged"
            " before the logarithm, not after it"
        )
    if np.allclose(found, right + np.log(sizes)):
        return "this is the logarithm of the sum of the weights, not of their mean"
    if np.allclose(found, np.concatenate(first, axis=1)):
        return "only the first group of each image counts, and all draws must"
    if np.allclose(found[:, 1], _bounds(strided, (3,))[:, 0]):
        return "a group must be K neighbouring columns: these lie apart"
    return "wrong for weights near 1, where nothing can overflow"


def _bounds(log_w: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    w = np.exp(log_w)
    ends = [np.add.reduceat(w, range(0, w.shape[1], size), axis=1) for size in sizes]
    means = [sums / size for sums, size in zip(ends, sizes, strict=True)]
    return np.stack([np.log(mean).mean(axis=1) for mean in means], axis=1)


def _bits_problem(bits: Callable) -> str:
    one, two = (float(bits(-900.0, 64, width)) for width in (1.0, 2.0))
    if np.isclose(two - one, 1):
        return "wider levels must need fewer bits, and need more"
    if np.isclose(two, one):
        return "the width of the grey level makes no difference, and must"
    if np.isclose(one - two, np.log(2)):
        return "the unit is still nats: levels twice as wide must save one bit"
    if not np.isclose(one - two, 1):
        return "levels twice as wide must save exactly one bit per pixel"
    better = float(bits(-900.0 + 64 * np.log(2), 64, 1.0))
    if better > one:
        return "a higher likelihood must need fewer bits"
    if not np.isclose(one - better, 1):
        return "64 · log 2 nats more for an image of 64 pixels must save 1 bit a pixel"
    # the density 1 over one model unit, written with 1400 levels
    uniform = float(bits(0.0, 64, 1.0))
    if np.isclose(uniform, 0):
        return "the density is over model units, and the level is in HU"
    if not np.isclose(uniform, np.log2(1400)):
        return (
            "1400 levels that are all equally probable need log2 of 1400 bits, got"
            f" {uniform:.3f}"
        )
    return ""


def _memory_problem(nearer: Callable) -> str:
    near, far = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0])
    copies = float(nearer(near, far))
    if np.isclose(copies, 0):
        return "it is turned round: here every training image lies nearer"
    if not np.isclose(copies, 1):
        return f"where every training image lies nearer it must be 1, got {copies:.3f}"
    same = float(nearer(np.zeros(3), np.zeros(4)))
    if not np.isclose(same, 0.5):
        return f"equal distances count half: all equal must give 0.5, got {same:.3f}"
    generator = np.random.default_rng(9)
    train, held_out = generator.integers(0, 6, 40), generator.integers(1, 8, 25)
    train, held_out = train.astype(float), held_out.astype(float)
    wins = [sum(h > t for h in held_out) for t in train]
    ties = [sum(h == t for h in held_out) for t in train]
    right = (sum(wins) + sum(ties) / 2) / (40 * 25)
    found = float(nearer(train, held_out))
    if not np.isclose(found, right):
        return f"wrong for 40 and 25 distances, of which all pairs count: {found:.3f}"
    return ""


EXERCISES = MappingProxyType(
    {
        "E09.1": Exercise(
            "the bounds are right, and thousands of nats do not break them",
            _bound_problem,
            (
                "what does the exponential of 6000 give on a computer? And how many"
                " groups does each size make of an image's codes?",
                "adding a number to all logarithms of a group adds the same number to"
                " its bound: which number would make them harmless?",
                "for each size give the array a third axis, the codes of a group; take"
                " the largest away before the exponential, average, take the logarithm,"
                " add the largest again, and average over the groups last",
            ),
        ),
        "E09.2": Exercise(
            "the bits are those of a grey level",
            _bits_problem,
            (
                "a probability is a density times a width: in which unit is the width?",
                "the width counts once for each pixel, so per pixel its logarithm is"
                " added to the mean log-density",
                "divide the nats by the pixels, add the logarithm of the width in model"
                " units, turn the sign, and go over to base two",
            ),
        ),
        "E09.3": Exercise(
            "a copy machine would be found out",
            _memory_problem,
            (
                "pair each training image with each held-out one: who lies nearer?",
                "a pair counts one, a half or nothing; the answer is the mean over all"
                " pairs",
                "a table with a row for each training image comes from subtracting the"
                " two with an axis added to each; then look at the sign",
            ),
        ),
    }
)
