"""The header of a DICOM file as facts, without a single value that identifies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.datadict import dictionary_keyword, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage
from pydicom.valuerep import PersonName

from ..deidentify import identifying_tags
from ..dicom.slices import DicomError, read_dataset, reason
from .facts import Header, looks_like_person

_UIDS = {
    "StudyInstanceUID": "Study Instance UID",
    "SeriesInstanceUID": "Series Instance UID",
    "SOPInstanceUID": "SOP Instance UID",
    "FrameOfReferenceUID": "Frame of Reference UID",
}
_TECHNICAL = (
    "Modality",
    "SOPClassUID",
    "ImageType",
    "PatientIdentityRemoved",
    "BurnedInAnnotation",
    "RecognizableVisualFeatures",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "SliceThickness",
    "BitsStored",
    "LossyImageCompression",
    "Manufacturer",
    "ManufacturerModelName",
    "ConvolutionKernel",
    "KVP",
    "ContrastBolusAgent",
    "BodyPartExamined",
    "PatientSex",
    "PatientAge",
    "NumberOfFrames",
    "Rows",
    "Columns",
)
_CHARACTERISTICS = {  # of group 0010, and yet no name, number or address
    *(
        "PatientSex",
        "PatientAge",
        "PatientSize",
        "PatientWeight",
        "PatientBodyMassIndex",
    ),
    *("PregnancyStatus", "SmokingStatus", "Allergies", "MedicalAlerts"),
    *(
        "PatientSexNeutered",
        "LastMenstrualDate",
        "EthnicGroup",
        "AdditionalPatientHistory",
    ),
    *("PatientSpeciesDescription", "PatientState", "SpecialNeeds"),
}
_PLACES = {"AccessionNumber", "InstitutionName", "InstitutionAddress"}
_TEXT = {"PN", "LO", "SH", "LT", "ST", "UT", "UC"}
_BYTES = {"UN", "OB"}
_KNOWN = {"CTP"}  # the archive's own mark: name of the collection, of the site
_WORDS = re.compile(r"[^\W\d_]{3,}")
_LONGEST = 512  # bytes of an unknown element that are looked at for text


def read_header(path: Path, file: str) -> Header:
    """Read one DICOM file's header as facts.

    Args:
        path: the file.
        file: its path relative to the folder that is audited.

    Returns:
        The facts; of identifying elements the names only, but for Patient ID and UIDs,
        which are kept for comparison.

    Raises:
        DicomError: if it is no DICOM file, or a broken one.

    Source: DICOM PS3.15 table E.1-1.
    Taught in: chapter 1.
    """
    read_dataset(path, keywords=["SOPClassUID"])  # refuses what is no DICOM
    dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    try:
        facts = _facts(dataset, file)
    except Exception as error:  # values are parsed only now
        raise DicomError(f"{path.name} has a broken header: {reason(error)}") from error
    directory = dataset.file_meta.get("MediaStorageSOPClassUID")
    if not facts.uids["Series Instance UID"] and (
        directory != MediaStorageDirectoryStorage
    ):
        raise DicomError(f"{path.name} names no series: it is damaged, copy it again")
    return facts


def _facts(dataset: Dataset, file: str) -> Header:
    names = _words(dataset)
    plain = {key: _text(dataset.get(key)) for key in _TECHNICAL if key in dataset}
    # a name can be typed anywhere: then the attribute is not kept
    plain = {key: text for key, text in plain.items() if not names & set(_split(text))}
    meta = getattr(dataset, "file_meta", {})
    plain["TransferSyntaxUID"] = _text(meta.get("TransferSyntaxUID"))
    methods = dataset.get("DeidentificationMethodCodeSequence") or []
    return Header(
        file=file,
        patient_id=_text(dataset.get("PatientID")),
        uids={name: _text(dataset.get(key)) for key, name in _UIDS.items()},
        identifiers=tuple(_identifiers(dataset)),
        private_text=tuple(sorted(set(_private(dataset, names)))),
        options=frozenset(_text(item.get("CodeValue")) for item in methods),
        tags=plain,
        position_mm=_numbers(dataset.get("ImagePositionPatient"), 3),
        orientation=_numbers(dataset.get("ImageOrientationPatient"), 6),
        named_in_path=tuple(
            part for part in Path(file).parts if names & set(_split(part))
        ),
    )


def kind_of(keyword: str, vr: str) -> str:
    """Say how much an element tells: "person", "date", "uid" or "other".

    Example:
        >>> kind_of("PatientName", "PN"), kind_of("StudyDate", "DA")
        ('person', 'date')
    """
    if vr == "PN" or keyword in _PLACES or keyword == "PatientBirthDate":
        return "person"
    if keyword.startswith(("Patient", "OtherPatient", "IssuerOfPatient")):
        return "other" if keyword in _CHARACTERISTICS else "person"
    if vr == "UI":
        return "uid"
    return "date" if vr in ("DA", "DT", "TM") else "other"


def _identifiers(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    for tag, name in identifying_tags(dataset):
        if not tag.is_private:
            try:
                keyword, vr = dictionary_keyword(tag), dictionary_VR(tag)
            except KeyError:  # retired, or of the standard's future
                keyword, vr = "", "LO"
            yield str(tag), name, kind_of(keyword, vr)


def _private(dataset: Dataset, names: set[str]) -> Iterator[tuple[str, bool]]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _private(item, names)
        elif element.tag.is_private and not element.tag.is_private_creator:
            text = _private_text(element)
            if _WORDS.search(text):
                own = names & set(_split(text))
                person = element.VR == "PN" or bool(own) or looks_like_person(text)
                if person or _creator(dataset, element) not in _KNOWN:
                    yield str(element.tag), person


def _creator(dataset: Dataset, element: DataElement) -> str:
    return _text(dataset.get((element.tag.group, element.tag.element >> 8)))


def _private_text(element: DataElement) -> str:
    if element.VR in _TEXT:
        return _text(element.value)
    if element.VR in _BYTES and isinstance(element.value, bytes):
        start = element.value[:_LONGEST].rstrip(b"\0 ")
        text = start.decode("utf-8", errors="replace")
        return text if text.isprintable() and "\ufffd" not in text else ""
    return ""


def _words(dataset: Dataset) -> set[str]:
    """Words of the patient's name, unless it is the Patient ID: a code then."""
    name, patient_id = (
        _text(dataset.get("PatientName")),
        _text(dataset.get("PatientID")),
    )
    if name.strip("^") == patient_id:
        return set()
    return set(_split(name)) - {"anonymized", "anonymous", "anon", "phantom", "patient"}


def _split(text: str) -> list[str]:
    return [word.casefold() for word in _WORDS.findall(text)]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, DataElement):
        value = value.value
    parts = [value] if isinstance(value, str | bytes | PersonName) else value
    try:
        return "\\".join(str(part) for part in parts)
    except TypeError:  # one value
        return str(value)


def _numbers(value: object, count: int) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(number) for number in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count else None
