import keras
import numpy as np
import pytest
from scipy import ndimage

from medvae_course.models import autoencoders, latent_segmentation, vae

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
