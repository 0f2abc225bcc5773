"""What is in a folder of medical images: for people and for scripts."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medvae_course.ct import dicom, itk, nifti, patients
from medvae_course.ct.volume import Volume

SHOWN = 12  # lines of a kind in the text; --json has them all


def inspect_folder(folder: str | Path) -> dict:
    """Read every CT of a folder, one at a time, and say what there is and what is odd.

    Args:
        folder: folder of DICOM or NIfTI files, with everything below it.

    Returns:
        A dictionary of plain types: `volumes` (one for each CT: `patient`, `where`,
        `shape` and `spacing_mm` (z, y, x), `hu` minimum and maximum, `labels`; or
        `problem` instead of the numbers), `other` (series that are no CT), `skipped`
        (files that are neither, with the reason), `warnings`.

    Raises:
        ValueError: if there is no such folder, or no file in it.

    Taught in: chapter 1.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"a folder is needed, {folder} is none: check the path")
    if not any(path.is_file() for path in folder.rglob("*")):
        raise ValueError(f"{folder} holds no file: name the folder with the images")
    skipped: list[tuple[Path, str]] = []
    broken = []
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        series = dicom.find_series(folder, skipped=skipped)
        try:
            sources = patients.find_patients(folder)
            names = patients.read_label_names(folder)
        except patients.PatientError:
            sources, names = [], {}
        except ValueError as error:  # a broken table of names, or label object
            sources, names, broken = [], {}, [str(error)]
        volumes = [_describe(folder, source, names) for source in sources]
    return {
        "volumes": volumes,
        "other": [
            {
                "patient": one.patient_id,
                "modality": one.modality,
                "images": one.n_slices,
                "notes": list(one.notes),
            }
            for one in series
            if not one.is_ct
        ],
        "skipped": [
            {"file": str(file.relative_to(folder)), "reason": reason}
            for file, reason in skipped
            if not (nifti.is_nifti(file) or itk.is_itk(file))
        ],
        "warnings": [
            *broken,
            *_warnings(volumes),
            *sorted({str(complaint.message) for complaint in complaints}),
        ],
    }


def to_text(found: dict) -> str:
    """Return what `inspect_folder` found as lines for a terminal."""
    volumes = found["volumes"]
    readable = [volume for volume in volumes if "problem" not in volume]
    lines = [
        f"     {len(volumes)} CT of {len({v['patient'] for v in volumes})} patients, "
        f"{len(found['other'])} other series, {len(found['skipped'])} other files"
    ]
    for volume in readable[:SHOWN]:
        z, y, x = volume["shape"]
        mm = " x ".join(f"{value:.3g}" for value in volume["spacing_mm"])
        low, high = volume["hu"]
        labels = f", {len(volume['labels'])} labels" if volume["labels"] else ""
        lines.append(
            f"     {volume['patient'][:24]:<24} {z} slices of {y} x {x}, {mm} mm, "
            f"{low:.0f} to {high:.0f} HU{labels}"
        )
    if len(readable) > SHOWN:
        lines.append(f"     … and {len(readable) - SHOWN} more")
    lines += [
        f"     not read: {volume['where']}: {volume['problem']}"
        for volume in volumes
        if "problem" in volume
    ]
    for series in found["other"][:SHOWN]:
        notes = "; ".join(series["notes"])
        lines.append(f"     no CT: {series['modality'] or 'unnamed'} ({notes})")
    lines += [f"     warning: {warning}" for warning in found["warnings"]]
    return "\n".join(lines)


def _describe(folder: Path, source: patients.Source, names: dict[int, str]) -> dict:
    first = source.image if isinstance(source.image, Path) else source.image.files[0]
    described = {
        "patient": source.patient_id,
        "where": str(first.relative_to(folder) if first.is_file() else first),
        "format": _format(source.image),
        "notes": [] if isinstance(source.image, Path) else list(source.image.notes),
    }
    try:
        volume, labels = source.read()
    except ValueError as error:  # it says what is wrong
        return {**described, "problem": str(error)}
    values = [] if labels is None else np.unique(labels[labels > 0]).tolist()
    return {
        **described,
        "shape": list(volume.shape),
        "spacing_mm": [round(mm, 4) for mm in volume.spacing_mm],
        "hu": [float(volume.hu.min()), float(volume.hu.max())],
        "labels": [names.get(value, f"label {value}") for value in values],
        "tilt_degrees": _tilt_degrees(volume),
    }


def _format(image: dicom.Series | Path) -> str:
    if not isinstance(image, Path):
        return "DICOM"
    return "NRRD or MetaImage" if itk.is_itk(image) else "NIfTI"


def _tilt_degrees(volume: Volume) -> float:
    upright = min(1.0, abs(volume.direction[2, 0]))  # slice normal along the body axis
    return round(float(np.degrees(np.arccos(upright))), 2)


def _warnings(volumes: list[dict]) -> Iterator[str]:
    readable = [volume for volume in volumes if "problem" not in volume]
    for volume in readable:
        low, high = volume["hu"]
        if low > -500:
            yield (
                f"{volume['patient']}: no air (lowest value {low:.0f} HU): was the "
                "rescale intercept left out, or the volume cropped?"
            )
        if high <= 1:
            yield f"{volume['patient']}: values up to {high:g} are no Hounsfield units"
        if volume["tilt_degrees"] > 1:
            tilt = volume["tilt_degrees"]
            yield f"{volume['patient']}: slices tilted by {tilt} degrees"
    thick = sorted({round(volume["spacing_mm"][0], 1) for volume in readable})
    if thick and thick[-1] > 2 * thick[0]:
        yield f"slice distances from {thick[0]} to {thick[-1]} mm in one folder"
    names = [volume["patient"] for volume in readable]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield f"several CT of one patient: {', '.join(twice[:5])}"
