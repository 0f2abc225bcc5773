"""The spacing of the scans that a data set was made from."""

from pathlib import Path

import nibabel
import numpy as np

from medvae_course.ct import collections, datasets, patients, phantom

Range = tuple[float, float]
_PRESETS = {"phantom": "course", "phantom-tiny": "tiny", "phantom-full": "full"}


def training_spacings(
    data: str, dataset: datasets.Dataset, image_size: int
) -> tuple[Range, Range]:
    """Return least and most in-plane spacing, and slice distance, of training scans.

    Args:
        data: name or folder from which `dataset` was loaded.
        dataset: whose training patients count.
        image_size: pixels per side with which it was loaded.

    Returns:
        Two pairs, mm.
    """
    if data in _PRESETS:
        preset = phantom.PRESETS[_PRESETS[data]]
        side_mm = preset.shape[1] * preset.spacing_mm[1]
        pixel_mm = side_mm / max(
            preset.shape[1], image_size
        )  # as `datasets` makes them
        return (pixel_mm, pixel_mm), (preset.spacing_mm[0], preset.spacing_mm[0])
    folder = collections.find_collection(data) if data in collections.SCRIPTS else data
    known = set(dataset.train.patients)
    found = np.array(
        [
            _spacing_mm(s)
            for s in patients.find_patients(folder)
            if s.patient_id in known
        ]
    )
    in_plane, between = found[:, 1:], found[:, 0]
    return _range(in_plane), _range(between)


def _spacing_mm(source: patients.Source) -> tuple[float, float, float]:
    """Spacing of a scan along z, y, x; from its header where that is enough."""
    image = source.image
    if isinstance(image, Path) and image.name.endswith((".nii", ".nii.gz")):
        columns = nibabel.load(image).affine[:3, :3]
        lengths = np.linalg.norm(columns, axis=0)
        # the array axis that runs nearest to each of S, P, L
        axes = np.abs(columns / lengths)[::-1].argmax(axis=1)
        return tuple(lengths[axes].tolist())
    unlabelled = patients.Source(source.patient_id, image, None)
    return unlabelled.read()[0].spacing_mm


def _range(values: np.ndarray) -> Range:
    return float(values.min()), float(values.max())
