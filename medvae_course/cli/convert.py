"""Series and labels from one format into another, with nothing lost on the way."""

import contextlib
import shutil
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medvae_course.ct import dicom, itk, labels, nifti
from medvae_course.ct.labels.files import VOLUMES, table_of
from medvae_course.ct.labels.objects import read_object
from medvae_course.ct.volume import Volume

_WRITTEN = (*nifti.SUFFIXES, *itk.WRITTEN)
_OBJECT = ".dcm"


class ConvertError(ValueError):
    """What cannot be converted as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        source: DICOM folder, volume file, or label object.
        destination: file, or folder for a DICOM series.
        series_uid: which series of a DICOM folder.
        like: the CT that labels belong to; None converts a CT.
        rtstruct: write contours, not a DICOM SEG.
        patient_id: for a DICOM series; None takes that of the source.
        round_hu: round fractions of HU for DICOM.
        force: replace what is there.
    """

    source: Path
    destination: Path
    series_uid: str | None = None
    like: Path | None = None
    rtstruct: bool = False
    patient_id: str | None = None
    round_hu: bool = False
    force: bool = False


def convert(request: Request, *, notice: Callable[[str], object]) -> list[Path]:
    """Convert a CT series, or labels given the CT.

    Args:
        request: what to convert into what.
        notice: receives each line that a user should know.

    Returns:
        The files written.

    Raises:
        ValueError: if the source cannot be read, the destination is in use, or
            something would be lost.
        OSError: if a file cannot be written.

    Taught in: chapter 1.
    """
    source, destination = request.source, request.destination
    if not source.exists():
        raise ConvertError(f"{source} must exist, it does not: check the path")
    is_folder = not destination.name.endswith((*_WRITTEN, _OBJECT))
    if is_folder and destination.suffix in (".nhdr", ".mhd", ".gz"):
        raise ConvertError(
            f"{destination.name} must end in one of {', '.join(_WRITTEN)}, {_OBJECT}"
            " (labels), or be a folder for DICOM"
        )
    _check_free(destination, is_folder, request.force)
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        if request.like is None:
            written = _convert_ct(request, is_folder, notice)
        else:
            written = _convert_labels(request, notice)
    for complaint in sorted({str(complaint.message) for complaint in complaints}):
        notice(complaint)
    return written


def _check_free(destination: Path, is_folder: bool, force: bool) -> None:
    if not destination.parent.is_dir():
        raise ConvertError(f"{destination.parent} must be a folder: make it first")
    if is_folder and destination.is_dir():
        others = [path for path in destination.iterdir() if path.suffix != ".dcm"]
        if others and force:
            raise ConvertError(
                f"--force replaces a folder of nothing but *.dcm, {destination} holds"
                f" {others[0].name}: choose another folder"
            )
        taken = any(destination.iterdir())
    else:
        taken = destination.exists()
    if destination.is_dir() != is_folder and destination.exists():
        raise ConvertError(f"{destination} is of another kind: choose another name")
    if taken and not force:
        raise ConvertError(f"{destination} is there already: --force replaces it")


def _convert_ct(request: Request, is_folder: bool, notice) -> list[Path]:
    if request.destination.name.endswith(_OBJECT):
        raise ConvertError(
            f"a file {_OBJECT} holds labels, which need their CT: give it with --like;"
            " a CT as DICOM needs a folder"
        )
    volume, series = _read_ct(request.source, request.series_uid)
    if is_folder:
        patient_id = request.patient_id or (series and series.patient_id)
        return _write_series(request, volume, patient_id, notice)
    path = request.destination
    hu = volume.hu
    if (hu == np.rint(hu)).all() and -32768 <= hu.min() and hu.max() <= 32767:
        hu = hu.astype(np.int16)
    else:
        notice("HU with fractions, or beyond int16: stored as float32")
    with _placed(path) as partial:
        if nifti.is_nifti(path):
            nifti.write_nifti(partial, hu, volume)
        else:
            itk.write_itk(partial, hu, volume)
    return [path]


