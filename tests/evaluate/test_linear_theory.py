"""The linear VAE's optimum: against a search for it, and against probabilistic PCA."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from medvae_course.evaluate.linear_theory import (
    covariance_eigenvalues,
    linear_elbo,
    linear_optimum,
)

LAMBDA = np.array([4.0, 2.5, 1.2, 0.5, 0.1])
PIXELS = len(LAMBDA)


def found_by_search(beta, sigma, latent_dim):
    """Minimise the expected loss over encoder and decoder, from random weights.

    Returns its KL, its expected squared error, and the same from the mean of z.
    """
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(PIXELS, PIXELS)))[0]
    covariance = turn @ np.diag(LAMBDA) @ turn.T
    shapes = [(PIXELS, latent_dim), (latent_dim, PIXELS), (latent_dim,)]
    cuts = np.cumsum([np.prod(shape) for shape in shapes])

    def parts(p):
        decoder, encoder, log_var = (
            v.reshape(s) for v, s in zip(np.split(p, cuts[:-1]), shapes, strict=True)
        )
        rest = np.eye(PIXELS) - decoder @ encoder
        of_mean = np.trace(rest @ covariance @ rest.T)
        var = np.exp(log_var)
        sampled = of_mean + (decoder**2).sum(axis=0) @ var
        spread = np.trace(encoder @ covariance @ encoder.T)
        kl = 0.5 * (spread + (var - 1 - log_var).sum())
        return kl, sampled, of_mean

    def loss(p):
        kl, sampled, _ = parts(p)
        return sampled / (2 * sigma**2) + beta * kl

    start = np.random.default_rng(2).normal(0, 0.3, cuts[-1])
    return parts(minimize(loss, start, options={"maxiter": 3000, "gtol": 1e-7}).x)


@pytest.mark.parametrize(
    ("beta", "sigma", "latent_dim"),
    [(1.0, 1.0, 3), (4.0, 0.4, 4), (0.5, 1.0, 2), (5.0, 1.0, 2)],
)
def test_optimum_is_that_of_a_search(beta, sigma, latent_dim):
    best = linear_optimum(LAMBDA, beta * sigma**2, latent_dim=latent_dim)
    kl, sampled, of_mean = found_by_search(beta, sigma, latent_dim)
    assert best.kl == pytest.approx(kl, abs=1e-3)
    assert best.squared_error == pytest.approx(sampled, abs=1e-2)
    assert best.squared_error_of_mean == pytest.approx(of_mean, abs=1e-2)


def test_it_collapses_exactly_from_the_largest_eigenvalue_on():
    assert linear_optimum(LAMBDA, 4.0, latent_dim=3).collapsed
    assert not linear_optimum(LAMBDA, 3.999, latent_dim=3).collapsed
    collapsed = linear_optimum(LAMBDA, 9.0, latent_dim=3)
    assert collapsed.kl == 0
    assert collapsed.squared_error == pytest.approx(LAMBDA.sum())


def test_active_units_are_those_above_and_no_more_than_the_code_has():
    count = [linear_optimum(LAMBDA, s, latent_dim=4).active_units for s in (3, 1, 0.01)]
    assert count == [1, 3, 4]


def test_order_of_eigenvalues_and_a_code_too_long_do_not_matter():
    one = linear_optimum(LAMBDA, 1.0, latent_dim=3)
    other = linear_optimum(LAMBDA[::-1], 1.0, latent_dim=30)
    assert one.kl == pytest.approx(other.kl)
    assert other.kl_per_latent.shape == (30,)
    assert one.squared_error == pytest.approx(other.squared_error)


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_elbo_is_the_likelihood_of_probabilistic_pca(latent_dim):
    sigma = 0.9
    gain = np.clip(LAMBDA - sigma**2, 0, None)
    gain[latent_dim:] = 0
    model = np.diag(gain + sigma**2)
    # the mean log-density of data of covariance LAMBDA is linear in that covariance
    at_zero = multivariate_normal(np.zeros(PIXELS), model).logpdf(np.zeros(PIXELS))
    expected = at_zero - 0.5 * (LAMBDA / np.diag(model)).sum()
    found = linear_elbo(LAMBDA, sigma=sigma, latent_dim=latent_dim, n_pixels=PIXELS)
    assert found == pytest.approx(expected)


def test_equal_products_are_not_equal_bounds():
    bounds = [
        linear_elbo(LAMBDA, sigma=s, beta=1 / s**2, latent_dim=3, n_pixels=PIXELS)
        for s in (0.5, 1.0, 2.0)
    ]
    assert len(np.unique(np.round(bounds, 6))) == 3


def test_missing_eigenvalues_count_as_zero():
    padded = np.concatenate([LAMBDA, np.zeros(5)])
    one, other = (
        linear_elbo(v, sigma=0.5, latent_dim=3, n_pixels=10) for v in (LAMBDA, padded)
    )
    assert one == pytest.approx(other)


@pytest.mark.parametrize("shape", [(40, 3, 2, 1), (4, 5, 5, 1)])
def test_eigenvalues_are_those_of_the_covariance(shape):
    images = np.random.default_rng(0).random(shape).astype("float32") + 5
    found = covariance_eigenvalues(images)
    flat = images.reshape(len(images), -1).astype(float)
    full = np.linalg.eigvalsh(np.cov(flat.T, bias=True))[::-1]
    assert len(found) == min(flat.shape)
    np.testing.assert_allclose(found, full[: len(found)], atol=1e-10)
    mean_error = ((flat - flat.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert found.sum() == pytest.approx(mean_error)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: covariance_eigenvalues(np.zeros((1, 3))), "two or more finite"),
        (lambda: covariance_eigenvalues(np.full((3, 3), np.nan)), "two or more finite"),
        (lambda: linear_optimum(-LAMBDA, 1.0, latent_dim=1), "not negative"),
        (lambda: linear_optimum(LAMBDA, 0.0, latent_dim=1), "`beta_sigma2` must be"),
        (lambda: linear_optimum(LAMBDA, 1.0, latent_dim=0), "`latent_dim` must be"),
        (
            lambda: linear_elbo(LAMBDA, sigma=0, latent_dim=1, n_pixels=9),
            "`sigma` and `beta`",
        ),
        (
            lambda: linear_elbo(LAMBDA, sigma=1, latent_dim=1, n_pixels=3),
            "no more eigenvalues",
        ),
    ],
)
def test_wrong_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
