"""The VAE with a mixture as prior: its bound against closed forms and oracles."""

import keras
import numpy as np
import pytest
from keras_contract import assert_equal, check_contract, to_numpy
from scipy import special, stats
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from medvae_course.models import mixture, mixture_prior, training, vae

SHAPE = (4, 4, 1)
RNG = np.random.default_rng(0)
X = RNG.random((24, *SHAPE)).astype("float32")
WEIGHTS = np.array([0.5, 0.2, 0.3])
MEANS = np.array([[1.0, 0.0], [-2.0, 1.0], [0.5, -1.5]])
VARIANCES = np.array([[0.5, 1.0], [0.2, 0.4], [1.5, 0.1]])


def make(n_clusters=3, *, hidden=(8,), sigma=0.3, **options):
    return mixture.mixture_vae(
        SHAPE, 2, n_clusters, hidden=hidden, sigma=sigma, **options
    )


def known(**options):
    training.set_seed(0)
    model = make(**options)
    model.set_mixture(WEIGHTS, MEANS, VARIANCES)
    return model


def oracle():
    """scikit-learn's mixture with the same parameters."""
    found = GaussianMixture(3, covariance_type="diag")
    found.weights_, found.means_, found.covariances_ = WEIGHTS, MEANS, VARIANCES
    found.precisions_cholesky_ = 1 / np.sqrt(VARIANCES)
    return found


def posteriors(n=50):
    rng = np.random.default_rng(1)
    return rng.normal(0, 1.5, (n, 2)), rng.uniform(-4, 1, (n, 2))


def divergences(z_mean, z_log_var):
    """KL of each posterior from each cluster, written out: (batch, clusters)."""
    mean, var = z_mean[:, None], np.exp(z_log_var)[:, None]
    ratio = var / VARIANCES
    return 0.5 * (ratio + (mean - MEANS) ** 2 / VARIANCES - 1 - np.log(ratio)).sum(2)


@pytest.mark.parametrize("options", [{}, {"sigma": "optimal"}, {"sigma": "per pixel"}])
def test_mixture_vae_keeps_the_contract(options, tmp_path):
    check_contract(lambda: make(**options), X, folder=tmp_path)


def test_prior_keeps_the_contract(tmp_path):
    z = posteriors()[0].astype("float32")
    check_contract(lambda: mixture_prior.MixturePrior(3, 2, seed=1), z, folder=tmp_path)


def test_one_standard_cluster_is_the_plain_model():
    model = make(1)
    model.set_mixture([1.0], np.zeros((1, 2)), np.ones((1, 2)))
    plain = vae.VAE(model.encoder, model.decoder, sigma=0.3)
    np.testing.assert_allclose(
        to_numpy(model.elbo(X, 3)), to_numpy(plain.elbo(X, 3)), rtol=1e-5
    )
    for one in (model, plain):
        one.compile("sgd", run_eagerly=True)
    found, expected = (
        one.evaluate(X, verbose=0, return_dict=True) for one in (model, plain)
    )
    assert found == pytest.approx(expected, rel=1e-5)
    assert (to_numpy(model.classify(X)) == 1).all()


def test_prior_and_responsibilities_are_those_of_scikit_learn():
    z = posteriors()[0]
    np.testing.assert_allclose(
        to_numpy(known().prior(z)), oracle().score_samples(z), rtol=1e-4
    )
    np.testing.assert_allclose(
        to_numpy(known().responsibilities(z)), oracle().predict_proba(z), atol=1e-5
    )


def test_divergence_is_the_sum_of_the_paper_for_the_best_shares():
    z_mean, z_log_var = posteriors()
    costs = divergences(z_mean, z_log_var)

    def written_out(shares):
        return (shares * (np.log(shares / WEIGHTS) + costs)).sum(1)

    best = WEIGHTS * np.exp(-costs)
    best /= best.sum(1, keepdims=True)
    found = to_numpy(known().kl(z_mean, z_log_var))
    np.testing.assert_allclose(found, written_out(best), rtol=1e-4, atol=1e-5)
    for other in (oracle().predict_proba(z_mean), np.full_like(best, 1 / 3)):
        assert (found <= written_out(np.maximum(other, 1e-300)) + 1e-4).all()


