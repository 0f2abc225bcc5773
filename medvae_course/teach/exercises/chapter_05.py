"""Exercises of chapter 5: noise from several scans, error without truth, lost anatomy.

Each check makes bodies and noise of which the truth is known and holds the learner's
number against that, so that no finished solution is stored here.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from . import Exercise

_SIDE = 64


def _body(seed: int) -> np.ndarray:
    """A picture with strong structure, HU."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    tilt = np.random.default_rng(seed).uniform(5, 15, size=2)
    return -800 + tilt[0] * rows + 300 * (columns > 30) + tilt[1] * (columns % 7)


def _number(answer: object) -> float:
    value = np.asarray(answer, dtype=float)
    return float(value) if value.size == 1 else float("nan")


def _scans_problem(sigma_of_scans: Callable) -> str:
    rng = np.random.default_rng(5)
    for n, sigma in ((3, 30.0), (2, 12.0), (8, 30.0)):
        scans = _body(n) + rng.normal(0, sigma, (n, _SIDE, _SIDE))
        found = _number(sigma_of_scans(scans.copy()))
        if np.isnan(found):
            return "one number is asked for, in HU"
        if abs(found / scans.std() - 1) < 0.1:
            return "the body's own structure was counted as noise"
        if abs(found / sigma**2 - 1) < 0.1:
            return "that is the variance: its unit is HU squared"
        if abs(found / (sigma * np.sqrt(1 - 1 / n)) - 1) < 0.04:
            return (
                f"with {n} scans it is too small: the mean of so few scans carries"
                " some of their noise, and lies nearer to them than the body does"
            )
        if abs(found / (sigma * np.sqrt(2)) - 1) < 0.04:
            return "that is the noise of a difference, which has that of two scans"
        if abs(found / (sigma / np.sqrt(n)) - 1) < 0.04:
            return "that is the noise of the scans' mean, not of one of them"
        if abs(found / sigma - 1) > 0.04:
            return f"{n} scans with a noise of {sigma:g} HU give {found:.1f} HU"
    return ""


def _error_problem(error_without_truth: Callable) -> str:
    rng = np.random.default_rng(6)
    for sigma, wrong in ((30.0, 20.0), (10.0, 25.0)):
        body = _body(3)
        first, second = body + rng.normal(0, sigma, (2, _SIDE, _SIDE))
        error = 0.3 * (first - body) + wrong * np.sin(np.arange(_SIDE) / 3)
        right = float(np.sqrt(np.mean(error**2)))
        given = [image.copy() for image in (body + error, first, second)]
        found = _number(error_without_truth(*given))
        if np.isnan(found):
            return "one number is asked for, in HU; was the root of less than 0 taken?"
        if abs(found / right - 1) < 0.08:
            continue
        if abs(found / np.hypot(right, sigma) - 1) < 0.05:
            return "the second scan's own noise is still in it"
        if abs(found / right**2 - 1) < 0.15:
            return "that is the mean squared error: its unit is HU squared"
        to_first = float(np.sqrt(np.mean((body + error - first) ** 2)))
        if min(
            abs(found - to_first),
            abs(found**2 - abs(to_first**2 - sigma**2)) / right,
        ) < 0.05 * min(to_first, right):
            return (
                "the first scan went into the denoiser: what is left of its noise is"
                " in both, and does not count as an error"
            )
        less = np.sqrt(max(0.0, right**2 - sigma**2))
        if less and abs(found / less - 1) < 0.08:
            return "twice the noise was taken off: the difference holds that of two"
        return f"the error is {right:.1f} HU, and {found:.1f} HU was found"
    return ""


def _anatomy_problem(anatomy_taken: Callable) -> str:
    rng = np.random.default_rng(7)
    rows = np.arange(_SIDE)[:, None]
    for amplitude, sigma in ((15.0, 30.0), (40.0, 10.0)):
        taken = amplitude * np.sqrt(2) * np.sin(2 * np.pi * rows * 8 / _SIDE)
        first, second = taken + rng.normal(0, sigma, (2, _SIDE, _SIDE))
        for offset in (0.0, 100.0):
            found = _number(anatomy_taken(first + offset, second - offset))
            if np.isnan(found):
                return "one number is asked for, in HU"
            if abs(found / amplitude - 1) < 0.1:
                continue
            if offset:
                return "a constant in a residual changes it: take off the means"
            return _anatomy_error(found, amplitude, sigma)
    noise = rng.normal(0, 20, (2, _SIDE, _SIDE))
    noise[1] -= 0.05 * noise[0]  # as it comes by chance
    found = _number(anatomy_taken(*noise))
    if np.isnan(found) or found > 3:
        return "where only noise was taken it must be 0, and never not a number"
    return ""


def _anatomy_error(found: float, amplitude: float, sigma: float) -> str:
    both = amplitude**2 + sigma**2
    if abs(found / amplitude**2 - 1) < 0.1:
        return "that is a variance: its unit is HU squared"
    if abs(found / (amplitude**2 / both) - 1) < 0.1:
        return "that is a correlation: a share, without the unit that is asked for"
    if abs(found / np.sqrt(both) - 1) < 0.1:
        return "that is all that was taken away, with the noise"
    if abs(found / sigma - 1) < 0.1:
        return "that is the noise that was taken away, not the anatomy"
    if abs(found / np.sqrt(amplitude**2 + sigma**2 / 2) - 1) < 0.1:
        return "averaging two residuals halves the noise's variance; it stays in"
    return f"{amplitude:g} HU of anatomy were taken, and {found:.1f} HU found"


EXERCISES = MappingProxyType(
    {
        "E05.1": Exercise(
            "the noise is found, whatever the body",
            _scans_problem,
            (
                "what do all scans of a body have in common, and what not?",
                "at each pixel the values of the scans scatter around a mean; average"
                " that scatter over the pixels, as variances",
                "NumPy's var along the first axis has an option ddof for the mean that"
                " was estimated from the same few scans; the root comes last",
            ),
        ),
        "E05.2": Exercise(
            "the error is known, and the truth never was",
            _error_problem,
            (
                "which of the two scans has noise that the denoised image knows"
                " nothing of?",
                "compare with the second scan: the mean square is the error's and the"
                " noise's, added up",
                "the noise's variance is half the variance of the difference of both"
                " scans; take it off, not letting it fall below zero, then the root",
            ),
        ),
        "E05.3": Exercise(
            "what both residuals share is what was taken from the body",
            _anatomy_problem,
            (
                "each residual is the same anatomy plus a noise of its own; what is"
                " the mean of their product?",
                "independent noise drops out of the covariance of both, and what they"
                " share stays in as its variance",
                "take off each mean, multiply pixel by pixel, average, set what is"
                " below zero to zero, and take the root",
            ),
        ),
    }
)
