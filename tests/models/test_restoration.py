import numpy as np
import pytest
from keras_contract import to_numpy

from medvae_course.models import losses, restoration, vae

SHAPE = (8, 8, 1)


def one_image_vae(sigma=0.1):
    """A VAE for which only one image is usual: code and decoder ignore the input."""
    model = vae.dense_vae(SHAPE, 2, hidden=(), sigma=sigma)
    rng = np.random.default_rng(0)
    usual = rng.uniform(0.3, 0.6, 64).astype("float32")
    for layer in ("z_mean", "z_log_var"):
        kernel, bias = model.encoder.get_layer(layer).get_weights()
        model.encoder.get_layer(layer).set_weights([0 * kernel, 0 * bias])
    model.decoder.set_weights([np.zeros((2, 64)), usual])
    return model, usual.reshape(1, *SHAPE)


def test_variation_of_a_step_is_its_height_times_its_length():
    images = np.zeros((2, 5, 5, 1), "float32")
    images[1, :, 3:] = 2
    found = to_numpy(restoration.total_variation(images))
    np.testing.assert_allclose(found, [0, 10])


def test_variation_is_that_of_differences_in_numpy():
    images = np.random.default_rng(0).normal(size=(3, 6, 7, 2)).astype("float32")
    expected = sum(np.abs(np.diff(images, axis=a)).sum(axis=(1, 2, 3)) for a in (1, 2))
    found = to_numpy(restoration.total_variation(images))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_without_a_weight_images_become_usual():
    model, usual = one_image_vae()
    x = usual + np.random.default_rng(1).normal(0, 0.1, (3, *SHAPE)).astype("float32")
    restored = restoration.restore(model, x, tv_weight=0, steps=40)
    assert np.abs(restored - usual).mean() < 0.1 * np.abs(x - usual).mean()


def test_with_a_large_weight_images_stay():
    model, usual = one_image_vae()
    x = usual + np.random.default_rng(1).normal(0, 0.1, (3, *SHAPE)).astype("float32")
    restored = restoration.restore(model, x, tv_weight=1e5, steps=40)
    assert np.abs(restored - x).mean() < 0.2 * np.abs(usual - x).mean()


def test_restoration_lowers_the_energy_that_it_states():
    model, usual = one_image_vae()
    x = usual.copy()
    x[:, 2:5, 2:5] += 0.4  # a lesion

    def energy(y):
        z_mean, z_log_var = model.encode(y)
        nll = model.nll(y, model.decoder(z_mean)) + losses.kl(z_mean, z_log_var)
        return to_numpy(nll + 3.0 * restoration.total_variation(y - x))[0]

    restored = restoration.restore(model, x, tv_weight=3.0, steps=40)
    assert energy(restored) < energy(x) - 50
    inside = np.abs(restored - x)[:, 2:5, 2:5].mean()
    assert inside > 0.2
    assert np.abs(restored - x).sum() < 1.2 * 9 * 0.4


def test_vae_is_left_as_it_was():
    model = vae.dense_vae(SHAPE, 2, hidden=(4,))
    before = to_numpy(model.weights)
    x = np.random.default_rng(0).random((3, *SHAPE), "float32")
    kept = x.copy()
    restoration.restore(model, x, tv_weight=1.0, steps=3)
    for weight, old in zip(to_numpy(model.weights), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    np.testing.assert_array_equal(x, kept)
    assert model.trainable_weights


def test_batches_give_what_one_batch_gives():
    model, usual = one_image_vae()
    x = usual + np.random.default_rng(1).normal(0, 0.1, (2, *SHAPE)).astype("float32")
    whole, pieces = (
        restoration.restore(model, x, tv_weight=2.0, steps=3, batch_size=b)
        for b in (2, 1)
    )
    np.testing.assert_allclose(whole, pieces, atol=1e-5)


def test_a_measured_sigma_and_bernoulli_pixels_are_restored_too():
    x = np.random.default_rng(0).random((2, *SHAPE), "float32")
    for options in ({"sigma": "per pixel"}, {"likelihood": "bernoulli"}):
        model = vae.dense_vae(SHAPE, 2, hidden=(), **options)
        restored = restoration.restore(model, x, tv_weight=1.0, steps=2)
        assert np.isfinite(restored).all()
        assert (restored != x).any()


@pytest.mark.parametrize("wrong", [{"tv_weight": -1}, {"steps": 0}])
def test_impossible_wishes_are_refused(wrong):
    model = vae.dense_vae(SHAPE, 2, hidden=())
    options = {"tv_weight": 1.0, "steps": 1} | wrong
    with pytest.raises(ValueError, match="at least 1"):
        restoration.restore(model, np.zeros((1, *SHAPE)), **options)
    with pytest.raises(ValueError, match="at least 1"):
        restoration.restore(model, np.zeros((0, *SHAPE)), tv_weight=1.0)
