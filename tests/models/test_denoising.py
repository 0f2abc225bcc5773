import keras
import numpy as np
import pytest
from keras_contract import assert_equal, to_numpy

from medvae_course.models import denoising, training

RNG = np.random.default_rng(0)
X = RNG.random((8, 8, 8, 1)).astype("float32")


def small():
    return denoising.denoising_network((4, 6))


def test_network_comes_back_from_a_file(tmp_path):
    model = small()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_equal(to_numpy(model(X)), to_numpy(loaded(X)))


def test_a_gradient_reaches_every_weight():
    model = small()
    before = [to_numpy(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(1.0), loss="mse", run_eagerly=True)
    model.train_on_batch(X, np.zeros_like(X))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (to_numpy(weight) != old).any(), weight.path


def test_network_takes_other_sizes_than_it_was_made_with():
    model = small()
    assert model(X).shape == (8, 8, 8, 1)
    assert model(np.zeros((1, 12, 20, 1), "float32")).shape == (1, 12, 20, 1)


def test_network_starts_near_the_identity():
    training.set_seed(0)
    difference = to_numpy(denoising.denoising_network(noise_scale=0.01)(X)) - X
    assert 0 < np.abs(difference).mean() < 0.02


def test_network_learns_to_take_noise_away():
    truth = np.tile(np.linspace(0, 1, 8, dtype="float32")[:, None], (128, 1, 8))
    truth = truth[..., None] * RNG.uniform(0.5, 1, (128, 1, 1, 1)).astype("float32")
    noisy = truth + RNG.normal(0, 0.1, truth.shape).astype("float32")
    training.set_seed(0)
    model = denoising.denoising_network((8,), noise_scale=0.1)
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    model.fit(noisy, truth, epochs=10, batch_size=16, verbose=0)
    error = to_numpy(model(noisy)) - truth
    assert (error**2).mean() < 0.5 * ((noisy - truth) ** 2).mean()


def test_network_without_maps_is_refused():
    with pytest.raises(ValueError, match="`filters`"):
        denoising.denoising_network(())


def test_hidden_patches_are_whole_and_as_many_in_each_image():
    hidden = denoising.hide_patches(20, (16, 24), patch=4, share=0.7, seed=1)
    patches = hidden.reshape(20, 4, 4, 6, 4).transpose(0, 1, 3, 2, 4).reshape(-1, 16)
    assert hidden.dtype == bool
    assert hidden.shape == (20, 16, 24, 1)
    assert (patches.all(axis=1) | ~patches.any(axis=1)).all()
    assert (hidden.sum(axis=(1, 2, 3)) == round(0.7 * 24) * 16).all()
    assert len({image.tobytes() for image in hidden}) == 20


def test_each_patch_is_hidden_as_often():
    hidden = denoising.hide_patches(4000, (4, 4), patch=2, share=0.5)
    np.testing.assert_allclose(hidden.mean(axis=0), 0.5, atol=0.03)


def test_masks_follow_the_seed():
    first, same, other = (
        denoising.hide_patches(3, (16, 16), seed=s) for s in (0, 0, 1)
    )
    assert (first == same).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("size", "options", "said"),
    [
        ((16, 15), {}, "multiples"),
        ((16, 16), {"patch": 0}, "multiples"),
        ((16, 16), {"share": 1.0}, "`share`"),
        ((8, 8), {}, "at least 2"),
    ],
)
def test_impossible_masks_are_refused(size, options, said):
    with pytest.raises(ValueError, match=said):
        denoising.hide_patches(1, size, **options)
