import keras
import numpy as np
from keras_contract import check_contract, to_numpy

from medvae_course.models import layers

MEAN = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
LOG_VAR = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")


def test_sampling_keeps_the_contract(tmp_path):
    check_contract(lambda: layers.Sampling(3), [MEAN, LOG_VAR], folder=tmp_path)


def test_sampling_gives_the_mean_outside_training():
    np.testing.assert_array_equal(to_numpy(layers.Sampling(0)([MEAN, LOG_VAR])), MEAN)


def test_samples_have_the_moments_of_the_posterior():
    n = 20_000
    mean, log_var = np.tile(MEAN[:1], (n, 1)), np.tile(LOG_VAR[:1], (n, 1))
    z = to_numpy(layers.Sampling(0)([mean, log_var], training=True))
    std = np.exp(0.5 * LOG_VAR[0])
    assert (np.abs(z.mean(axis=0) - MEAN[0]) < 4 * std / np.sqrt(n)).all()
    assert (np.abs(z.std(axis=0) / std - 1) < 4 / np.sqrt(2 * n)).all()


def test_samples_differ_from_call_to_call_and_from_seed_to_seed():
    layer = layers.Sampling(0)
    draws = [
        to_numpy(sampling([MEAN, LOG_VAR], training=True))
        for sampling in (layer, layer, layers.Sampling(1))
    ]
    assert not np.isclose(draws[0], draws[1]).any()
    assert not np.isclose(draws[0], draws[2]).any()


def test_reparametrised_sample_moves_with_mean_and_deviation():
    noise = keras.ops.ones((4, 3))
    z = to_numpy(layers.reparametrise(MEAN, LOG_VAR, noise))
    np.testing.assert_allclose(z, MEAN + np.exp(0.5 * LOG_VAR), rtol=1e-5)
