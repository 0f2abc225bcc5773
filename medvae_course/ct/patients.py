"""Folders of real CT to patients: DICOM series or NIfTI, with labels where there are.

What a folder may hold, at any depth:

- DICOM series of CT; the patient is the Patient ID of the files;
- `<patient>/ct.nii.gz`; the patient is the name of the folder;
- `<patient>_ct.nii.gz` or `<patient>.nii.gz`; the patient is the name of the file.

Labels are NIfTI beside the CT: `labels`, `seg`, `mask` or `oar`, as whole name or as
the end of it (`<patient>_seg.nii.gz`). Their names are read from the first
`labels*.json` of the folder: `{"1": "liver", ...}`, or the same under `"labels"`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import dicom, nifti
from .dicom import slices
from .volume import Volume

LABEL_FILES = ("labels", "seg", "mask", "oar")
_OTHER_FILES = ("ptv", "pet", "mr")  # lie beside a CT and are none


class PatientError(ValueError):
    """A folder that gives no patients; the message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """Where one CT of a patient lies; nothing but names has been read.

    Args:
        patient_id: who.
        image: a DICOM series or a NIfTI file.
        labels: NIfTI label file, or None.
    """

    patient_id: str
    image: dicom.Series | Path
    labels: Path | None

    def read(self) -> tuple[Volume, np.ndarray | None]:
        """Return the volume in HU with axes (z, y, x), and its uint8 labels or None."""
        if isinstance(self.image, Path):
            volume = nifti.read_nifti(self.image)
        else:
            volume = dicom.read_series(self.image).to_axial()
        labels = self.labels and nifti.read_labels(self.labels, volume)
        return volume, labels

    def side_mm(self) -> float:
        """Return the longer side of an axial slice in mm, read from headers alone."""
        if isinstance(self.image, Path):
            return max(nifti.read_extent_mm(self.image)[1:])
        first = slices.read_slices(self.image.files[0])[0]
        return float(np.max(np.multiply(first.shape, first.pixel_mm)))


def find_patients(folder: str | Path) -> list[Source]:
    """Find every CT in a folder, sorted by patient.

    Args:
        folder: a folder as this module's text describes it.

    Returns:
        One source for each CT; a patient with several CTs has several.

    Raises:
        PatientError: if there is no such folder, or no CT in it.

    Taught in: chapter 1.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PatientError(
            f"a folder with CT is needed, {folder} is none: check the path; the data"
            ' set that is built in has the name "phantom"'
        )
    files = sorted(path for path in folder.rglob("*") if nifti.is_nifti(path))
    sources = [source for path in files if (source := _nifti_source(path))]
    for series in dicom.find_series(folder):
        if series.is_ct:
            patient = series.patient_id or series.series_uid
            beside = [series.files[0].parent / f"{name}.nii.gz" for name in LABEL_FILES]
            labels = next((path for path in beside if path.is_file()), None)
            sources.append(Source(patient, series, labels))
    if not sources:
        n_files = sum(path.is_file() for path in folder.rglob("*"))
        raise PatientError(
            f"{folder} must hold CT as DICOM series or NIfTI, got {n_files} files and "
            "no CT among them: `medvae-course data inspect` lists what there is"
        )
    return sorted(sources, key=lambda source: source.patient_id)


def read_label_names(folder: str | Path) -> dict[int, str]:
    """Return label value → name from the folder's first `labels*.json`, or nothing."""
    for path in sorted(Path(folder).glob("labels*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        table = table.get("labels", table)
        return {int(value): str(name) for value, name in table.items()}
    return {}


def _nifti_source(path: Path) -> Source | None:
    name = nifti.stem(path)
    kind = name.rpartition("_")[2].lower()
    if kind in LABEL_FILES + _OTHER_FILES:
        return None
    if kind == "ct":
        patient = name[: -len("_ct")] if "_" in name else path.parent.name
        prefix = name[: -len("ct")]
    else:
        patient, prefix = name, f"{name}_"
    beside = [
        path.with_name(f"{prefix}{kind}{suffix}")
        for kind in LABEL_FILES
        for suffix in nifti.SUFFIXES
    ]
    labels = next((file for file in beside if file.is_file()), None)
    return Source(patient, path, labels)
