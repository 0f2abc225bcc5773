"""Four channels and a square around the body: what a segmenter is given."""

import numpy as np
import pytest

from medvae_course.ct.datasets import Dataset, DatasetError, Split
from medvae_course.ct.hounsfield import to_model_units
from medvae_course.ct.views import SOFT, WIDE, four_channels, with_four_channels


def split(corner=(2, 3)):
    """Give two patients of two slices, each a bright square of eight pixels in air."""
    hu = np.full((4, 16, 16), -1000.0)
    for first, (y, x) in ((0, corner), (2, (8, 8))):
        hu[first : first + 2, y : y + 8, x : x + 8] = 50.0
    labels = (hu > 0).astype(np.uint8)
    images = to_model_units(hu)[..., None]
    position = np.tile(np.array([0, 1], np.float32), 2)
    return Split(images, labels, np.array(["a", "a", "b", "b"]), position)


def dataset(**options):
    parts = {name: split(**options) for name in ("train", "validation", "test")}
    return Dataset("two", **parts, label_names={1: "square"}, pixel_mm=2.0)


def test_windows_are_those_that_are_named():
    hu = np.random.default_rng(0).uniform(-1200, 600, (3, 4, 5))
    found = four_channels(hu, np.array(["a"] * 3))
    assert found.dtype == np.float32
    for channel, (level, width) in ((0, WIDE), (1, SOFT)):
        expected = to_model_units(hu, level_hu=level, width_hu=width)
        np.testing.assert_array_equal(found[..., channel], expected)


def test_neighbours_are_of_the_same_patient():
    hu = np.arange(-100.0, 150.0, 50.0)[:, None, None]
    found = four_channels(hu, np.array(["a", "a", "a", "b", "b"]))[:, 0, 0]
    np.testing.assert_array_equal(found[:, 2], found[[1, 2, 2, 4, 4], 1])
    np.testing.assert_array_equal(found[:, 3], found[[0, 0, 1, 3, 3], 1])


@pytest.mark.parametrize("hu", [np.zeros((2, 4)), np.zeros((3, 4, 4))])
def test_slices_without_a_patient_are_refused(hu):
    with pytest.raises(ValueError, match="`hu` and `patients`"):
        four_channels(hu, np.array(["a", "b"]))


def test_square_holds_the_body_of_each_patient():
    found = with_four_channels(dataset(), side=8)
    assert found.train.images.shape == (4, 8, 8, 4)
    assert found.train.labels.all()
    assert (found.to_hu(found.train.images) > 40).all()
    assert found.pixel_mm == 2.0


def test_square_stays_inside_the_slice():
    found = with_four_channels(dataset(corner=(0, 8)), side=12)
    assert found.train.labels.sum(axis=(1, 2)).tolist() == [64] * 4


def test_without_a_side_nothing_is_cut():
    data = dataset()
    found = with_four_channels(data)
    np.testing.assert_array_equal(found.test.labels, data.test.labels)
    np.testing.assert_allclose(
        found.to_hu(found.test.images), data.to_hu(data.test.images), atol=1e-3
    )


def test_other_images_are_refused():
    with pytest.raises(DatasetError, match="at least 17 pixels"):
        with_four_channels(dataset(), side=17)
    with pytest.raises(DatasetError, match="one pixel or more, got 0"):
        with_four_channels(dataset(), side=0)
    with pytest.raises(DatasetError, match="one channel"):
        with_four_channels(with_four_channels(dataset()))
