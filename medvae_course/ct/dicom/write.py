"""A volume as a valid series of CT images, one file a slice."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.valuerep import DSfloat

from .. import hounsfield
from ..volume import Volume
from .slices import DicomError, reason

_SLOPE, _INTERCEPT = 1, -1024  # whole HU from -33792 to 31743 fit into int16
_SHOWN = ("soft tissue", "lung")  # windows that a viewer offers first
_LONGEST = 63  # characters: DICOM allows 64, and a name gets a "^"


def write_series(
    volume: Volume,
    folder: str | Path,
    *,
    patient_id: str,
    series_description: str = "Synthetic CT, not for diagnosis",
    seed: int = 0,
) -> list[Path]:
    """Write a volume as a DICOM CT series.

    HU are rounded to whole numbers, as scanners store them. All files appear at once:
    they are written beside `folder` and moved when complete.

    Args:
        volume: volume in HU.
        folder: new or empty folder for the files.
        patient_id: becomes Patient ID and Patient's Name; 1 to 63 characters.
        series_description: says what this is; 1 to 63 characters. State there when the
            patient is synthetic (the default does).
        seed: the UIDs follow from it, the patient and the contents, so the same call
            gives the same files; another seed gives other UIDs.

    Returns:
        The files, in the order of the slices.

    Raises:
        DicomError: if `folder` exists and is not empty, a text or the HU do not fit
            into DICOM, or the disk refuses; then nothing is left behind.

    Source: DICOM PS3.3 A.3 (CT Image Information Object Definition).
    Taught in: chapter 1.
    """
    folder = Path(folder)
    _check_text("patient_id", patient_id)
    _check_text("series_description", series_description)
    _check_free(folder)
    try:
        stored = hounsfield.from_hu(volume.hu, slope=_SLOPE, intercept=_INTERCEPT)
    except ValueError as error:
        raise DicomError(str(error)) from error
    common = Dataset()
    _set_identity(common, patient_id, series_description, seed)
    _set_image(common, volume, stored)
    grid = (volume.spacing_mm, volume.origin_mm, volume.direction.tolist())
    content = hashlib.sha256(stored.tobytes()).hexdigest()
    common.SeriesInstanceUID = _uid(
        "series", patient_id, seed, series_description, grid, content
    )
    _write_all(folder, common, volume, stored)
    return [folder / _name(index) for index in range(len(stored))]


def _write_all(
    folder: Path, common: Dataset, volume: Volume, stored: np.ndarray
) -> None:
    target = folder.resolve()
    partial = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        for index, image in enumerate(stored):
            dataset = _image(common, volume, image, index)
            dataset.save_as(partial / _name(index), enforce_file_format=True)
        if target.exists():
            target.rmdir()  # empty: checked before
        partial.rename(target)
    except OSError as error:
        raise DicomError(
            f"{folder} cannot be written, nothing was left there:"
            f" {reason(error)}; free space or choose another folder"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _name(index: int) -> str:
    return f"slice_{index + 1:04d}.dcm"


def _check_text(name: str, text: str) -> None:
    if not 1 <= len(text) <= _LONGEST or "\\" in text or not text.isprintable():
        raise DicomError(
            f"`{name}` must be 1 to {_LONGEST} printable characters without a"
            f" backslash, got {text!r}"
        )


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise DicomError(f"{folder} must be a folder, got a file: choose another one")
    if folder.exists() and any(folder.iterdir()):
        raise DicomError(
            f"{folder} must be new or empty, got a folder that holds files:"
            " empty it or choose another one"
        )


def _uid(*parts: object) -> uid.UID:
    """UID under 2.25, the root that needs no registration, from a hash of `parts`."""
    name = repr(("medvae_course", *parts))
    return uid.UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}")


def _set_identity(
    dataset: Dataset, patient_id: str, series_description: str, seed: int
) -> None:
    """Whose image it is, in the order of the modules in PS3.3 table A.3-1."""
    # SOP Common, Patient, General Study; empty values are known to be unknown
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = uid.CTImageStorage
    dataset.PatientID = patient_id
    dataset.PatientName = f"{patient_id}^"  # family name only
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.StudyInstanceUID = _uid("study", patient_id, seed)
    dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    # General Series, Frame of Reference, General Equipment
    dataset.Modality = "CT"
    dataset.SeriesDescription = series_description
    dataset.SeriesNumber = 1
    dataset.PatientPosition = dataset.Laterality = ""
    dataset.FrameOfReferenceUID = _uid("frame of reference", patient_id, seed)
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = "medvae_course"
    # General Image
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    dataset.DerivationDescription = series_description


def _set_image(dataset: Dataset, volume: Volume, stored: np.ndarray) -> None:
    """How the pixels are to be read, in the order of the same modules."""
    # Image Plane
    _, along_y, along_x = volume.direction.T
    dataset.ImageOrientationPatient = _decimals(*along_x, *along_y)
    dataset.PixelSpacing = _decimals(*volume.spacing_mm[1:])
    dataset.SliceThickness = _decimals(volume.spacing_mm[0])[0]
    # Image Pixel
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[1:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    # CT Image, VOI LUT
    dataset.RescaleSlope, dataset.RescaleIntercept = _SLOPE, _INTERCEPT
    dataset.RescaleType = "HU"
    dataset.KVP = dataset.AcquisitionNumber = None
    windows = [hounsfield.WINDOWS[name] for name in _SHOWN]
    dataset.WindowCenter, dataset.WindowWidth = map(list, zip(*windows, strict=True))
    dataset.WindowCenterWidthExplanation = [name.upper() for name in _SHOWN]


def _image(common: Dataset, volume: Volume, image: np.ndarray, index: int) -> Dataset:
    dataset = Dataset(common)
    dataset.InstanceNumber = index + 1
    dataset.SOPInstanceUID = _uid("image", common.SeriesInstanceUID, index)
    dataset.ImagePositionPatient = _decimals(*volume.index_to_mm((index, 0, 0)))
    dataset.PixelData = image.astype("<i2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    return dataset


def _decimals(*numbers: float) -> list[DSfloat]:
    """Numbers as DICOM's decimal strings, which have at most 16 characters."""
    return [DSfloat(float(number), auto_format=True) for number in numbers]
