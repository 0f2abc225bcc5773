"""How much of an organ's surface is right, and what a mean does with empty masks."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .metrics import _masks

EMPTY = {"left out": np.nan, "right": 1.0, "wrong": 0.0}
"""Three conventions for a case where both masks are empty, and what they count it."""


def surface_dice(
    a: np.ndarray, b: np.ndarray, *, spacing_mm: Sequence[float], tolerance_mm: float
) -> float:
    """Share of both surfaces that lie within a tolerance of each other.

    The surface of a mask is its voxels with a face neighbour outside the mask or the
    array, as for `metrics.hd95_mm`; each counts the same. Programs that weigh pieces of
    surface by their area give slightly other numbers. A sensible tolerance is what two
    experts differ by; below the size of a voxel the result depends on the grid.

    Args:
        a: mask of any dimension, bool (or integers 0 and 1).
        b: mask of the same shape.
        spacing_mm: distance of voxel centres along each array axis (z, y, x), mm.
        tolerance_mm: largest distance that counts as right, mm; not negative.

    Returns:
        Normalised surface Dice, 0 to 1, no unit; 0 if one mask is empty, NaN if both.

    Raises:
        ValueError: if shapes differ, a mask holds more than 0 and 1, or a length is
            not positive.

    Example:
        >>> mask = np.zeros((8, 8), bool)
        >>> mask[2:4, 2:6] = True
        >>> moved = np.roll(mask, 1, axis=1)
        >>> surface_dice(mask, moved, spacing_mm=(2.0, 1.5), tolerance_mm=1.5)
        1.0
        >>> surface_dice(mask, moved, spacing_mm=(2.0, 1.5), tolerance_mm=1.0)
        0.75

    Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy
        for radiotherapy (2021); Maier-Hein et al., Metrics reloaded (2024).
    Taught in: chapter 15.
    """
    a, b = _masks(a, b)
    spacing = np.asarray(spacing_mm, dtype=float)
    if spacing.shape != (a.ndim,) or not np.all(np.isfinite(spacing) & (spacing > 0)):
        raise ValueError(
            f"`spacing_mm` must be {a.ndim} positive numbers, got {spacing_mm}"
        )
    if not tolerance_mm >= 0:
        raise ValueError(f"`tolerance_mm` must not be negative, got {tolerance_mm}")
    if not a.any() or not b.any():
        return 0.0 if a.any() or b.any() else float("nan")
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    right = 0
    for start, goal in (surfaces, surfaces[::-1]):
        distance_mm = ndimage.distance_transform_edt(~goal, sampling=spacing)
        right += int((distance_mm[start] <= tolerance_mm + 1e-9).sum())
    return right / int(surfaces[0].sum() + surfaces[1].sum())


def mean_score(scores: np.ndarray, *, empty: str) -> float:
    """Mean of Dice or surface Dice under one of three conventions for empty masks.

    Where an organ is absent and nothing was predicted, Dice is 0/0. Leaving such cases
    out says nothing of them; counting them 1 praises a network for each slice without
    the organ; counting them 0, as a small number in the denominator silently does,
    blames it. The three means can be far apart: say which one it is.

    Args:
        scores: (n,), NaN where both masks are empty.
        empty: `"left out"`, `"right"` (counts 1) or `"wrong"` (counts 0).

    Returns:
        The mean; NaN if nothing is left.

    Raises:
        ValueError: if the convention is another, or a score is infinite.

    Example:
        >>> scores = np.array([0.5, 0.7, np.nan])
        >>> [round(mean_score(scores, empty=convention), 2) for convention in EMPTY]
        [0.6, 0.73, 0.4]

    Source: Maier-Hein et al., Metrics reloaded, Nature Methods 21 (2024) 195-212.
    Taught in: chapter 15.
    """
    if empty not in EMPTY:
        raise ValueError(f"`empty` must be one of {', '.join(EMPTY)}, got {empty!r}")
    scores = np.asarray(scores, dtype=float)
    if np.isinf(scores).any():
        raise ValueError(
            "scores must not be infinite: a distance to an empty mask has no mean; "
            "report the median, or how many there are"
        )
    scores = np.where(np.isnan(scores), EMPTY[empty], scores)
    scores = scores[~np.isnan(scores)]
    return float(scores.mean()) if len(scores) else float("nan")
