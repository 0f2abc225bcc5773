"""Counts of scores by level and patient: all that the curves and intervals need."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Tally:
    """How many pixels (or slices, or patients) have a score of which level.

    Attributes:
        levels: (n,) float array, ascending, unit of the score. What is at least
            `levels[i]` is called a lesion at that threshold.
        lesion: (patients, n + 1) int array: lesion pixels below the first level,
            between the first and the second, and so on.
        healthy: the same of all other pixels.
    """

    levels: np.ndarray
    lesion: np.ndarray
    healthy: np.ndarray


def levels(scores: np.ndarray, n: int = 1000) -> np.ndarray:
    """Give thresholds that lie the closer, the higher the scores.

    Lesions are few, so what matters happens among the highest scores. Take the levels
    from the validation patients, and a threshold chosen there exists on others.

    Args:
        scores: array of any shape, float, any unit.
        n: how many, before equal ones are dropped.

    Returns:
        (at most n,) float array, ascending, quantiles of the scores.

    Raises:
        ValueError: if a score is not finite.

    Example:
        >>> levels(np.arange(1000.0), 4).round().tolist()
        [0.0, 899.0, 989.0, 998.0]

    Source: none; the quantiles' distances from the top grow geometrically.
    Taught in: chapter 13.
    """
    scores = np.asarray(scores, dtype=np.float64).ravel()
    if not scores.size or not np.isfinite(scores).all():
        raise ValueError("`scores` must be finite numbers, at least one")
    tail = np.geomspace(1.0, 1.0 / scores.size, n)
    return np.unique(np.quantile(scores, 1.0 - tail))


def tally(
    scores: np.ndarray, lesion: np.ndarray, patients: np.ndarray, *, levels: np.ndarray
) -> Tally:
    """Count scores by level and patient, lesions apart from the rest.

    Args:
        scores: (m,) float array, a score per pixel, slice or patient, any unit; only
            those that count: pixels of the body, say.
        lesion: (m,) bool array.
        patients: (m,) array, the patient of each.
        levels: as `levels` gives them, same unit as the scores.

    Returns:
        The counts.

    Raises:
        ValueError: if shapes differ, or there is no lesion, or nothing else.

    Example:
        >>> who = np.array(["a", "a", "b", "b"])
        >>> found = np.array([True, False, True, False])
        >>> counts = tally(np.array([3.0, 1, 2, 2]), found, who, levels=np.arange(4))
        >>> counts.lesion.tolist()
        [[0, 0, 0, 0, 1], [0, 0, 0, 1, 0]]

    Source: none. Taught in: chapter 13.
    """
    scores, lesion = np.asarray(scores), np.asarray(lesion, dtype=bool)
    patients, levels = np.asarray(patients), np.asarray(levels, dtype=np.float64)
    if scores.ndim != 1 or not scores.shape == lesion.shape == patients.shape:
        raise ValueError(
            "`scores`, `lesion` and `patients` must be of one shape (m,), got "
            f"{scores.shape}, {lesion.shape} and {patients.shape}"
        )
    if lesion.all() or not lesion.any():
        raise ValueError(
            "there must be lesions and something else, got "
            f"{int(lesion.sum())} lesions among {lesion.size}"
        )
    names, who = np.unique(patients, return_inverse=True)
    width = len(levels) + 1
    cell = who * width + np.searchsorted(levels, scores, side="right")
    counts = [
        np.bincount(cell[kind], minlength=len(names) * width).reshape(-1, width)
        for kind in (lesion, ~lesion)
    ]
    return Tally(levels, *counts)
