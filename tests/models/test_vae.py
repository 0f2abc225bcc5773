import subprocess
import sys

import keras
import numpy as np
import pytest
from keras_contract import assert_equal, check_contract, to_numpy
from scipy import stats

from medvae_course.models import training, vae, variational

SHAPE = (8, 8, 1)
X = np.random.default_rng(0).random((48, *SHAPE)).astype("float32")
MAKERS = {
    "dense": lambda: vae.dense_vae(SHAPE, 3, hidden=(16,), sigma=0.3),
    "convolutional": lambda: vae.convolutional_vae(SHAPE, 3, filters=(4, 6), sigma=0.3),
    "bernoulli": lambda: vae.dense_vae(
        SHAPE, 3, hidden=(16,), likelihood="bernoulli", beta=2.0
    ),
    "optimal sigma": lambda: vae.dense_vae(SHAPE, 3, hidden=(16,), sigma="optimal"),
    "sigma per pixel": lambda: vae.dense_vae(
        SHAPE, 3, hidden=(16,), sigma="per pixel", beta=0.1
    ),
}
EACH = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def compiled(make, *, seed=0, eager=True):
    """Compiled to run step by step: for some steps faster than tracing a graph."""
    training.set_seed(seed)
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=eager)
    return model


@EACH
def test_vae_keeps_the_contract(make, tmp_path):
    check_contract(make, X, folder=tmp_path)


@EACH
def test_fit_raises_the_bound_and_validates_it(make):
    history = compiled(make).fit(X, validation_data=X, epochs=5, verbose=0).history
    names = {"loss", "elbo", "kl", "reconstruction_nll"}
    assert set(history) == names | {f"val_{name}" for name in names}
    assert history["elbo"][-1] > history["elbo"][0]
    assert history["val_elbo"][-1] > history["val_elbo"][0]


@EACH
def test_metrics_and_loss_are_one_equation(make):
    model = compiled(make)
    for result in (
        model.train_on_batch(X, return_dict=True),
        model.evaluate(X, verbose=0, return_dict=True),
    ):
        nll, kl = result["reconstruction_nll"], result["kl"]
        assert result["elbo"] == pytest.approx(-nll - kl, rel=1e-5)
        assert result["loss"] == pytest.approx(nll + model.beta * kl, rel=1e-5)


def test_same_seed_gives_the_same_training():
    def history(seed):
        return compiled(MAKERS["dense"], seed=seed).fit(X, verbose=0).history

    assert history(0) == history(0)
    assert history(0) != history(1)


def test_evaluate_starts_afresh_and_repeats_itself():
    model = compiled(MAKERS["dense"])
    first = model.evaluate(X[:20], verbose=0)
    assert model.evaluate(X[20:], verbose=0) != first
    assert model.evaluate(X[:20], verbose=0) == first


def test_early_stopping_watches_the_bound():
    model = compiled(MAKERS["dense"])
    stop = keras.callbacks.EarlyStopping("val_elbo", mode="max", min_delta=1e9)
    history = model.fit(
        X, validation_data=X, epochs=5, callbacks=[stop], verbose=0
    ).history
    assert len(history["val_elbo"]) == 2


def probabilistic_pca(sigma=0.3, latent_dim=3):
    """A linear VAE whose posterior is exact, and the density of its images.

    With orthogonal columns w_j of the decoder the posterior of each latent is
    independent: variance sigma^2 / (w_j^2 + sigma^2), mean w_j.x / (w_j^2 + sigma^2).
    """
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(64, latent_dim)))[0]
    scale = np.array([2.0, 1.0, 0.2])
    variance = sigma**2 / (scale**2 + sigma**2)
    mean = rng.random(64)
    model = vae.dense_vae(SHAPE, latent_dim, hidden=(), sigma=sigma)
    to_mean = basis * scale / (scale**2 + sigma**2)
    model.encoder.get_layer("z_mean").set_weights([to_mean, -mean @ to_mean])
    model.encoder.get_layer("z_log_var").set_weights(
        [np.zeros((64, latent_dim)), np.log(variance)]
    )
    model.decoder.set_weights([(basis * scale).T, mean])
    covariance = basis * scale**2 @ basis.T + sigma**2 * np.eye(64)
    density = stats.multivariate_normal(mean, covariance)
    return model, density, (scale**2 * variance).sum() / (2 * sigma**2)


