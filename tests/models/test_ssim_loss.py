import keras
import numpy as np
import pytest
from keras import layers

from medvae_course.evaluate import metrics
from medvae_course.models import ssim_loss


def pairs(n=3, size=24, channels=1):
    rng = np.random.default_rng(0)
    x = rng.random((n, size, size, channels)).astype("float32")
    noise = 0.2 * rng.normal(size=x.shape).astype("float32")
    return x, np.clip(0.7 * x + noise, 0, 1)


def values(loss, x, x_hat):
    return keras.ops.convert_to_numpy(loss(x, x_hat))


def test_loss_is_one_minus_what_the_yardstick_measures():
    x, x_hat = pairs()
    found = values(ssim_loss.ssim_loss(data_range=1.0), x, x_hat)
    expected = 1 - metrics.ssim_per_image(x, x_hat, data_range=1.0)
    assert found.shape == (3,)
    assert 0.1 < expected.min()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_range_counts():
    x, x_hat = pairs()
    in_hu = ssim_loss.ssim_loss(data_range=1400.0)
    in_units = ssim_loss.ssim_loss(data_range=1.0)
    np.testing.assert_allclose(
        values(in_hu, 1400 * x, 1400 * x_hat), values(in_units, x, x_hat), atol=1e-4
    )
    wide = ssim_loss.ssim_loss(data_range=2.0)
    assert np.all(values(wide, x, x_hat) < values(in_units, x, x_hat))


def test_offset_gives_back_what_was_taken_off():
    x, x_hat = pairs()
    mean = x.mean(axis=0)
    with_offset = ssim_loss.ssim_loss(data_range=1.0, offset=mean)
    np.testing.assert_allclose(
        values(with_offset, x - mean, x_hat - mean),
        values(ssim_loss.ssim_loss(data_range=1.0), x, x_hat),
        atol=1e-5,
    )


def test_channels_are_averaged():
    x, x_hat = pairs(channels=2)
    loss = ssim_loss.ssim_loss(data_range=1.0)
    apart = [values(loss, x[..., c : c + 1], x_hat[..., c : c + 1]) for c in (0, 1)]
    np.testing.assert_allclose(values(loss, x, x_hat), np.mean(apart, 0), atol=1e-6)


def test_a_model_learns_by_it():
    x, _ = pairs(n=16, size=12)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([layers.Input(x.shape[1:]), layers.Conv2D(1, 1)])
    model.compile(keras.optimizers.Adam(0.05), loss=ssim_loss.ssim_loss(data_range=1.0))
    history = model.fit(x, x, epochs=40, verbose=0).history["loss"]
    assert history[-1] < 0.05 < history[0]


@pytest.mark.parametrize("data_range", [0, -1, float("nan"), float("inf")])
def test_range_that_is_none_is_refused(data_range):
    with pytest.raises(ValueError, match="data_range"):
        ssim_loss.ssim_loss(data_range=data_range)


def test_image_smaller_than_the_window_is_refused():
    with pytest.raises(ValueError, match="11 x 11"):
        ssim_loss.ssim_loss(data_range=1.0)(*pairs(size=10))
