import keras
import numpy as np
import pytest
from scipy import ndimage

from medvae_course.models import autoencoders, interpolation, latent_segmentation, vae

IMAGES = np.random.default_rng(0).random((3, 16, 8, 1)).astype("float32")
FILTERS = (4, 6)


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return autoencoders.convolutional_autoencoder(
        (16, 8, 1), 3, filters=FILTERS
    ).encoder


def test_features_are_the_image_and_every_stage_at_pixel_resolution(encoder):
    features = latent_segmentation.pixel_features(encoder, IMAGES)
    assert features.shape == (3, 16, 8, 1 + sum(FILTERS))
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[..., :1], IMAGES, atol=1e-6)
    first = 1
    for depth, channels in enumerate(FILTERS, 1):
        stage = keras.Model(encoder.inputs, encoder.layers[depth].output)
        maps = stage.predict(IMAGES, verbose=0)
        expected = ndimage.zoom(
            maps, (1, 2**depth, 2**depth, 1), order=1, mode="nearest", grid_mode=True
        )
        found = features[..., first : first + channels]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        first += channels


def test_training_features_are_standardised_and_stages_weigh_the_same(encoder):
    raw = latent_segmentation.pixel_features(encoder, IMAGES)
    statistics = latent_segmentation.feature_statistics(raw)
    features = latent_segmentation.pixel_features(
        encoder, IMAGES, statistics=statistics
    )
    np.testing.assert_allclose(features.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    variances = features.var(axis=(0, 1, 2))
    for stage in np.split(variances, np.cumsum([1, *FILTERS])[:-1]):
        alive = stage > 0
        np.testing.assert_allclose(stage[alive], 1 / len(stage), rtol=1e-3)


def test_statistics_come_from_the_caller_and_not_from_the_images(encoder):
    statistics = latent_segmentation.feature_statistics(
        latent_segmentation.pixel_features(encoder, IMAGES)
    )
    together, alone = (
        latent_segmentation.pixel_features(encoder, images, statistics=statistics)
        for images in (IMAGES, IMAGES[:1])
    )
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_position_runs_from_corner_to_corner(encoder):
    position = latent_segmentation.pixel_features(encoder, IMAGES, position_weight=0.5)[
        ..., -2:
    ]
    assert position[1, 0, 0].tolist() == [-0.5, -0.5]
    assert position[1, -1, -1].tolist() == [0.5, 0.5]
    assert position[2, 0, -1].tolist() == [-0.5, 0.5]


def test_encoder_of_a_vae_serves_too():
    model = vae.convolutional_vae((16, 8, 1), 3, filters=FILTERS)
    features = latent_segmentation.pixel_features(model.encoder, IMAGES)
    assert features.shape[-1] == 1 + sum(FILTERS)


def test_dense_encoder_is_refused():
    model = autoencoders.dense_autoencoder((16, 8, 1), 3)
    with pytest.raises(ValueError, match="with Conv2D layers, got 'encoder'"):
        latent_segmentation.pixel_features(model.encoder, IMAGES)


def test_statistics_of_another_encoder_are_refused(encoder):
    statistics = (np.zeros(5), np.ones(5))
    with pytest.raises(ValueError, match="gives 11 features, got statistics of 5"):
        latent_segmentation.pixel_features(encoder, IMAGES, statistics=statistics)


# === Volumes, nested models, decoders ===


def zoomed(maps, factors):
    return ndimage.zoom(maps, (1, *factors, 1), order=1, mode="nearest", grid_mode=True)


@pytest.mark.parametrize(
    ("size", "factors"), [((5,), (3,)), ((3, 4), (2, 4)), ((2, 3, 4), (4, 1, 2))]
)
def test_interpolation_is_that_of_scipy_in_any_dimension(size, factors):
    maps = np.random.default_rng(1).random((2, *size, 3)).astype("float32")
    shape = [n * f for n, f in zip(size, factors, strict=True)]
    found = keras.ops.convert_to_numpy(interpolation.resized(maps, shape))
    np.testing.assert_allclose(found, zoomed(maps, factors), atol=1e-5)


def test_interpolation_of_images_is_that_of_keras():
    maps = np.random.default_rng(1).random((2, 3, 4, 3)).astype("float32")
    np.testing.assert_allclose(
        *(
            keras.ops.convert_to_numpy(resize(maps, (8, 11)))
            for resize in (interpolation.resized, keras.ops.image.resize)
        ),
        atol=1e-5,
    )


def test_volumes_are_described_like_images():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 8, 8, 1))
    first = keras.layers.Conv3D(3, 3, strides=2, padding="same")(inputs)
    second = keras.layers.Conv3D(5, 3, strides=2, padding="same")(first)
    encoder = keras.Model(inputs, keras.layers.Flatten()(second))
    volumes = np.random.default_rng(0).random((2, 4, 8, 8, 1)).astype("float32")
    features = latent_segmentation.pixel_features(
        encoder, volumes, position_weight=0.5, batch_size=1
    )
    assert features.shape == (2, 4, 8, 8, 1 + 3 + 5 + 3)
    maps = keras.ops.convert_to_numpy(keras.Model(inputs, second)(volumes))
    np.testing.assert_allclose(features[..., 4:9], zoomed(maps, (4, 4, 4)), atol=1e-5)
    assert features[0, 0, 0, -1, -3:].tolist() == [-0.5, -0.5, 0.5]


