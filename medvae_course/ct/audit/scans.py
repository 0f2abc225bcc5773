"""One CT at a time: read it, keep its facts and fingerprints, let it go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from .. import patients
from ..volume import Volume
from . import prints
from .facts import HU_EDGES, Scan, Structure

_PARTS = {
    **dict.fromkeys(("train", "training", "imagestr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout", "imagests"), "test"),
}


def part_of(file: str) -> str:
    """Return the part of a split that the path names, or "".

    Example:
        >>> part_of("set/val/p1/ct.nii.gz"), part_of("p1/ct.nii.gz")
        ('validation', '')
    """
    folders = PurePosixPath(file).parts[:-1]
    return next((_PARTS[f.lower()] for f in folders if f.lower() in _PARTS), "")


def part_name(name: str) -> str:
    """Return the usual name of a part: `val` is `validation`."""
    return _PARTS.get(name.strip().lower(), name.strip())


def read_scan(
    source: patients.Source,
    folder: Path,
    *,
    names: Mapping[int, str],
    split: Mapping[str, str],
) -> Scan:
    """Read one CT with its labels and keep the facts.

    Args:
        source: as `patients.find_patients` gives it.
        folder: the folder that is audited.
        names: label value to name.
        split: patient to part; if empty, folders named `train` and so on count.

    Returns:
        The facts; where the CT cannot be read, the reason.

    Taught in: chapter 1.
    """
    is_file = isinstance(source.image, Path)
    files = (source.image,) if is_file else source.image.files
    inside = tuple(file.relative_to(folder).as_posix() for file in files)
    # an empty Patient ID names nobody; the UID stands for it elsewhere
    patient = source.patient_id if is_file else source.image.patient_id
    scan = Scan(
        where=inside[0] if is_file else PurePosixPath(inside[0]).parent.as_posix(),
        files=inside,
        patient_id=patient,
        part=split.get(patient, "") if split else part_of(inside[0]),
        kind="".join(Path(source.image.name).suffixes[-2:]) if is_file else "DICOM",
        labelled=source.labels is not None,
    )
    try:
        volume, labels = source.read()
    except ValueError as error:
        try:  # is it the labels' fault?
            volume, labels = replace(source, labels=None).read()
        except ValueError:
            return replace(scan, problem=str(error))
        scan = replace(scan, label_problem=str(error))
    return _measured(scan, volume, labels, names)


def _measured(
    scan: Scan, volume: Volume, labels: np.ndarray | None, names: Mapping[int, str]
) -> Scan:
    hu = volume.hu
    index, coarse, fine = prints.fingerprints(hu)
    return replace(
        measure(scan, volume),
        structures=() if labels is None else structures(volume, labels, names),
        coarse=coarse,
        fine=fine,
        slice_index=index,
        slice_moments=np.stack(
            [hu[index].mean(axis=(1, 2)), hu[index].std(axis=(1, 2))], axis=1
        ),
    )


def measure(scan: Scan, volume: Volume) -> Scan:
    """Fill in what the values and the grid of a volume say.

    Args:
        scan: with its place and patient.
        volume: what was read from there.

    Returns:
        The scan with shape, spacing, tilt, and the distribution of HU.

    Taught in: chapter 1.
    """
    low, high = float(volume.hu.min()), float(volume.hu.max())
    bins = _bins(volume.hu)
    return replace(
        scan,
        shape=volume.shape,
        spacing_mm=volume.spacing_mm,
        tilt_degrees=tilt_degrees(volume),
        low_hu=low,
        high_hu=high,
        whole=bool((volume.hu == np.rint(volume.hu)).all()),
        top_share=float(np.mean(volume.hu == high)) if high > low else 0.0,
        histogram=np.bincount(bins, minlength=len(HU_EDGES) - 1),
    )


def _bins(hu: np.ndarray) -> np.ndarray:
    """Bin of `HU_EDGES` of each voxel, flat; what lies outside goes to the ends."""
    width = HU_EDGES[1] - HU_EDGES[0]
    inside = np.clip(hu.ravel(), HU_EDGES[0], HU_EDGES[-1] - 1)
    return ((inside - HU_EDGES[0]) // width).astype(np.int32)


def tilt_degrees(volume: Volume) -> float:
    """Return the angle between the normal of the slices and the body's axis."""
    upright = min(1.0, abs(volume.direction[2, 0]))
    return round(float(np.degrees(np.arccos(upright))), 2)


def structures(
    volume: Volume, labels: np.ndarray, names: Mapping[int, str]
) -> tuple[Structure, ...]:
    """Measure each label of a patient.

    Args:
        volume: the CT.
        labels: uint8 of its shape; 0 is no structure.
        names: label value to name.

    Returns:
        One for each value that occurs, in order.

    Taught in: chapter 1.
    """
    flat = labels.ravel()
    counts = np.bincount(flat)
    sums = np.bincount(flat, weights=volume.hu.ravel())
    n_bins = len(HU_EDGES) - 1
    cells = flat.astype(np.int32) * n_bins + _bins(volume.hu)
    table = np.bincount(cells, minlength=len(counts) * n_bins).reshape(-1, n_bins)
    at_end = set(np.unique(labels[[0, -1]]).tolist())
    voxel_ml = float(np.prod(volume.spacing_mm)) / 1000
    return tuple(
        Structure(
            value=value,
            name=names.get(value, ""),
            ml=float(counts[value] * voxel_ml),
            mean_hu=float(sums[value] / counts[value]),
            cut=value in at_end,
            histogram=table[value].astype(np.int32),
        )
        for value in np.flatnonzero(counts).tolist()
        if value
    )
