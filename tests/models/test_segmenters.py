import keras
import numpy as np
import pytest
from keras_contract import to_numpy

from medvae_course.models import (
    autoencoders,
    denoising,
    latent_segmentation,
    segmenters,
    vae,
)
from medvae_course.models.segmentation_losses import DiceCrossEntropy

SHAPE = (16, 8, 1)
FILTERS = (4, 6)
IMAGES = np.random.default_rng(0).random((5, *SHAPE)).astype("float32")


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return vae.convolutional_vae(SHAPE, 3, filters=FILTERS).encoder


def weights(model):
    return [to_numpy(w).copy() for w in model.weights]


def train(model, steps=3):
    labels = np.random.default_rng(2).integers(0, 3, IMAGES.shape[:3])
    model.compile("adam", loss=DiceCrossEntropy(), run_eagerly=True)
    return [float(model.train_on_batch(IMAGES, labels)) for _ in range(steps)]


@pytest.mark.parametrize("kind", ["unet", "head"])
def test_models_keep_what_keras_promises(kind, encoder, tmp_path):
    if kind == "unet":
        model = segmenters.unet(SHAPE, 3, filters=FILTERS)
    else:
        model = segmenters.latent_head(encoder, 3, hidden=(5,), trainable=True)
    assert model.output_shape == (None, 16, 8, 3)
    assert model.outputs[0].dtype == "float32"
    model.save(tmp_path / "segmenter.keras")
    loaded = keras.saving.load_model(tmp_path / "segmenter.keras")
    np.testing.assert_allclose(to_numpy(model(IMAGES)), to_numpy(loaded(IMAGES)))
    before = [to_numpy(w).copy() for w in model.trainable_weights]
    train(model, 1)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (old != to_numpy(weight)).any(), f"no gradient reaches {weight.path}"


def test_position_layer_keeps_the_contract(tmp_path):
    layer = segmenters.PixelPosition()
    found = to_numpy(layer(IMAGES))
    assert found.shape == layer.compute_output_shape(IMAGES.shape) == (5, 16, 8, 2)
    expected = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 8), indexing="ij")
    np.testing.assert_allclose(found[3], np.stack(expected, -1), atol=1e-6)
    assert segmenters.PixelPosition.from_config(layer.get_config()).name == layer.name


@pytest.mark.parametrize("size", [(8, 8), (24, 16)])
def test_unet_gives_logits_at_the_size_of_the_image(size):
    model = segmenters.unet((*size, 2), 4, filters=(3, 4, 5))
    assert model(np.zeros((2, *size, 2), "float32")).shape == (2, *size, 4)


def test_unet_learns_a_square():
    keras.utils.set_random_seed(0)
    labels = np.zeros((5, 16, 8), int)
    for i in range(5):
        labels[i, 2 + i : 6 + i, 2:6] = 1
    model = segmenters.unet(SHAPE, 2, filters=(4,))
    model.compile(keras.optimizers.Adam(0.02), loss=DiceCrossEntropy())
    images = 0.2 * IMAGES + labels[..., None]
    losses = [float(model.train_on_batch(images, labels)) for _ in range(60)]
    assert losses[-1] < 0.2 * losses[0]


def test_unet_starts_with_the_weights_of_the_encoder_and_leaves_it_alone(encoder):
    model = segmenters.unet(SHAPE, 3, filters=FILTERS, encoder=encoder)
    wanted = weights(encoder)[: 2 * len(FILTERS)]
    strided = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.strides == (2, 2)
    ]
    found = [to_numpy(w) for layer in strided for w in layer.weights]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    before = weights(encoder)
    train(model)
    for one, other in zip(before, weights(encoder), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (to_numpy(strided[0].kernel) != wanted[0]).any()


def test_unet_refuses_an_encoder_of_other_filters(encoder):
    with pytest.raises(ValueError, match="the same `filters` and image"):
        segmenters.unet(SHAPE, 3, filters=(4, 7), encoder=encoder)


def test_head_sees_the_features_of_pixel_features(encoder):
    """Its linear map on standardised features, computed by hand, is what it gives."""
    keras.utils.set_random_seed(1)
    model = segmenters.latent_head(encoder, 3)
    features = latent_segmentation.pixel_features(encoder, IMAGES, position_weight=1.0)
    mean, variance = features.mean((0, 1, 2)), features.var((0, 1, 2))
    scaled, kernels, first = [], [], 0
    for number, channels in enumerate((SHAPE[2], *FILTERS, 2), 1):
        standardised = model.get_layer(f"standardised_{number}")
        group = slice(first, first + channels)
        standardised.set_weights([mean[group], variance[group]])
        deviation = np.sqrt(variance[group] + standardised.epsilon)
        scaled.append((features[..., group] - mean[group]) / deviation)
        kernels.append(to_numpy(model.get_layer(f"weighted_{number}").kernel))
        first += channels
    bias = to_numpy(model.get_layer("weighted_1").bias)
    expected = np.concatenate(scaled, -1) @ np.concatenate(kernels) + bias
    np.testing.assert_allclose(to_numpy(model(IMAGES)), expected, atol=1e-3)


def test_head_of_a_network_for_any_size_is_told_the_size():
    network = denoising.denoising_network((3, 4), channels=2)
    with pytest.raises(ValueError, match="say `image_shape`"):
        segmenters.latent_head(network, 3)
    model = segmenters.latent_head(network, 3, image_shape=(8, 12, 2), hidden=(5, 4))
    assert model(np.zeros((1, 8, 12, 2), "float32")).shape == (1, 8, 12, 3)


@pytest.mark.parametrize("trainable", [False, True])
def test_head_trains_a_copy_of_the_encoder_only_if_told(encoder, trainable):
    model = segmenters.latent_head(encoder, 3, hidden=(6,), trainable=trainable)
    mine, before = weights(model.get_layer("stages")), weights(encoder)
    was_trainable = encoder.trainable
    train(model)
    assert encoder.trainable == was_trainable
    for one, other in zip(before, weights(encoder), strict=True):
        np.testing.assert_array_equal(one, other)
    moved = [
        (one != other).any()
        for one, other in zip(mine, weights(model.get_layer("stages")), strict=True)
    ]
    assert all(moved) if trainable else not any(moved)


def test_head_decides_each_pixel_from_its_own_features():
    """Without a stage that sees neighbours, a pixel's change stays with the pixel."""
    one_by_one = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Conv2D(4, 1, activation="tanh")]
    )
    model = segmenters.latent_head(one_by_one, 2, hidden=(5,))
    changed = IMAGES.copy()
    changed[0, 3, 4] += 1
    moved = np.abs(to_numpy(model(changed)) - to_numpy(model(IMAGES))).max(-1) > 1e-6
    assert np.argwhere(moved).tolist() == [[0, 3, 4]]


def test_dense_encoder_is_refused():
    dense = autoencoders.dense_autoencoder(SHAPE, 3).encoder
    with pytest.raises(ValueError, match="with Conv2D layers"):
        segmenters.latent_head(dense, 3)


def test_impossible_sizes_and_classes_are_refused(encoder):
    with pytest.raises(ValueError, match=r"divisible by 2\*\*3 = 8.* got 12 x 8"):
        segmenters.unet((12, 8, 1), 3)
    with pytest.raises(ValueError, match="at least 2, the background is one, got 1"):
        segmenters.unet(SHAPE, 1)
    with pytest.raises(ValueError, match="at least 2, the background is one, got 1"):
        segmenters.latent_head(encoder, 1)
