"""Every orientation along the axes, and where SimpleITK says that voxels lie."""

import itertools

import numpy as np
import SimpleITK as sitk

SIGNED_AXES = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def assert_same_place(volume, image):
    """Voxels of SimpleITK's image lie where the volume has the same value."""
    values = sitk.GetArrayFromImage(image)
    for index in list(np.ndindex(values.shape))[::5]:
        point = image.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])
        place = volume.mm_to_index(point)
        nearest = np.rint(place).astype(int)
        np.testing.assert_allclose(place, nearest, atol=1e-3)
        assert volume.hu[tuple(nearest)] == values[index]
