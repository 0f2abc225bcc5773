import keras
import numpy as np
import pytest
from scipy import special, stats

from medvae_course.models import bounds, vae

SHAPE = (8, 8, 1)


def linear_gaussian(sigma=0.3, latent_dim=3, widen=1.5):
    """A linear VAE, the density of its images, and a posterior that is too wide."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(64, latent_dim)))[0]
    scale = np.array([2.0, 1.0, 0.2])
    variance = sigma**2 / (scale**2 + sigma**2)
    mean = rng.random(64)
    model = vae.dense_vae(SHAPE, latent_dim, hidden=(), sigma=sigma)
    to_mean = basis * scale / (scale**2 + sigma**2)
    model.encoder.get_layer("z_mean").set_weights([to_mean, -mean @ to_mean])
    model.encoder.get_layer("z_log_var").set_weights(
        [np.zeros((64, latent_dim)), np.log(widen**2 * variance)]
    )
    model.decoder.set_weights([(basis * scale).T, mean])
    covariance = basis * scale**2 @ basis.T + sigma**2 * np.eye(64)
    return model, stats.multivariate_normal(mean, covariance)


@pytest.fixture(scope="module")
def exact():
    model, density = linear_gaussian()
    x = density.rvs(60, random_state=0).reshape(60, *SHAPE).astype("float32")
    return model, x, density.logpdf(x.reshape(60, -1))


def test_bound_stays_below_the_exact_likelihood_and_reaches_it(exact):
    model, x, log_likelihood = exact
    gaps = []
    for n_samples in (1, 5, 50, 1000):
        bound = bounds.importance_bound(model, x, n_samples=n_samples)
        assert bound.shape == (60,)
        gaps.append((log_likelihood - bound).mean())
    assert gaps == sorted(gaps, reverse=True)
    # a posterior 1.5 times too wide loses 3 (1.5^2 - 1 - ln 1.5^2) / 2 nats
    assert gaps[0] == pytest.approx(1.5 * (1.25 - np.log(2.25)), abs=0.4)
    assert abs(gaps[-1]) < 0.01


def test_bound_of_the_exact_posterior_is_exact_with_one_sample():
    model, density = linear_gaussian(widen=1)
    x = density.rvs(20, random_state=1).reshape(20, *SHAPE).astype("float32")
    bound = bounds.importance_bound(model, x, n_samples=1)
    np.testing.assert_allclose(bound, density.logpdf(x.reshape(20, -1)), atol=0.01)


def test_mean_of_log_weights_is_the_elbo(exact):
    model, x, _ = exact
    weights = bounds.log_weights(model, x, n_samples=500)
    assert weights.shape == (60, 500)
    assert weights.dtype == np.float32
    elbo = keras.ops.convert_to_numpy(model.elbo(x, 20))
    np.testing.assert_allclose(weights.mean(axis=1), elbo, atol=1.5)
    assert weights.mean() == pytest.approx(elbo.mean(), abs=0.15)


def test_beta_plays_no_part(exact):
    model, x, _ = exact
    once = bounds.importance_bound(model, x, n_samples=5)
    model.beta = 7.0
    np.testing.assert_array_equal(bounds.importance_bound(model, x, n_samples=5), once)
    model.beta = 1.0


def test_draws_depend_on_the_seed_and_not_on_the_chunk(exact):
    model, x, _ = exact
    once = bounds.log_weights(model, x, n_samples=7, seed=3)
    pieces = bounds.log_weights(model, x, n_samples=7, seed=3, chunk=10)
    np.testing.assert_allclose(pieces, once, atol=1e-3)
    assert not np.allclose(bounds.log_weights(model, x, n_samples=7, seed=4), once)


def test_no_more_codes_than_a_chunk_are_decoded_at_a_time(exact, monkeypatch):
    model, x, _ = exact
    seen, nll = [], vae.VAE.nll

    def watched(self, x, decoded):
        seen.append(len(decoded))
        return nll(self, x, decoded)

    monkeypatch.setattr(vae.VAE, "nll", watched)
    bounds.log_weights(model, x, n_samples=7, chunk=100)
    assert max(seen) == 100
    assert sum(seen) == 60 * 7


def test_bernoulli_models_have_a_bound_too():
    model = vae.dense_vae(SHAPE, 2, hidden=(), likelihood="bernoulli")
    x = (np.random.default_rng(0).random((5, *SHAPE)) > 0.5).astype("float32")
    few, many = (
        bounds.importance_bound(model, x, n_samples=n).mean() for n in (1, 300)
    )
    assert few < many < 0


@pytest.mark.parametrize("options", [{"n_samples": 0}, {"n_samples": 1, "chunk": 0}])
def test_bound_refuses_nothing_to_draw(exact, options):
    model, x, _ = exact
    with pytest.raises(ValueError, match="at least 1, got"):
        bounds.importance_bound(model, x, **options)


def test_log_mean_exp_survives_thousands_of_nats():
    logs = np.random.default_rng(0).normal(6000, 20, size=(4, 50))
    expected = special.logsumexp(logs, axis=1) - np.log(50)
    np.testing.assert_allclose(bounds.log_mean_exp(logs), expected, rtol=1e-12)
    single = bounds.log_mean_exp(logs.astype("float32"))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=2e-3)
    np.testing.assert_allclose(bounds.log_mean_exp(-logs[:, :1]), -logs[:, 0])


def test_bits_agree_with_the_probabilities_of_grey_levels():
    """Whole HU under a Gaussian of 60 HU: the exact mass of each level."""
    rng = np.random.default_rng(0)
    hu = np.round(rng.normal(0, 60, size=5000))
    mass = stats.norm.cdf(hu + 0.5, scale=60) - stats.norm.cdf(hu - 0.5, scale=60)
    density = stats.norm.logpdf(hu / 1400, scale=60 / 1400).sum()  # model units
    bits = bounds.bits_per_pixel(density, n_pixels=5000, level_width=1 / 1400)
    assert bits == pytest.approx(-np.log2(mass).mean(), abs=1e-4)


def test_smeared_levels_need_at_least_the_bits_of_the_levels():
    """Levels as wide as the likelihood: the density with uniform noise is a bound."""
    rng = np.random.default_rng(0)
    levels = np.round(rng.normal(0, 1, size=20000))
    mass = stats.norm.cdf(levels + 0.5) - stats.norm.cdf(levels - 0.5)
    smeared = stats.norm.logpdf(levels + rng.uniform(-0.5, 0.5, levels.shape)).sum()
    bits = bounds.bits_per_pixel(smeared, n_pixels=20000, level_width=1.0)
    assert bits > -np.log2(mass).mean() + 0.01


def test_halving_the_level_costs_one_bit():
    once, twice = (
        bounds.bits_per_pixel(np.array([10.0, 20.0]), n_pixels=64, level_width=w)
        for w in (0.1, 0.05)
    )
    np.testing.assert_allclose(twice - once, 1)


@pytest.mark.parametrize("wrong", [{"n_pixels": 0}, {"level_width": 0.0}])
def test_bits_refuse_what_is_not_positive(wrong):
    options = {"n_pixels": 64, "level_width": 0.1} | wrong
    with pytest.raises(ValueError, match="must be positive, got"):
        bounds.bits_per_pixel(0.0, **options)
