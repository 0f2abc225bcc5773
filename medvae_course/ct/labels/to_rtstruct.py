"""Masks on the grid of a CT series to an RTSTRUCT, the contours of radiotherapy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag

from .. import dicom
from .coding import colour
from .polygons import outline
from .source import find_frames, read_headers
from .structures import LabelError, Structures
from .write import MAKER, check_names, digest, save, uid_from

_DIGITS = 4  # of a coordinate in mm: far finer than a pixel, short as text
_DATA = Tag("ContourData")
_PATIENT = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientName": "",
    "PatientID": "",
    "PatientBirthDate": "",
    "PatientSex": "",
    "StudyInstanceUID": "",
    "StudyDate": "",
    "StudyTime": "",
    "StudyID": "",
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
}


def write_rtstruct(
    structures: Structures,
    series: dicom.Series,
    path: str | Path,
    *,
    algorithm: str | None = None,
    description: str = "Structures",
) -> Path:
    """Write masks as an RTSTRUCT whose contours `read_rtstruct` turns back into them.

    Lines run half-way between the centres of pixels; a hole is joined to the edge by
    a channel without width.

    Args:
        structures: masks on the grid of the volume that was read from `series`.
        series: the CT that was segmented, a result of `dicom.find_series`.
        path: file to write; what was there is replaced.
        algorithm: name of the program that drew the masks; None means by hand.
        description: becomes Series Description and Structure Set Name.

    Returns:
        The file.

    Raises:
        LabelError: if a name does not fit into DICOM, the masks do not lie on the
            series, the series has no frame of reference, or the disk refuses.
        DicomError: if the series cannot be read.

    Source: DICOM PS3.3 A.19 (RT Structure Set), C.8.8.5, C.8.8.6 and C.8.8.8.
    Taught in: chapter 1.
    """
    check_names(structures)
    headers = read_headers(series)
    frames = find_frames(headers, structures.volume)
    first = headers[0]
    if not first.get("FrameOfReferenceUID"):
        raise LabelError(
            f"contours need the frame of reference of their CT, series"
            f" {series.series_uid} has none: write a DICOM SEG or NIfTI instead"
        )
    key = digest(structures, series.series_uid, algorithm, description)
    dataset = _identity(first, key, description)
    dataset.ReferencedFrameOfReferenceSequence = [_references(first, frames)]
    rois, contours, observations = [], [], []
    for number, name in enumerate(structures.masks, start=1):
        roi = Dataset()
        roi.ROINumber = number
        roi.ReferencedFrameOfReferenceUID = first.FrameOfReferenceUID
        roi.ROIName = name
        roi.ROIGenerationAlgorithm = "AUTOMATIC" if algorithm else "MANUAL"
        if algorithm:
            roi.ROIGenerationDescription = algorithm
        rois.append(roi)
        contours.append(_contours(number, structures, name, frames))
        observation = Dataset()
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType = ""
        observation.ROIInterpreter = ""
        observations.append(observation)
    dataset.StructureSetROISequence = rois
    dataset.ROIContourSequence = contours
    dataset.RTROIObservationsSequence = observations
    save(dataset, Path(path))
    return Path(path)


def _identity(first: Dataset, key: str, description: str) -> Dataset:
    """Whose structures they are, in the order of PS3.3 table A.19.3-1."""
    dataset = Dataset()
    for name, default in _PATIENT.items():
        value = first.get(name)
        setattr(dataset, name, default if value is None else value)
    dataset.SOPClassUID = uid.RTStructureSetStorage
    dataset.SOPInstanceUID = uid_from("instance", key)
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = uid_from("series", key)
    dataset.SeriesDescription = description
    dataset.SeriesNumber = int(first.get("SeriesNumber") or 0) % 1000 + 2000
    dataset.OperatorsName = ""
    dataset.Manufacturer = MAKER
    dataset.FrameOfReferenceUID = first.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = ""
    dataset.InstanceNumber = 1
    dataset.StructureSetLabel = "STRUCTURES"
    dataset.StructureSetName = description
    dataset.StructureSetDate = str(first.get("StudyDate") or "")
    dataset.StructureSetTime = str(first.get("StudyTime") or "")
    dataset.file_meta = FileMetaDataset()
    # implicit: contours may be longer than the 64 KiB of an explicit decimal string
    dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    return dataset


def _references(first: Dataset, frames: list) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ContourImageSequence = [_image(dataset, n) for dataset, n, _ in frames]
    study = Dataset()
    # retired, and yet what the standard asks for here
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = first.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame


def _image(dataset: Dataset, frame: int) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = dataset.SOPClassUID
    image.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    if "NumberOfFrames" in dataset:
        image.ReferencedFrameNumber = frame + 1
    return image


def _decimals(values: np.ndarray) -> RawDataElement:
    """Numbers as the text of one element; pydicom would check each, for seconds."""
    text = "\\".join([f"{value:.{_DIGITS}f}" for value in values.tolist()]).encode()
    text += b" " * (len(text) % 2)
    return RawDataElement(_DATA, "DS", len(text), text, 0, True, True)


def _contours(number: int, structures: Structures, name: str, frames: list) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = list(colour(number - 1))
    item.ReferencedROINumber = number
    contours = []
    for dataset, frame, place in frames:
        to_mm = place.affine(structures.volume)
        for polygon in outline(place.of(structures.masks[name])[0]):
            flat = np.column_stack([np.zeros(len(polygon)), polygon])
            points = flat @ to_mm[:3, :3].T + to_mm[:3, 3]
            contour = Dataset()
            contour.ContourImageSequence = [_image(dataset, frame)]
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(points)
            contour[_DATA] = _decimals(points.ravel())
            contours.append(contour)
    if contours:
        item.ContourSequence = contours
    return item
