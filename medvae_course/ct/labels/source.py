"""The CT series that labels belong to: its files as datasets, and where they lie."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pydicom

from ..dicom import Series
from ..dicom.slices import read_dataset
from ..volume import Volume
from .grids import Place, find_place, frame_grids
from .structures import LabelError

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def read_headers(series: Series) -> list[pydicom.Dataset]:
    """Read all but the pixels of a series' files, in the order of their paths."""
    headers = []
    for file in series.files:
        dataset = read_dataset(Path(file))
        for name in _PIXELS:
            if name in dataset:
                del dataset[name]
        if not dataset.get("SpecificCharacterSet"):  # plain ASCII, or said to be
            dataset.SpecificCharacterSet = "ISO_IR 192"
        headers.append(dataset)
    return headers


def find_frames(
    headers: list[pydicom.Dataset], volume: Volume
) -> list[tuple[pydicom.Dataset, int, Place]]:
    """Find every image of a series in the grid of the volume that was read from it.

    Returns:
        (dataset, frame from 0, place) of each image, in the order along the normal.

    Raises:
        LabelError: if an image does not lie on the volume's grid; with the numbers.
    """
    found = []
    for dataset in headers:
        for frame, (affine, shape) in enumerate(frame_grids(dataset)):
            height = float(affine[:3, 3] @ affine[:3, 0])
            place = find_place(volume, affine, shape)
            found.append((height, (dataset, frame, place)))
    heights = np.array([height for height, _ in found])
    return [found[i][1] for i in np.argsort(heights, kind="stable")]


def check_frame_of_reference(frames: Collection[str], series: Series | None) -> None:
    """Refuse labels of another patient coordinate system than that of the CT.

    Args:
        frames: Frame of Reference UIDs that the labels name; empty ones are not known.
        series: the CT, or None where it is not known.

    Raises:
        LabelError: if two UIDs differ.

    Source: DICOM PS3.3 C.7.4.1: positions compare only within one frame of reference.
    """
    known = {frame for frame in frames if frame}
    if len(known) > 1:
        raise LabelError(
            f"labels must have one frame of reference, got {len(known)}: export them"
            " for one CT at a time"
        )
    if series is None or not known:
        return
    first = read_dataset(Path(series.files[0]), keywords=["FrameOfReferenceUID"])
    own = str(first.get("FrameOfReferenceUID") or "")
    if own and own not in known:
        raise LabelError(
            f"labels must have the CT's frame of reference {own}, got {known.pop()}:"
            " they were drawn on another scan; register and resample them first"
        )
