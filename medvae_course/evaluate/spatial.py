"""Label maps that hold together: votes of neighbours, connected parts, slices in order.

A clustering decides each pixel alone. Tissue is not like that: it is connected, and the
next slice shows nearly the same. All functions take the slices of *one* patient, in
order; `by_patient` applies them to a stack of several.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage


def by_patient(
    function: Callable[[np.ndarray], np.ndarray],
    stack: np.ndarray,
    patients: np.ndarray,
) -> np.ndarray:
    """Apply a function to the slices of each patient, so that none sees another's.

    Args:
        function: maps the slices (z, ...) of one patient to as many slices.
        stack: (n, ...) array, a patient's slices in order.
        patients: (n,), whose slice it is.

    Returns:
        (n, ...) array of what the function returned, in the order of the stack.

    Raises:
        ValueError: if lengths differ.

    Example:
        >>> stack, patients = np.array([1, 2, 3, 9]), np.array(["a", "a", "a", "b"])
        >>> by_patient(lambda slices: slices[::-1], stack, patients).tolist()
        [3, 2, 1, 9]

    Taught in: chapter 14.
    """
    stack, patients = np.asarray(stack), np.asarray(patients)
    if len(stack) != len(patients) or not len(stack):
        raise ValueError(
            f"each slice needs its patient, got {len(stack)} and {len(patients)}"
        )
    parts = {p: function(stack[patients == p]) for p in np.unique(patients)}
    first = next(iter(parts.values()))
    result = np.empty((len(stack), *first.shape[1:]), dtype=first.dtype)
    for patient, part in parts.items():
        result[patients == patient] = part
    return result


def smooth(features: np.ndarray, sigma: Sequence[float]) -> np.ndarray:
    """Average each pixel's features with its neighbours', in the slice and across.

    Args:
        features: (z, height, width, c) array of one patient, any unit.
        sigma: standard deviations of the Gaussian along (z, y, x), in slices and
            pixels; 0 leaves a direction alone.

    Returns:
        float32 array of the same shape, same unit.

    Raises:
        ValueError: if the shape or the number of widths is another.

    Example:
        >>> features = np.zeros((3, 4, 4, 1))
        >>> features[1] = 3
        >>> bool(smooth(features, (1, 0, 0))[0, 0, 0, 0] > 0.5)
        True

    Taught in: chapter 14.
    """
    features = np.asarray(features, dtype=np.float32)
    if features.ndim != 4 or len(sigma) != 3 or min(sigma) < 0:
        raise ValueError(
            "`features` must be (z, height, width, c) and `sigma` three widths from 0, "
            f"got shape {features.shape} and {tuple(sigma)}"
        )
    return ndimage.gaussian_filter(features, (*sigma, 0), mode="nearest", truncate=2.0)


def vote(labels: np.ndarray, *, sigma: Sequence[float] = (0.7, 0.7, 0.7)) -> np.ndarray:
    """Let the neighbours vote on each pixel's label, nearer ones with more weight.

    Args:
        labels: (z, height, width) array of one patient, int, from 0.
        sigma: standard deviations of the Gaussian weights along (z, y, x), in slices
            and pixels.

    Returns:
        Array of the same shape and dtype. A tie goes to the smaller label.

    Raises:
        ValueError: if the labels are no volume of whole numbers from 0.

    Example:
        >>> labels = np.ones((3, 5, 5), int)
        >>> labels[1, 2, 2] = 4  # a speck
        >>> np.unique(vote(labels)).tolist()
        [1]

    Source: a relative of Besag's iterated conditional modes, J. R. Stat. Soc. B 48
        (1986) 259-302, with one round.
    Taught in: chapter 14.
    """
    labels = _volume(labels)
    if len(sigma) != 3 or min(sigma) < 0:
        raise ValueError(f"`sigma` must be three widths from 0, got {tuple(sigma)}")
    most = np.full(labels.shape, -1.0, dtype=np.float32)
    winner = np.zeros_like(labels)
    for label in np.unique(labels):
        votes = ndimage.gaussian_filter(
            (labels == label).astype(np.float32), sigma, mode="nearest", truncate=2.0
        )
        better = votes > most + 1e-6
        winner[better], most[better] = label, votes[better]
    return winner


def keep_large_parts(
    labels: np.ndarray, *, share: float = 0.1, replacement: int = 0
) -> np.ndarray:
    """Take away the parts of each label that are small beside its largest.

    Parts are connected through faces, across slices too.

    Args:
        labels: (z, height, width) array of one patient, int, from 0.
        share: parts smaller than this share of the label's largest go; 1 keeps the
            largest alone.
        replacement: label that they get.

    Returns:
        Array of the same shape and dtype.

    Raises:
        ValueError: if the labels are no volume, or the share is not from 0 to 1.

    Example:
        >>> labels = np.array([[[2, 2, 2, 2, 0, 2]]])
        >>> keep_large_parts(labels, share=0.5).tolist()
        [[[2, 2, 2, 2, 0, 0]]]

    Taught in: chapter 14.
    """
    labels = _volume(labels)
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must be from 0 to 1, got {share}")
    kept = labels.copy()
    for label in np.unique(labels[labels != replacement]):
        parts, _ = ndimage.label(labels == label)
        sizes = np.bincount(parts.ravel())[1:]
        small = np.concatenate([[False], sizes < share * sizes.max()])
        kept[small[parts]] = replacement
    return kept


def agreement_between_slices(labels: np.ndarray) -> float:
    """Say which share of a patient's pixels keeps its label in the next slice.

    Pixels that are background in both slices do not count. Set it against the same
    number for the truth: anatomy changes from slice to slice too.

    Args:
        labels: (z, height, width) array of one patient, at least two slices in order.

    Returns:
        Between 0 and 1, no unit; `nan` if all is background.

    Raises:
        ValueError: if there are fewer than two slices.

    Example:
        >>> agreement_between_slices(np.array([[[1, 1, 0]], [[1, 2, 0]]]))
        0.5

    Taught in: chapter 14.
    """
    labels = _volume(labels)
    if len(labels) < 2:
        raise ValueError(f"at least two slices are needed, got {len(labels)}")
    counted = (labels[1:] > 0) | (labels[:-1] > 0)
    if not counted.any():
        return float("nan")
    return float(np.mean((labels[1:] == labels[:-1])[counted]))


def _volume(labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 3 or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            "`labels` must be whole numbers of shape (z, height, width), got "
            f"{labels.dtype} {labels.shape}"
        )
    if labels.min() < 0:
        raise ValueError(f"`labels` must be from 0, got {labels.min()}")
    return labels
