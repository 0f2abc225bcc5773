"""Exercises of chapter 6: a divergence, a posterior, and a bound that must hold.

Answers are measured by what must be true of them: a divergence is an average of log
ratios, a posterior comes out of the joint Gaussian, a bound lies below the likelihood
and touches it at the true posterior.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from scipy import stats

from . import Exercise


def _divergence_problem(kl: Callable) -> str:
    rng = np.random.default_rng(6)
    m_q, m_p = rng.normal(size=(2, 5, 3))
    l_q, l_p = 0.7 * rng.normal(size=(2, 5, 3))
    same = np.asarray(kl(m_q, l_q, m_q, l_q), dtype=float)
    if same.shape != (5,):
        return (
            "codes of shape (5, 3) have 5 divergences, one for each image, but got"
            f" shape {same.shape}"
        )
    if not np.allclose(same, 0):
        return "a distribution has no divergence from itself, but yours has"
    found = np.asarray(kl(m_q, l_q, m_p, l_p), dtype=float)
    right = _mean_log_ratio(m_q, l_q, m_p, l_p)
    if np.allclose(found, right):
        return ""
    if np.allclose(found, _mean_log_ratio(m_p, l_p, m_q, l_q)):
        return "this is the divergence the other way round"
    if np.allclose(found, 2 * right):
        return "it is twice too large"
    if np.allclose(3 * found, right):
        return "it is the mean over the latents, not their sum"
    zero = np.zeros_like(m_q)
    if np.allclose(found, _mean_log_ratio(m_q, l_q, zero, zero)):
        return "it does not depend on the second distribution"
    if np.allclose(found, _mean_log_ratio(m_q, 2 * l_q, m_p, 2 * l_p)):
        return "the logarithms of variances were taken for those of deviations"
    return "it is not the average of log q − log p over draws of q"


def _mean_log_ratio(m_q, l_q, m_p, l_p):
    """Average log q − log p over q by Gauss-Hermite nodes: exact for Gaussians."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    weights = weights / weights.sum()
    s_q, s_p = np.exp(l_q / 2), np.exp(l_p / 2)
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        z = m_q + s_q * node
        ratio = stats.norm.logpdf(z, m_q, s_q) - stats.norm.logpdf(z, m_p, s_p)
        total = total + weight * ratio.sum(axis=-1)
    return total


def _linear_model() -> tuple[np.ndarray, np.ndarray, float]:
    """Loadings that are not orthogonal, so that the posterior has correlations."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(6, 2)), rng.normal(size=6), 0.7


def _posterior_problem(posterior: Callable) -> str:
    loadings, mean, sigma = _linear_model()
    x = np.random.default_rng(8).normal(size=6)
    found = posterior(x, loadings, mean, sigma)
    if not isinstance(found, tuple) or len(found) != 2:
        return "a pair is asked for: the mean and the covariance"
    m, covariance = (np.asarray(part, dtype=float) for part in found)
    if m.shape != (2,) or covariance.shape != (2, 2):
        return (
            "for a code of 2 numbers the shapes must be (2,) and (2, 2), got"
            f" {m.shape} and {covariance.shape}"
        )
    # condition the joint Gaussian of code and image on the image
    image = loadings @ loadings.T + sigma**2 * np.eye(6)
    gain = np.linalg.solve(image, loadings).T
    right_covariance = np.eye(2) - gain @ loadings
    if np.allclose(covariance @ right_covariance, np.eye(2)):
        return "this is the inverse of the covariance: the precision"
    if np.allclose(m, gain @ x) and not np.allclose(m, gain @ (x - mean)):
        return "the mean image was not taken away from the image"
    if np.allclose(m, np.linalg.lstsq(loadings, x - mean, rcond=None)[0]):
        return "this is the code of the smallest squared error: the prior is left out"
    if not np.allclose(covariance, right_covariance):
        return "the covariance is wrong; it must not depend on the image"
    if not np.allclose(m, gain @ (x - mean)):
        return "the covariance is right, the mean is not"
    return ""


def _bound_problem(elbo: Callable) -> str:
    loadings, mean, sigma = _linear_model()
    loadings = loadings[:, :1]  # one latent: then the posterior is within reach
    x = np.random.default_rng(9).normal(size=6)
    image = loadings @ loadings.T + sigma**2 * np.eye(6)
    truth = float(stats.multivariate_normal(mean, image).logpdf(x))
    variance = 1 / (1 + float((loadings**2).sum()) / sigma**2)
    m = variance * loadings.T @ (x - mean) / sigma**2
    log_var = np.full(1, np.log(variance))
    found = float(np.squeeze(elbo(x, loadings, mean, sigma, m, log_var)))
    divergence = 0.5 * float((m**2 + variance - 1 - log_var).sum())
    spread = 0.5 * variance * float((loadings**2).sum()) / sigma**2
    constant = 3 * np.log(2 * np.pi)
    for error, words in (
        (-divergence, "the divergence is subtracted twice"),
        (divergence, "the divergence is not subtracted"),
        (2 * divergence, "the divergence has the wrong sign"),
        (spread, "the spread of the codes is missing: it is no bound"),
        (constant, "the constant of the Gaussian with 2π is missing"),
        (constant + 6 * np.log(sigma), "the constants of the Gaussian are missing"),
        (6 * np.log(sigma), "the constant of the Gaussian with σ is missing"),
    ):
        if np.isclose(found, truth + error) and not np.isclose(error, 0):
            return f"at the true posterior it is not the likelihood: {words}"
    if np.isclose(found, -truth):
        return "this is minus the bound: the loss"
    if not np.isclose(found, truth):
        return "at the true posterior it must be the logarithm of the likelihood"
    moved = float(np.squeeze(elbo(x, loadings, mean, sigma, m + 0.3, log_var + 0.5)))
    gap = _mean_log_ratio(m + 0.3, log_var + 0.5, m, log_var)
    if not np.isclose(moved, truth - float(gap)):
        return "away from the true posterior it must fall by their divergence"
    return ""


EXERCISES = MappingProxyType(
    {
        "E06.1": Exercise(
            "it is an average of log ratios, one for each image",
            _divergence_problem,
            (
                "write the difference of two Gaussians' logarithms and take its mean"
                " under the first; latents are independent, so their terms add up",
                "under q the square of z minus the other mean is the variance of q plus"
                " the squared distance of the means",
                "in the text's formula the prior has mean zero and variance one; now"
                " the square of hint 2 is measured by the variance of p, and the"
                " logarithm of that variance no longer vanishes",
            ),
        ),
        "E06.2": Exercise(
            "it is what conditioning the joint Gaussian gives",
            _posterior_problem,
            (
                "the logarithms of prior and likelihood add up to a quadratic in z: its"
                " curvature is the inverse covariance, its top the mean",
                "the inverse covariance is the identity from the prior, plus what the"
                " image says about the code",
                "differentiate the squared error over twice the noise variance: once"
                " gives zero at the mean, together with what the prior pulls; twice"
                " gives what the image adds to the inverse covariance",
            ),
        ),
        "E06.3": Exercise(
            "it touches the likelihood at the true posterior and lies below elsewhere",
            _bound_problem,
            (
                "the expected squared error has two parts: that of the mean code, and"
                " what the spread of the codes adds",
                "a code that varies by v in one latent moves the image by the square"
                " root of v along that latent's column of the loadings",
                "the error to take is that of the mean code plus, for each latent, its"
                " variance times the squared length of its column; the rest is on the"
                " page",
            ),
        ),
    }
)
