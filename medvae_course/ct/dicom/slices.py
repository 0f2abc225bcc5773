"""The slices inside one DICOM file: where they lie, and their pixels in HU.

A classic CT file holds one slice; an enhanced (multi-frame) file holds many and keeps
what differs between them in functional groups. Both come out as `Slice`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid

from .. import hounsfield

AIR_HU = -1000.0
"""Value given to pixel padding: what lies outside the scan is taken as air."""

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
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleType": "PixelValueTransformationSequence",
}
_HEADER = [
    *_GROUPS,
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ModalityLUTSequence",
    "NumberOfFrames",
    "ImageType",
    "SOPInstanceUID",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
]


class DicomError(ValueError):
    """A DICOM file or series that cannot be read (or written) as asked, and why."""


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


def read_dataset(file: Path, *, keywords: list[str] | None = None) -> pydicom.Dataset:
    """Read a DICOM file, or of its header only the elements named by `keywords`.

    Raises:
        DicomError: if it is no DICOM file, or a broken one.
    """
    try:
        return pydicom.dcmread(
            file, stop_before_pixels=keywords is not None, specific_tags=keywords
        )
    except pydicom.errors.InvalidDicomError as error:
        raise DicomError(f"{file.name} is not a DICOM file (no DICM mark)") from error
    except Exception as error:  # a parser of broken files may raise anything
        raise DicomError(f"{file.name} cannot be read: {reason(error)}") from error


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
    dataset = read_dataset(file, keywords=_HEADER)
    try:
        return [_slice(dataset, file, frame) for frame in range(_n_frames(dataset))]
    except DicomError as error:
        raise DicomError(f"{file.name}: {error}") from error
    except Exception as error:  # values are parsed only now
        message = f"{file.name}: the header cannot be read: {reason(error)}"
        raise DicomError(message) from error


def read_hu(slices: Sequence[Slice]) -> np.ndarray:
    """Decode the pixels of slices that lie in one file.

    Args:
        slices: slices of the same file.

    Returns:
        float32 array (n, rows, columns), HU; pixel padding becomes air, -1000 HU.

    Raises:
        DicomError: if the pixels cannot be decoded, or are not grey values.

    Source: DICOM PS3.3 C.7.5.1.1.2 (Pixel Padding Value) and C.11.1.1 (rescale).
    Taught in: chapter 1.
    """
    file, shape = slices[0].file, slices[0].shape
    dataset = read_dataset(file)
    try:
        stored = dataset.pixel_array.reshape(-1, *shape)
        padding = _is_padding(dataset, stored)
    except Exception as error:  # each decoder raises errors of its own
        name = dataset.file_meta.get("TransferSyntaxUID", uid.UID("")).name
        raise DicomError(
            f"{file.name}: the pixels ({name or 'no transfer syntax'}) cannot be"
            f" decoded: {reason(error)}. Copy the file again; if its compression"
            " is the matter, decompress it (gdcmconv --raw, dcmdjpeg); for JPEG"
            " Lossless python-gdcm can be installed"
        ) from error
    hu = [
        hounsfield.to_hu(stored[s.frame], slope=s.slope, intercept=s.intercept)
        for s in slices
    ]
    frames = [s.frame for s in slices]
    return np.where(padding[frames], np.float32(AIR_HU), hu)


def _slice(dataset: pydicom.Dataset, file: Path, frame: int) -> Slice:
    _check_values_are_hu(dataset, frame)
    pixel_mm = tuple(_numbers(dataset, "PixelSpacing", 2, frame).tolist())
    slope = float(_numbers(dataset, "RescaleSlope", 1, frame)[0])
    if min(pixel_mm) <= 0 or slope == 0:
        raise DicomError(
            "spacing must be positive and slope must not be 0, got spacing"
            f" {pixel_mm} mm and slope {slope}: export the series again"
        )
    return Slice(
        file=file,
        frame=frame,
        instance_uid=str(dataset.get("SOPInstanceUID", "")),
        position_mm=_numbers(dataset, "ImagePositionPatient", 3, frame),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6, frame).reshape(
            2, 3
        ),
        pixel_mm=pixel_mm,
        shape=(int(dataset.Rows), int(dataset.Columns)),
        slope=slope,
        intercept=float(_numbers(dataset, "RescaleIntercept", 1, frame)[0]),
    )


def _check_values_are_hu(dataset: pydicom.Dataset, frame: int) -> None:
    # MONOCHROME1 turns the display around, not the values: HU do not depend on it
    colours = dataset.get("PhotometricInterpretation")
    if colours not in ("MONOCHROME1", "MONOCHROME2"):
        raise DicomError(f"CT pixels must be grey values, got {colours}")
    if "ModalityLUTSequence" in dataset:
        raise DicomError("HU must follow from slope and intercept, got a lookup table")
    units = _attribute(dataset, "RescaleType", frame)
    # US is "unspecified": some writers put it into plain CT images, others into maps
    plain = list(dataset.get("ImageType") or [])[2:3] in (["AXIAL"], ["VOLUME"])
    if units and units != "HU" and not (plain and units == "US"):
        raise DicomError(
            f"rescaled values must be in HU, got Rescale Type {units}: leave out maps"
            " of other quantities; if the values are HU, set the Rescale Type to HU"
        )


def _n_frames(dataset: pydicom.Dataset) -> int:
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


def _attribute(dataset: pydicom.Dataset, keyword: str, frame: int) -> object:
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return dataset.get(keyword)
    own = dataset.PerFrameFunctionalGroupsSequence[frame]
    for groups in (own, *dataset.get("SharedFunctionalGroupsSequence", [])):
        if groups.get(_GROUPS[keyword]):
            return groups[_GROUPS[keyword]][0].get(keyword)
    return None


def _numbers(
    dataset: pydicom.Dataset, keyword: str, count: int, frame: int
) -> np.ndarray:
    value = _attribute(dataset, keyword, frame)
    numbers = np.atleast_1d(np.array(value if value is not None else [], dtype=float))
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise DicomError(
            f"{keyword} must hold {count} numbers, got {value}:"
            " export the series again, with its geometry and its rescale values"
        )
    return numbers


def _is_padding(dataset: pydicom.Dataset, stored: np.ndarray) -> np.ndarray:
    if dataset.get("PixelPaddingValue") is None:
        return np.zeros(stored.shape, dtype=bool)
    value = dataset.PixelPaddingValue
    limit = dataset.get("PixelPaddingRangeLimit")
    # some writers mistake the sign (63536 for -2000): the cast turns it around
    ends = np.array([value, value if limit is None else limit]).astype(stored.dtype)
    return (stored >= ends.min()) & (stored <= ends.max())


def reason(error: Exception) -> str:
    """What an error of a dependency says, in one line (pydicom's may hold a trace)."""
    text = str(error).partition("Traceback (most recent call last)")[0]
    return " ".join((text or type(error).__name__).split())[:300].rstrip(".")
