"""A small scan on disk with structures that are hard to store, shared by the tests."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from medvae_course.ct import dicom
from medvae_course.ct.labels import Structures
from medvae_course.ct.volume import AXIAL, Volume

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 110], degrees=True).as_matrix() @ AXIAL


def write_scan(folder, *, direction=AXIAL, shape=(5, 17, 23), patient_id="P1"):
    """Return the series on disk and the volume read from it."""
    hu = np.random.default_rng(4).integers(-1000, 1000, shape)
    volume = Volume(hu, (2.5, 0.7, 0.8), (-10.5, 20, 3), direction)
    dicom.write_series(volume, folder, patient_id=patient_id)
    (series,) = dicom.find_series(folder)
    return series, dicom.read_series(series).to_axial()


def draw_structures(volume):
    """Ragged masks with holes and islands, one inside another, and an empty one."""
    rng = np.random.default_rng(8)
    noise = ndimage.gaussian_filter(rng.random(volume.shape), (0, 1, 1))
    masks = {
        "liver": noise > 0.5,
        "liver lesion": noise > 0.6,
        "LeftKidney": ndimage.gaussian_filter(rng.random(volume.shape), 1) > 0.5,
        "PTV 70": rng.random(volume.shape) > 0.8,
        "nothing": np.zeros(volume.shape, bool),
    }
    masks["liver"][1] = False  # a slice without
    return Structures(masks, volume)


def check(program, *arguments):
    """What a program of dicom3tools says."""
    command = [Path(sys.executable).with_name(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def assert_same(found, expected):
    """Both hold the same names with the same masks, in the same order."""
    assert list(found.masks) == list(expected.masks)
    for name, mask in expected.masks.items():
        np.testing.assert_array_equal(found.masks[name], mask, err_msg=name)
