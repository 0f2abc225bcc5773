"""Superpixels keep to edges, and means over them keep the sum."""

import numpy as np
import pytest

from medvae_course.evaluate.superpixels import mean_of_regions, superpixels


def test_regions_do_not_cross_a_strong_edge():
    rng = np.random.default_rng(0)
    images = rng.normal(0, 0.01, (2, 32, 32, 1))
    images[:, :, 14:] += 1
    regions = superpixels(images, 16)
    assert regions.shape == (2, 32, 32)
    for slice_regions in regions:
        assert not set(slice_regions[:, :14].flat) & set(slice_regions[:, 14:].flat)
        assert 6 <= len(np.unique(slice_regions)) <= 32


def test_means_are_those_of_the_region_in_its_slice():
    rng = np.random.default_rng(1)
    regions = rng.integers(5, size=(3, 8, 9))
    features = rng.normal(size=(3, 8, 9, 2))
    means = mean_of_regions(features, regions)
    for z in range(3):
        for region in range(5):
            mask = regions[z] == region
            expected = np.broadcast_to(features[z][mask].mean(axis=0), (mask.sum(), 2))
            np.testing.assert_allclose(means[z][mask], expected, atol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="must be slices"):
        superpixels(np.zeros((4, 4)), 4)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        superpixels(np.zeros((1, 4, 4)), 0)
    with pytest.raises(ValueError, match="need regions"):
        mean_of_regions(np.zeros((1, 4, 4, 2)), np.zeros((1, 4, 5), int))
