"""Exercises of chapter 9: a bound without overflow, bits of grey levels, memory.

Each check measures the learner's function by properties of the right answer, so that no
finished solution is stored here.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from . import Exercise


def _bound_problem(bound: Callable) -> str:
    generator = np.random.default_rng(9)
    small = generator.normal(size=(5, 8))
    with np.errstate(all="ignore"):
        found = np.asarray(bound(small.copy()), dtype=float)
        large = np.asarray(bound(small + 6000), dtype=float)
        low = np.asarray(bound(small - 6000), dtype=float)
    if found.shape != (5,):
        return (
            "5 images with 8 weights each must give 5 numbers, but the result has shape"
            f" {found.shape}"
        )
    right = np.log(np.exp(small).mean(axis=1))
    if np.allclose(found, small.mean(axis=1)):
        return "this is the mean of the logarithms: the ELBO, not the bound"
    if np.allclose(found, right + np.log(8)):
        return "this is the logarithm of the sum of the weights, not of their mean"
    if not np.allclose(found, right):
        return "wrong for weights near 1, where nothing can overflow"
    if not np.allclose(large, right + 6000):
        return "weights near the exponential of 6000 overflow: it must not be formed"
    if not np.allclose(low, right - 6000):
        return "weights near the exponential of −6000 vanish, and the logarithm fails"
    return ""


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
            "the bound is right, and thousands of nats do not break it",
            _bound_problem,
            (
                "what does the exponential of 6000 give on a computer?",
                "adding a number to all logarithms of an image adds the same number to"
                " its bound: which number would make them harmless?",
                "take the largest of each image away before the exponential, average,"
                " take the logarithm, and add the largest again",
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
