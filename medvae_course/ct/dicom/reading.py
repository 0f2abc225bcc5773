"""Read a CT series, or a single CT image, as a volume in HU."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..volume import Volume
from . import straighten
from .geometry import Stack, axes, stack
from .pixels import Counts, read_hu
from .series import Series, find_series, read_header, summary
from .slices import DicomError, Slice


def read_series(
    folder_or_series: str | Path | Series,
    *,
    series_uid: str | None = None,
    part: str | None = None,
    resample: str | None = None,
    notes: list[str] | None = None,
) -> Volume:
    """Read one CT series as a volume in HU.

    Each slice is rescaled by its own slope and intercept; slices are ordered by their
    position; pixel padding becomes -1000 HU. Localizers are left out. Files are decoded
    by as many threads as there are processors.

    Slices that make no straight and even grid (gantry tilt, uneven gaps, a missing
    slice) are refused, unless `resample` asks for a new grid: even steps along the
    normal from the first slice to the last, as near to the median gap as fits; in the
    plane the slices' own pixels, with room for every slice. What no slice saw is air,
    -1000 HU. A gap of more than twice the median is refused even then, and so are two
    slices in one place.

    Args:
        folder_or_series: a folder that holds the series, or a result of `find_series`.
        series_uid: which one to take, where the folder holds several.
        part: which stack and time of it, where multi-frame files hold several, as the
            attribute `part` of the results of `find_series` has it.
        resample: "linear" or "nearest" interpolation, only where it is needed; None
            refuses what would need it.
        notes: list to which is added what a reader should know of the series, in
            words: padding that became air, copies left out, interpolation, values below
            the usual scale, what is odd in the headers.

    Returns:
        The volume; array axes (z, y, x), z along the normal of the slices.

    Raises:
        DicomError: if there is not exactly one CT series to take, or its slices do not
            make a regular volume, or cannot be decoded. The message says what was
            found and what to do.

    Source: DICOM PS3.3 C.7.6.2.1.1 (geometry), C.11.1.1 (rescale).
    Taught in: chapter 1.
    """
    if resample is not None and resample not in straighten.ORDERS:
        names = ", ".join(straighten.ORDERS)
        raise DicomError(f"`resample` must be None or one of {names}, got {resample!r}")
    series = folder_or_series
    if not isinstance(series, Series):
        series = _choose(Path(folder_or_series), series_uid, part)
    if not series.is_ct:
        raise DicomError(
            f"a series of CT slices must be chosen, got {series.modality or 'unnamed'}"
            f" {series.series_uid} ({'; '.join(series.notes[:3])})"
        )
    notes = [] if notes is None else notes
    notes += series.notes
    grid = stack(_without_copies(_slices(series), notes), resample=resample)
    hu, counts = read_hu(grid.slices)
    notes += _told(counts, hu.size)
    return _volume(_resampled(hu, grid, resample, notes), grid)


def read_image(file: str | Path, *, notes: list[str] | None = None) -> Volume:
    """Read a file with a single CT slice as a volume of one slice.

    Its thickness is the Spacing Between Slices or, where the file does not say it, the
    Slice Thickness.

    Args:
        file: the file.
        notes: as for `read_series`.

    Returns:
        The volume, of shape (1, rows, columns), in HU.

    Raises:
        DicomError: if the file holds no CT slice, or several, or does not say how
            thick the slice is, or cannot be decoded.

    Source: DICOM PS3.3 C.7.6.2.1.1 (geometry), C.11.1.1 (rescale).
    Taught in: chapter 1.
    """
    file = Path(file)
    header = read_header(file)
    if not header.is_ct:
        kind = "a localizer" if header.localizer else header.sop_class.name
        raise DicomError(f"{file.name} must hold a CT slice, got {str(kind)[:100]}")
    (first, *others) = _headers_slices([header])
    if others:
        raise DicomError(
            f"{file.name} must hold one slice, got {1 + len(others)} frames: read its"
            " folder by read_series"
        )
    if not first.thickness_mm:
        raise DicomError(
            f"{file.name} must say how thick the slice is, got neither"
            " SpacingBetweenSlices nor SliceThickness: read the whole series"
        )
    row, column, normal = axes(first)
    hu, counts = read_hu([first])
    if notes is not None:
        notes += [*summary(header.notes), *_told(counts, hu.size)]
    hu.setflags(write=False)
    return Volume(
        hu,
        (first.thickness_mm, *first.pixel_mm),
        tuple(first.position_mm.tolist()),
        np.column_stack([normal, column, row]),
    )


def _slices(series: Series) -> list[Slice]:
    headers = series.headers or [read_header(file) for file in series.files]
    return _headers_slices(headers)


def _headers_slices(headers: Sequence) -> list[Slice]:
    for header in headers:
        if header.problem:
            raise DicomError(header.problem)
    return [s for header in headers for s in header.slices]


def _without_copies(slices: list[Slice], notes: list[str]) -> list[Slice]:
    """Leave out files that are copies, byte for byte, of one before them."""
    files = defaultdict(list)
    for s in slices:
        if s.instance_uid and s.file not in files[s.instance_uid]:
            files[s.instance_uid].append(s.file)
    copies = {
        other
        for first, *others in files.values()
        for other in others
        if filecmp.cmp(first, other, shallow=False)
    }
    if copies:
        notes.append(
            f"{len(copies)} files left out, copies of others: {min(copies).name}"
            + (" and so on" if len(copies) > 1 else "")
        )
    rest = sum(len(group) - 1 for group in files.values()) - len(copies)
    if rest:
        notes.append(f"{rest} files have the SOP Instance UID of another one")
    return [s for s in slices if s.file not in copies]


def _told(counts: Counts, n_voxels: int) -> list[str]:
    told = []
    if counts.padding:
        told.append(
            f"padding: {counts.padding} of {n_voxels} voxels"
            f" ({counts.padding / n_voxels:.2%}) became air, -1000 HU"
        )
    if counts.below:
        told.append(
            f"{counts.below} of {n_voxels} voxels lie below -1024 HU, down to"
            f" {counts.lowest_hu:g} HU, and are not declared as padding"
        )
    return told + summary(counts.oddities)


def _resampled(
    hu: np.ndarray, grid: Stack, interpolation: str | None, notes: list[str]
) -> np.ndarray:
    if grid.shifts_px is None:
        return hu
    notes.append(
        f"resampled by {interpolation} interpolation from {hu.shape} to {grid.shape}"
        f" voxels; before, {grid.irregular}"
    )
    return straighten.resample_slices(
        hu,
        shifts_px=grid.shifts_px,
        along_mm=grid.along_mm,
        shape=grid.shape,
        interpolation=interpolation,
    )


def _volume(hu: np.ndarray, grid: Stack) -> Volume:
    hu.setflags(write=False)  # ours alone: saves the copy
    return Volume(hu, grid.spacing_mm, grid.origin_mm, grid.direction)


def _choose(folder: Path, series_uid: str | None, part: str | None) -> Series:
    skipped: list[tuple[Path, str]] = []
    found = find_series(folder, skipped=skipped)
    listed = choices = [series for series in found if series.is_ct]
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
    if part is not None:
        choices = [series for series in choices if series.part == part]
    if len(choices) == 1:
        return choices[0]
    asked = {"series_uid": series_uid, "part": part}
    raise DicomError(
        f"{folder} must leave one CT series to take, got {len(choices)}"
        + "".join(f" with {name}={text!r}" for name, text in asked.items() if text)
        + ": choose one by series_uid=... (and part=...), or name the folder of one."
        " It holds\n"
        + "\n".join(
            f"  {s.series_uid}: {s.n_slices} slices, patient {s.patient_id!r},"
            f" {s.description!r}" + (f", part={s.part!r}" if s.part else "")
            for s in choices or listed
        )
    )
