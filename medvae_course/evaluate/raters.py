"""Several people outline one organ: simulated raters, and a distance between sets.

Where experts differ there is no single truth. A segmenter that draws samples should
differ as they do; the generalised energy distance measures whether it does.
"""

import numpy as np
from scipy import ndimage


def simulate_raters(
    mask: np.ndarray,
    n_raters: int,
    *,
    radius: int = 1,
    shift: int = 1,
    missing: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Draw what several raters might have outlined, given one mask.

    Each rater draws too tightly or too widely (erosion or dilation by up to `radius`
    pixels), a bit beside (moved by up to `shift` pixels along each axis), or overlooks
    the organ. What is moved beyond the edge is lost; an organ that is too thin may
    vanish under a tight rater.

    Args:
        mask: one mask of any dimension, bool.
        n_raters: how many.
        radius: largest erosion and dilation, pixels.
        shift: largest move, pixels.
        missing: probability that a rater overlooks the organ, 0 to 1.
        seed: of the drawing.

    Returns:
        bool (n_raters, ...), each of the shape of the mask.

    Raises:
        ValueError: if a number is out of its range.

    Example:
        >>> mask = np.zeros((9, 9), bool)
        >>> mask[3:6, 3:6] = True
        >>> simulate_raters(mask, 5, seed=1).sum(axis=(1, 2)).tolist()
        [21, 1, 1, 9, 21]

    Source: Warfield, Zou and Wells, Simultaneous truth and performance level estimation
        (2004), simulates raters in this way.
    Taught in: chapter 15.
    """
    if n_raters < 1 or radius < 0 or shift < 0 or not 0 <= missing <= 1:
        raise ValueError(
            "`n_raters` must be positive, `radius` and `shift` not negative, `missing` "
            f"from 0 to 1, got {n_raters}, {radius}, {shift} and {missing}"
        )
    mask = np.asarray(mask, bool)
    rng = np.random.default_rng(seed)
    return np.stack(
        [_rater(mask, rng, radius, shift, missing) for _ in range(n_raters)]
    )


def generalised_energy_distance(samples: np.ndarray, raters: np.ndarray) -> float:
    r"""Squared distance between two sets of masks, as distributions.

    $2\,E[d(s, r)] - E[d(s, s')] - E[d(r, r')]$ with $d = 1 - $ the intersection over
    the union, and $d = 0$ between two empty masks; the means go over all pairs, with
    those of a mask and itself. The first term rewards being right, the second differing
    as the raters do: copies of one mask, however good, pay for their agreement.

    Args:
        samples: (n, ...), bool, masks drawn from a segmenter.
        raters: (m, ...), bool, masks of the raters of the same image.

    Returns:
        0 for equal distributions, 2 at most; no unit.

    Raises:
        ValueError: if the images have not one shape, or a set is empty.

    Example:
        >>> raters = np.array([[True, False], [False, True]])
        >>> generalised_energy_distance(raters, raters)
        0.0
        >>> generalised_energy_distance(raters[:1], raters)  # one for all
        0.5

    Source: Kohl et al., A probabilistic U-Net for segmentation of ambiguous images
        (2018), section 3 (equation 4).
    Taught in: chapter 15.
    """
    samples, raters = (
        np.asarray(s, bool).reshape(len(s), -1) for s in _same(samples, raters)
    )
    across = _distances(samples, raters).mean()
    within = _distances(samples, samples).mean() + _distances(raters, raters).mean()
    return float(2 * across - within)


def _rater(mask, rng, radius, shift, missing):
    overlooked = rng.random() < missing
    change = int(rng.integers(-radius, radius + 1))
    moves = rng.integers(-shift, shift + 1, size=mask.ndim)
    if overlooked:
        return np.zeros_like(mask)
    if change > 0:
        mask = ndimage.binary_dilation(mask, iterations=change)
    elif change < 0:
        mask = ndimage.binary_erosion(mask, iterations=-change)
    return ndimage.shift(mask.astype(np.uint8), moves, order=0, cval=0) > 0


def _distances(a, b):
    """One minus intersection over union of each pair, (len(a), len(b))."""
    a, b = a.astype(float), b.astype(float)
    common = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1)[None] - common
    return 1 - np.where(union > 0, common / np.maximum(union, 1), 1.0)


def _same(samples, raters):
    samples, raters = np.asarray(samples), np.asarray(raters)
    if samples.shape[1:] != raters.shape[1:] or not len(samples) or not len(raters):
        raise ValueError(
            "both sets must hold masks of one image, got "
            f"{samples.shape} and {raters.shape}"
        )
    return samples, raters
