"""Exercises of chapter 7: a loss that is measured, a collapse foretold, a noise chosen.

Each check asks the learner's function about losses and spectra that it makes up itself,
and looks at properties of the right answer.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from . import Exercise

_HU_PER_UNIT = 1400.0


def _kl(z_mean: np.ndarray, z_log_var: np.ndarray) -> np.ndarray:
    return 0.5 * (z_mean**2 + np.exp(z_log_var) - 1 - z_log_var)


def _written(pixel_factor: float, latent_factor: float) -> Callable:
    """Return a loss of batches, with these factors on the two sums of one image."""

    def loss(x, x_hat, z_mean, z_log_var):
        error = pixel_factor * np.sum((np.asarray(x) - x_hat) ** 2, axis=-1)
        kl = latent_factor * np.sum(_kl(np.asarray(z_mean), z_log_var), axis=-1)
        return float(np.mean(error + kl))

    return loss


def _audit_problem(audit: Callable) -> str:
    n_pixels, n_latents = 30, 4
    factors = {"sum": (1.0, 1.0), "half": (0.5, 1.0), "mean": (1 / 30, 0.25)}
    found = {
        name: float(audit(_written(*pair), n_pixels, n_latents))
        for name, pair in factors.items()
    }
    right = {name: b / (2 * a) for name, (a, b) in factors.items()}
    if np.allclose(list(found.values()), list(right.values()), rtol=1e-3):
        return _odd_problem(audit)
    ratio = {name: found[name] / right[name] for name in right}
    if np.allclose(list(ratio.values()), 2, rtol=1e-3):
        return "twice the right number: the Gaussian has a half in front of its square"
    if np.allclose([found[n] * right[n] for n in right], 0.25, rtol=1e-3):
        return "the two factors are divided the wrong way round"
    if np.isclose(ratio["sum"], 1, rtol=1e-3) and not np.isclose(ratio["mean"], 1):
        return (
            "right for plain sums, wrong for means: measure what one pixel and what one"
            " latent change"
        )
    return "wrong for a plain sum of squared errors and KL"


def _odd_problem(audit: Callable) -> str:
    for n_pixels, n_latents, a, b in ((7, 3, 0.3, 2.0), (100, 1, 1e-4, 1e-3)):
        found = float(audit(_written(a, b), n_pixels, n_latents))
        if not np.isclose(found, b / (2 * a), rtol=1e-3):
            return "right for the usual losses, wrong for one with weights of its own"
    return ""


def _forecast_problem(forecast: Callable) -> str:
    values = np.array([4.0, 2.0, 1.0, 0.25])
    answer = forecast(values, 8.0, 3)
    if not (isinstance(answer, tuple) and len(answer) == 2):
        return "a pair is asked for: active units, KL in nats"
    if tuple(answer) != (0, 0):
        return "above the largest eigenvalue no unit is active and the KL is zero"
    active, kl = forecast(values, 0.5, 2)
    if active == 3:
        return "a code of two numbers has no more than two active units"
    if active != 2:
        return "units are active whose eigenvalue is larger, and only those"
    right = 0.5 * np.log(4.0 / 0.5) + 0.5 * np.log(2.0 / 0.5)
    if np.isclose(kl, 2 * right):
        return "twice the KL: where is the half?"
    if np.isclose(kl, right / np.log(2)):
        return "the KL is in bits, and asked for in nats"
    if not np.isclose(kl, right):
        return "the KL of two active units is wrong"
    active, kl = forecast(values, 0.5, 4)
    right += 0.5 * np.log(1.0 / 0.5)
    if active != 3 or not np.isclose(kl, right):
        return "an idle unit adds nothing to the KL, and takes nothing away"
    shuffled = forecast(values[[2, 0, 3, 1]], 0.5, 2)
    if shuffled[0] != 2 or not np.isclose(shuffled[1], np.log(8) / 2 + np.log(4) / 2):
        return "the eigenvalues may come in any order: the largest are coded first"
    return ""


def _sigma_problem(largest_sigma: Callable) -> str:
    values = np.array([9.0, 4.0, 1.0, 0.25])
    found = float(largest_sigma(values, 2, 1.0))
    right = 2.0 * _HU_PER_UNIT
    if np.isclose(found, 2.0):
        return "this is in model units, and asked for in HU"
    if np.isclose(found, 4.0 * _HU_PER_UNIT):
        return "an eigenvalue is a variance, sigma a standard deviation"
    if np.isclose(found, _HU_PER_UNIT):
        return "one unit too many: counted from zero, the second eigenvalue is number 1"
    if not np.isclose(found, right):
        return "wrong for a beta of one"
    found = float(largest_sigma(values, 3, 4.0))
    if np.isclose(found, _HU_PER_UNIT):
        return "a larger beta needs a smaller sigma for the same code"
    if np.isclose(found, 0.25 * _HU_PER_UNIT):
        return "beta weighs against the variance, not against sigma"
    if np.isclose(found, 2 * _HU_PER_UNIT):
        return "a larger beta needs a smaller sigma, not a larger one"
    if not np.isclose(found, 0.5 * _HU_PER_UNIT):
        return "right for a beta of one, wrong for others"
    return ""


EXERCISES = MappingProxyType(
    {
        "E07.1": Exercise(
            "the weight is measured without reading a line of the loss",
            _audit_problem,
            (
                "the loss is a function: what does it say if only one pixel is wrong,"
                " and what if only one latent leaves the prior?",
                "a latent whose mean is m and whose log-variance is zero has a KL of"
                " half of m squared; everything else can be kept at zero",
                "one wrong pixel gives the factor on the squares, one moved mean the"
                " factor on the KL; the text says which ratio of the two to take",
            ),
        ),
        "E07.2": Exercise(
            "collapse, count and KL are known before the training",
            _forecast_problem,
            (
                "which eigenvalues does the noise leave standing?",
                "sort them, keep as many as the code has numbers, and of these the ones"
                " above the threshold",
                "each active unit costs half the natural logarithm of its eigenvalue"
                " over the threshold; an idle one costs nothing",
            ),
        ),
        "E07.3": Exercise(
            "the noise is chosen for the code that is wanted",
            _sigma_problem,
            (
                "which eigenvalue is the last that must stay above the threshold?",
                "the threshold is the product of beta and the variance: solve for the"
                " variance",
                "take the square root, and turn model units into HU with the width of"
                " the window",
            ),
        ),
    }
)
