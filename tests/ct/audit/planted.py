"""A clean set of phantoms, as DICOM and as NIfTI, and faults to plant in copies."""

import json
import shutil
from pathlib import Path

import numpy as np
import pydicom

from medvae_course.ct import deidentify, dicom, nifti, phantom
from medvae_course.ct.audit import audit

PARTS = ("train", "train", "train", "train", "val", "test")
SHAPE, SPACING_MM = (4, 64, 64), (60.0, 6.4, 6.4)


def make_patients():
    return [
        phantom.make_patient(seed, shape=SHAPE, spacing_mm=SPACING_MM)
        for seed in range(len(PARTS))
    ]


def write_clean(folder: Path, patients, *, as_dicom: bool) -> Path:
    for index, (patient, part) in enumerate(zip(patients, PARTS, strict=True)):
        target = folder / part / f"p{index}"
        if as_dicom:
            write_deidentified(patient.volume, target, f"code-{index}")
        else:
            target.mkdir(parents=True)
            hu = np.asarray(patient.volume.hu, np.int16)
            nifti.write_nifti(target / "ct.nii.gz", hu, patient.volume)
        nifti.write_nifti(target / "labels.nii.gz", patient.labels, patient.volume)
    names = {str(value): name for value, name in phantom.LABELS.items()}
    (folder / "labels.json").write_text(json.dumps(names))
    return folder


def write_deidentified(volume, target: Path, patient_id: str, *, seed: int = 0) -> None:
    for file in dicom.write_series(volume, target, patient_id=patient_id, seed=seed):
        deidentify.deidentify(pydicom.dcmread(file), key="key").save_as(file)


def change(folder: Path, edit, *, most: int | None = None) -> None:
    """Apply `edit` to the data sets of a series."""
    for file in sorted(folder.glob("*.dcm"))[:most]:
        dataset = pydicom.dcmread(file)
        edit(dataset)
        dataset.save_as(file)


def copy_set(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def rules_of(folder: Path, **options) -> set[str]:
    return {finding.rule for finding in audit(folder, **options)}
