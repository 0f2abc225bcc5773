import keras
import numpy as np
import pytest
from keras_contract import check_contract, to_numpy
from scipy import stats

from medvae_course.models import likelihoods, losses
from medvae_course.models.likelihoods import FittedGaussian

SHAPE = (3, 4, 1)


def pair(batch=6, scale=0.5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, *SHAPE)).astype("float32")
    return x, (x + rng.normal(0, scale, x.shape)).astype("float32")


@pytest.mark.parametrize("shape", [(), SHAPE])
def test_fitted_gaussian_keeps_the_contract(shape, tmp_path):
    x, x_hat = pair()
    check_contract(lambda: FittedGaussian(shape), [x, x_hat], folder=tmp_path)


def test_training_uses_the_rms_of_the_batch():
    x, x_hat = pair()
    sigma = np.sqrt(np.mean((x - x_hat) ** 2))
    expected = -stats.norm.logpdf(x, x_hat, sigma).sum(axis=(1, 2, 3))
    nll = to_numpy(FittedGaussian()([x, x_hat], training=True))
    np.testing.assert_allclose(nll, expected, rtol=1e-4)


def test_training_loss_is_the_log_of_the_mean_squared_error():
    x, x_hat = pair()
    nll = to_numpy(FittedGaussian()([x, x_hat], training=True)).mean()
    d = np.prod(SHAPE)
    expected = d / 2 * (np.log(np.mean((x - x_hat) ** 2)) + 1 + np.log(2 * np.pi))
    assert nll == pytest.approx(expected, rel=1e-5)


def test_no_other_sigma_is_more_likely():
    x, x_hat = pair()
    best = to_numpy(FittedGaussian()([x, x_hat], training=True)).mean()
    sigma = np.sqrt(np.mean((x - x_hat) ** 2))
    for factor in (0.9, 1.1):
        other = losses.gaussian_nll(x, x_hat, sigma=float(factor * sigma))
        assert to_numpy(other).mean() > best


def test_sigma_per_pixel_is_the_rms_of_each_pixel():
    layer = FittedGaussian(SHAPE)
    x, x_hat = pair(batch=400)
    x_hat[:, 0] = x[:, 0] + 0.01
    layer([x, x_hat], training=True)
    expected = np.sqrt(np.mean((x - x_hat) ** 2, axis=0))
    np.testing.assert_allclose(to_numpy(layer.sigma), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(), SHAPE])
def test_sigma_outside_training_is_a_mean_over_batches(shape):
    layer = FittedGaussian(shape)
    batches = [pair(seed=seed) for seed in range(5)]
    for x, x_hat in batches:
        layer([x, x_hat], training=True)
    square = np.mean([(x - x_hat) ** 2 for x, x_hat in batches], axis=(0, 1))
    expected = square if shape else square.mean()
    np.testing.assert_allclose(to_numpy(layer.sigma) ** 2, expected, rtol=1e-4)
    before = to_numpy(layer.sigma)
    x, x_hat = batches[0]
    nll = to_numpy(layer([x, 9 * x_hat]))
    np.testing.assert_array_equal(to_numpy(layer.sigma), before)
    np.testing.assert_allclose(
        nll, to_numpy(losses.gaussian_nll(x, 9 * x_hat, sigma=before)), rtol=1e-5
    )


def test_running_sigma_forgets_the_start():
    layer = FittedGaussian()
    x = np.zeros((2, *SHAPE), "float32")
    layer([x, x + 100], training=True)
    for _ in range(400):
        layer([x, x + 0.5], training=True)
    assert float(layer.sigma) == pytest.approx(0.5, rel=0.01)


def test_sigma_has_a_floor():
    layer = FittedGaussian(SHAPE)
    x, _ = pair()
    nll = to_numpy(layer([x, x], training=True))
    assert np.isfinite(nll).all()
    np.testing.assert_allclose(to_numpy(layer.sigma), likelihoods.SMALLEST_SIGMA)
    layer.rescale(0.0)
    np.testing.assert_allclose(to_numpy(layer.sigma), likelihoods.SMALLEST_SIGMA)


def test_shapes_that_would_broadcast_are_refused():
    x, x_hat = pair()
    with pytest.raises(ValueError, match="must have the shape of the first argument"):
        FittedGaussian()([x, x_hat[..., 0]])


def test_it_stays_in_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = FittedGaussian()
        nll = layer(pair(), training=True)
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(nll.dtype) == "float32"
    assert keras.backend.standardize_dtype(layer.variance.dtype) == "float32"
