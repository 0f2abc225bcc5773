"""DICOM SEG to masks on the grid of a CT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset

from ..dicom import Series
from ..dicom.slices import DicomError, read_dataset, reason
from ..volume import Volume
from .grids import find_place, frame_grids
from .source import check_frame_of_reference
from .structures import LabelError, Structures, distinct

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

SEG_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes of segmentations: one mask per frame, and label maps."""


def read_segmentation(
    file: str | Path,
    volume: Volume,
    *,
    series: Series | None = None,
    threshold: float = 0.5,
) -> Structures:
    """Read the segments of a DICOM SEG as masks on the grid of a CT.

    Every frame is placed by its own position and orientation. Slices without a frame
    are empty; segments may overlap.

    Args:
        file: a SEG of any type: binary, fractional or label map.
        volume: the CT.
        series: where the CT came from; with it, a SEG of another frame of reference is
            refused.
        threshold: from this share on a voxel of a fractional SEG belongs to a segment.

    Returns:
        A mask for each segment, in the order of the file.

    Raises:
        DicomError: if the file is no readable DICOM.
        LabelError: if it is no SEG, is damaged, or lies on another grid than the CT.

    Source: DICOM PS3.3 A.51 (Segmentation) and C.8.20.2 (Segmentation Image).
    Taught in: chapter 1.
    """
    if not 0 < threshold <= 1:
        raise LabelError(f"`threshold` must be above 0, at most 1, got {threshold}")
    parts = _read(Path(file), volume, series, bool, threshold)
    notes = ()
    if parts.fractional:
        notes = (f"fractional: voxels from a share of {threshold:g} on belong",)
    return Structures(parts.arrays, volume, notes)


def read_fractions(
    file: str | Path, volume: Volume, *, series: Series | None = None
) -> dict[str, np.ndarray]:
    """Read a fractional DICOM SEG as shares from 0 to 1, on the grid of a CT.

    Args:
        file: a SEG; a binary one gives zeros and ones.
        volume: the CT.
        series: as in `read_segmentation`.

    Returns:
        Name → float32 array (z, y, x): probability or share of the voxel, as the file's
        Segmentation Fractional Type says.

    Raises:
        DicomError, LabelError: as `read_segmentation`.

    Source: DICOM PS3.3 C.8.20.2.3.
    Taught in: chapter 1.
    """
    return _read(Path(file), volume, series, np.float32, None).arrays


class _Parts:
    """What was read: an array for each segment, and whether the SEG was fractional."""

    def __init__(self, arrays: dict[str, np.ndarray], fractional: bool) -> None:
        self.arrays = arrays
        self.fractional = fractional


def _read(
    file: Path,
    volume: Volume,
    series: Series | None,
    dtype: type,
    threshold: float | None,
) -> _Parts:
    dataset = read_dataset(file)
    try:
        if dataset.get("SOPClassUID") not in SEG_CLASSES:
            kind = getattr(dataset.get("SOPClassUID"), "name", "") or "of no kind"
            raise LabelError(f"the file must be a DICOM SEG, it is {kind}")
        check_frame_of_reference(
            {str(dataset.get("FrameOfReferenceUID") or "")}, series
        )
        segmentation = _open(dataset)
        names = _names(segmentation)
        arrays = {number: np.zeros(volume.shape, dtype) for number in names}
        for number, place, frame in _frames(segmentation, volume, names):
            part = place.of(arrays[number])[0]
            share = frame if threshold is None else frame >= threshold
            np.maximum(part, share, out=part)
    except (LabelError, DicomError) as error:
        raise type(error)(f"{file.name}: {error}") from error
    except Exception as error:  # highdicom and decoders raise many kinds
        raise LabelError(
            f"{file.name}: the segments cannot be read: {reason(error)}; copy the file"
            " again or export it anew"
        ) from error
    fractional = segmentation.SegmentationType == "FRACTIONAL"
    return _Parts({names[n]: array for n, array in arrays.items()}, fractional)


def _open(dataset: Dataset) -> Segmentation:
    # a second to import: only who reads a SEG pays it
    from highdicom.seg import Segmentation

    n_frames = int(dataset.get("NumberOfFrames") or 0)
    n_groups = len(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    if n_frames != n_groups or n_frames == 0:
        raise LabelError(
            f"each frame must have its functional groups, got {n_groups} groups for"
            f" {n_frames} frames: the file is damaged, copy it again"
        )
    # counted before anything is allocated; compressed frames are checked by decoders
    bits = n_frames * int(dataset.Rows) * int(dataset.Columns) * dataset.BitsAllocated
    stored = len(dataset.get("PixelData") or b"")
    if not dataset.file_meta.TransferSyntaxUID.is_compressed and stored * 8 < bits:
        raise LabelError(
            f"{n_frames} frames of {dataset.Rows} x {dataset.Columns} need"
            f" {-(-bits // 8)} bytes, got {stored}: the file is cut off, copy it again"
        )
    return Segmentation.from_dataset(dataset, copy=False)


def _names(segmentation: Segmentation) -> dict[int, str]:
    """Segment number → name, without the background of a label map."""
    background = segmentation.get("PixelPaddingValue", 0)
    labelmap = segmentation.SegmentationType == "LABELMAP"
    items = [
        item
        for item in segmentation.SegmentSequence
        if not labelmap or item.SegmentNumber not in (0, background)
    ]
    names = [str(i.get("SegmentLabel") or f"segment {i.SegmentNumber}") for i in items]
    numbers = [int(item.SegmentNumber) for item in items]
    return dict(zip(numbers, distinct(names), strict=True))


def _frames(
    segmentation: Segmentation, volume: Volume, names: dict[int, str]
) -> Iterator[tuple]:
    """Yield (segment number, place, share of each pixel) of what is not empty."""
    kind = segmentation.SegmentationType
    full = segmentation.MaximumFractionalValue if kind == "FRACTIONAL" else 1
    for index, (affine, shape) in enumerate(frame_grids(segmentation)):
        # the place first: a frame larger than the CT is never decoded
        place = find_place(volume, affine, shape)
        stored = segmentation.get_stored_frame(index, as_index=True)
        if kind == "LABELMAP":
            for number in np.intersect1d(stored, list(names)).tolist():
                yield number, place, stored == number
            continue
        number = _segment_number(segmentation, index)
        if number not in names:
            raise LabelError(
                f"each frame must show a segment of the file, got segment {number} in"
                f" frame {index + 1} and segments {sorted(names)}"
            )
        yield number, place, stored if full == 1 else stored / np.float32(full)


def _segment_number(segmentation: Segmentation, index: int) -> int:
    own = segmentation.PerFrameFunctionalGroupsSequence[index]
    shared = segmentation.get("SharedFunctionalGroupsSequence") or []
    for groups in (own, *shared):
        found = groups.get("SegmentIdentificationSequence")
        if found:
            return int(found[0].ReferencedSegmentNumber)
    raise LabelError(f"frame {index + 1} must say which segment it shows, got nothing")
