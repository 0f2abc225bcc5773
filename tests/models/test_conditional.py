"""The conditional VAE: its contract, its bound, and that it obeys."""

import keras
import numpy as np
import pytest
from keras_contract import assert_equal, check_contract, to_numpy

from medvae_course.models import conditional, training, vae

SHAPE = (8, 8, 1)
RNG = np.random.default_rng(0)
X = RNG.random((24, *SHAPE)).astype("float32")
C = RNG.random((24, 1)).astype("float32")


def make(**options):
    return conditional.conditional_vae(SHAPE, 3, filters=(4,), sigma=0.3, **options)


def test_conditional_vae_keeps_the_contract(tmp_path):
    check_contract(make, [X, C], folder=tmp_path)


def test_metrics_and_loss_are_one_equation():
    model = make(beta=2.0)
    model.compile("sgd", run_eagerly=True)
    for result in (
        model.train_on_batch([X, C], return_dict=True),
        model.evaluate([X, C], verbose=0, return_dict=True),
    ):
        nll, kl = result["reconstruction_nll"], result["kl"]
        assert result["elbo"] == pytest.approx(-nll - kl, rel=1e-5)
        assert result["loss"] == pytest.approx(nll + 2 * kl, rel=1e-5)


def test_evaluate_draws_samples_and_repeats_itself():
    model = make()
    model.compile("sgd", run_eagerly=True)
    first = model.evaluate([X, C], verbose=0, return_dict=True)
    assert model.evaluate([X, C], verbose=0, return_dict=True) == first
    bound = to_numpy(model.elbo([X, C], 200)).mean()
    assert first["elbo"] == pytest.approx(bound, rel=0.05)
    mean_code = to_numpy(model.nll(X, model([X, C])["decoded"])).mean()
    assert first["reconstruction_nll"] > mean_code


def test_both_halves_see_the_condition():
    model = make()
    z = np.zeros((24, 3), "float32")
    assert np.ptp(to_numpy(model.decode(z, C)), axis=0).max() > 0
    same = np.repeat(X[:1], 24, axis=0)
    assert np.ptp(to_numpy(model.encode([same, C])[0]), axis=0).max() > 0


def test_verbs_agree():
    model = make()
    assert_equal(to_numpy(model.reconstruct([X, C])), to_numpy(model([X, C])["x_hat"]))
    first = to_numpy(model.generate(C, seed=1))
    assert first.shape == X.shape
    assert_equal(first, to_numpy(model.generate(C, seed=1)))
    assert (first != to_numpy(model.generate(C, seed=2))).any()


def test_blind_to_the_condition_it_is_the_plain_model():
    """With weights of 0 on the condition the bound is that of a `VAE`."""
    model = make()
    for half in (model.encoder, model.decoder):
        for layer in half.layers:
            if isinstance(layer, keras.layers.Dense) and layer.units == 32:
                layer.set_weights([np.zeros((1, 32)), np.zeros(32)])
    plain = vae.convolutional_vae(SHAPE, 3, filters=(4,), sigma=0.3)
    heads = {"z_mean", "z_log_var"}
    for layer in plain.encoder.layers:
        weights = next(
            one.get_weights()
            for one in model.encoder.layers
            if (one.name == layer.name if layer.name in heads else False)
            or (layer.name not in heads and type(one) is type(layer))
        )
        if layer.name in heads:
            weights[0] = weights[0][:-32]
        layer.set_weights(weights)
    inner = next(one for one in model.decoder.layers if isinstance(one, keras.Model))
    for layer, one in zip(plain.decoder.layers, inner.layers, strict=True):
        weights = one.get_weights()
        if isinstance(layer, keras.layers.Dense):
            weights[0] = weights[0][:3]
        layer.set_weights(weights)
    np.testing.assert_allclose(
        to_numpy(model.elbo([X, C], 2)), to_numpy(plain.elbo(X, 2)), rtol=1e-5
    )


def test_it_learns_what_the_condition_tells():
    """Images of one grey value each, which is the condition: no code is needed."""
    x = np.broadcast_to(C[:, :, None, None], X.shape).astype("float32")
    training.set_seed(0)
    model = make()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit([x, C], epochs=40, batch_size=6, verbose=0)
    asked = np.array([[0.2], [0.8]], "float32")
    drawn = to_numpy(model.generate(asked, seed=0)).mean(axis=(1, 2, 3))
    assert np.abs(drawn - asked[:, 0]).max() < 0.12


def test_weights_of_images_are_refused():
    model = make()
    with pytest.raises(ValueError, match="no weights"):
        model.compute_loss([X, C], None, model([X, C]), sample_weight=np.ones(24))
