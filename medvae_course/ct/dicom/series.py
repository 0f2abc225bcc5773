"""Find the DICOM series of a folder, and read one of them as a volume."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..volume import Volume
from .geometry import stack
from .slices import (
    CT_CLASSES,
    DicomError,
    read_dataset,
    read_hu,
    read_slices,
    reason,
)

_KEYWORDS = [
    "SOPClassUID",
    "SeriesInstanceUID",
    "PatientID",
    "Modality",
    "SeriesDescription",
    "ImageType",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "LossyImageCompression",
]


@dataclass(frozen=True)
class Series:
    """Files of one series, as found on disk; nothing but headers has been read.

    Args:
        series_uid: Series Instance UID.
        patient_id: Patient ID; may be empty.
        modality: "CT", "MR" and so on; may be empty.
        description: Series Description; may be empty.
        files: the files, in the order of their paths (not of the slices).
        n_slices: number of images in them.
        shape: (rows, columns) of the first image; (0, 0) for what is no image.
        is_ct: whether `read_series` can take it: CT images, no localizers ("scouts").
        notes: what a reader should know, in words.
    """

    series_uid: str
    patient_id: str
    modality: str
    description: str
    files: tuple[Path, ...]
    n_slices: int
    shape: tuple[int, int]
    is_ct: bool
    notes: tuple[str, ...]


def find_series(
    folder: str | Path, *, skipped: list[tuple[Path, str]] | None = None
) -> list[Series]:
    """Find all DICOM series under a folder by what the files say, not their names.

    Files of one series that differ in patient, kind of image or SOP class become
    series of their own. References inside files (DICOMDIR) are not followed.

    Args:
        folder: folder to search, with everything below it.
        skipped: list to which (file, reason) is added for each file left out.

    Returns:
        The series, sorted by patient and UID; empty if there is none.

    Raises:
        DicomError: if `folder` is not a folder.

    Taught in: chapter 1.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DicomError(f"{folder} must be a folder, got nothing of that kind there")
    skipped = [] if skipped is None else skipped
    groups = defaultdict(list)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            header = _read_header(file)
        except DicomError as error:
            skipped.append((file, str(error)))
            continue
        key = [header[name] for name in ("patient_id", "series_uid", "sop_class")]
        groups[*key, header["localizer"]].append(header)
    return [_series(headers) for _, headers in sorted(groups.items())]


def read_series(
    folder_or_series: str | Path | Series, *, series_uid: str | None = None
) -> Volume:
    """Read one CT series as a volume in HU.

    Each slice is rescaled by its own slope and intercept; slices are ordered by their
    position; pixel padding becomes -1000 HU. Localizers are left out.

    Args:
        folder_or_series: a folder that holds the series, or a result of `find_series`.
        series_uid: which one to take, where the folder holds several.

    Returns:
        The volume; array axes (z, y, x), z along the normal of the slices.

    Raises:
        DicomError: if there is not exactly one CT series to take, or its slices do not
            make a regular volume, or cannot be decoded. The message says what was
            found and what to do.

    Source: DICOM PS3.3 C.7.6.2.1.1 (geometry), C.11.1.1 (rescale).
    Taught in: chapter 1.
    """
    series = folder_or_series
    if not isinstance(series, Series):
        series = _choose(Path(folder_or_series), series_uid)
    if not series.is_ct:
        raise DicomError(
            f"a series of CT slices must be chosen, got {series.modality or 'unnamed'}"
            f" {series.series_uid} ({'; '.join(series.notes)})"
        )
    slices = [s for file in series.files for s in read_slices(file)]
    grid = stack(slices)
    hu = np.empty((len(slices), *slices[0].shape), dtype=np.float32)
    index_in_file = defaultdict(list)
    for index, s in enumerate(grid.slices):
        index_in_file[s.file].append(index)
    for indices in index_in_file.values():
        hu[indices] = read_hu([grid.slices[i] for i in indices])
    hu.setflags(write=False)
    return Volume(hu, grid.spacing_mm, grid.origin_mm, grid.direction)


def _read_header(file: Path) -> dict:
    dataset = read_dataset(file, keywords=_KEYWORDS)
    try:
        return _header(dataset, file)
    except DicomError:
        raise
    except Exception as error:  # values are parsed only now
        message = f"{file.name} has a broken header: {reason(error)}"
        raise DicomError(message) from error


def _header(dataset: Dataset, file: Path) -> dict:
    if not dataset.get("SeriesInstanceUID"):
        raise DicomError(f"{file.name} names no series")
    sop_class = UID(str(dataset.get("SOPClassUID", "")))
    kinds = list(dataset.get("ImageType") or [])[2:3]
    return {
        "file": file,
        "series_uid": str(dataset.SeriesInstanceUID),
        "patient_id": str(dataset.get("PatientID") or ""),
        "modality": str(dataset.get("Modality") or ""),
        "description": str(dataset.get("SeriesDescription") or ""),
        "sop_class": sop_class,
        "localizer": sop_class in CT_CLASSES and kinds == ["LOCALIZER"],
        "shape": (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
        "n_slices": int(dataset.get("NumberOfFrames") or 1),
        "lossy": dataset.get("LossyImageCompression") == "01",
    }


def _series(headers: list[dict]) -> Series:
    first = headers[0]
    notes = []
    if first["sop_class"] not in CT_CLASSES:
        notes.append(f"{first['sop_class'].name}: not CT slices")
    if first["localizer"]:
        notes.append("localizer images, not slices")
    if any(header["lossy"] for header in headers):
        notes.append("lossily compressed: HU are approximate")
    if len({header["shape"] for header in headers}) > 1:
        notes.append("images of several sizes")
    return Series(
        **{name: first[name] for name in ("series_uid", "patient_id", "modality")},
        description=first["description"],
        files=tuple(header["file"] for header in headers),
        n_slices=sum(header["n_slices"] for header in headers),
        shape=first["shape"],
        is_ct=first["sop_class"] in CT_CLASSES and not first["localizer"],
        notes=tuple(notes),
    )


def _choose(folder: Path, series_uid: str | None) -> Series:
    skipped: list[tuple[Path, str]] = []
    found = find_series(folder, skipped=skipped)
    choices = [series for series in found if series.is_ct]
    if not choices:
        kinds = sorted({series.modality or "unnamed" for series in found})
        raise DicomError(
            f"{folder} must hold a CT series, got {len(found)} series of other kinds"
            f" ({', '.join(kinds) or 'none'}) and {len(skipped)} files that are not"
            " readable DICOM"
            + (f" (first: {skipped[0][1]})" if skipped else "")
            + ": name a folder with the CT slices"
        )
    if series_uid is not None:
        choices = [series for series in choices if series.series_uid == series_uid]
    if len(choices) != 1:
        listed = [s for s in found if s.is_ct] if not choices else choices
        raise DicomError(
            f"{folder} must leave one CT series to take, got {len(choices)}"
            + (f" with series_uid={series_uid!r}" if series_uid else "")
            + ": choose one by series_uid=..., or name the folder of one. It holds\n"
            + "\n".join(
                f"  {s.series_uid}: {s.n_slices} slices, patient {s.patient_id!r},"
                f" {s.description!r}"
                for s in listed
            )
        )
    return choices[0]
