"""One field of view for all patients."""

import numpy as np
import pytest

from medvae_course.ct.field_of_view import shows_body, square
from medvae_course.ct.volume import Volume


@pytest.mark.parametrize("pixels", [8, 12, 31])
@pytest.mark.parametrize("side_mm", [20.0, 64.0])
def test_square_has_the_wanted_side_and_keeps_the_centre(pixels, side_mm):
    z, y, x = np.mgrid[:3, :40, :30]
    ball = np.where(np.hypot(y - 19.5, x - 14.5) * 1.5 < 8, 40.0, -1000.0)
    volume = Volume(ball, spacing_mm=(5.0, 1.5, 1.5))
    hu = square(volume, side_mm, pixels)
    assert hu.shape == (3, pixels, pixels)
    weight = hu[1] + 1000
    centre = (pixels - 1) / 2
    for axis in (0, 1):
        profile = weight.sum(axis=1 - axis)
        found = (profile * np.arange(pixels)).sum() / profile.sum()
        # half a voxel of 1.5 mm, where 13 of 40 are cut out
        assert abs(found - centre) * side_mm / pixels < 0.8


def test_labels_are_not_mixed():
    labels = np.random.default_rng(0).integers(0, 9, (2, 20, 20)).astype(float)
    volume = Volume(labels, spacing_mm=(5.0, 1.0, 1.0))
    found = square(volume, 26.0, 17, order=0)
    assert set(np.unique(found)) <= set(range(9))
    assert found[:, 0, 0].tolist() == [0, 0]


def test_slices_with_next_to_no_body_are_told():
    hu = np.full((3, 10, 10), -1000.0)
    hu[1, 5, 5] = 40.0
    hu[2, :5, 5] = 40.0
    assert shows_body(hu).tolist() == [False, False, True]
