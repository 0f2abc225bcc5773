"""Patches are what indexing cuts out, and their codes are those of PCA."""

import numpy as np
import pytest

from medvae_course.evaluate.patches import fit_patch_codes, patch_codes, patch_vectors


def test_a_patch_is_the_square_around_its_pixel():
    images = np.random.default_rng(0).random((2, 12, 10)).astype(np.float32)
    vectors = patch_vectors(images, 5)
    np.testing.assert_array_equal(vectors[1, 6, 4].reshape(5, 5), images[1, 4:9, 2:7])
    np.testing.assert_array_equal(vectors[..., 12], images)
    # the rim is mirrored without repeating the last pixel
    assert vectors[0, 0, 4].reshape(5, 5)[0, 2] == images[0, 2, 4]


def test_codes_of_all_components_give_the_patch_back():
    images = np.random.default_rng(1).random((3, 12, 12, 1))
    pca = fit_patch_codes(images, size=3, n_components=9)
    codes = patch_codes(images, pca)
    back = pca.inverse_transform(codes.reshape(-1, 9))
    np.testing.assert_allclose(back, patch_vectors(images, 3).reshape(-1, 9), atol=1e-5)


def test_the_first_component_is_brightness_where_patches_are_flat():
    levels = np.random.default_rng(2).random(6)
    images = np.ones((6, 10, 10)) * levels[:, None, None]
    pca = fit_patch_codes(images, size=5, n_components=1, n_pixels=300, seed=3)
    codes = patch_codes(images, pca)[:, 0, 0, 0]
    assert abs(np.corrcoef(codes, levels)[0, 1]) > 0.999


@pytest.mark.parametrize("size", [0, 4, 21])
def test_impossible_sides_are_refused(size):
    with pytest.raises(ValueError, match=f"got {size} for 10 x 12"):
        patch_vectors(np.zeros((1, 10, 12)), size)


def test_what_is_no_stack_is_refused():
    with pytest.raises(ValueError, match="must be slices"):
        patch_vectors(np.zeros((10, 12)), 3)