def test_divergence_is_never_below_that_from_the_mixture():
    """Monte Carlo of KL(q || mixture), and equal where the clusters are one."""
    z_mean, z_log_var = posteriors()
    noise = np.random.default_rng(2).normal(size=(4000, *z_mean.shape))
    z = z_mean + np.exp(0.5 * z_log_var) * noise
    log_q = stats.norm(z_mean, np.exp(0.5 * z_log_var)).logpdf(z).sum(2)
    log_p = oracle().score_samples(z.reshape(-1, 2)).reshape(log_q.shape)
    exact, error = (log_q - log_p).mean(0), (log_q - log_p).std(0) / np.sqrt(4000)
    gaps = to_numpy(known().kl(z_mean, z_log_var)) - exact
    assert (gaps > -4 * error).all()
    assert gaps.max() > 0.05
    model = make()
    model.set_mixture(WEIGHTS, np.ones((3, 2)), np.full((3, 2), 0.5))
    one = make(1)
    one.set_mixture([1.0], np.ones((1, 2)), np.full((1, 2), 0.5))
    np.testing.assert_allclose(
        *(to_numpy(each.kl(z_mean, z_log_var)) for each in (model, one)), rtol=1e-4
    )


def test_bound_is_below_the_likelihood_and_importance_weights_reach_it():
    """With a linear decoder log p(x) is a mixture of Gaussians, in closed form."""
    sigma = 0.5
    model = known(hidden=(), sigma=sigma)
    maps, offset = RNG.normal(0, 0.3, (2, 16)), RNG.normal(0, 0.1, 16)
    model.decoder.set_weights([maps, offset])
    x = X[:8]
    log_p = special.logsumexp(
        [
            np.log(weight)
            + stats.multivariate_normal(
                mean @ maps + offset,
                maps.T * variance @ maps + sigma**2 * np.eye(16),
            ).logpdf(x.reshape(8, -1))
            for weight, mean, variance in zip(WEIGHTS, MEANS, VARIANCES, strict=True)
        ],
        axis=0,
    )
    assert (to_numpy(model.elbo(x, 200)) < log_p).all()
    # codes from the prior would do; from a wide Gaussian the weights hold q as well
    z = np.random.default_rng(0).normal(0, 2.0, (20000, 2))
    log_q = stats.norm(0, 2).logpdf(z).sum(1)
    nll = model.nll(
        np.repeat(x, len(z), axis=0),
        model.decoder(np.tile(z.astype("float32"), (8, 1))),
    )
    log_w = to_numpy(model.prior(z)) - log_q - to_numpy(nll).reshape(8, -1)
    estimate = special.logsumexp(log_w, axis=1) - np.log(len(z))
    np.testing.assert_allclose(estimate, log_p, atol=0.1)


def test_metrics_and_loss_are_one_equation_and_evaluate_repeats_itself():
    model = known(beta=2.0)
    model.compile("sgd", run_eagerly=True)
    results = [model.evaluate(X, verbose=0, return_dict=True) for _ in range(2)]
    assert results[0] == results[1]
    bound = to_numpy(model.elbo(X, 200)).mean()
    assert results[0]["elbo"] == pytest.approx(bound, rel=0.1)
    results.append(model.train_on_batch(X, return_dict=True))
    for result in results:
        nll, kl = result["reconstruction_nll"], result["kl"]
        assert result["elbo"] == pytest.approx(-nll - kl, rel=1e-5)
        assert result["loss"] == pytest.approx(nll + 2 * kl, rel=1e-5)


def test_classes_are_probabilities_and_predict_gives_them_too():
    model = known()
    shares = to_numpy(model.classify(X))
    assert shares.shape == (24, 3)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
    z_mean, z_log_var = (to_numpy(part) for part in model.encode(X))
    best = WEIGHTS * np.exp(-divergences(z_mean, z_log_var))
    np.testing.assert_allclose(shares, best / best.sum(1, keepdims=True), atol=1e-5)
    found = model.predict(X, batch_size=7, verbose=0)["responsibilities"]
    np.testing.assert_allclose(found, shares, atol=1e-5)


def test_mixture_is_returned_as_it_was_set():
    for found, given in zip(known().mixture, (WEIGHTS, MEANS, VARIANCES), strict=True):
        np.testing.assert_allclose(found, given, rtol=1e-5)


def drawn_codes(model, n, **options):
    """What the decoder is given: here it writes the code into the first pixels."""
    model.decoder.set_weights([np.eye(2, 16), np.zeros(16)])
    return to_numpy(model.generate(n, **options)).reshape(n, 16)[:, :2]