def test_bound_is_tight_for_the_exact_posterior():
    model, density, _ = probabilistic_pca()
    x = density.rvs(40, random_state=0).reshape(40, *SHAPE).astype("float32")
    bounds = to_numpy(model.elbo(x, 400))
    assert bounds.shape == (40,)
    gaps = bounds - density.logpdf(x.reshape(40, -1))
    # each bound is a mean of 400 draws; over images the gaps scatter around zero
    assert abs(gaps.mean()) < 3 * gaps.std() / np.sqrt(len(gaps))
    assert np.abs(gaps).max() < 1


def test_evaluate_samples_and_does_not_flatter():
    model, density, extra = probabilistic_pca()
    x = density.rvs(2000, random_state=0).reshape(2000, *SHAPE).astype("float32")
    model.compile("sgd", run_eagerly=True)
    result = model.evaluate(x, batch_size=2000, verbose=0, return_dict=True)
    of_mean = to_numpy(model.nll(x, model.reconstruct(x))).mean()
    assert result["reconstruction_nll"] - of_mean == pytest.approx(extra, rel=0.1)


def test_elbo_is_fixed_by_its_seed():
    model = MAKERS["bernoulli"]()
    first = to_numpy(model.elbo(X, 2, seed=1))
    assert_equal(first, to_numpy(model.elbo(X, 2, seed=1)))
    assert (first != to_numpy(model.elbo(X, 2, seed=2))).all()


@EACH
def test_reconstruction_uses_the_mean_and_samples_do_not(make):
    model = make()
    z_mean, z_log_var = model.encode(X)
    x_hat = to_numpy(model.reconstruct(X))
    assert_equal(x_hat, to_numpy(model.decode(z_mean)))
    assert_equal(x_hat, to_numpy(model(X)["x_hat"]))
    draws = [to_numpy(model.sample(z_mean, z_log_var)) for _ in range(2)]
    assert (draws[0] != draws[1]).all()


def test_generated_images_follow_their_seed_and_their_range():
    model = MAKERS["bernoulli"]()
    images = to_numpy(model.generate(5, seed=3))
    assert images.shape == (5, *SHAPE)
    assert images.min() > 0
    assert images.max() < 1
    assert_equal(images, to_numpy(model.generate(5, seed=3)))
    assert (images != to_numpy(model.generate(5, seed=4))).any()


