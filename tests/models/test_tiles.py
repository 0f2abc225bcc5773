"""Tiles: they cover the image once, and their insides are those of the whole."""

import keras
import numpy as np
import pytest

from medvae_course.models import latent_segmentation, tiles


@pytest.fixture(scope="module")
def encoder():
    """Fully convolutional, total stride 4; a pixel's features see 16 pixels at most."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 1))
    x = inputs
    for channels in (3, 4):
        x = keras.layers.Conv2D(channels, 4, strides=2, padding="same")(x)
    return keras.Model(inputs, x)


IMAGE = np.random.default_rng(0).random((56, 40, 1)).astype("float32")


def stitched(encoder, margin):
    def describe(images):
        assert images.shape == (1, 40, 40, 1)
        return latent_segmentation.pixel_features(encoder, images)

    pieces = tiles.tiled_features(describe, IMAGE, tile=(40, 40), margin=margin)
    return tiles.stitched(pieces, IMAGE.shape[:-1])


def test_stitched_features_are_those_of_the_whole_image(encoder):
    whole = latent_segmentation.pixel_features(encoder, IMAGE[None])[0]
    np.testing.assert_allclose(stitched(encoder, 16), whole, atol=1e-5)


def test_without_a_margin_the_cuts_show(encoder):
    whole = latent_segmentation.pixel_features(encoder, IMAGE[None])[0]
    difference = np.abs(stitched(encoder, 0) - whole).max(axis=(1, 2))
    assert difference.max() > 0.01
    assert difference[:20].max() < 1e-5


@pytest.mark.parametrize(
    ("size", "tile", "margin"),
    [((7,), (7,), 3), ((23,), (7,), 2), ((9, 14, 5), (4, 6, 5), 1), ((10,), (4,), 0)],
)
def test_pieces_cover_each_pixel_once_and_keep_away_from_cuts(size, tile, margin):
    volume = np.random.default_rng(0).random((*size, 2))
    seen, whole = np.zeros(size, int), np.empty(volume.shape)

    def describe(piece):
        assert piece.shape == (1, *tile, 2)
        return piece

    for place, values in tiles.tiled_features(
        describe, volume, tile=tile, margin=margin
    ):
        seen[place] += 1
        whole[place] = values
    assert (seen == 1).all()
    np.testing.assert_array_equal(whole, volume)


def test_labels_of_pieces_are_stitched_too():
    image = np.arange(20.0).reshape(20, 1)
    pieces = tiles.tiled_features(lambda x: x, image, tile=(8,), margin=2)
    labels = tiles.stitched(
        ((place, values[..., 0] > 9) for place, values in pieces), (20,)
    )
    assert labels.dtype == bool
    assert labels.nonzero()[0].tolist() == list(range(10, 20))


@pytest.mark.parametrize(
    ("tile", "margin", "message"),
    [
        ((60, 40), 4, "a tile of 60 with a margin of 4 for 56 pixels"),
        ((8, 8), 4, "wider than two margins, got a tile of 8"),
        ((8, 8), -1, "a margin of -1"),
        ((8,), 1, "one number for each of the 2 axes"),
    ],
)
def test_impossible_tiles_are_refused(tile, margin, message):
    with pytest.raises(ValueError, match=message):
        list(tiles.tiled_features(lambda x: x, IMAGE, tile=tile, margin=margin))


def test_nothing_to_stitch_is_refused():
    with pytest.raises(ValueError, match="no pieces to stitch"):
        tiles.stitched([], (3,))
