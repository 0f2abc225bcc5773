"""Exercises of chapter 8: a rate in bits, the best sigma, nats that are free.

Each check measures the learner's function by properties of the right answer, so that no
finished solution is stored here.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from . import Exercise


def _rate_problem(rate: Callable) -> str:
    generator = np.random.default_rng(8)
    zeros = np.zeros((5, 3))
    found = np.asarray(rate(zeros, zeros), dtype=float)
    if found.shape != (5,):
        return f"five images have five rates, but the shape is {found.shape}"
    if not np.allclose(found, 0, atol=1e-9):
        return "a posterior that is the prior costs nothing, whatever the image"
    mean = np.zeros((2, 4))
    mean[0, :2] = 2.0  # two latents with 2 nats each
    found = np.asarray(rate(mean, np.zeros((2, 4))), dtype=float)
    for factor, words in (
        (1.0, "these are nats: a bit is worth less than a nat"),
        (1 / np.log(2) / 4, "this is the mean over the latents: they add up"),
        (np.log(2), "nats became bits the wrong way round"),
        (2 / np.log(2), "twice too much: where is the half of the KL?"),
    ):
        if np.allclose(found, [4 * factor, 0]):
            return words
    if not np.isclose(found[1], 0, atol=1e-9):
        return "the second image costs nothing, and has a price"
    if not np.isclose(found[0], 4 / np.log(2)):
        return "a mean two standard deviations away costs 2 nats for each latent"
    log_var = generator.normal(size=(6, 3))
    found = np.asarray(rate(np.zeros((6, 3)), log_var), dtype=float)
    if np.any(found < 0):
        return "no posterior has a negative rate; is the third input a variance?"
    draws = generator.normal(size=(20_000, 6, 3)) * np.exp(log_var / 2)
    ratio = 0.5 * (draws**2 - draws**2 / np.exp(log_var) - log_var)
    if not np.allclose(found, ratio.sum(axis=2).mean(axis=0) / np.log(2), atol=0.3):
        return (
            "wrong for other widths than that of the prior: the encoder gives the"
            " logarithm of the variance"
        )
    return ""


def _sigma_problem(best_sigma: Callable) -> str:
    generator = np.random.default_rng(9)
    for offset in (0.0, 0.4):
        residuals = 0.2 * generator.normal(size=(7, 8, 8, 1)) + offset
        residuals *= np.linspace(0.2, 2, 7).reshape(7, 1, 1, 1)
        sigma = np.asarray(best_sigma(residuals), dtype=float)
        if sigma.shape != ():
            return f"one number for all pixels is asked for, got shape {sigma.shape}"
        if not sigma > 0:
            return "a standard deviation is positive"
        mean_square = np.mean(residuals**2)
        if np.isclose(sigma, mean_square):
            return "this is the variance: the unit is that of squared residuals"
        if offset and np.isclose(sigma, np.std(residuals)):
            return "residuals that are all too high must not count as small ones"
        if np.isclose(sigma, np.mean(np.abs(residuals))):
            return "this is the mean absolute residual, which suits another likelihood"
        here = _mean_nll(residuals, float(sigma))
        near = [_mean_nll(residuals, float(sigma) * f) for f in (0.98, 1.02)]
        if here > min(near):
            return "a sigma a little larger or smaller makes the images more probable"
    return ""


def _mean_nll(residuals: np.ndarray, sigma: float) -> float:
    return float(np.mean(0.5 * (residuals / sigma) ** 2) + np.log(sigma))


def _free_problem(counted: Callable) -> str:
    kl = np.array([[4.0, 0.1, 0.0], [0.0, 0.3, 0.0]])
    found = np.asarray(counted(kl, 0.0), dtype=float)
    if found.shape != ():
        return f"one number for the batch is asked for, got shape {found.shape}"
    if np.isclose(found, 4.4):
        return "the batch adds up its images: their mean is asked for"
    if not np.isclose(found, 2.2):
        return "without free nats it is the KL, summed over latents, mean over images"
    found = float(counted(kl, 0.5))
    if np.isclose(found, 1.5):
        return "what is below the free nats counts as them, what is above counts itself"
    if np.isclose(found, 2.2):
        return "half a nat is free, and nothing changed"
    if np.isclose(found, 3.25):
        return "each latent is judged by its mean over the batch, not image by image"
    if not np.isclose(found, 3.0):
        return (
            "latents that cost 2, 0.2 and 0 nats on average, half a nat free, are"
            " counted wrong"
        )
    generator = np.random.default_rng(3)
    kl = generator.gamma(0.5, size=(30, 6))
    if not np.isclose(counted(kl, 1e3), 6e3):
        return "if all is free, each latent counts what is free, and the gradient is 0"
    if not np.isclose(counted(kl, 0.2), counted(kl[::-1], 0.2)):
        return "the order of the images must not matter"
    return ""


EXERCISES = MappingProxyType(
    {
        "E08.1": Exercise(
            "it costs what a code of that length can tell",
            _rate_problem,
            (
                "what is the KL of one latent from the standard normal, and what does"
                " an image with many latents cost?",
                "the encoder's second output is the logarithm of the variance; the KL"
                " has it once as it is and once without the logarithm",
                "sum the latents' terms of each image, halve, and go from nats to bits"
                " by the natural logarithm of 2",
            ),
        ),
        "E08.2": Exercise(
            "no other width makes these residuals more probable",
            _sigma_problem,
            (
                "write the mean of the negative log-likelihood as a function of sigma:"
                " a term that falls and one that rises",
                "set its derivative to zero: which average of the residuals is the"
                " square of sigma?",
                "square all residuals, average over images and pixels alike, and take"
                " the root; subtract no mean before",
            ),
        ),
        "E08.3": Exercise(
            "what is free is counted all the same, and pulls at nothing",
            _free_problem,
            (
                "judge each latent, not each image: what does it cost on average?",
                "a latent that costs less than what is free counts what is free: then a"
                " small change of its cost changes nothing",
                "average over the images first, take the larger of this and the free"
                " nats for each latent, and add up at the end",
            ),
        ),
    }
)