def test_log_variance_is_clipped_so_that_the_loss_stays_finite():
    model = compiled(MAKERS["dense"])
    head = model.encoder.get_layer("z_log_var")
    for bias, limit in zip((-1e4, 1e4), variational.LOG_VAR_RANGE, strict=True):
        head.set_weights([head.get_weights()[0], np.full(3, bias)])
        assert (to_numpy(model.encode(X)[1]) == limit).all()
        assert np.isfinite(model.train_on_batch(X, return_dict=True)["loss"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0.0}, "`sigma` must be positive, got 0.0"),
        ({"beta": -1.0}, "`beta` must not be negative, got -1.0"),
        ({"free_bits": -0.1}, "`free_bits` must not be negative, got -0.1"),
        ({"sigma": "best"}, "a number, 'optimal' or 'per pixel', got 'best'"),
        (
            {"sigma": "optimal", "likelihood": "bernoulli"},
            "a Bernoulli likelihood has no `sigma`",
        ),
        ({"likelihood": "normal"}, "must be 'gaussian' or 'bernoulli', got 'normal'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        vae.dense_vae(SHAPE, 3, **options)


def test_sample_weights_are_refused():
    with pytest.raises(ValueError, match="has no weights, got `sample_weight`"):
        compiled(MAKERS["dense"]).train_on_batch(X, X, sample_weight=np.ones(len(X)))


def test_losses_stay_in_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = compiled(MAKERS["convolutional"])
        outputs = model(X)
        history = model.fit(X, verbose=0).history
    finally:
        keras.config.set_dtype_policy(before)
    assert model.encoder.layers[1].compute_dtype == "bfloat16"
    for tensor in outputs.values():
        assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
    reference = compiled(MAKERS["convolutional"]).fit(X, verbose=0).history
    np.testing.assert_allclose(history["elbo"], reference["elbo"], rtol=0.05)


def test_fitted_sigma_is_kept_in_the_file(tmp_path):
    model = compiled(MAKERS["sigma per pixel"])
    model.fit(X, verbose=0)
    model.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras")
    assert_equal(to_numpy(loaded.current_sigma), to_numpy(model.current_sigma))
    assert loaded.evaluate(X, verbose=0) == model.evaluate(X, verbose=0)


def test_fitted_sigma_is_the_rms_of_the_residuals():
    model = compiled(MAKERS["optimal sigma"], eager=False)
    model.fit(X, batch_size=16, epochs=40, verbose=0)
    z_mean, z_log_var = model.encode(X)
    residual = X - to_numpy(model.decode(model.sample(z_mean, z_log_var)))
    rms = np.sqrt(np.mean(residual**2))
    assert float(model.current_sigma) == pytest.approx(rms, rel=0.05)
    assert float(model.current_sigma) < 0.4


def test_calibration_scales_the_residuals_to_one_and_keeps_the_pattern():
    model = compiled(MAKERS["sigma per pixel"])
    model.fit(X, verbose=0)
    before = to_numpy(model.current_sigma)
    model.calibrate(3 * X, batch_size=20)
    after = to_numpy(model.current_sigma)
    assert np.ptp(after / before) < 1e-5
    z_mean, z_log_var = model.encode(3 * X)
    residual = 3 * X - to_numpy(model.decode(model.sample(z_mean, z_log_var)))
    assert np.mean((residual / after) ** 2) == pytest.approx(1, rel=0.1)


def test_calibration_of_a_given_sigma_is_refused():
    with pytest.raises(ValueError, match="only a measured `sigma` can be"):
        MAKERS["dense"]().calibrate(X)


def test_free_bits_count_each_latent_by_its_mean_over_the_batch():
    training.set_seed(0)
    model = vae.dense_vae(SHAPE, 3, hidden=(16,), beta=2.0, free_bits=0.25)
    z_mean, z_log_var = np.zeros((4, 3), "float32"), np.zeros((4, 3), "float32")
    z_mean[:2, 0] = 2.0  # 1 nat on average; 0 in half of the batch
    z_mean[:, 1] = 0.1  # 0.005 nats
    decoded = np.zeros((4, *SHAPE), "float32")
    outputs = {"z_mean": z_mean, "z_log_var": z_log_var, "decoded": decoded}
    loss = float(model.compute_loss(X[:4], y_pred=outputs))
    nll = float(np.mean(to_numpy(model.nll(X[:4], decoded))))
    assert loss - nll == pytest.approx(2 * (1 + 0.25 + 0.25), abs=1e-2)
    assert float(model.trackers["kl"].result()) == pytest.approx(1.005)


def test_beta_that_is_set_is_seen_by_compiled_steps():
    model = compiled(MAKERS["dense"], eager=False)
    model.fit(X, verbose=0)
    model.beta = 7.0
    result = model.evaluate(X, verbose=0, return_dict=True)
    expected = result["reconstruction_nll"] + 7 * result["kl"]
    assert result["loss"] == pytest.approx(expected, rel=1e-5)
    assert model.get_config()["beta"] == 7.0


LOADER = """
import sys, keras, numpy as np
try:
    keras.saving.load_model("vae.keras")
except TypeError as error:
    print(error)
import medvae_course.models.vae
model = keras.saving.load_model("vae.keras")
x_hat = model.reconstruct(np.load("x.npy"))
np.save("x_hat.npy", keras.ops.convert_to_numpy(x_hat))
"""


def test_saved_model_loads_in_a_new_process(tmp_path, root, monkeypatch):
    model = compiled(MAKERS["convolutional"])
    model.fit(X, verbose=0)
    model.save(tmp_path / "vae.keras")
    np.save(tmp_path / "x.npy", X)
    monkeypatch.setenv("PYTHONPATH", str(root))
    done = subprocess.run(
        [sys.executable, "-c", LOADER],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "make sure they are all imported" in done.stdout
    assert "medvae_course.models.variational" in done.stdout
    np.testing.assert_allclose(
        np.load(tmp_path / "x_hat.npy"), to_numpy(model.reconstruct(X)), atol=1e-6
    )
