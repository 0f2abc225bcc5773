import numpy as np
import pytest

from medvae_course.evaluate import inpainting

ROWS, COLUMNS = np.mgrid[:16, :16].astype(float)
PLANE = np.stack([ROWS, 2 * COLUMNS - ROWS, ROWS + 3.0])[..., None]
HIDDEN = np.zeros(PLANE.shape, bool)
HIDDEN[0, 4:8, 4:8] = HIDDEN[1, 2:6, 9:12] = True
FILLS = [inpainting.fill_linear, inpainting.fill_biharmonic]


@pytest.mark.parametrize("fill", FILLS)
def test_a_plane_is_found_again(fill):
    found = fill(np.where(HIDDEN, -999, PLANE), HIDDEN)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, PLANE, atol=1e-3)


@pytest.mark.parametrize("fill", FILLS)
def test_what_is_visible_stays(fill):
    noisy = PLANE + np.random.default_rng(0).normal(size=PLANE.shape)
    found = fill(noisy, HIDDEN)
    np.testing.assert_allclose(found[~HIDDEN], noisy[~HIDDEN], rtol=1e-6)


def test_a_hidden_corner_takes_the_nearest_value():
    corner = np.zeros((1, 16, 16, 1), bool)
    corner[0, :3, :3] = True
    found = inpainting.fill_linear(PLANE[2:3], corner)
    assert np.isfinite(found).all()
    assert found[0, 0, 0, 0] in PLANE[2, :4, :4, 0]


@pytest.mark.parametrize("fill", FILLS)
def test_impossible_arguments_are_refused(fill):
    with pytest.raises(ValueError, match="must both be"):
        fill(PLANE, HIDDEN[:2])
    with pytest.raises(ValueError, match="visible"):
        fill(PLANE, np.ones_like(HIDDEN))
