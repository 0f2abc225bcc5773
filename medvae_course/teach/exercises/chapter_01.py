"""Exercises of chapter 1: rescaling, slice order and the split by patient.

Each check feeds the learner's function small scans whose right answer follows from a
property, so that no finished solution is stored here.
"""

from collections.abc import Callable, Iterator
from types import MappingProxyType

import numpy as np

from . import Exercise

_AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
_TILTED = (1.0, 0.0, 0.0, 0.0, 0.8, 0.6)
# columns that run to the front: the normal runs to the feet
_FLIPPED = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


def _rescale_problem(to_hu_per_slice: Callable) -> str:
    # as many slices as rows and columns, so that a wrong axis broadcasts all the same
    stored = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    slopes = np.array([1.0, 1.0, 2.0, 0.5])
    intercepts = np.array([-1024.0, -1000.0, -1024.0, 0.25])
    hu = np.asarray(to_hu_per_slice(stored, slopes, intercepts))
    if hu.shape != stored.shape:
        return f"a stack of shape {stored.shape} came back with shape {hu.shape}"
    if not np.issubdtype(hu.dtype, np.floating):
        return f"the result is of type {hu.dtype}, which cannot hold fractions of a HU"
    nothing = np.asarray(to_hu_per_slice(np.zeros_like(stored), slopes, intercepts))
    if np.allclose(nothing, intercepts) or np.allclose(nothing, intercepts[:, None]):
        return (
            "each slice mixes the numbers of several slices: rows or columns got them"
        )
    if np.ptp(nothing, axis=(1, 2)).max() > 0:
        return "a slice of zeros does not come back as one value"
    if np.ptp(nothing[:, 0, 0]) == 0:
        return "all slices were treated with the same numbers, but each has its own"
    for index in range(4):
        if nothing[index, 0, 0] != intercepts[index]:
            return "a stored zero must become its own slice's intercept, and does not"
        steps = np.diff(hu[index].ravel())
        if not np.allclose(steps, slopes[index]):
            return "one stored unit more must add its own slice's slope, and does not"
    large = np.full((2, 1, 1), 30000, dtype=np.int16)
    if not np.asarray(to_hu_per_slice(large, slopes[2:], intercepts[2:])).max() > 50000:
        return "large stored values run over the end of a small integer type"
    return ""


def _stacks() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, positions (n, 3) in mm along the normal, and orientation of some series."""
    for name, orientation in (
        ("an axial", _AXIAL),
        ("a sagittal", _SAGITTAL),
        ("a tilted", _TILTED),
        ("a flipped axial", _FLIPPED),
    ):
        cosines = np.array(orientation).reshape(2, 3)
        x, y = cosines
        # written out, so that the product a learner looks for does not stand here
        normal = np.array(
            [x[i] * y[j] - x[j] * y[i] for i, j in ((1, 2), (2, 0), (0, 1))]
        )
        steps_mm = np.arange(9) * 5.0 - 20.0
        first = np.array([-12.0, 6.0, 3.0])  # the scanner's origin lies in the series
        yield name, first + steps_mm[:, None] * normal, np.array(orientation)


def _order_problem(slice_order: Callable) -> str:
    shuffle = np.random.default_rng(11).permutation(9)
    for name, positions, orientation in _stacks():
        order = np.asarray(slice_order(positions[shuffle].copy(), orientation))
        if order.shape != (9,) or sorted(order.tolist()) != list(range(9)):
            return "nine slices must give nine indices, each from 0 to 8 once"
        places = shuffle[order.astype(int)]
        if np.array_equal(places, np.arange(9)[::-1]):
            return f"{name} series comes out back to front"
        if np.array_equal(np.argsort(shuffle), np.argsort(places)):
            return f"{name} series has not changed its order at all"
        if not np.array_equal(places, np.arange(9)):
            return f"{name} series is still out of order"
    return ""


def _split_problem(test_slices: Callable) -> str:
    generator = np.random.default_rng(5)
    patients = np.repeat([f"p{n:02d}" for n in range(20)], generator.integers(3, 9, 20))
    patients = generator.permutation(patients)
    test = np.asarray(test_slices(patients.copy(), 0.25, seed=0))
    if test.shape != patients.shape or test.dtype != bool:
        return (
            f"expected one True or False for each of the {len(patients)} slices,"
            f" got {test.dtype} of shape {test.shape}"
        )
    shared = np.intersect1d(patients[test], patients[~test])
    if len(shared):
        return f"{len(shared)} of 20 patients have slices on both sides"
    if test.all() or not test.any():
        return "one of the two sides is empty"
    if len(np.unique(patients[test])) != 5:
        return "a quarter of 20 patients should be tested, and it is another number"
    if not np.array_equal(test, test_slices(patients.copy(), 0.25, seed=0)):
        return "the same seed gave two different splits"
    others = (test_slices(patients.copy(), 0.25, seed=seed) for seed in range(1, 6))
    if all(np.array_equal(test, other) for other in others):
        return "six seeds gave one and the same split"
    if np.asarray(test_slices(np.array(["a", "b", "b"]), 0.1, seed=0)).sum() == 0:
        return "of two patients, none is tested when the fraction is small"
    return ""


EXERCISES = MappingProxyType(
    {
        "E01.1": Exercise(
            "every slice is rescaled by its own numbers",
            _rescale_problem,
            (
                "write down what one slice needs; then ask which axis of the stack"
                " counts the slices",
                "arrays of shape (n,) meet the last axis of a stack; what shape would"
                " meet the first one instead?",
                "give both parameter arrays two more axes of length one, then the rule"
                " of one slice holds for the stack",
            ),
        ),
        "E01.2": Exercise(
            "each series is in order, whatever its orientation",
            _order_problem,
            (
                "which direction do the slices stack up in? It need not be z",
                "the orientation holds two directions that lie in the slice; a third"
                " one stands on both",
                "measure how far each position lies along that third direction, with a"
                " product of two vectors, and sort those numbers; if a series comes out"
                " back to front, look at which direction you took first",
            ),
        ),
        "E01.3": Exercise(
            "no patient is on both sides",
            _split_problem,
            (
                "what has to be drawn at random here: slices or something else?",
                "list each patient once, draw from that list with the seed, and only"
                " then look at slices",
                "round the number of patients to draw, but draw at least one; a slice"
                " is tested if its patient is among those drawn",
            ),
        ),
    }
)
