"""NIfTI files to volumes: RAS affine to DICOM's LPS, array axes to (z, y, x)."""

from pathlib import Path

import nibabel
import numpy as np

from .atomic import replacing
from .volume import Volume, nearest_axes

SUFFIXES = (".nii.gz", ".nii")
_TOO_LARGE = 2**31  # voxels; a header that claims more is damaged


class NiftiError(ValueError):
    """A NIfTI file that cannot be taken as a volume; the message says why."""


def is_nifti(path: Path) -> bool:
    """Tell by its name whether a file is NIfTI."""
    return path.name.endswith(SUFFIXES)


def stem(path: Path) -> str:
    """Return a file's name without `.nii` or `.nii.gz`."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def read_nifti(path: str | Path) -> Volume:
    """Read a 3-D NIfTI file as a volume; values are taken to be HU.

    Args:
        path: a `.nii` or `.nii.gz` file with a valid sform or qform.

    Returns:
        The volume with axes (z, y, x) nearest to cranial, posterior and left.

    Raises:
        NiftiError: if the file is damaged, not 3-D, or its axes are sheared.

    Source: NIfTI-1.1 header, "3D image orientation and location in space": +x right,
        +y anterior, +z superior; DICOM PS3.3 C.7.6.2.1.1: +x left, +y posterior.
    Taught in: chapter 1.
    """
    path = Path(path)
    try:
        image = _open(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
        columns, spacing_mm, origin_mm = _geometry(image)
        return Volume(
            values.transpose(2, 1, 0),
            tuple(spacing_mm.tolist()),
            origin_mm=origin_mm,
            direction=columns / spacing_mm,
        ).to_axial()
    except Exception as error:  # nibabel raises many kinds on damaged files
        raise _unreadable(path, error) from error


def read_extent_mm(path: str | Path) -> tuple[float, float, float]:
    """Return the extent (z, y, x) of what `read_nifti` would give, from the header.

    Args:
        path: a `.nii` or `.nii.gz` file.

    Returns:
        Extent along the axes nearest to cranial, posterior and left, mm.

    Raises:
        NiftiError: as `read_nifti`.
    """
    path = Path(path)
    try:
        image = _open(path)
        columns, spacing_mm, _ = _geometry(image)
        extent_mm = np.array(image.shape[::-1]) * spacing_mm
        return tuple(extent_mm[nearest_axes(columns / spacing_mm)].tolist())
    except Exception as error:
        raise _unreadable(path, error) from error


def read_labels(path: str | Path, volume: Volume) -> np.ndarray:
    """Read a NIfTI label file that belongs to a volume.

    Args:
        path: the label file; whole numbers from 0 to 255.
        volume: the CT, read by `read_nifti` or from DICOM, that the labels describe.

    Returns:
        uint8 array of the volume's shape.

    Raises:
        NiftiError: if the labels lie on another grid, or are no whole numbers.
    """
    labels = read_nifti(path)
    same = labels.shape == volume.shape and np.allclose(
        labels.affine, volume.affine, atol=0.01
    )
    if not same:
        raise NiftiError(
            f"{Path(path).name} must lie on the grid of its CT: shape {labels.shape} "
            f"and origin {labels.origin_mm} mm, the CT has {volume.shape} and "
            f"{volume.origin_mm} mm; resample the labels to the CT"
        )
    values = np.unique(labels.hu)
    if values[0] < 0 or values[-1] > 255 or (values != np.rint(values)).any():
        raise NiftiError(
            f"labels must be whole numbers from 0 to 255, {Path(path).name} holds "
            f"{values[0]:g} to {values[-1]:g}"
        )
    return labels.hu.astype(np.uint8)


def write_nifti(path: str | Path, array: np.ndarray, volume: Volume) -> None:
    """Write labels, or HU, on the grid of a volume; all or nothing.

    Args:
        path: file to write, `.nii` or `.nii.gz`.
        array: (z, y, x) of the volume's shape; its dtype is kept.
        volume: gives the geometry.

    Raises:
        NiftiError: if the shapes differ, the suffix is another, or the disk refuses.
    """
    path = Path(path)
    if not is_nifti(path):
        raise NiftiError(f"a file {' or '.join(SUFFIXES)} is needed, got {path.name}")
    if array.shape != volume.shape:
        raise NiftiError(
            f"the array must have the volume's shape {volume.shape}, got {array.shape}"
        )
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine  # LPS → RAS
    affine[:, :3] = affine[:, 2::-1]
    image = nibabel.Nifti1Image(array.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    try:
        with replacing(path) as beside:
            nibabel.save(image, beside)
    except OSError as error:
        raise NiftiError(f"{path} cannot be written: {error}") from error


def _open(path: Path) -> nibabel.spatialimages.SpatialImage:
    image = nibabel.load(path)
    if len(image.shape) != 3 or np.prod(image.shape, dtype=float) > _TOO_LARGE:
        raise NiftiError(f"a 3-D volume is needed, got shape {image.shape}")
    return image


def _geometry(image) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine  # RAS → LPS
    columns = affine[:3, 2::-1]  # of the axes (k, j, i)
    return columns, np.linalg.norm(columns, axis=0), tuple(affine[:3, 3].tolist())


def _unreadable(path: Path, error: Exception) -> NiftiError:
    return NiftiError(
        f"{path.name} cannot be read as a volume: {error}; write it anew from its "
        "source, or leave it out"
    )
