"""Probabilistic PCA: against SciPy's Gaussian, scikit-learn, and its own definition."""

import numpy as np
import pytest
from scipy import stats
from sklearn import decomposition

from medvae_course.evaluate.ppca import PPCA

SHAPE = (3, 4, 1)
K = 3


def draw(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loadings = np.random.default_rng(9).normal(size=(K, 12)) * [[1.0], [0.6], [0.3]]
    noise = 0.1 * rng.normal(size=(n, 12))
    flat = 0.5 + rng.normal(size=(n, K)) @ loadings + noise
    return flat.reshape(n, *SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> tuple[PPCA, np.ndarray, np.ndarray]:
    train = draw(400, 0)
    return PPCA(K).fit(train), train, draw(50, 1)


def covariance(ppca: PPCA) -> np.ndarray:
    return ppca.loadings @ ppca.loadings.T + ppca.sigma**2 * np.eye(12)


def test_log_likelihood_is_that_of_the_gaussian_it_defines(fitted):
    ppca, _, unseen = fitted
    gaussian = stats.multivariate_normal(ppca.mean, covariance(ppca))
    expected = gaussian.logpdf(unseen.reshape(50, -1))
    np.testing.assert_allclose(ppca.log_likelihood(unseen), expected, rtol=1e-6)


def test_log_likelihood_is_scikit_learns_once_both_divide_by_n(fitted):
    ppca, train, unseen = fitted
    other = decomposition.PCA(K).fit(train.reshape(len(train), -1).astype(float))
    other.explained_variance_ *= (len(train) - 1) / len(train)
    other.noise_variance_ *= (len(train) - 1) / len(train)
    expected = other.score_samples(unseen.reshape(50, -1).astype(float))
    np.testing.assert_allclose(ppca.log_likelihood(unseen), expected, rtol=1e-5)


def test_no_change_of_sigma_or_scale_makes_the_training_images_likelier(fitted):
    ppca, train, _ = fitted
    flat = train.reshape(len(train), -1)

    def mean_log_density(sigma, loadings):
        matrix = loadings @ loadings.T + sigma**2 * np.eye(12)
        return stats.multivariate_normal(ppca.mean, matrix).logpdf(flat).mean()

    best = mean_log_density(ppca.sigma, ppca.loadings)
    assert best == pytest.approx(ppca.log_likelihood(train).mean(), rel=1e-6)
    for factor in (0.97, 1.03):
        assert mean_log_density(factor * ppca.sigma, ppca.loadings) < best
        assert mean_log_density(ppca.sigma, factor * ppca.loadings) < best


def test_parameters_of_the_source_are_found_again():
    ppca = PPCA(K).fit(draw(4000, 2))
    assert ppca.sigma == pytest.approx(0.1, rel=0.02)
    np.testing.assert_allclose(
        ppca.components @ ppca.components.T, np.eye(K), atol=1e-9
    )


@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.5])
def test_another_sigma_gets_the_loadings_that_fit_best_with_it(fitted, sigma):
    ppca, train, unseen = fitted
    other = ppca.with_sigma(sigma)
    assert other.sigma == sigma
    gaussian = stats.multivariate_normal(other.mean, covariance(other))
    np.testing.assert_allclose(
        other.log_likelihood(unseen), gaussian.logpdf(unseen.reshape(50, -1)), rtol=1e-6
    )
    best = other.log_likelihood(train).mean()
    longer = [1.03 * other.loadings, 0.97 * other.loadings]
    longer += [other.loadings + 0.05 * ppca.components.T * row for row in np.eye(K)]
    for loadings in longer:
        matrix = loadings @ loadings.T + sigma**2 * np.eye(12)
        changed = stats.multivariate_normal(other.mean, matrix)
        assert changed.logpdf(train.reshape(len(train), -1)).mean() < best


def test_another_sigma_leaves_the_model_itself_alone(fitted):
    ppca, _, unseen = fitted
    sigma, before = ppca.sigma, ppca.log_likelihood(unseen)
    ppca.with_sigma(2 * sigma)
    assert ppca.sigma == sigma
    np.testing.assert_array_equal(ppca.log_likelihood(unseen), before)
    np.testing.assert_allclose(ppca.with_sigma(sigma).log_likelihood(unseen), before)


