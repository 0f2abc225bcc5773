"""Whether error bars mean what they say: how often the truth lies inside."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def coverage(
    residuals: np.ndarray,
    sigma: float | np.ndarray,
    *,
    level: float = 0.9,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Share of the pixels of each image that lie in the central interval of a Gaussian.

    If the standard deviation is right and the residuals are Gaussian, the share is the
    level. A share below it: the model is too sure of itself; above it: not enough. The
    shares of images are averaged by patient with `bootstrap.interval`.

    Args:
        residuals: (n, ...) array, truth minus mean of the Gaussian, any unit.
        sigma: standard deviation, unit of the residuals; positive. One number, or an
            array that broadcasts against one image or all of them.
        level: probability of the interval, between 0 and 1.
        mask: Boolean, shape of the residuals: pixels that count; None for all.

    Returns:
        (n,) float64 array, 0 to 1; NaN for an image without a pixel that counts.

    Raises:
        ValueError: if a number is out of range or shapes do not match.

    Example:
        >>> residuals = np.array([[0.0, 1.0, 1.6, 2.0]])
        >>> coverage(residuals, 1.0).tolist()  # up to 1.645
        [0.75]

    Source: Gneiting, Balabdaoui and Raftery, Probabilistic forecasts, calibration and
        sharpness (2007), section 3.1.
    Taught in: chapter 8.
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be between 0 and 1, got {level}")
    residuals = np.asarray(residuals, dtype=float)
    _check(residuals, sigma, mask)
    reach = stats.norm.ppf((1 + level) / 2)
    inside = np.abs(residuals) <= reach * np.asarray(sigma, dtype=float)
    counts = np.ones_like(inside) if mask is None else np.asarray(mask, dtype=bool)
    axes = tuple(range(1, residuals.ndim))
    n = counts.sum(axis=axes)
    hits = (inside & counts).sum(axis=axes)
    return np.where(n > 0, hits / np.maximum(n, 1), np.nan)


def coverage_curve(
    residuals: np.ndarray,
    sigma: float | np.ndarray,
    *,
    levels: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99),
    mask: np.ndarray | None = None,
) -> dict[float, float]:
    """Measured against expected coverage; the diagonal is right.

    Args:
        residuals: (n, ...) array, as for `coverage`.
        sigma: as for `coverage`.
        levels: expected shares, each between 0 and 1.
        mask: as for `coverage`.

    Returns:
        Level → mean over images of the share inside.

    Raises:
        ValueError: as `coverage`.

    Example:
        >>> residuals = np.random.default_rng(0).normal(size=(50, 400))
        >>> curve = coverage_curve(residuals, 1.0, levels=(0.5, 0.9))
        >>> {level: round(share, 1) for level, share in curve.items()}
        {0.5: 0.5, 0.9: 0.9}

    Source: Gneiting, Balabdaoui and Raftery (2007), as for `coverage`.
    Taught in: chapter 8.
    """
    return {
        float(level): float(
            np.nanmean(coverage(residuals, sigma, level=level, mask=mask))
        )
        for level in levels
    }


def _check(
    residuals: np.ndarray, sigma: float | np.ndarray, mask: np.ndarray | None
) -> None:
    if residuals.ndim < 2 or residuals.size == 0:
        raise ValueError(
            f"`residuals` must be (n, ...) with at least one image, got shape "
            f"{residuals.shape}"
        )
    sigma = np.asarray(sigma, dtype=float)
    if not (np.isfinite(sigma).all() and (sigma > 0).all()):
        raise ValueError(f"`sigma` must be positive, got {sigma.min():.3g} at least")
    try:
        fits = np.broadcast_shapes(sigma.shape, residuals.shape) == residuals.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"`sigma` of shape {sigma.shape} fits no residuals of {residuals.shape}"
        )
    if mask is not None and np.shape(mask) != residuals.shape:
        raise ValueError(
            f"`mask` must have the shape of the residuals {residuals.shape}, got "
            f"{np.shape(mask)}"
        )
