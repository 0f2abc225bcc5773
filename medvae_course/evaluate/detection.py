"""How well a score finds lesions: by pixel, by slice and by patient.

Millions of pixels are counted once, by patient and by level of the score. From the
counts follow the areas under the curves, Dice at any level, and their intervals by
resampling patients, in an instant instead of sorting everything again for each draw.
"""

from collections.abc import Callable

import numpy as np

from .bootstrap import Interval
from .tallies import Tally

Statistic = Callable[[Tally], np.ndarray]


def prevalence(counts: Tally) -> np.ndarray:
    """Share of lesions: the AUPRC of a score that knows nothing.

    Taught in: chapter 13.
    """
    lesion = counts.lesion.sum(axis=(-2, -1))
    return lesion / (lesion + counts.healthy.sum(axis=(-2, -1)))


def auprc(counts: Tally) -> np.ndarray:
    """Area under the curve of precision over recall, as average precision.

    Args:
        counts: what `tallies.tally` gave.

    Returns:
        Between `prevalence` (chance) and 1, no unit.

    Source: `sklearn.metrics.average_precision_score`, for which scores within one
        level are equal; Davis and Goadrich, ICML 2006, on not interpolating.
    Taught in: chapter 13.
    """
    hit, false = _at_or_above(counts)
    gained = hit - np.concatenate([hit[..., 1:], np.zeros_like(hit[..., :1])], axis=-1)
    # a draw of patients without a single lesion has no value
    with np.errstate(invalid="ignore"):
        precision = np.where(hit > 0, hit / (hit + false), 0.0)
        return (gained * precision).sum(axis=-1) / hit[..., 0]


def auroc(counts: Tally) -> np.ndarray:
    """Area under the receiver operating characteristic.

    The chance that a lesion has a higher score than something healthy; half of the
    ties count. Where nearly everything is healthy it looks good without being so.

    Args:
        counts: what `tallies.tally` gave.

    Returns:
        0.5 by chance, 1 at best, no unit.

    Source: `sklearn.metrics.roc_auc_score`. Taught in: chapter 13.
    """
    hit, false = _at_or_above(counts)
    zero = np.zeros_like(hit[..., :1])
    with np.errstate(invalid="ignore"):  # as above
        x, y = (np.concatenate([c, zero], axis=-1) / c[..., :1] for c in (false, hit))
    return ((x[..., :-1] - x[..., 1:]) * (y[..., :-1] + y[..., 1:])).sum(axis=-1) / 2


def dice(counts: Tally, threshold: float) -> np.ndarray:
    """Dice of what scores at least `threshold`, over all pixels of all patients.

    Args:
        counts: what `tallies.tally` gave.
        threshold: one of its levels, unit of the score.

    Returns:
        Between 0 and 1, no unit.

    Raises:
        ValueError: if the threshold is none of the levels.

    Source: Dice, Ecology 26 (1945) 297-302. Taught in: chapter 13.
    """
    index = int(np.searchsorted(counts.levels, threshold))
    if index == len(counts.levels) or counts.levels[index] != threshold:
        raise ValueError(
            f"`threshold` must be one of the tally's levels, got {threshold}: count "
            "validation and test patients with the same levels"
        )
    return _dice(counts)[..., index]


def best_dice(counts: Tally) -> np.ndarray:
    """Highest Dice of all levels: the threshold is chosen by the truth itself.

    Nobody who has to find lesions can choose so; report it as an upper end only,
    beside `dice` at a threshold from validation patients.

    Args:
        counts: what `tallies.tally` gave.

    Returns:
        Between 0 and 1, no unit.

    Source: Baur et al., Medical Image Analysis 69 (2021) 101952, written with ceiling
        signs there.
    Taught in: chapter 13.
    """
    return _dice(counts).max(axis=-1)


def best_threshold(counts: Tally) -> float:
    """Give the level with the highest Dice: call it with validation patients.

    Taught in: chapter 13.
    """
    return float(counts.levels[int(_dice(counts).argmax())])


def interval(
    counts: Tally,
    statistic: Statistic,
    *,
    minus: Tally | None = None,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic of the counts, by resampling patients.

    Args:
        counts: what `tallies.tally` gave.
        statistic: `auprc`, `auroc`, `best_dice`, or a function of a tally like these.
        minus: counts of another score for the same patients: then the interval is of
            the difference.
        level: share of the resamples inside the interval, between 0 and 1.
        n_resamples: draws of as many patients as there are, with replacement.
        seed: of the draws.

    Returns:
        The statistic and its interval, no unit.

    Raises:
        ValueError: if there are fewer than two patients, or `minus` has other ones.

    Example:
        >>> from medvae_course.evaluate.tallies import levels, tally
        >>> who = np.repeat(np.arange(8), 2)
        >>> scores, lesion = np.arange(16.0) % 3, np.tile([False, True], 8)
        >>> counts = tally(scores, lesion, who, levels=levels(scores))
        >>> found = interval(counts, auroc)
        >>> bool(found.low < found.estimate < found.high)
        True

    Source: Efron and Tibshirani, An introduction to the bootstrap (1993), chapter 13.
    Taught in: chapter 13.
    """
    n = len(counts.lesion)
    if n < 2 or (minus is not None and len(minus.lesion) != n):
        raise ValueError(
            f"an interval needs at least 2 patients, the same in both tallies, got {n}"
            + ("" if minus is None else f" and {len(minus.lesion)}")
        )
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples)
    weights = np.concatenate([np.ones((1, n), dtype=draws.dtype), draws])
    found = statistic(_weighted(counts, weights))
    if minus is not None:
        found = found - statistic(_weighted(minus, weights))
    low, high = np.nanquantile(found[1:], ((1 - level) / 2, (1 + level) / 2))
    return Interval(float(found[0]), float(low), float(high), level, n)


def _weighted(counts: Tally, weights: np.ndarray) -> Tally:
    """One row of counts per draw, patients added up."""
    lesion, healthy = (
        (weights @ part)[:, None] for part in (counts.lesion, counts.healthy)
    )
    return Tally(counts.levels, lesion, healthy)


def _at_or_above(counts: Tally) -> tuple[np.ndarray, np.ndarray]:
    """Lesion and other pixels from each level upwards, the first of them being all."""
    added = (part.sum(axis=-2) for part in (counts.lesion, counts.healthy))
    hit, false = (part[..., ::-1].cumsum(axis=-1)[..., ::-1] for part in added)
    return hit, false


def _dice(counts: Tally) -> np.ndarray:
    hit, false = _at_or_above(counts)
    return (2 * hit / np.maximum(hit[..., :1] + hit + false, 1))[..., 1:]
