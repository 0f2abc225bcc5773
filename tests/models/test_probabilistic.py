"""The probabilistic U-Net: its bound, its samples, and that it comes back from disk."""

import keras
import numpy as np
import pytest
from keras_contract import assert_equal, to_numpy

from medvae_course.models import probabilistic, training

SHAPE = (8, 8, 1)
RNG = np.random.default_rng(0)
X = RNG.random((6, *SHAPE)).astype("float32")
Y = (RNG.random((6, 8, 8)) > 0.5).astype("uint8")


def make(**options):
    training.set_seed(0)
    return probabilistic.probabilistic_unet(
        SHAPE, 2, latent_dim=3, filters=(4,), **options
    )


def compiled(**options):
    model = make(**options)
    model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
    return model


def test_divergence_is_the_closed_form():
    a, b, c, d = RNG.normal(size=(4, 5, 3)).astype("float32")
    expected = 0.5 * (d - b + (np.exp(b) + (a - c) ** 2) / np.exp(d) - 1).sum(1)
    found = to_numpy(probabilistic.kl_between(a, b, c, d))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert to_numpy(probabilistic.kl_between(a, b, a, b)) == pytest.approx(0, abs=1e-6)


def test_metrics_and_loss_are_one_equation():
    model = compiled(beta=2.0)
    for result in (
        model.train_on_batch(X, Y, return_dict=True),
        model.evaluate(X, Y, verbose=0, return_dict=True),
    ):
        nll, kl = result["reconstruction_nll"], result["kl"]
        assert kl > 0
        assert result["elbo"] == pytest.approx(-nll - kl, rel=1e-5)
        assert result["loss"] == pytest.approx(nll + 2 * kl, rel=1e-5)


def test_evaluate_repeats_itself():
    model = compiled()
    first = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert model.evaluate(X, Y, verbose=0, return_dict=True) == first


def test_cross_entropy_of_even_logits_is_log_two_a_pixel():
    nll = to_numpy(make().nll(Y, np.zeros((6, 8, 8, 2), "float32")))
    np.testing.assert_allclose(nll, 64 * np.log(2), rtol=1e-5)


def test_samples_differ_and_their_seed_repeats_them():
    model = make()
    first = to_numpy(model.sample(X, 4, seed=1))
    assert first.shape == (4, 6, 8, 8, 2)
    assert np.ptp(first, axis=0).max() > 1e-3
    np.testing.assert_array_equal(first, to_numpy(model.sample(X, 4, seed=1)))


def test_called_on_images_it_is_a_segmenter():
    model = make()
    logits = to_numpy(model(X))
    assert logits.shape == model.compute_output_shape(X.shape) == (6, 8, 8, 2)
    model.prior.layers[-1].set_weights(
        [np.zeros((4, 3)), np.full(3, -20.0)]  # a prior without spread
    )
    for drawn in to_numpy(model.sample(X, 2, seed=0)):
        np.testing.assert_allclose(drawn, logits, atol=1e-3)


def test_it_learns_that_raters_differ():
    """Two raters, all or nothing: samples must be one or the other, at one image."""
    model = compiled(beta=1.0)
    image = np.ones((1, *SHAPE), "float32")
    x = np.repeat(image, 960, axis=0)
    y = np.repeat(np.array([0, 1] * 480, "uint8"), 64).reshape(960, 8, 8)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x, y, epochs=1, batch_size=8, verbose=0)  # 120 steps
    shares = to_numpy(model.sample(image, 40, seed=0)).argmax(-1).mean((1, 2, 3))
    assert ((shares < 0.1) | (shares > 0.9)).mean() > 0.8
    assert 0.2 < shares.mean() < 0.8
    elbo = model.evaluate(x[:8], y[:8], verbose=0, return_dict=True)["elbo"]
    assert -20 < elbo <= 0  # without the latent: -64 log 2 = -44


def test_model_comes_back_from_config_and_file(tmp_path):
    model = compiled(beta=0.5, seed=3)
    again = probabilistic.ProbabilisticUNet.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert again.beta == 0.5
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_equal(to_numpy(model(X)), to_numpy(loaded(X)))
    assert_equal(
        to_numpy(model.sample(X, 2, seed=0)), to_numpy(loaded.sample(X, 2, seed=0))
    )


def test_each_weight_gets_a_gradient():
    model = compiled()
    before = [to_numpy(w).copy() for w in model.trainable_weights]
    model.train_on_batch(X, Y)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (old != to_numpy(weight)).any(), f"no gradient reaches {weight.path}"


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="`beta` must not be negative, got -1"):
        make(beta=-1)
    with pytest.raises(ValueError, match="needs labels and has no weights"):
        compiled().train_on_batch(X)
