"""Folders of real CT to patients: DICOM series or volumes, with labels where there are.

What a folder may hold, at any depth:

- DICOM series of CT; the patient is the Patient ID of the files;
- `<patient>/ct.nii.gz` or `ct_image.nii.gz`; the patient is the name of the folder;
- `<patient>_ct.nii.gz` or `<patient>.nii.gz`; the patient is the name of the file.

Instead of `.nii.gz` a volume may be `.nii`, `.nrrd`, `.nhdr`, `.mha` or `.mhd`.

The labels of a CT are the first of these that there is:

- a volume beside it that is called `labels`, `seg`, `segmentation`, `mask` or `oar`, as
  whole name or as the end of it (`<patient>_seg.nii.gz`, `<patient>.seg.nrrd`);
- of a DICOM series: a DICOM SEG, then an RTSTRUCT, anywhere in the folder, that refers
  to the series.

Label values get their names from the first `labels*.json` of the folder, or of one
below it: `{"1": "liver", ...}`, or the same under `"labels"`. The structures of a SEG
or RTSTRUCT get their values from it by their names; those that it does not name are
left out. Without such a table they are numbered through in the order of their names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import dicom, itk, labels, nifti
from .dicom import slices
from .labels.files import VOLUMES
from .labels.objects import LabelObject, read_object
from .volume import Volume

LABEL_FILES = ("labels", "seg", "segmentation", "mask", "oar")
_OTHER_FILES = ("ptv", "pet", "mr")  # lie beside a CT and are none
_OBJECTS = ("SEG", "RTSTRUCT")  # in the order in which they are taken
_SEGMENTS = ".seg.nrrd"


class PatientError(ValueError):
    """A folder that gives no patients; the message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """Where one CT of a patient lies; nothing but names has been read.

    Args:
        patient_id: who.
        image: a DICOM series, or a file with a volume.
        labels: label volume, DICOM SEG or RTSTRUCT, or None.
        names: label value → name, by which the structures of a SEG or RTSTRUCT become
            values.
    """

    patient_id: str
    image: dicom.Series | Path
    labels: Path | None
    names: Mapping[int, str] = field(default_factory=dict, hash=False)

    def read(self) -> tuple[Volume, np.ndarray | None]:
        """Return the volume in HU with axes (z, y, x), and its uint8 labels or None."""
        if not isinstance(self.image, Path):
            volume = dicom.read_series(self.image).to_axial()
        elif itk.is_itk(self.image):
            volume = itk.read_itk(self.image)
        else:
            volume = nifti.read_nifti(self.image)
        return volume, self.labels and self._read_labels(self.labels, volume)

    def side_mm(self) -> float:
        """Return the longer side of an axial slice in mm, read from headers alone."""
        if isinstance(self.image, Path):
            read = (
                itk.read_extent_mm if itk.is_itk(self.image) else nifti.read_extent_mm
            )
            return max(read(self.image)[1:])
        first = slices.read_slices(self.image.files[0])[0]
        return float(np.max(np.multiply(first.shape, first.pixel_mm)))

    def _read_labels(self, file: Path, volume: Volume) -> np.ndarray:
        if file.name.endswith(VOLUMES):
            found = labels.read_labels(file, volume)
        else:
            structures = labels.read_structures(file, volume, series=self.image)
            found = structures.to_labels(self.names or None)
        if found.labels.dtype != np.uint8:
            raise labels.LabelError(
                f"labels must be from 0 to 255, {file.name} holds {found.labels.max()}"
            )
        return found.labels


def find_patients(folder: str | Path) -> list[Source]:
    """Find every CT in a folder, sorted by patient.

    Args:
        folder: a folder as this module's text describes it.

    Returns:
        One source for each CT; a patient with several CTs has several.

    Raises:
        PatientError: if there is no such folder, or no CT in it.
        LabelError: if a table of names, or the header of a label object, is broken.

    Taught in: chapter 1.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PatientError(
            f"a folder with CT is needed, {folder} is none: check the path; the data"
            ' set that is built in has the name "phantom"'
        )
    files = sorted(path for path in folder.rglob("*") if _is_volume(path))
    sources = [source for path in files if (source := _file_source(path))]
    found = dicom.find_series(folder)
    objects = _find_objects(found)
    names = _read_table(folder) or _number(objects)
    for series in found:
        if series.is_ct:
            patient = series.patient_id or series.series_uid
            beside = _beside(series.files[0].parent, "") or _referring(objects, series)
            sources.append(Source(patient, series, beside, names))
    if not sources:
        n_files = sum(path.is_file() for path in folder.rglob("*"))
        raise PatientError(
            f"{folder} must hold CT as DICOM series or volumes, got {n_files} files"
            " and no CT among them: `medvae-course data inspect` lists what there is"
        )
    return sorted(sources, key=lambda source: source.patient_id)


def read_label_names(folder: str | Path) -> dict[int, str]:
    """Return label value → name, as this module's text says; {} where no labels are.

    Raises:
        LabelError: if a table of names, or the header of a label object, is broken.
    """
    folder = Path(folder)
    return _read_table(folder) or _number(_find_objects(dicom.find_series(folder)))


def _read_table(folder: Path) -> dict[int, str]:
    tables = sorted(folder.glob("labels*.json")) or sorted(folder.rglob("labels*.json"))
    return labels.read_names(tables[0]) if tables else {}


def _find_objects(found: Iterable[dicom.Series]) -> list[LabelObject]:
    files = [f for series in found if series.modality in _OBJECTS for f in series.files]
    objects = [read_object(file) for file in files]
    objects = [found for found in objects if found.kind in _OBJECTS]
    return sorted(objects, key=lambda found: _OBJECTS.index(found.kind))


def _number(objects: Iterable[LabelObject]) -> dict[int, str]:
    names = {name for found in objects for name in found.names if name}
    return dict(enumerate(sorted(names), start=1))


def _referring(objects: list[LabelObject], series: dicom.Series) -> Path | None:
    fitting = (o.file for o in objects if series.series_uid in o.series_uids)
    return next(fitting, None)


def _is_volume(path: Path) -> bool:
    return nifti.is_nifti(path) or itk.is_itk(path)


def _file_source(path: Path) -> Source | None:
    name = itk.stem(path) if itk.is_itk(path) else nifti.stem(path)
    by_modality = name.endswith("_image")  # MR_T1_image
    name = name.removesuffix("_image")
    *first, kind = name.lower().split("_")
    said = {kind, *first} if by_modality else {kind}
    if said & {*LABEL_FILES, *_OTHER_FILES} or path.name.endswith(_SEGMENTS):
        return None
    prefix = f"{name}_"
    beside = _beside(path.parent, prefix)
    if kind == "ct":
        patient = name[: -len("_ct")] if first else path.parent.name
        prefix = name[: -len("ct")]
        beside = _beside(path.parent, prefix) or beside
    else:
        patient = name
    own = path.with_name(prefix.rstrip("_") + _SEGMENTS)
    return Source(patient, path, beside or (own if own.is_file() else None))


def _beside(folder: Path, prefix: str) -> Path | None:
    suffixes = (*nifti.SUFFIXES, _SEGMENTS, *itk.SUFFIXES)
    names = (f"{prefix}{kind}{suffix}" for kind in LABEL_FILES for suffix in suffixes)
    return next((folder / name for name in names if (folder / name).is_file()), None)
