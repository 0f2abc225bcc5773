import keras
import numpy as np
import pytest
from scipy import integrate, stats

from medvae_course.models import losses


def nats(tensor):
    return keras.ops.convert_to_numpy(tensor)


def gaussian(batch, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, *shape)).astype("float32")


def test_gaussian_nll_equals_the_normal_density():
    x, x_hat = gaussian(3, 4, 5, 1), gaussian(3, 4, 5, 1, seed=1)
    expected = -stats.norm.logpdf(x, x_hat, 0.3).sum(axis=(1, 2, 3))
    nll = nats(losses.gaussian_nll(x, x_hat, sigma=0.3))
    assert nll.shape == (3,)
    np.testing.assert_allclose(nll, expected, rtol=1e-5)


def test_gaussian_nll_of_equal_images_is_its_constant():
    x = gaussian(2, 8, 8, 1)
    nll = nats(losses.gaussian_nll(x, x, sigma=0.05))
    np.testing.assert_allclose(nll, 64 * (np.log(0.05) + 0.5 * np.log(2 * np.pi)), 1e-5)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 3.0])
def test_gaussian_likelihood_integrates_to_one(sigma):
    def density(x):
        nll = losses.gaussian_nll(np.array([[x]]), np.array([[0.4]]), sigma=sigma)
        return float(np.exp(-nats(nll)[0]))

    total, _ = integrate.quad(density, 0.4 - 8 * sigma, 0.4 + 8 * sigma, limit=20)
    assert total == pytest.approx(1, abs=1e-5)


def test_gaussian_nll_takes_one_sigma_per_pixel():
    x, x_hat = gaussian(3, 4, 4, 1), gaussian(3, 4, 4, 1, seed=1)
    sigma = np.linspace(0.1, 2, 16, dtype="float32").reshape(4, 4, 1)
    expected = -stats.norm.logpdf(x, x_hat, sigma).sum(axis=(1, 2, 3))
    nll = nats(losses.gaussian_nll(x, x_hat, sigma=sigma))
    np.testing.assert_allclose(nll, expected, rtol=1e-5)


@pytest.mark.parametrize("sigma", [0, -0.1, float("nan")])
def test_gaussian_nll_refuses_a_sigma_that_is_not_positive(sigma):
    with pytest.raises(ValueError, match="must be positive, got"):
        losses.gaussian_nll(np.zeros((1, 2)), np.zeros((1, 2)), sigma=sigma)


def test_bernoulli_nll_equals_the_bernoulli_mass():
    logits = gaussian(3, 4, 5, 1)
    x = (gaussian(3, 4, 5, 1, seed=1) > 0).astype("float32")
    expected = -stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-logits))).sum(axis=(1, 2, 3))
    nll = nats(losses.bernoulli_nll(x, logits))
    assert nll.shape == (3,)
    np.testing.assert_allclose(nll, expected, rtol=1e-5)


def test_bernoulli_likelihood_sums_to_one():
    x, logits = np.array([[0.0], [1.0]]), np.array([[1.7], [1.7]])
    assert np.exp(-nats(losses.bernoulli_nll(x, logits))).sum() == pytest.approx(1)


def test_bernoulli_nll_stays_finite_for_large_logits():
    x = np.array([[1.0], [1.0], [0.0], [0.0]])
    logits = np.array([[300.0], [-300.0], [300.0], [-300.0]])
    nll = nats(losses.bernoulli_nll(x, logits))
    np.testing.assert_allclose(nll, [0, 300, 300, 0], atol=1e-6)


def test_kl_of_prior_is_zero():
    assert nats(losses.kl(np.zeros((2, 5)), np.zeros((2, 5)))).tolist() == [0, 0]


def test_kl_of_shifted_normal_is_half_its_square():
    mean = np.array([[0.5], [-2.0]])
    np.testing.assert_allclose(nats(losses.kl(mean, np.zeros((2, 1)))), [0.125, 2.0])


@pytest.mark.parametrize(("mean", "log_var"), [(0.0, 1.0), (1.5, -2.0), (-0.7, 0.5)])
def test_kl_equals_its_integral(mean, log_var):
    q = stats.norm(mean, np.exp(0.5 * log_var))

    def integrand(z):
        return q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z))

    low, high = q.ppf(1e-14), q.isf(1e-14)
    expected, _ = integrate.quad(integrand, low, high)
    kl = nats(losses.kl(np.array([[mean]]), np.array([[log_var]])))[0]
    assert kl == pytest.approx(expected, rel=1e-5)


def test_kl_equals_its_monte_carlo_estimate():
    mean, log_var = gaussian(1, 6), gaussian(1, 6, seed=1)
    z = mean + np.exp(0.5 * log_var) * gaussian(20_000, 6, seed=2)
    log_ratio = stats.norm.logpdf(z, mean, np.exp(0.5 * log_var)) - stats.norm.logpdf(z)
    log_ratio = log_ratio.sum(axis=1)
    standard_error = log_ratio.std() / np.sqrt(len(log_ratio))
    kl = nats(losses.kl(mean, log_var))[0]
    assert abs(kl - log_ratio.mean()) < 3 * standard_error


def test_kl_close_to_the_prior_keeps_its_digits():
    log_var = np.full((1, 1), 1e-3, "float32")
    exact = 0.5 * (np.expm1(1e-3) - 1e-3)
    kl = nats(losses.kl(np.zeros((1, 1)), log_var))[0]
    assert kl == pytest.approx(exact, rel=1e-3)


def test_kl_adds_over_all_axes_of_a_spatial_code():
    mean, log_var = gaussian(2, 3, 4, 5), gaussian(2, 3, 4, 5, seed=1)
    flat = losses.kl(mean.reshape(2, -1), log_var.reshape(2, -1))
    np.testing.assert_allclose(nats(losses.kl(mean, log_var)), nats(flat), rtol=1e-5)


def test_losses_sum_in_float32_whatever_the_inputs():
    x = keras.ops.zeros((1, 256, 256, 1), dtype="bfloat16")
    for loss in (
        losses.gaussian_nll(x, x, sigma=1.0),
        losses.bernoulli_nll(x, x),
        losses.kl(x, x + 1),
    ):
        assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    expected = 256 * 256 * np.log(2)
    assert nats(losses.bernoulli_nll(x, x))[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        lambda a, b: losses.gaussian_nll(a, b, sigma=1.0),
        losses.bernoulli_nll,
        losses.kl,
    ],
)
@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 4, 1, 1), (1, 4, 4, 1)])
def test_losses_refuse_shapes_that_would_broadcast(loss, shape):
    with pytest.raises(ValueError, match="must have the shape of the first argument"):
        loss(np.zeros((2, 4, 4, 1)), np.zeros(shape))


def test_kl_of_latents_are_the_summands_of_kl():
    mean, log_var = gaussian(2, 3, 4), gaussian(2, 3, 4, seed=1)
    of_latents = nats(losses.kl_of_latents(mean, log_var))
    assert of_latents.shape == (2, 3, 4)
    assert (of_latents >= 0).all()
    kl = nats(losses.kl(mean, log_var))
    np.testing.assert_allclose(of_latents.sum(axis=(1, 2)), kl, rtol=1e-5)
