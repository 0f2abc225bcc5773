"""Texture features of flat, sloping and striped images, by their closed forms."""

import numpy as np
import pytest

from medvae_course.evaluate.texture import texture_features


def test_a_flat_image_has_its_value_and_nothing_else():
    features = texture_features(np.full((1, 32, 32), 0.7), sigma_max=1.0)
    blurred = np.isclose(features, 0.7, atol=1e-5).all(axis=(0, 1, 2))
    nothing = np.isclose(features, 0.0, atol=1e-5).all(axis=(0, 1, 2))
    assert blurred.sum() == 2  # one for each scale
    assert (blurred | nothing).all()


def test_a_slope_has_its_gradient():
    ramp = np.tile(np.arange(40.0), (40, 1))
    inner = texture_features(ramp[None], sigma_max=1.0)[0, 15:25, 15:25]
    values = np.unique(inner.round(3)[5, 5] - [0] * inner.shape[-1])
    assert np.isclose(values, 20, atol=0.01).any()  # the blurred value itself
    assert np.isclose(inner[5, 5], 0, atol=1e-3).sum() == 4  # no second derivative
    assert inner[..., np.ptp(inner, axis=(0, 1)) < 1e-3].max() > 0.5


def test_slices_do_not_see_each_other():
    images = np.random.default_rng(0).random((2, 24, 24, 1))
    both = texture_features(images, sigma_max=2.0)
    np.testing.assert_array_equal(both[1:], texture_features(images[1:], sigma_max=2.0))
    assert both.dtype == np.float32


def test_what_is_no_stack_is_refused():
    with pytest.raises(ValueError, match="one channel"):
        texture_features(np.zeros((2, 8, 8, 3)))
    with pytest.raises(ValueError, match="positive and ascending"):
        texture_features(np.zeros((1, 8, 8)), sigma_min=2.0, sigma_max=1.0)
