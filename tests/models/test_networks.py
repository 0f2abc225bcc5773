import keras
import numpy as np
import pytest
from keras_contract import assert_equal, to_numpy

from medvae_course.models import autoencoders, networks, training

SMALL = np.random.default_rng(0).random((32, 64, 64, 1)).astype("float32")
LARGE = SMALL.repeat(2, axis=1).repeat(2, axis=2)


def moved(x):
    """Return how far hidden units are from zero first, and go in one step of Adam."""
    training.set_seed(0)
    hidden = keras.Model(*networks.dense_features(x.shape[1:], (256,), None))
    start = to_numpy(hidden(x))
    hidden.compile(keras.optimizers.Adam(1e-3), loss="mse")
    hidden.train_on_batch(x, np.ones_like(start))
    return [float(np.abs(way).mean()) for way in (start, to_numpy(hidden(x)) - start)]


def test_hidden_units_start_and_move_as_far_on_large_images_as_on_small_ones():
    (small_start, small_step), (start, step) = moved(SMALL), moved(LARGE)
    # as if each weight of a small image were shared out to four pixels
    assert start / small_start == pytest.approx(1, abs=0.2)
    # the sum over four times as many weights of a plain layer goes four times as far
    assert step / small_step == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("shape", "hidden", "scaled"),
    [((64, 64, 1), (4,), 0), ((128, 128, 1), (4, 4), 1), ((128, 128, 1), (), 0)],
)
def test_only_the_first_of_hidden_layers_sees_large_images_scaled(
    shape, hidden, scaled, tmp_path
):
    model = autoencoders.dense_autoencoder(shape, 3, hidden=hidden)
    found = [layer.name.split("_")[0] for layer in model.encoder.layers]
    assert found.count("rescaling") == scaled
    model.save(tmp_path / "m.keras")
    x = np.ones((2, *shape), "float32")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert_equal(to_numpy(again(x)), to_numpy(model(x)))
