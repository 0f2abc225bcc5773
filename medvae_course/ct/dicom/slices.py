"""The slices inside one DICOM file: where they lie, and how their values become HU.

A classic CT file holds one slice; an enhanced (multi-frame) file holds many and keeps
what differs between them in functional groups. Both come out as `Slice`s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from . import files
from .files import DicomError, read_dataset, reason
from .stored import Stored, read_stored

__all__ = ["CT_CLASSES", "HEADER", "DicomError", "Slice", "parse_slices"]
__all__ += ["read_dataset", "read_slices", "reason"]

CT_CLASSES = (
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
)
"""SOP classes that hold CT slices; screen captures are of another class."""

_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleType": "PixelValueTransformationSequence",
    "StackID": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
}

HEADER = files.tags(
    [
        "SpecificCharacterSet",
        "ImageType",
        "SOPClassUID",
        "SOPInstanceUID",
        "Modality",
        "SeriesDescription",
        "PatientID",
        "SliceThickness",
        "SpacingBetweenSlices",
        "SeriesInstanceUID",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "PixelSpacing",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "LossyImageCompression",
        "ModalityLUTSequence",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
    ]
)
"""Elements that a header is read for: everything that this package asks of one."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Place of one slice in the patient, and how its stored values become HU.

    Args:
        file: file that holds the slice.
        frame: its number in that file, from 0.
        instance_uid: SOP Instance UID of the file.
        position_mm: (3,) centre of the first pixel, patient coordinates (x, y, z), mm.
        orientation: (2, 3) unit vectors along a row and along a column.
        pixel_mm: distance of rows and of columns, mm.
        shape: number of rows and of columns.
        slope: Rescale Slope, HU per stored unit.
        intercept: Rescale Intercept, HU.
        thickness_mm: distance to the next slice as the file says it, or its own
            thickness, mm; 0 where it says neither. A single slice knows no better.
        part: which stack and time of a multi-frame file it belongs to, in words.
        stored: how the file stores the pixels.
    """

    file: Path
    frame: int
    instance_uid: str
    position_mm: np.ndarray
    orientation: np.ndarray
    pixel_mm: tuple[float, float]
    shape: tuple[int, int]
    slope: float
    intercept: float
    thickness_mm: float
    part: str
    stored: Stored


def read_slices(file: Path) -> list[Slice]:
    """Read the header of a CT file.

    Args:
        file: file of one of `CT_CLASSES`.

    Returns:
        One slice per frame, in the order of the file.

    Raises:
        DicomError: if an attribute that places the slice, or makes HU of its values, is
            missing or malformed; nothing is guessed.

    Source: DICOM PS3.3 C.7.6.2 (Image Plane), C.7.6.16 (functional groups).
    Taught in: chapter 1.
    """
    file = Path(file)
    with files.collected_warnings():
        return parse_slices(read_dataset(file, keywords=HEADER), file)


def parse_slices(dataset: Dataset, file: Path) -> list[Slice]:
    """Do as `read_slices`, with a header that was read already (elements `HEADER`)."""
    try:
        stored = read_stored(dataset, file)
        return [
            _slice(dataset, file, frame, stored) for frame in range(_n_frames(dataset))
        ]
    except DicomError as error:
        raise DicomError(f"{file.name}: {error}") from error
    except Exception as error:  # values are parsed only now
        message = f"{file.name}: the header cannot be read: {reason(error)}"
        raise DicomError(message) from error


def _slice(dataset: Dataset, file: Path, frame: int, stored: Stored) -> Slice:
    _check_values_are_hu(dataset, frame)
    pixel_mm = tuple(_numbers(dataset, "PixelSpacing", 2, frame).tolist())
    slope = float(_numbers(dataset, "RescaleSlope", 1, frame)[0])
    if min(pixel_mm) <= 0 or slope == 0:
        raise DicomError(
            "spacing must be positive and slope must not be 0, got spacing"
            f" {pixel_mm} mm and slope {slope}: export the series again"
        )
    orientation = _numbers(dataset, "ImageOrientationPatient", 6, frame)
    return Slice(
        file=file,
        frame=frame,
        instance_uid=str(dataset.get("SOPInstanceUID", "")),
        position_mm=_numbers(dataset, "ImagePositionPatient", 3, frame),
        orientation=orientation.reshape(2, 3),
        pixel_mm=pixel_mm,
        shape=stored.shape,
        slope=slope,
        intercept=float(_numbers(dataset, "RescaleIntercept", 1, frame)[0]),
        thickness_mm=_thickness_mm(dataset, frame),
        part=_part(dataset, frame),
        stored=stored,
    )


def _check_values_are_hu(dataset: Dataset, frame: int) -> None:
    if "ModalityLUTSequence" in dataset:
        raise DicomError("HU must follow from slope and intercept, got a lookup table")
    units = _attribute(dataset, "RescaleType", frame)
    # US is "unspecified": some writers put it into plain CT images, others into maps
    plain = list(dataset.get("ImageType") or [])[2:3] in (["AXIAL"], ["VOLUME"])
    if units and units != "HU" and not (plain and units == "US"):
        raise DicomError(
            f"rescaled values must be in HU, got Rescale Type {files.short(units)}:"
            " leave out maps of other quantities; if the values are HU, set the Rescale"
            " Type to HU"
        )


def _n_frames(dataset: Dataset) -> int:
    n_frames = int(dataset.get("NumberOfFrames") or 1)
    if n_frames == 1 and "PerFrameFunctionalGroupsSequence" not in dataset:
        return 1
    n_groups = len(dataset.get("PerFrameFunctionalGroupsSequence", []))
    if n_frames != n_groups:
        raise DicomError(
            "each frame must have its functional groups,"
            f" got {n_groups} groups for {n_frames} frames"
        )
    return n_frames


def _attribute(dataset: Dataset, keyword: str, frame: int) -> object:
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return dataset.get(keyword)
    own = dataset.PerFrameFunctionalGroupsSequence[frame]
    for groups in (own, *dataset.get("SharedFunctionalGroupsSequence", [])):
        if groups.get(_GROUPS[keyword]):
            return groups[_GROUPS[keyword]][0].get(keyword)
    return None


def _numbers(dataset: Dataset, keyword: str, count: int, frame: int) -> np.ndarray:
    value = _attribute(dataset, keyword, frame)
    numbers = np.atleast_1d(np.array(value if value is not None else [], dtype=float))
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise DicomError(
            f"{keyword} must hold {count} numbers, got {files.short(value)}:"
            " export the series again, with its geometry and its rescale values"
        )
    return numbers


def _thickness_mm(dataset: Dataset, frame: int) -> float:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        try:
            thickness = float(_attribute(dataset, keyword, frame) or 0)
        except (TypeError, ValueError):  # several numbers, or none: counts as unsaid
            continue
        if 0 < thickness < np.inf:
            return thickness
    return 0.0


def _part(dataset: Dataset, frame: int) -> str:
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return ""
    stack, time = (
        _attribute(dataset, keyword, frame)
        for keyword in ("StackID", "TemporalPositionIndex")
    )
    return f"stack {stack or '1'}, time {time or '1'}"
