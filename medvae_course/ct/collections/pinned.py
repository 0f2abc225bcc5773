"""Pinned DICOM series of public archives: fetched, verified, laid out with labels.

A list in CSV names each series, its unique number in the archive, and how many files
and bytes it has. Of each patient it names one CT and one object with labels.
"""

import csv
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import dicom, nifti
from ..labels import read_rtstruct, read_segmentation
from .checksums import Lock, folder_hash
from .places import CollectionError

_READERS = {"RTSTRUCT": read_rtstruct, "SEG": read_segmentation}


@dataclass(frozen=True)
class PinnedSeries:
    """One series, pinned.

    Args:
        patient_id: Patient ID, a code given by the archive.
        modality: `"CT"`, `"RTSTRUCT"` or `"SEG"`.
        series_uid: Series Instance UID.
        crdc_series_uuid: the archive's own number of this version of the series.
        n_files: number of files.
        n_bytes: of all files together.
    """

    patient_id: str
    modality: str
    series_uid: str
    crdc_series_uuid: str
    n_files: int
    n_bytes: int


def read_pinned(path: str | Path) -> dict[str, list[PinnedSeries]]:
    """Read a list of pinned series.

    Args:
        path: CSV with the columns of `PinnedSeries`.

    Returns:
        Patient → its CT, then its labels; patients in the order of the file.

    Raises:
        CollectionError: if the list is damaged or names no CT and labels for a patient.
    """
    found: dict[str, list[PinnedSeries]] = {}
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                sizes = {key: int(row.pop(key)) for key in ("n_files", "n_bytes")}
                series = PinnedSeries(**row, **sizes)
                _check_names(series)
                found.setdefault(series.patient_id, []).append(series)
        for patient, pair in found.items():
            pair.sort(key=lambda series: series.modality != "CT")
            kinds = [series.modality for series in pair]
            if len(pair) != 2 or kinds[0] != "CT" or kinds[1] not in _READERS:
                raise ValueError(f"{patient} must have a CT and labels, got {kinds}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CollectionError(
            f"{Path(path).name} is no list of pinned series: {error}; take it anew "
            "from the repository of the course"
        ) from error
    return found


def fetch_patient(
    pair: Sequence[PinnedSeries],
    destination: str | Path,
    *,
    aside: str | Path,
    fetch: Callable[[PinnedSeries, Path], object],
    lock: Lock,
    names: Mapping[str, str],
) -> Path:
    """Fetch a patient's CT and labels, verify them, and give the CT a label volume.

    Args:
        pair: the patient's CT and labels, as `read_pinned` gives them.
        destination: folder of the collection; gets `<patient>/ct/*.dcm`,
            `<patient>/ct/labels.nii.gz` and `<patient>/rtstruct/` or `<patient>/seg/`,
            all or none.
        aside: folder for what has come so far; series that are whole are not fetched
            again after an interruption.
        fetch: called with a series and an empty folder, puts the files there.
        lock: what the files are compared with, under `<series UID>`.
        names: label name → pattern of structure names, in the order of label values
            from 1; where structures overlap, the later label holds.

    Returns:
        The patient's folder.

    Raises:
        CollectionError: if what came is not what is pinned, or has no such structures.
        DicomError, LabelError: if the CT or the labels cannot be read.

    Taught in: chapter 1.
    """
    ct, labels = pair
    place = Path(destination, ct.patient_id)
    if place.is_dir():
        return place
    parts = Path(aside, ct.patient_id)
    for series in pair:
        _fetch_series(series, parts / series.modality.lower(), fetch, lock)
    write_labels(parts / "ct", parts / labels.modality.lower(), names=names)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(parts, place)
    return place


def write_labels(
    ct: str | Path, labels: str | Path, *, names: Mapping[str, str]
) -> dict[str, int]:
    """Write `labels.nii.gz` beside the files of a CT, from its RTSTRUCT or SEG.

    Args:
        ct: folder of one CT series.
        labels: folder with one RTSTRUCT or SEG.
        names: as for `fetch_patient`.

    Returns:
        Label name → voxels, 0 where the patient has none of it.

    Raises:
        CollectionError: if no structure has a name that is looked for.
        DicomError, LabelError: if the CT or the labels cannot be read.
    """
    volume = dicom.read_series(ct).to_axial()
    (file,) = (path for path in Path(labels).iterdir() if path.is_file())
    read = _READERS[Path(labels).name.upper()]
    structures = read(file, volume)
    array = np.zeros(volume.shape, np.uint8)
    for value, pattern in enumerate(names.values(), start=1):
        for name, mask in structures.masks.items():
            if re.fullmatch(pattern, re.sub(r"[^a-z0-9]", "", name.lower())):
                array[mask] = value
    if not array.any():
        raise CollectionError(
            f"{file.parent.parent.name} must have structures named like "
            f"{', '.join(names)}, got {', '.join(structures.masks) or 'none'}: the "
            "archive has changed; report it to the course"
        )
    target = Path(ct, "labels.nii.gz")
    nifti.write_nifti(target, array, volume)
    counts = np.bincount(array.ravel(), minlength=len(names) + 1)[1:].tolist()
    return dict(zip(names, counts, strict=True))


def _fetch_series(
    series: PinnedSeries, folder: Path, fetch: Callable, lock: Lock
) -> None:
    if folder.is_dir():
        if _wrong(series, folder) is None:
            return
        shutil.rmtree(folder)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        fetch(series, part)
        reason = _wrong(series, part)
        if reason:
            raise CollectionError(
                f"{series.patient_id}, {series.modality}: {reason}. Nothing of it was "
                "kept; check the connection and run the same command again"
            )
        lock.verify(series.series_uid, folder_hash(part))
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _wrong(series: PinnedSeries, folder: Path) -> str | None:
    """Say in what a folder differs from a pinned series, or None."""
    everything = list(folder.rglob("*"))
    files = [p for p in everything if p.suffix == ".dcm" and p.is_file()]
    n_bytes = sum(path.stat().st_size for path in files)
    if any(path.is_symlink() for path in everything) or len(files) != len(everything):
        return "files other than DICOM came"
    if (len(files), n_bytes) != (series.n_files, series.n_bytes):
        return (
            f"{series.n_files} files of {series.n_bytes} bytes are pinned, "
            f"{len(files)} of {n_bytes} bytes came"
        )
    for found in (all_found := dicom.find_series(folder)):
        if (found.patient_id, found.series_uid) != (
            series.patient_id,
            series.series_uid,
        ):
            return f"{found.files[0].name} is of another patient or series"
    if sum(len(found.files) for found in all_found) != len(files):
        return "files that are no DICOM images or structures came"
    return None


def _check_names(series: PinnedSeries) -> None:
    """Names become paths: nothing but letters, digits, dots and dashes."""
    for text in (series.patient_id, series.series_uid, series.crdc_series_uuid):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) or ".." in text:
            raise ValueError(f"{text!r} is no identifier")