def test_generated_codes_follow_the_mixture_and_the_seed():
    model = known(hidden=())
    codes = drawn_codes(model, 20000, seed=0)
    np.testing.assert_allclose(codes.mean(0), WEIGHTS @ MEANS, atol=0.04)
    second = WEIGHTS @ (VARIANCES + MEANS**2)
    np.testing.assert_allclose((codes**2).mean(0), second, rtol=0.05)
    # the mean of p(c|z) over the density of z is the weight of the cluster
    shares = oracle().predict_proba(codes).mean(0)
    np.testing.assert_allclose(shares, WEIGHTS, atol=0.02)
    assert_equal(codes, drawn_codes(model, 20000, seed=0))
    assert (codes != drawn_codes(model, 20000, seed=1)).any()


def test_one_cluster_is_drawn_on_demand():
    codes = drawn_codes(known(hidden=()), 5000, cluster=1, seed=3)
    np.testing.assert_allclose(codes.mean(0), MEANS[1], atol=0.05)
    np.testing.assert_allclose(codes.var(0), VARIANCES[1], rtol=0.1)


def test_empty_clusters_leave_every_number_finite():
    model = make()
    means = [[0.0, 0.0], [1e3, -1e3], [0.0, 1e3]]
    model.set_mixture([1.0, 0.0, 0.0], means, [[1, 1], [1e-9, 1e4], [1e-9, 1]])
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    result = model.fit(X, epochs=2, batch_size=8, verbose=0).history
    assert np.isfinite(list(result.values())).all()
    assert all(np.isfinite(to_numpy(weight)).all() for weight in model.weights)
    assert np.isfinite(to_numpy(model.classify(X))).all()


def test_it_finds_the_groups_of_vectors():
    """Two dimensions bent into six; groups that a single Gaussian cannot hold."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [3, 0], [0, 3], [3, 3]])
    group = rng.integers(4, size=800)
    plane = centres[group] + rng.normal(0, 0.3, (800, 2))
    x = np.tanh(plane @ rng.normal(0, 0.4, (2, 6))).astype("float32")
    x = (x + rng.normal(0, 0.02, x.shape)).astype("float32").reshape(800, 1, 1, 6)
    training.set_seed(0)
    plain = vae.dense_vae((1, 1, 6), 2, hidden=(32,), sigma=0.05)
    plain.compile(keras.optimizers.Adam(0.01))
    plain.fit(x, epochs=15, batch_size=100, verbose=0)
    codes = to_numpy(plain.encode(x)[0])
    found = GaussianMixture(4, covariance_type="diag", n_init=5, random_state=0)
    found.fit(codes)
    model = mixture.MixtureVAE(plain.encoder, plain.decoder, n_clusters=4, sigma=0.05)
    model.set_mixture(found.weights_, found.means_, found.covariances_)
    model.compile(keras.optimizers.Adam(0.003))
    before = to_numpy(plain.elbo(x, 5)).mean()
    model.fit(x, epochs=15, batch_size=100, verbose=0)
    assert to_numpy(model.elbo(x, 5)).mean() > before + 0.3
    assert adjusted_rand_score(group, to_numpy(model.classify(x)).argmax(1)) > 0.9


def test_losses_stay_in_float32_under_mixed_precision():
    reference = known().elbo(X, 20)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = known()
        model.compile("sgd", run_eagerly=True)
        outputs = model(X)
        bound = model.elbo(X, 20)
        model.fit(X, verbose=0)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.encoder.layers[2].compute_dtype == "bfloat16"
    for tensor in [*outputs.values(), bound]:
        assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(bound), to_numpy(reference), rtol=0.05)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((WEIGHTS[:2], MEANS, VARIANCES), r"`weights` must have the shape \(3,\)"),
        ((WEIGHTS, MEANS.T, VARIANCES), r"`means` .* \(3, 2\), got \(2, 3\)"),
        ((WEIGHTS, MEANS, VARIANCES[:, 0]), "`variances` .* with a diagonal"),
        ((2 * WEIGHTS, MEANS, VARIANCES), "sum to 1"),
        ((WEIGHTS - [0.6, 0, -0.6], MEANS, VARIANCES), ">= 0"),
        ((WEIGHTS, MEANS, 0 * VARIANCES), "`variances` must be positive, got 0.0"),
    ],
)
def test_impossible_mixtures_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        make().set_mixture(*given)


def test_impossible_options_are_refused():
    with pytest.raises(ValueError, match="`n_clusters` must be at least 1, got 0"):
        make(0)
    with pytest.raises(ValueError, match="`free_bits` must be 0 under a mixture"):
        make(free_bits=0.1)
    with pytest.raises(ValueError, match="`cluster` must be from 0 to 2, got 3"):
        make().generate(1, cluster=3, seed=0)
    with pytest.raises(ValueError, match="has no weights, got `sample_weight`"):
        make().compute_loss(X, None, make()(X), sample_weight=np.ones(24))
