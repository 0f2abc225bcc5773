"""How far a result would move with other patients: intervals by resampling patients.

The images of one patient resemble each other, so they are not independent: resampling
images gives intervals far too narrow. What is drawn anew here is patients, each with
all of its images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A result and the range in which it moves from one draw of patients to the next.

    Attributes:
        estimate: the statistic of all values, in their unit.
        low: lower end, same unit.
        high: upper end, same unit.
        level: share of the draws between both ends, such as 0.95.
        n_patients: patients from which was drawn.
    """

    estimate: float
    low: float
    high: float
    level: float
    n_patients: int


def interval(
    values: np.ndarray,
    patients: np.ndarray,
    *,
    statistic: Callable[[np.ndarray], float] = np.mean,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic, by resampling patients.

    To compare two methods pass the differences of their values, image by image: what
    both find hard drops out. With fewer than about 20 patients the interval is
    somewhat too narrow; say how many there are.

    Args:
        values: (n,) float array, one value for each image, any unit.
        patients: (n,) array, the patient of each value.
        statistic: function of a (m,) array that returns one number; with `np.nanmean`
            values may be NaN.
        level: share of the resamples inside the interval, between 0 and 1.
        n_resamples: draws of as many patients as there are, with replacement.
        seed: seed of the draws.

    Returns:
        `Interval` in the unit of the statistic.

    Raises:
        ValueError: if there is one patient only, shapes differ, the level is not
            between 0 and 1, or the statistic is not finite.

    Example:
        >>> gain_db = np.array([0.1, 0.3, 0.2, 0.6, 0.5])
        >>> gain = interval(gain_db, np.array(["a", "a", "b", "c", "c"]))
        >>> round(gain.estimate, 2), gain.low > 0, gain.n_patients
        (0.34, True, 3)

    Source: Efron and Tibshirani, An introduction to the bootstrap (1993), ch. 13;
        patients as clusters: Field and Welsh, J. R. Stat. Soc. B 69 (2007) 369-390.
    Taught in: chapter 2.
    """
    values, patients = np.asarray(values, dtype=np.float64), np.asarray(patients)
    _check(values, patients, level, n_resamples)
    names, patient = np.unique(patients, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            "an interval by patient needs at least 2 patients, got 1; report the "
            "estimate alone and say that it is of one patient"
        )
    groups = [values[patient == i] for i in range(len(names))]
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(names), size=(n_resamples, len(names)))
    estimate = _finite(statistic(values))
    resampled = [
        _finite(statistic(np.concatenate([groups[i] for i in draw]))) for draw in draws
    ]
    low, high = np.quantile(resampled, ((1 - level) / 2, (1 + level) / 2))
    return Interval(estimate, float(low), float(high), level, len(names))


def _check(
    values: np.ndarray, patients: np.ndarray, level: float, n_resamples: int
) -> None:
    if values.ndim != 1 or values.shape != patients.shape or values.size == 0:
        raise ValueError(
            "`values` and `patients` must be of one shape (n,), got "
            f"{values.shape} and {patients.shape}"
        )
    if not 0 < level < 1:
        raise ValueError(f"`level` must be between 0 and 1, got {level}")
    if n_resamples < 100:
        raise ValueError(f"`n_resamples` must be at least 100, got {n_resamples}")


def _finite(number: float) -> float:
    if not np.isfinite(number):
        raise ValueError(
            f"the statistic must be finite in each resample, got {number}; leave out "
            "values that are NaN or infinite and say how many there were"
        )
    return float(number)
