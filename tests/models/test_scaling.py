"""The weight that a loss really has: against the derivation, and against gradients."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from medvae_course.models.scaling import effective_beta

PIXELS, LATENTS = 12, 5


def kl(z_mean, z_log_var):
    return 0.5 * (z_mean**2 + np.exp(z_log_var) - 1 - z_log_var)


def entropy(x, x_hat):
    return -x * np.log(x_hat) - (1 - x) * np.log(1 - x_hat)


ERRORS = {
    "gaussian": lambda x, y: (x - y) ** 2,
    "laplace": lambda x, y: abs(x - y),
    "bernoulli": entropy,
}
REDUCE = {"sum": np.sum, "mean": np.mean, "half sum": lambda v: v.sum() / 2}


def gradient(loss, likelihood):
    """Gradient of a loss by x_hat, z_mean and z_log_var at one random place."""
    rng = np.random.default_rng(7)
    x = rng.uniform(0.1, 0.9, PIXELS)
    place = np.concatenate(
        [rng.uniform(0.1, 0.9, PIXELS), rng.normal(size=2 * LATENTS)]
    )

    def at(p):
        y, m, v = np.split(p, [PIXELS, PIXELS + LATENTS])
        return loss(ERRORS[likelihood](x, y), kl(m, v))

    return approx_fprime(place, at, 1e-7)


@pytest.mark.parametrize("likelihood", ERRORS)
@pytest.mark.parametrize("pixels", REDUCE)
@pytest.mark.parametrize("latents", ["sum", "mean"])
def test_written_loss_points_where_the_beta_bound_does(likelihood, pixels, latents):
    beta = effective_beta(
        PIXELS,
        LATENTS,
        pixels=pixels,
        latents=latents,
        pixel_weight=3.0,
        latent_weight=0.2,
        likelihood=likelihood,
    )
    half = 0.5 if likelihood == "gaussian" else 1.0
    written = gradient(
        lambda e, k: 3 * REDUCE[pixels](e) + 0.2 * REDUCE[latents](k), likelihood
    )
    bound = gradient(lambda e, k: half * e.sum() / beta + k.sum(), likelihood)
    ratio = written / bound
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("n_pixels", "n_latents", "options", "expected"),
    [
        (784, 32, {"pixels": "mean", "latents": "mean"}, 12.25),
        (784, 10, {"pixels": "mean", "latent_weight": 1 / 784}, 0.5),
        (64 * 64 * 3, 128, {"pixels": "mean", "latent_weight": 0.00025}, 1.536),
        (784, 10, {"pixels": "half sum"}, 1.0),
        (784, 2, {"latents": "mean", "likelihood": "bernoulli"}, 0.5),
        (784, 2, {"likelihood": "bernoulli"}, 1.0),
        (4096, 3, {"pixels": "mean", "latent_weight": 1e-6, "likelihood": "laplace"},
         0.004096),
        (4096, 32, {"latent_weight": 0}, 0.0),
    ],
)  # fmt: skip
def test_published_losses(n_pixels, n_latents, options, expected):
    assert effective_beta(n_pixels, n_latents, **options) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((0, 1), {}, "`n_pixels` must be"),
        ((9, 1.5), {}, "`n_latents` must be"),
        ((9, 1), {"pixels": "median"}, "`pixels` must be one of sum, mean, half sum"),
        ((9, 1), {"latents": "half sum"}, "`latents` must be one of sum, mean, got"),
        ((9, 1), {"pixel_weight": 0}, "`pixel_weight` must be positive"),
        ((9, 1), {"latent_weight": -1}, "`latent_weight` must not be negative"),
        ((9, 1), {"likelihood": "poisson"}, "`likelihood` must be one of gaussian"),
    ],
)
def test_wrong_arguments_are_refused(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        effective_beta(*arguments, **options)