def test_noise_larger_than_a_component_silences_it(fitted):
    ppca, _, unseen = fitted
    loud = ppca.with_sigma(1.01 * np.sqrt(ppca.variances[-1]))
    assert np.all(loud.loadings[:, -1] == 0)
    assert np.all(loud.loadings[:, 0] != 0)
    assert np.isfinite(loud.log_likelihood(unseen)).all()
    assert np.all(loud.posterior(unseen)[0][:, -1] == 0)


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan, np.inf])
def test_a_sigma_that_is_none_is_refused(fitted, sigma):
    with pytest.raises(ValueError, match="positive and finite"):
        fitted[0].with_sigma(sigma)


def test_posterior_is_bayes_rule(fitted):
    ppca, _, unseen = fitted
    mean, variance = ppca.posterior(unseen)
    x, z = unseen[7].ravel().astype(float), np.array([0.3, -0.2, 0.5])
    joint = stats.norm.logpdf(x, ppca.loadings @ z + ppca.mean, ppca.sigma).sum()
    joint += stats.norm.logpdf(z).sum()
    posterior = stats.norm.logpdf(z, mean[7], np.sqrt(variance)).sum()
    evidence = ppca.log_likelihood(unseen[7:8])[0]
    assert joint == pytest.approx(evidence + posterior, rel=1e-6)


def test_reconstruction_decodes_the_posterior_mean(fitted):
    ppca, _, unseen = fitted
    drawn = ppca.reconstruct(unseen)
    np.testing.assert_array_equal(drawn, ppca.decode(ppca.posterior(unseen)[0]))
    assert drawn.dtype == np.float32
    assert drawn.shape == unseen.shape


def test_samples_have_the_models_mean_and_covariance(fitted):
    ppca, _, _ = fitted
    samples = ppca.sample(40_000, seed=3).reshape(-1, 12)
    tolerance = 5 * np.sqrt(np.diag(covariance(ppca)) / len(samples))
    assert np.all(abs(samples.mean(axis=0) - ppca.mean) < tolerance)
    np.testing.assert_allclose(np.cov(samples.T), covariance(ppca), atol=0.1)
    np.testing.assert_array_equal(ppca.sample(4, seed=5), ppca.sample(4, seed=5))


def test_samples_without_noise_lie_in_the_plane_of_the_components(fitted):
    ppca, _, _ = fitted
    offset = ppca.sample(20, seed=4, noise=False).reshape(20, -1) - ppca.mean
    inside = offset @ ppca.components.T @ ppca.components
    np.testing.assert_allclose(inside, offset, atol=1e-6)


def test_fewer_images_than_pixels_leave_eigenvalues_of_zero_that_count():
    train = draw(8, 0)
    ppca = PPCA(2).fit(train)
    eigenvalues = np.linalg.eigvalsh(np.cov(train.reshape(8, -1).T, bias=True))[::-1]
    assert ppca.sigma**2 == pytest.approx(eigenvalues[2:].mean(), rel=1e-4)
    np.testing.assert_allclose(ppca.variances, eigenvalues[:2], rtol=1e-4)


@pytest.mark.parametrize(("n", "k"), [(5, 4), (400, 12)])
def test_a_code_that_leaves_nothing_over_is_refused(n, k):
    with pytest.raises(ValueError, match="smaller"):
        PPCA(k).fit(draw(n, 0))


def test_images_that_a_small_code_explains_fully_are_refused():
    line = np.linspace(0, 1, 20)[:, None, None, None] * np.ones((1, *SHAPE))
    with pytest.raises(ValueError, match="no bound"):
        PPCA(1).fit(np.round(line * 19))


def test_unfitted_is_refused():
    with pytest.raises(ValueError, match="call `fit`"):
        PPCA(2).log_likelihood(draw(3, 0))
    with pytest.raises(ValueError, match="call `fit`"):
        PPCA(2).with_sigma(0.1)