def test_stages_inside_another_model_are_found(encoder):
    inputs = keras.Input((16, 8, 1))
    block = keras.Sequential(
        [keras.Input((16, 8, 1)), keras.layers.Conv2D(2, 3, padding="same")],
        name="block",
    )
    twice = keras.Model(encoder.inputs, encoder.outputs[0], name="backbone")
    both = keras.layers.Concatenate()(
        [twice(inputs), keras.layers.Flatten()(block(inputs))]
    )
    wrapped = keras.Model(inputs, keras.layers.Dense(2)(both))
    names = latent_segmentation.stage_names(wrapped)
    inside = [name for name in names if name.startswith("backbone/")]
    assert [name.partition("/")[2] for name in inside] == (
        latent_segmentation.stage_names(encoder)
    )
    assert len(names) == len(inside) + 1
    np.testing.assert_allclose(
        latent_segmentation.pixel_features(wrapped, IMAGES, stages=inside),
        latent_segmentation.pixel_features(encoder, IMAGES),
        atol=1e-6,
    )
    everything = latent_segmentation.pixel_features(wrapped, IMAGES)
    assert everything.shape[-1] == 1 + sum(FILTERS) + 2


def test_chosen_stages_come_in_the_order_asked_for(encoder):
    names = latent_segmentation.stage_names(encoder)
    features = latent_segmentation.pixel_features(encoder, IMAGES)
    swapped = latent_segmentation.pixel_features(encoder, IMAGES, stages=names[::-1])
    first = 1 + FILTERS[0]
    expected = [features[..., :1], features[..., first:], features[..., 1:first]]
    np.testing.assert_allclose(swapped, np.concatenate(expected, -1), atol=1e-6)
    with pytest.raises(ValueError, match=r"no stages \['conv9'\]: choose from"):
        latent_segmentation.pixel_features(encoder, IMAGES, stages=["conv9"])


def test_decoder_is_described_from_codes_and_ends_with_its_image():
    keras.utils.set_random_seed(0)
    decoder = vae.convolutional_vae((16, 8, 1), 3, filters=FILTERS).decoder
    codes = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    raw = latent_segmentation.decoder_features(decoder, codes, batch_size=2)
    assert raw.shape == (5, 16, 8, FILTERS[0] + 1)
    image = keras.ops.convert_to_numpy(decoder(codes))
    np.testing.assert_allclose(raw[..., -1:], image, atol=1e-6)
    statistics = latent_segmentation.feature_statistics(raw)
    features = latent_segmentation.decoder_features(
        decoder, codes, statistics=statistics, position_weight=1.0
    )
    np.testing.assert_allclose(features[..., -3].std(), 1, rtol=1e-4)
    assert features[0, 0, -1, -2:].tolist() == [-1, 1]


def test_one_model_of_encoder_and_decoder_gives_the_features_of_both():
    model = vae.convolutional_vae((16, 8, 1), 3, filters=FILTERS)
    inputs = keras.Input((16, 8, 1))
    path = keras.Model(inputs, model.decoder(model.encoder(inputs)[0]))
    stages = latent_segmentation.stage_names(path)
    both = latent_segmentation.pixel_features(path, IMAGES, stages=stages)
    codes = model.encode(IMAGES)[0]
    expected = [
        latent_segmentation.pixel_features(model.encoder, IMAGES),
        latent_segmentation.decoder_features(model.decoder, codes),
    ]
    np.testing.assert_allclose(both, np.concatenate(expected, -1), atol=1e-5)
