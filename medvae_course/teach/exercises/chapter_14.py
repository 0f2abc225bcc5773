"""Exercises of chapter 14: clear the border, name clusters for Dice, lay tiles.

Each check measures the learner's function by properties of the right answer, or against
all possible answers of a small case, so that no finished solution is stored here.
"""

from collections.abc import Callable
from itertools import product
from types import MappingProxyType

import numpy as np

from . import Exercise


def _border_problem(clear: Callable) -> str:
    rim = np.zeros((7, 9), dtype=bool)
    rim[2:5, 3:6] = True
    both = rim.copy()
    both[0, :] = True
    given = both.copy()
    clear(given)
    if not np.array_equal(given, both):
        return "the mask that was handed in has been changed: work on a copy"
    lone = np.asarray(clear(rim.copy()))
    if lone.shape != rim.shape or lone.dtype != bool:
        return (
            f"a Boolean array of shape (7, 9) is asked for, got {lone.dtype}"
            f" {lone.shape}"
        )
    if not np.array_equal(lone, rim):
        return "a region that touches no border has to stay as it is"
    for side in ((0, 4), (6, 4), (3, 0), (3, 8)):
        touching = rim.copy()
        row, column = side
        touching[min(row, 3) : max(row, 3) + 1, min(column, 4) : max(column, 4) + 1] = 1
        if np.asarray(clear(touching)).any():
            return (
                "a region that touches the border in one pixel has to go as a whole:"
                f" look at row {row}, column {column} of 7 rows and 9 columns"
            )
    if not np.array_equal(clear(both), rim):
        return "only the regions that touch the border go, not their neighbours"
    corner = rim.copy()
    corner[1, 2] = corner[0, 1] = True  # joined to the region by corners only
    if not np.array_equal(clear(corner)[2:5, 3:6], rim[2:5, 3:6]):
        return "pixels that meet at a corner only are two regions here"
    return ""


def _naming_problem(name_for_dice: Callable) -> str:
    generator = np.random.default_rng(14)
    sure = np.array([[90, 0], [0, 10], [50, 0]])
    given = np.asarray(name_for_dice(sure.copy()))
    if given.shape != (3,) or given.dtype != bool:
        return f"one Boolean per cluster is asked for, got {given.dtype} {given.shape}"
    if not np.array_equal(given, [False, True, False]):
        return "a cluster of the organ alone belongs to it, one without any does not"
    for trial in range(40):
        counts = generator.integers(0, 30, size=(6, 2))
        counts[:, 0] *= 1 + trial % 4
        if not counts[:, 1].any():
            continue
        given = np.asarray(name_for_dice(counts.copy()), dtype=bool)
        best = max(_dice(counts, np.array(c, bool)) for c in product((0, 1), repeat=6))
        if _dice(counts, given) < best - 1e-9:
            if np.array_equal(given, counts[:, 1] > counts[:, 0]):
                return (
                    "the majority names these, which makes most pixels right; for Dice"
                    " some clusters with less than half of the organ pay off too"
                )
            if np.array_equal(given, counts[:, 1] > 0):
                return (
                    "every cluster with a pixel of the organ was taken: those with few"
                    " cost more than they bring"
                )
            return (
                f"for counts {counts.tolist()} another choice reaches Dice {best:.3f},"
                f" this one {_dice(counts, given):.3f}"
            )
    return ""


def _dice(counts: np.ndarray, chosen: np.ndarray) -> float:
    size = counts[chosen].sum() + counts[:, 1].sum()
    return 2 * counts[chosen, 1].sum() / size


_TILINGS = (
    (64, 64, 8),
    (100, 40, 5),
    (120, 40, 10),
    (65, 64, 8),
    (50, 20, 0),
    (512, 96, 22),
)


def _tiles_problem(tile_starts: Callable) -> str:
    for size, tile, margin in _TILINGS:
        case = f"for size {size}, tile {tile} and margin {margin}"
        starts = [int(start) for start in tile_starts(size, tile, margin)]
        if not starts or sorted(set(starts)) != starts:
            return f"{case} the starts must ascend, each once, got {starts}"
        if starts[0] < 0 or starts[-1] + tile > size:
            return f"{case} a tile reaches out of the image: {starts}"
        good = np.zeros(size, dtype=bool)
        for start in starts:
            low = start + margin if start else 0
            high = start + tile - margin if start + tile < size else size
            good[low:high] = True
        if not good.all():
            if good[:margin].all() and good[-margin or None :].all():
                return (
                    f"{case} pixel {int(np.argmin(good))} lies within the margin of"
                    " every tile that holds it"
                )
            return f"{case} the ends of the image are in no tile: {starts}"
        least = 1 + max(0, -(-(size - tile) // (tile - 2 * margin)))
        if len(starts) > least:
            return f"{case} {least} tiles are enough, got {len(starts)}"
    return ""


EXERCISES = MappingProxyType(
    {
        "E14.1": Exercise(
            "what touches the border is gone, and nothing else",
            _border_problem,
            (
                "first number the connected regions; SciPy's ndimage can",
                "which numbers occur in the first and last row, and in the first and"
                " last column?",
                "keep the pixels whose region's number is not among those, and is not"
                " the background's",
            ),
        ),
        "E14.2": Exercise(
            "no other choice of clusters has a larger Dice",
            _naming_problem,
            (
                "write down Dice of a choice: which sums of the counts does it need?",
                "sort the clusters by the share of their pixels that is organ: if one"
                " belongs to the organ, so does every one with a larger share",
                "compute Dice for the first cluster, the first two and so on by"
                " cumulative sums, take the best, and put the answer back in order",
            ),
        ),
        "E14.3": Exercise(
            "every pixel is far enough from an edge, with the fewest tiles",
            _tiles_problem,
            (
                "of a tile inside the image only the middle counts; how wide is that?",
                "neighbouring starts may be as far apart as the middle is wide; the"
                " last tile has to end where the image ends",
                "step from zero by the width of the middle until the next tile would"
                " reach the end, and put one there",
            ),
        ),
    }
)
