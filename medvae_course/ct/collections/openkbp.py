"""OpenKBP, head-neck CT with contours: from its text files to volumes.

One patient is one folder of `.csv` files: `ct.csv` lists flat voxel index and value,
each organ's file its voxel indices, `voxel_dimensions.csv` the spacing. The grid is
always 128 × 128 × 128.
"""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from .. import nifti
from ..volume import Volume
from .checksums import Lock, patient_hash
from .places import CollectionError

ORGANS = (
    "Brainstem",
    "SpinalCord",
    "RightParotid",
    "LeftParotid",
    "Esophagus",
    "Larynx",
    "Mandible",
)
"""Organs in the order of their label values, 1 to 7."""

COMMIT = "ce625e62f3b04203f22bd9d1634f3e8fb0245e46"
"""The state of the publisher's repository that all hashes here belong to."""

_SIDE = 128
_AIR_HU, _LARGEST_HU = -1000, 3095  # 12 bit
_MAX_BYTES = 1 << 26  # of one text file; the largest has 2**21 voxels


def read_patient(folder: str | Path) -> tuple[Volume, np.ndarray]:
    """Read a patient from the publisher's text files.

    HU are the values minus 1000, between -1000 and 3095; voxels that are not listed,
    outside the body, are air. The publisher says "Hounsfield units, 12-bit" only: the
    1000 was found from brainstem and muscle. A voxel of two organs goes to the first.

    Args:
        folder: with `ct.csv`, `voxel_dimensions.csv` and any of `<organ>.csv`.

    Returns:
        The volume, axes (z, y, x) along S, P, L, and uint8 labels of its shape:
        position in `ORGANS` plus one. The origin is arbitrary, as none was published.

    Raises:
        CollectionError: if a file is missing or is not of this kind.

    Source: Babier et al., Medical Physics 48:5549, 2021.
    Taught in: chapter 1.
    """
    folder = Path(folder)
    index, values = _read_csv(folder / "ct.csv", columns=2)
    flat = np.zeros(_SIDE**3, np.float64)
    flat[index] = values
    hu = np.clip(np.rint(flat) - 1000, _AIR_HU, _LARGEST_HU)
    labels = np.zeros(_SIDE**3, np.uint8)
    for value, organ in reversed(list(enumerate(ORGANS, start=1))):
        if (folder / f"{organ}.csv").exists():
            labels[_read_csv(folder / f"{organ}.csv", columns=1)[0]] = value
    y_mm, x_mm, z_mm = _read_spacing(folder / "voxel_dimensions.csv")
    middle = (_SIDE - 1) / 2
    volume = Volume(
        _to_zyx(hu),
        (z_mm, y_mm, x_mm),
        origin_mm=(-middle * x_mm, -middle * y_mm, 0.0),
    )
    return volume, np.ascontiguousarray(_to_zyx(labels))


def prepare_patient(folder: str | Path, destination: str | Path, *, lock: Lock) -> Path:
    """Turn a patient's text files into NIfTI as `ct.patients` reads it.

    Args:
        folder: as for `read_patient`; its name is the patient's.
        destination: folder of the collection; gets `<patient>/ct.nii.gz` and
            `<patient>/oar.nii.gz`, both or none.
        lock: what the voxels are compared with, under `openkbp/<patient>`.

    Returns:
        The patient's folder.

    Raises:
        CollectionError: as `read_patient`, or if the voxels are not those expected.
    """
    folder, place = Path(folder), Path(destination, Path(folder).name)
    volume, labels = read_patient(folder)
    lock.verify(
        f"openkbp/{folder.name}", patient_hash(volume.hu, labels, volume.spacing_mm)
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=place.parent, prefix=".", suffix=".part"))
    try:
        nifti.write_nifti(aside / "ct.nii.gz", volume.hu.astype(np.int16), volume)
        nifti.write_nifti(aside / "oar.nii.gz", labels, volume)
        if place.exists():
            shutil.rmtree(place)
        os.replace(aside, place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return place


def is_prepared(place: str | Path, *, lock: Lock) -> bool:
    """Tell whether a patient's folder is there and holds what it should.

    Args:
        place: `<collection>/<patient>`.
        lock: what the voxels are compared with.

    Returns:
        False where it is missing, damaged or changed: prepare it again.
    """
    place = Path(place)
    try:
        volume = nifti.read_nifti(place / "ct.nii.gz")
        labels = nifti.read_labels(place / "oar.nii.gz", volume)
        found = patient_hash(volume.hu, labels, volume.spacing_mm)
        lock.verify(f"openkbp/{place.name}", found)
    except ValueError:
        return False
    return True


def _to_zyx(flat: np.ndarray) -> np.ndarray:
    """The publisher's axes run to posterior, left and caudal."""
    return flat.reshape(_SIDE, _SIDE, _SIDE).transpose(2, 0, 1)[::-1]


def _read_csv(path: Path, *, columns: int) -> tuple[np.ndarray, ...]:
    """Read voxel indices, and with two columns their values."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
        lines = path.read_text(encoding="ascii").splitlines()[1:]
        if not lines:
            raise ValueError("it is empty")
        table = np.loadtxt(
            lines, delimiter=",", usecols=range(columns), ndmin=2, dtype=np.float64
        )
        index = table[:, 0]
        good = (index == np.rint(index)) & (index >= 0) & (index < _SIDE**3)
        if not good.all() or not np.isfinite(table).all():
            raise ValueError(f"voxel indices from 0 to {_SIDE**3 - 1} are needed")
        index = index.astype(np.intp)
        if len(np.unique(index)) != len(index):
            raise ValueError("a voxel stands there twice")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return index, *table.T[1:]


def _read_spacing(path: Path) -> tuple[float, ...]:
    try:
        if path.stat().st_size > 1000:
            raise ValueError("too long")
        spacing = np.array(path.read_text(encoding="ascii").split(), np.float64)
        if spacing.shape != (3,) or not ((spacing > 0) & (spacing < 100)).all():
            raise ValueError(f"three lengths in mm are needed, got {spacing.tolist()}")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return tuple(spacing.tolist())


def _unreadable(path: Path, error: Exception) -> CollectionError:
    reason = getattr(error, "strerror", None) or error
    return CollectionError(
        f"{path.parent.name}/{path.name} is not OpenKBP's text of voxels: {reason}; "
        "download the patient again"
    )
