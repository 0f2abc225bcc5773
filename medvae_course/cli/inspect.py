"""What is in a folder of medical images: for people and for scripts."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from medvae_course.ct import dicom, itk, nifti, patients
from medvae_course.ct.audit import RULES
from medvae_course.ct.audit.facts import Scan
from medvae_course.ct.audit.files import check_several
from medvae_course.ct.audit.geometry import check_scans
from medvae_course.ct.audit.scans import measure
from medvae_course.ct.audit.values import check_hu

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
        scans: list[Scan] = []
        volumes = [_describe(folder, source, names, scans) for source in sources]
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
            *_warnings(scans),
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


def _describe(
    folder: Path, source: patients.Source, names: dict[int, str], scans: list[Scan]
) -> dict:
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
    # the audit's rules look at the scan; the patient's name says which one it is
    empty = Scan(where=source.patient_id, patient_id=source.patient_id)
    scan = measure(empty, volume)
    scans.append(scan)
    values = [] if labels is None else np.unique(labels[labels > 0]).tolist()
    return {
        **described,
        "shape": list(volume.shape),
        "spacing_mm": [round(mm, 4) for mm in volume.spacing_mm],
        "hu": [scan.low_hu, scan.high_hu],
        "labels": [names.get(value, f"label {value}") for value in values],
        "tilt_degrees": scan.tilt_degrees,
    }


def _format(image: dicom.Series | Path) -> str:
    if not isinstance(image, Path):
        return "DICOM"
    return "NRRD or MetaImage" if itk.is_itk(image) else "NIfTI"


def _warnings(scans: Sequence[Scan]) -> Iterator[str]:
    """What `data audit` would say of values and grids alone."""
    for scan in scans:
        for finding in check_hu(scan):
            yield f"{scan.where}: {RULES[finding.rule].title}: {finding.value}"
    for finding in (*check_scans(scans), *check_several(scans)):
        yield ": ".join((*finding.where[:SHOWN], finding.value))