def _read_ct(
    source: Path, series_uid: str | None
) -> tuple[Volume, dicom.Series | None]:
    if itk.is_itk(source):
        return itk.read_itk(source), None
    if nifti.is_nifti(source):
        return nifti.read_nifti(source), None
    if source.is_file():
        kind = read_object(source).kind
        raise ConvertError(
            f"{source.name} is a {kind}, which needs the CT that it was drawn on: give"
            " it with --like"
            if kind
            else f"{source.name} is one DICOM file: name the folder with its series"
        )
    found = [one for one in dicom.find_series(source) if one.is_ct]
    chosen = [one for one in found if series_uid in (None, one.series_uid)]
    if len(chosen) != 1:
        listed = "; ".join(f"{one.series_uid} ({one.n_slices} slices)" for one in found)
        raise ConvertError(
            f"{source} must leave one CT series to take, got {len(chosen)}: choose with"
            f" --series among {listed or 'none'}"
        )
    return dicom.read_series(chosen[0]), chosen[0]


def _write_series(request: Request, volume: Volume, patient_id, notice) -> list[Path]:
    rounded = np.rint(volume.hu)
    change = float(np.abs(rounded - volume.hu).max())
    if change and not request.round_hu:
        raise ConvertError(
            f"DICOM stores whole HU here, got fractions (rounding changes up to"
            f" {change:.3g} HU): allow it with --round, or write NIfTI or NRRD"
        )
    if change:
        notice(f"rounded to whole HU, by up to {change:.3g} HU")
    kind = itk.stem if itk.is_itk(request.source) else nifti.stem
    with _placed(request.destination) as partial:
        written = dicom.write_series(
            replace(volume, hu=rounded),
            partial,
            patient_id=patient_id or kind(request.source)[:63],
            series_description="Converted CT, see its source for how it was made",
        )
    return [request.destination / path.name for path in written]


def _convert_labels(request: Request, notice) -> list[Path]:
    path = request.destination
    if not path.name.endswith((*_WRITTEN, _OBJECT)):
        raise ConvertError(
            f"labels go into a file {', '.join(_WRITTEN)} or {_OBJECT}, got {path.name}"
        )
    volume, series = _read_ct(request.like, request.series_uid)
    if path.name.endswith(_OBJECT):
        return [_write_object(request, volume, series, notice)]
    table = table_of(path)
    if table.exists() and not request.force:
        raise ConvertError(f"{table} is there already: --force replaces it")
    if request.source.name.endswith(VOLUMES):  # values stay as they are
        label_map = labels.read_labels(request.source, volume)
    else:
        label_map = _structures(request, volume, series, notice).to_labels()
    for (below, front), n in label_map.overlaps.items():
        notice(f"{n} voxels of {below!r} are covered by {front!r}: one label a voxel")
    return labels.write_labels(path, label_map)


def _write_object(request: Request, volume, series, notice) -> Path:
    if series is None:
        raise ConvertError(
            f"a DICOM label object refers to DICOM images, {request.like} is none: give"
            " --like the folder of the series (convert the CT first)"
        )
    structures = _structures(request, volume, series, notice)
    write = labels.write_rtstruct if request.rtstruct else labels.write_segmentation
    return write(
        structures,
        series,
        request.destination,
        algorithm="unknown, converted",  # the source does not say who drew it
        description=f"Converted from {request.source.name}"[:64],
    )


def _structures(request: Request, volume, series, notice) -> labels.Structures:
    found = labels.read_structures(request.source, volume, series=series)
    for note in found.notes:
        notice(note)
    return found


@contextlib.contextmanager
def _placed(path: Path):
    """Give a name beside the place, and move what was written there when complete."""
    path = path.resolve()
    mark = uuid.uuid4().hex
    suffix = next((end for end in VOLUMES if path.name.endswith(end)), "")
    partial, old = (path.with_name(f".{mark}{end}") for end in (suffix, "-old"))
    try:
        yield partial
        if not path.is_dir():
            partial.replace(path)
            return
        path.rename(old)  # a folder cannot be replaced at one stroke
        try:
            partial.rename(path)
        except OSError:
            old.rename(path)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.unlink(missing_ok=True)
