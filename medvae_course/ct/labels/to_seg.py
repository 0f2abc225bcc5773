"""Masks on the grid of a CT series to a DICOM SEG that viewers lay over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from .. import dicom
from ..dicom.slices import reason
from .coding import colour, find_code
from .source import find_frames, read_headers
from .structures import LabelError, Structures
from .write import MAKER, check_names, digest, save, uid_from


def write_segmentation(
    structures: Structures,
    series: dicom.Series,
    path: str | Path,
    *,
    algorithm: str | None = None,
    description: str = "Segmentation",
) -> Path:
    """Write masks as a binary DICOM SEG, one segment for each structure.

    The file refers to every image of the series and shares its patient, study and
    frame of reference. Frames without a voxel are left out.

    Args:
        structures: masks on the grid of the volume that was read from `series`.
        series: the CT that was segmented, a result of `dicom.find_series`.
        path: file to write; what was there is replaced.
        algorithm: name of the program that drew the masks; None means by hand.
        description: becomes Series Description and Content Description.

    Returns:
        The file.

    Raises:
        LabelError: if a name does not fit into DICOM, the masks do not lie on the
            series, or the series or the disk refuse.
        DicomError: if the series cannot be read.

    Source: DICOM PS3.3 A.51; codes of the segments as in `coding`.
    Taught in: chapter 1.
    """
    check_names(structures)
    headers = read_headers(series)
    frames = find_frames(headers, structures.volume)
    if len(headers) == 1:
        frames.sort(key=lambda frame: frame[1])  # one file: in its own order
    else:
        headers = [dataset for dataset, _, _ in frames]
    key = digest(structures, series.series_uid, algorithm, description)
    # highdicom warns of names without "^", as de-identified series have them
    name, headers[0].PatientName = headers[0].get("PatientName", ""), "^"
    try:
        dataset = _segmentation(structures, headers, frames, algorithm, key)
    except Exception as error:  # highdicom raises many kinds on odd sources
        raise LabelError(
            f"no segmentation of series {series.series_uid} can be made:"
            f" {reason(error)}"
        ) from error
    dataset.PatientName = name
    _set_the_same_each_time(dataset, key, description, headers[0])
    save(dataset, Path(path))
    return Path(path)


def _segmentation(structures, headers, frames, algorithm, key) -> pydicom.Dataset:
    # a second to import: only who writes a SEG pays it
    from highdicom.seg import Segmentation

    return Segmentation(
        source_images=headers,
        pixel_array=_pixels(structures, frames),
        segmentation_type="BINARY",
        segment_descriptions=[
            _describe(number, name, algorithm)
            for number, name in enumerate(structures.masks, start=1)
        ],
        series_instance_uid=uid_from("series", key),
        series_number=_next_number(headers[0]),
        sop_instance_uid=uid_from("instance", key),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions="1",
        device_serial_number="1",
        content_label="SEGMENTATION",
    )


def _pixels(structures: Structures, frames: list) -> np.ndarray:
    """Array (frames, rows, columns) of segment numbers, or with an axis of segments."""
    label_map = structures.to_labels()
    if not label_map.overlaps:
        return np.stack([place.of(label_map.labels)[0] for *_, place in frames])
    masks = structures.masks.values()
    return np.stack(
        [
            np.stack([place.of(mask)[0] for mask in masks], axis=-1)
            for *_, place in frames
        ]
    ).astype(np.uint8)


def _describe(number: int, name: str, algorithm: str | None):
    from highdicom.color import CIELabColor
    from highdicom.content import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    category, kind, side = find_code(name)
    identification = algorithm and AlgorithmIdentificationSequence(
        name=algorithm, family=codes.DCM.ArtificialIntelligence, version="1"
    )
    described = SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type="AUTOMATIC" if algorithm else "MANUAL",
        algorithm_identification=identification or None,
        display_color=CIELabColor.from_rgb(*colour(number - 1)),
    )
    # highdicom wants a family; which one nobody knows, and DICOM does not ask for it
    described.pop("SegmentationAlgorithmIdentificationSequence", None)
    if side:
        modifier = CodedConcept(side.value, side.scheme_designator, side.meaning)
        item = described.SegmentedPropertyTypeCodeSequence[0]
        item.SegmentedPropertyTypeModifierCodeSequence = [modifier]
    return described


def _next_number(header: pydicom.Dataset) -> int:
    return int(header.get("SeriesNumber") or 0) % 1000 + 1000


def _set_the_same_each_time(
    dataset: pydicom.Dataset, key: str, description: str, header: pydicom.Dataset
) -> None:
    """Take dates from the CT and UIDs from the contents, so calls repeat exactly."""
    dataset.SeriesDescription = dataset.ContentDescription = description
    # a content date is demanded, and a synthetic CT has no date at all
    dataset.ContentDate = str(header.get("StudyDate") or "") or "19000101"
    dataset.ContentTime = str(header.get("StudyTime") or "") or "000000"
    for name in ("Series", "InstanceCreation"):
        dataset.pop(f"{name}Date", None)
        dataset.pop(f"{name}Time", None)
    for equipment in dataset.get("ContributingEquipmentSequence") or []:
        equipment.pop("ContributionDateTime", None)
    organisation = uid_from("dimensions", key)
    for item in dataset.DimensionOrganizationSequence:
        item.DimensionOrganizationUID = organisation
    for item in dataset.DimensionIndexSequence:
        item.DimensionOrganizationUID = organisation
