"""A virtual patient as the files that a hospital would have of a real one."""

import json
import shutil
import uuid
from pathlib import Path

from .. import dicom, labels
from .lesions import LESIONS
from .patient import Phantom
from .tissues import LABELS

NAMES = {value: name for value, name in LABELS.items() if value} | {
    max(LABELS) + value: name for value, name in LESIONS.items() if value
}
"""Label value → name of organs, then lesions, which lie in front of them."""

_MADE_BY = "medvae_course phantom, known by construction"
_SERIES = "medvae_course phantom, synthetic"


def structures_of(patient: Phantom) -> labels.Structures:
    """Return organs and lesions of a patient as masks; what is absent is left out.

    Args:
        patient: a result of `make_patient`.

    Returns:
        One mask for each; lesions overlap with the organs that they lie in.
    """
    known = [(patient.labels, LABELS), (patient.lesions, LESIONS)]
    masks = {
        name: mask
        for array, names in known
        for value, name in names.items()
        if value and (mask := array == value).any()
    }
    return labels.Structures(masks, patient.volume)


def write_patient(
    patient: Phantom, folder: str | Path, *, rtstruct: bool = False
) -> list[Path]:
    """Write a patient as DICOM CT with DICOM SEG, and what it was made from.

    All files appear at once: they are written beside `folder` and moved when complete.

    Args:
        patient: a result of `make_patient`.
        folder: new or empty folder; gets `ct/*.dcm`, `segmentation.dcm` and
            `factors.json`.
        rtstruct: write `structures.dcm`, the same as contours, too.

    Returns:
        The files.

    Raises:
        DicomError: if `folder` is in use or cannot be written; nothing is left behind.
        LabelError: if the segments cannot be written.

    Taught in: chapter 1.
    """
    target = Path(folder).resolve()
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise dicom.DicomError(
            f"{folder} must be new or empty, it is not: choose another folder"
        )
    partial = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        _write(patient, partial, rtstruct)
        if target.exists():
            target.rmdir()  # empty: checked before
        partial.rename(target)
    except OSError as error:
        raise dicom.DicomError(
            f"{folder} cannot be written, nothing was left there: {error}"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def _write(patient: Phantom, folder: Path, rtstruct: bool) -> None:
    dicom.write_series(
        patient.volume,
        folder / "ct",
        patient_id=patient.patient_id,
        series_description=_SERIES,
    )
    (series,) = dicom.find_series(folder / "ct")
    structures = structures_of(patient)
    labels.write_segmentation(
        structures, series, folder / "segmentation.dcm", algorithm=_MADE_BY
    )
    if rtstruct:
        labels.write_rtstruct(
            structures, series, folder / "structures.dcm", algorithm=_MADE_BY
        )
    factors = json.dumps(patient.factors, indent=1)
    (folder / "factors.json").write_text(factors + "\n", encoding="utf-8")
