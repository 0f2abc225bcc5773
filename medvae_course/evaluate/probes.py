"""What a linear model can read from codes: probes, scored on patients unseen by them.

A probe is a ridge or a logistic regression from the code to something known of the
image. It can only read what lies in the code along a straight line, so its score tells
how plainly the code holds it, not how clever the probe is. Its one setting, how
strongly the weights are held down, is chosen by cross-validation that never parts a
patient.
"""

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GroupKFold,
    StratifiedGroupKFold,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from .bootstrap import Interval

PENALTIES = tuple(float(penalty) for penalty in np.logspace(-2, 4, 7))
"""Weights of the squared coefficients that are tried, none to strong."""


def fit_ridge_probe(
    codes: np.ndarray, values: np.ndarray, patients: np.ndarray, *, n_folds: int = 5
) -> Pipeline:
    """Fit a linear model from codes to a number, such as the height of a slice.

    Args:
        codes: (n, k) float array, no unit; each latent is standardised first.
        values: (n,) float array, any unit.
        patients: (n,), whose image it is; none is on both sides of a fold.
        n_folds: parts of the cross-validation, at most the patients.

    Returns:
        scikit-learn pipeline of scaler and ridge regression; `predict` gives values.

    Raises:
        ValueError: if lengths differ, or there are fewer patients than folds.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(60, 3))
        >>> patients = np.repeat(np.arange(6), 10)
        >>> probe = fit_ridge_probe(codes, 5 + 2 * codes[:, 1], patients, n_folds=3)
        >>> bool(abs(probe.predict([[0, 1, 0]])[0] - 7) < 0.5)
        True

    Source: linear probes: Alain and Bengio, Understanding intermediate layers using
        linear classifier probes (2017).
    Taught in: chapter 10.
    """
    codes, values, patients = _checked(codes, values, patients, n_folds)
    values = values.astype(float)

    def error(predicted):
        return np.mean((predicted - values) ** 2)

    probes = [make_pipeline(StandardScaler(), Ridge(penalty)) for penalty in PENALTIES]
    folds = list(GroupKFold(n_folds).split(codes, values, patients))
    return _best(probes, codes, values, folds, "predict", error)


def fit_logistic_probe(
    codes: np.ndarray, classes: np.ndarray, patients: np.ndarray, *, n_folds: int = 5
) -> Pipeline:
    """Fit a linear model from codes to one of two classes, such as the sex.

    Both classes weigh the same, however rare one is.

    Args:
        codes: (n, k) float array, no unit; each latent is standardised first.
        classes: (n,) array of two different values.
        patients: (n,), whose image it is; none is on both sides of a fold.
        n_folds: parts of the cross-validation, at most the patients.

    Returns:
        scikit-learn pipeline of scaler and logistic regression; `predict` gives
        classes, `decision_function` a number that grows with the second class.

    Raises:
        ValueError: if lengths differ, there are not two classes, or too few patients
            of one for the folds.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(60, 3))
        >>> patients = np.repeat(np.arange(6), 10)
        >>> probe = fit_logistic_probe(codes, codes[:, 1] > 0, patients, n_folds=3)
        >>> bool(probe.predict([[0, 1, 0]])[0])
        True

    Source: as `fit_ridge_probe`.
    Taught in: chapter 10.
    """
    codes, classes, patients = _checked(codes, classes, patients, n_folds)
    names = np.unique(classes)
    if len(names) != 2:
        raise ValueError(
            f"two classes are needed, got {len(names)}: say for each which one against "
            "the others"
        )
    second = classes == names[1]
    weights = compute_sample_weight("balanced", second)

    def error(predicted):
        return log_loss(second, predicted[:, 1], sample_weight=weights)

    probes = [
        make_pipeline(
            StandardScaler(),
            LogisticRegression(
                C=1 / penalty, class_weight="balanced", solver="newton-cholesky"
            ),
        )
        for penalty in PENALTIES
    ]
    folds = list(StratifiedGroupKFold(n_folds).split(codes, second, patients))
    if any(len(np.unique(second[train])) < 2 for train, _ in folds):
        raise ValueError(
            "each class must remain when the patients of a fold are left out, got "
            f"too few patients of one class for {n_folds} folds: add patients, or "
            "give up this probe"
        )
    return _best(probes, codes, classes, folds, "predict_proba", error)


def interval_of_rows(
    score: Callable[[np.ndarray], float],
    patients: np.ndarray,
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a score of several arrays at once, resampling patients.

    For what is no mean over images: R², the area under a ROC curve, or the difference
    of two of them. Draws in which the score is not finite, such as an AUROC of
    patients of one class, are left out.

    Args:
        score: function of row numbers (m,) that returns one number.
        patients: (n,), whose row it is.
        level: share of the resamples inside the interval, between 0 and 1.
        n_resamples: draws of as many patients as there are, with replacement.
        seed: seed of the draws.

    Returns:
        `Interval` in the unit of the score.

    Raises:
        ValueError: if there is one patient only, or more than half of the draws give
            no score.

    Example:
        >>> y, y_hat = np.arange(6.0), np.arange(6.0) + [0.1, -0.1] * 3
        >>> found = interval_of_rows(
        ...     lambda rows: np.corrcoef(y[rows], y_hat[rows])[0, 1],
        ...     np.array(list("aabbcc")),
        ... )
        >>> found.low > 0.9, found.n_patients
        (True, 3)

    Source: Efron and Tibshirani, An introduction to the bootstrap (1993), ch. 13.
    Taught in: chapter 10.
    """
    names, patient = np.unique(np.asarray(patients), return_inverse=True)
    if len(names) < 2:
        raise ValueError("an interval by patient needs at least 2 patients, got 1")
    groups = [np.flatnonzero(patient == i) for i in range(len(names))]
    draws = np.random.default_rng(seed).integers(
        len(names), size=(n_resamples, len(names))
    )
    scores = np.array(
        [score(np.concatenate([groups[i] for i in draw])) for draw in draws]
    )
    scores = scores[np.isfinite(scores)]
    if len(scores) < n_resamples / 2:
        raise ValueError(
            f"the score is finite in {len(scores)} of {n_resamples} draws of patients: "
            "too few patients of one class for an interval"
        )
    low, high = np.quantile(scores, ((1 - level) / 2, (1 + level) / 2))
    estimate = float(score(np.arange(len(patient))))
    return Interval(estimate, float(low), float(high), level, len(names))


def _best(probes, codes, target, folds, method, error) -> Pipeline:
    """Fit the probe whose predictions for left-out patients err least."""
    errors = [
        error(cross_val_predict(probe, codes, target, cv=folds, method=method))
        for probe in probes
    ]
    return probes[int(np.argmin(errors))].fit(codes, target)


def _checked(codes, target, patients, n_folds):
    codes, target, patients = map(np.asarray, (codes, target, patients))
    if codes.ndim != 2 or not len(codes) == len(target) == len(patients):
        raise ValueError(
            "`codes` must be (n, k) with n targets and n patients, got "
            f"{codes.shape}, {target.shape} and {patients.shape}"
        )
    n_patients = len(np.unique(patients))
    if not 2 <= n_folds <= n_patients:
        raise ValueError(
            f"`n_folds` must be from 2 to the {n_patients} patients, got {n_folds}"
        )
    return codes, target, patients
