import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from medvae_course.ct.labels import LabelError
from medvae_course.ct.labels.grids import find_place
from medvae_course.ct.volume import AXIAL, Volume

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 110], degrees=True).as_matrix() @ AXIAL


def volume(direction=OBLIQUE):
    hu = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    return Volume(hu, (2.5, 0.7, 0.8), (-10.5, 20, 3), direction)


def test_part_turned_around_and_exchanged_is_found():
    whole = volume()
    part = whole.crop(z=slice(1, 4), x=slice(2, 5))
    affine = part.affine[:, [2, 0, 1, 3]].copy()
    affine[:3, 3] = part.index_to_mm((2, 0, 0))
    affine[:3, 1] *= -1  # the axis that was z, from its end
    place = find_place(whole, affine, (3, 3, 5))
    expected = part.hu.transpose(2, 0, 1)[:, ::-1]
    np.testing.assert_array_equal(place.of(whole.hu), expected)
    np.testing.assert_allclose(place.affine(whole), affine, atol=1e-9)


def test_every_second_slice_is_found():
    whole = volume()
    affine = whole.affine.copy()
    affine[:3, 0] *= 2
    place = find_place(whole, affine, (2, 5, 6))
    np.testing.assert_array_equal(place.of(whole.hu), whole.hu[::2])


def test_the_place_is_a_view_that_can_be_written():
    whole = volume()
    array = np.zeros(whole.shape, bool)
    find_place(whole, whole.crop(z=slice(3, 4)).affine, (1, 5, 6)).of(array)[...] = True
    assert array[3].all()
    assert array.sum() == 30


@pytest.mark.parametrize(
    ("change", "shape", "words"),
    [
        (lambda a: a.__setitem__((0, 3), a[0, 3] + 0.2), (4, 5, 6), "0.2[0-9]* voxels"),
        (lambda a: a.__setitem__((slice(3), 2), a[:3, 2] * 1.05), (4, 5, 6), "voxels"),
        (lambda a: a.__setitem__((slice(3), 2), a[:3, 2] * 0.4), (4, 5, 6), "voxels"),
        (lambda a: None, (4, 5, 7), r"\[3, 4, 6\], partly outside"),
        (lambda a: a.__setitem__((slice(3), 0), a[:3, 1]), (1, 2, 2), "must lie"),
    ],
)
def test_another_grid_is_refused_with_its_numbers(change, shape, words):
    whole = volume(AXIAL)
    affine = whole.affine.copy()
    change(affine)
    with pytest.raises(LabelError, match=words) as error:
        find_place(whole, affine, shape)
    assert "(4, 5, 6), [2.5, 0.7, 0.8] mm" in str(error.value)


def test_a_twentieth_of_a_voxel_is_let_pass():
    whole = volume(AXIAL)
    affine = whole.affine.copy()
    affine[0, 3] += 0.03
    assert find_place(whole, affine, (4, 5, 6)).of(whole.hu).shape == (4, 5, 6)
