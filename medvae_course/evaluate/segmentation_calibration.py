"""Whether a segmenter that says 80 % is right in 80 of 100 pixels, and how to mend it.

Temperature scaling changes how sure a network is and never what it says: the class of
highest probability stays the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special


@dataclass(frozen=True)
class Reliability:
    """What a reliability diagram draws: one entry for each bin of confidence.

    Attributes:
        confidence: mean probability of the class that was said; NaN in an empty bin.
        accuracy: share of pixels where it was right; NaN in an empty bin.
        share: of all pixels that fall into the bin; sums to 1.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    share: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap, weighted by the share of the pixels."""
        gap = np.abs(self.confidence - self.accuracy)
        return float(np.nansum(self.share * gap))


def reliability(
    probabilities: np.ndarray,
    labels: np.ndarray,
    *,
    n_bins: int = 15,
    mask: np.ndarray | None = None,
) -> Reliability:
    """Compare how sure a segmenter is with how often it is right.

    Most pixels of a slice are background that nobody doubts, and make every error
    small: give the pixels that matter as `mask`, such as those near an organ.

    Args:
        probabilities: (n, height, width, n_classes), sums of 1 over the classes.
        labels: (n, height, width), whole numbers, the true classes.
        n_bins: equal bins of the highest probability, from 0 to 1.
        mask: bool (n, height, width), pixels that count; None for all.

    Returns:
        Confidence, accuracy and share of each bin; `error` is their mean gap.

    Raises:
        ValueError: if shapes differ, sums are not 1, or no pixel counts.

    Example:
        >>> probabilities = np.array([[[[0.8, 0.2]] * 5]])  # five pixels, all 80 % sure
        >>> labels = np.array([[[0, 0, 0, 0, 1]]])  # and four of five are right
        >>> round(reliability(probabilities, labels).error, 6)
        0.0

    Source: Guo et al., On calibration of modern neural networks (2017), section 2.
    Taught in: chapter 15.
    """
    probabilities, labels = _pixels(probabilities, labels, mask)
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "`probabilities` must sum to 1 over the classes, got sums up to "
            f"{probabilities.sum(axis=1).max():.3g}: use `probabilities_of(logits)`"
        )
    said = probabilities.argmax(axis=1)
    confidence = np.take_along_axis(probabilities, said[:, None], 1)[:, 0]
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    sums = [
        np.bincount(bins, weights=values, minlength=n_bins)
        for values in (confidence, said == labels)
    ]
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        means = [total / count for total in sums]
    return Reliability(means[0], means[1], count / len(bins))


def probabilities_of(logits: np.ndarray, *, temperature: float = 1.0) -> np.ndarray:
    """Turn logits into probabilities, softened by a temperature above 1.

    Args:
        logits: (..., n_classes).
        temperature: positive; logits are divided by it.

    Returns:
        The same shape, sums of 1 over the last axis.

    Raises:
        ValueError: if the temperature is not positive.

    Example:
        >>> probabilities_of(np.array([np.log(4.0), 0.0])).round(3).tolist()
        [0.8, 0.2]
        >>> probabilities_of(np.array([np.log(4.0), 0.0]), temperature=2).round(3)
        array([0.667, 0.333])

    Source: Guo et al. (2017), section 4.2. Taught in: chapter 15.
    """
    if not temperature > 0:
        raise ValueError(f"`temperature` must be positive, got {temperature}")
    return special.softmax(np.asarray(logits) / temperature, axis=-1)


def fit_temperature(
    logits: np.ndarray, labels: np.ndarray, *, mask: np.ndarray | None = None
) -> float:
    """Find the temperature with the smallest cross-entropy on validation patients.

    One number, so a few patients are enough to find it. Never fit it on the training
    patients, whom the network knows too well, nor on those of the report.

    Args:
        logits: (n, height, width, n_classes).
        labels: (n, height, width), whole numbers.
        mask: bool (n, height, width), pixels that count; None for all.

    Returns:
        Temperature, 0.05 to 20; above 1 for a network that is too sure.

    Raises:
        ValueError: if shapes differ or no pixel counts.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> logits = rng.normal(size=(1, 100, 100, 3))
        >>> labels = (logits + rng.gumbel(size=logits.shape)).argmax(-1)  # calibrated
        >>> round(fit_temperature(4 * logits, labels), 1)
        4.0

    Source: Guo et al. (2017), section 4.2. Taught in: chapter 15.
    """
    logits, labels = _pixels(logits, labels, mask)

    def cross_entropy(log_temperature):
        scaled = logits / np.exp(log_temperature)
        true = np.take_along_axis(scaled, labels[:, None], 1)[:, 0]
        return float(np.mean(special.logsumexp(scaled, axis=1) - true))

    bounds = (np.log(0.05), np.log(20.0))
    found = optimize.minimize_scalar(cross_entropy, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def ensemble(
    probabilities: Sequence[np.ndarray], *, weights: Sequence[float] | None = None
) -> np.ndarray:
    """Mean of the probabilities of several segmenters, which softens where they differ.

    Args:
        probabilities: one array for each segmenter, all of one shape.
        weights: how much each counts, not negative, not all 0; None for alike.

    Returns:
        Array of the same shape.

    Raises:
        ValueError: if there is none, shapes differ, or weights cannot be.

    Example:
        >>> ensemble([np.array([1.0, 0.0]), np.array([0.5, 0.5])]).tolist()
        [0.75, 0.25]
        >>> pair = [np.array([1.0, 0.0]), np.array([0.5, 0.5])]
        >>> ensemble(pair, weights=(0.8, 0.2)).tolist()
        [0.9, 0.1]

    Source: Lakshminarayanan, Pritzel and Blundell, Simple and scalable predictive
        uncertainty estimation using deep ensembles (2017).
    Taught in: chapter 15.
    """
    shapes = {np.shape(one) for one in probabilities}
    if len(shapes) != 1:
        raise ValueError(
            f"an ensemble needs probabilities of one shape, got {len(shapes)} shapes"
        )
    n = len(probabilities)
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    if w.shape != (n,) or not (w >= 0).all() or not 0 < w.sum() < np.inf:
        raise ValueError(
            f"`weights` must be {n} numbers, one for each array, none negative and not "
            f"all 0, got {w.tolist()}"
        )
    return sum(one * of for one, of in zip(probabilities, w / w.sum(), strict=True))


def _pixels(values, labels, mask):
    """Return values (pixels, n_classes) and labels (pixels,) of those that count."""
    values, labels = np.asarray(values, dtype=float), np.asarray(labels)
    counts = np.ones(labels.shape, bool) if mask is None else np.asarray(mask, bool)
    if not values.shape[:-1] == labels.shape == counts.shape:
        raise ValueError(
            "labels and mask must have the shape of the images, got "
            f"{values.shape} with labels {labels.shape} and mask {counts.shape}"
        )
    if not counts.any():
        raise ValueError("at least one pixel must count, got an empty mask")
    return values[counts], labels[counts].astype(int)
