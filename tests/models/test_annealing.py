import keras
import numpy as np
import pytest

from medvae_course.models import annealing, vae

X = np.random.default_rng(0).random((8, 4, 4, 1)).astype("float32")


def small(beta):
    keras.utils.set_random_seed(0)
    model = vae.dense_vae((4, 4, 1), 2, hidden=(), beta=beta)
    model.compile(keras.optimizers.SGD(0.0))  # nothing moves but beta
    return model


def test_each_epoch_has_its_weight_in_the_compiled_loss():
    model = small(3.0)
    slow = annealing.BetaWarmUp(2)
    history = model.fit(
        X, validation_data=X, epochs=4, callbacks=[slow], verbose=0
    ).history
    assert history["beta"] == [0.0, 1.5, 3.0, 3.0]
    nll, kl = np.array(history["val_reconstruction_nll"]), np.array(history["val_kl"])
    np.testing.assert_allclose(
        history["val_loss"], nll + np.array(history["beta"]) * kl, rtol=1e-5
    )
    nll, kl = np.array(history["reconstruction_nll"]), np.array(history["kl"])
    np.testing.assert_allclose(
        history["loss"], nll + np.array(history["beta"]) * kl, rtol=1e-5
    )


def test_model_has_its_full_weight_after_a_training_that_ended_early():
    model = small(3.0)
    model.fit(X, epochs=2, callbacks=[annealing.BetaWarmUp(10)], verbose=0)
    assert model.beta == 3.0


def test_no_epochs_are_refused():
    with pytest.raises(ValueError, match="`epochs` must be at least 1, got 0"):
        annealing.BetaWarmUp(0)
