"""RTSTRUCT, the contours of radiotherapy, to masks on the grid of a CT."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from ..dicom import Series
from ..dicom.slices import DicomError, read_dataset, reason
from ..volume import Volume
from .polygons import fill
from .source import check_frame_of_reference
from .structures import LabelError, Structures, distinct

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_FLAT = 0.5  # slices: how much a contour may rise and still lie in one
_FAR_MM = 1e5  # a hundred metres: no patient is that large


def read_rtstruct(
    file: str | Path, volume: Volume, *, series: Series | None = None
) -> Structures:
    """Read the structures of an RTSTRUCT as masks on the grid of a CT.

    A voxel is inside when its centre lies inside an odd number of the contours of its
    slice: a contour in another one is a hole, and so is what a keyhole goes around. A
    slice takes the plane of contours nearest to it, within half the distance of slices;
    nothing is filled in between planes, for they may be parts of their own.

    Args:
        file: an RTSTRUCT file.
        volume: the CT.
        series: where the CT came from; with it, contours of another frame of reference
            are refused.

    Returns:
        A mask for each structure, empty where a structure has no closed contour; the
        notes say what was left out.

    Raises:
        DicomError: if the file is no readable DICOM.
        LabelError: if it is no RTSTRUCT, a contour is malformed or tilted against the
            slices, or nothing of it lies in the CT.

    Source: DICOM PS3.3 C.8.8.5 (Structure Set) and C.8.8.6 (ROI Contour).
    Taught in: chapter 1.
    """
    file = Path(file)
    dataset = read_dataset(file)
    try:
        if dataset.get("SOPClassUID") != uid.RTStructureSetStorage:
            kind = getattr(dataset.get("SOPClassUID"), "name", "") or "of no kind"
            raise LabelError(f"the file must be an RTSTRUCT, it is {kind}")
        return _read(dataset, volume, series)
    except (LabelError, DicomError) as error:
        raise type(error)(f"{file.name}: {error}") from error
    except Exception as error:  # values are parsed only now
        raise LabelError(
            f"{file.name}: the contours cannot be read: {reason(error)}; export the"
            " structures again"
        ) from error


def _read(dataset: Dataset, volume: Volume, series: Series | None) -> Structures:
    rois = list(dataset.get("StructureSetROISequence") or [])
    frames = {str(roi.get("ReferencedFrameOfReferenceUID") or "") for roi in rois}
    check_frame_of_reference(frames, series)
    contours = {
        int(item.ReferencedROINumber): list(item.get("ContourSequence") or [])
        for item in dataset.get("ROIContourSequence") or []
    }
    names = [str(roi.get("ROIName") or f"ROI {roi.ROINumber}") for roi in rois]
    masks, notes, missed = {}, [], []
    for roi, name in zip(rois, distinct(names), strict=True):
        own = contours.get(int(roi.ROINumber), [])
        masks[name], said = _mask(own, volume)
        notes += [f"{name}: {text}" for text in said]
        missed.append(bool(own) and not masks[name].any() and "outside" in str(said))
    if not masks:
        raise LabelError("an RTSTRUCT must define structures, got none")
    if missed and all(missed):
        raise LabelError(
            f"no structure lies in the CT ({'; '.join(notes[:3])}): give the CT that"
            " they were drawn on"
        )
    return Structures(masks, volume, tuple(notes))


def _mask(contours: list[Dataset], volume: Volume) -> tuple[np.ndarray, list[str]]:
    """Fill the contours of one structure; say what was left out."""
    mask = np.zeros(volume.shape, dtype=bool)
    kinds: dict[str, int] = defaultdict(int)
    planes: dict[int, dict[float, list[np.ndarray]]] = {}
    for contour in contours:
        kind = str(contour.get("ContourGeometricType") or "no type")
        if kind not in _CLOSED:
            kinds[kind] += 1
            continue
        axis, height, polygon = _polygon(contour, volume)
        planes.setdefault(axis, defaultdict(list))[height].append(polygon)
    said = [f"{n} contours of type {kind} left out" for kind, n in kinds.items()]
    if not planes:
        return mask, [*said, "no closed contour"]
    if len(planes) > 1:
        raise LabelError("contours of one structure must be parallel, got several ways")
    ((axis, heights),) = planes.items()
    return mask, said + _fill_slices(np.moveaxis(mask, axis, 0), heights)


def _fill_slices(mask: np.ndarray, heights: dict[float, list]) -> list[str]:
    """Give each slice the plane of contours nearest to it, within half a slice."""
    planes = np.array(sorted(heights))
    distance = np.abs(np.arange(len(mask))[:, None] - planes).round(3)
    nearest = distance.argmin(axis=1)
    used = set()
    for index in np.flatnonzero(distance.min(axis=1) <= 0.5):
        plane = planes[nearest[index]]
        # midway between two slices a plane goes to the upper one
        if plane > index and distance[index, nearest[index]] == 0.5:
            continue
        used.add(int(nearest[index]))
        mask[index] = fill(heights[plane], mask.shape[1:])
    said = []
    outside = int(((planes <= -0.5) | (planes > len(mask) - 0.5)).sum())
    if outside:
        said.append(f"{outside} of {len(planes)} planes lie outside the CT")
    dropped = len(planes) - outside - len(used)
    if dropped > 0:
        said.append(
            f"{dropped} of {len(planes)} planes lie between others that are nearer to"
            " a slice"
        )
    apart = float(np.diff(planes).min(initial=np.inf))
    if 1.5 < apart < np.inf:
        said.append(f"planes are {apart:.2f} slices apart, those between stay empty")
    return said


def _polygon(contour: Dataset, volume: Volume) -> tuple[int, float, np.ndarray]:
    """Return across which axis a contour lies, at which index, and its corners."""
    points = _points(contour)
    index = volume.mm_to_index(points)
    rise = np.ptp(index, axis=0)
    axis = 0 if rise[0] <= _FLAT else int(np.argmin(rise))
    if rise[axis] > _FLAT:
        raise LabelError(
            "a contour must lie in a slice of the CT, got one through"
            f" {rise[axis]:.1f} slices, from {points.min(axis=0).round(1).tolist()} to"
            f" {points.max(axis=0).round(1).tolist()} mm: give the CT that it was drawn"
            " on"
        )
    height = round(float(index[:, axis].mean()), 2)
    return axis, height, np.delete(index, axis, axis=1)


def _points(contour: Dataset) -> np.ndarray:
    # as it stands in the file: pydicom would make an object of each number
    data = contour.get_item("ContourData").value if "ContourData" in contour else b""
    data = data.strip(b" \0").split(b"\\") if isinstance(data, bytes) else data
    values = np.array([] if data in (None, [b""]) else data).reshape(-1).astype(float)
    if len(values) % 3 or len(values) == 0:
        raise LabelError(
            f"a contour must hold x, y and z of each point, got {len(values)} numbers:"
            " export the structures again"
        )
    if not (np.abs(values) < _FAR_MM).all():
        worst = values[~(np.abs(values) < _FAR_MM)][0]
        raise LabelError(
            f"a contour must lie within {_FAR_MM:g} mm of the origin, got {worst:g} mm:"
            " export the structures again"
        )
    count = contour.get("NumberOfContourPoints")
    if count is not None and int(count) != len(values) // 3:
        raise LabelError(
            f"a contour must hold as many points as it says, got {len(values) // 3} for"
            f" {count}: the file is damaged, copy it again"
        )
    return values.reshape(-1, 3)
