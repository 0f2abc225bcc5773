"""What is written for a scan, a folder all at once: labels, doubt, SEG, report."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np

from medvae_course.ct import labels as ct_labels

from .inputs import Input, Scan
from .model_folder import Card
from .slices import DOUBT_STEPS, Found, peak_gib

LABELS, DOUBT, OBJECT = "labels.nii.gz", "uncertainty.nii.gz", "segmentation.dcm"
SUMMARY, REPORT = "summary.json", "report.html"
CONTENTS = {
    LABELS: "labels, on the grid of the scan",
    DOUBT: "probability that the label is wrong, 0 to 1, on the same grid",
    OBJECT: "DICOM SEG, for viewers",
}
UNFINISHED = ".unfinished-"
ALGORITHM = "medvae-course segment"


@dataclass(frozen=True)
class Summary:
    """What is told of a scan in numbers.

    Args:
        name: of the scan.
        model: fingerprint of the model's file.
        accepted: what was unlike the training scans and accepted by `--resample`.
        shape: voxels along (z, y, x).
        spacing_mm: their distance along (z, y, x), mm.
        volume_ml: label → volume, ml; 0 for what was not found.
        doubt: label → mean probability that a voxel with this label is wrong; None for
            what was not found.
        skipped_slices: that show next to no body.
        unseen_share: of the body, outside the model's field of view.
        seconds: step → what it took.
        seconds_per_slice: all steps but the report, by slice.
        peak_gib: most memory of the process until now, GiB; None where unknown.
        notes: what a reader should know.
        files: what was written beside this summary and the report.
    """

    name: str
    model: str
    accepted: list[str]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    volume_ml: dict[str, float]
    doubt: dict[str, float | None]
    skipped_slices: int
    unseen_share: float
    seconds: dict[str, float]
    seconds_per_slice: float
    peak_gib: float | None
    notes: list[str]
    files: list[str]


def write_results(
    one: Input,
    scan: Scan,
    found: Found,
    card: Card,
    out: Path,
    *,
    model: str,
    page: Callable[[Summary, Scan, Found, Card], str],
) -> Summary:
    """Write the folder of one scan, so that it is there complete or not at all.

    Args:
        one: where the scan came from.
        scan: as read; its HU are not needed any more.
        found: its labels and doubt.
        card: of the model.
        out: folder in which that of the scan is made.
        model: fingerprint of the model's file.
        page: makes the report.

    Returns:
        The numbers, as written.
    """
    partial = out / f"{UNFINISHED}{one.name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        start = time.perf_counter()
        write_nifti(partial / LABELS, found.labels, scan)
        write_nifti(partial / DOUBT, found.doubt, scan, slope=1 / DOUBT_STEPS)
        notes = list(found.notes)
        if one.is_dicom:
            notes += _write_object(partial / OBJECT, one, scan, found, card)
        seconds = found.seconds | {"write": time.perf_counter() - start}
        summary = _summary(one, scan, replace(found, notes=notes), card)
        summary = replace(
            summary,
            model=model,
            files=[name for name in CONTENTS if (partial / name).exists()],
            seconds={step: round(took, 2) for step, took in seconds.items()},
            seconds_per_slice=round(sum(seconds.values()) / len(found.labels), 4),
            peak_gib=peak_gib() and round(peak_gib(), 2),
        )
        html = page(summary, scan, found, card)
        (partial / REPORT).write_text(html, encoding="utf-8")
        text = json.dumps(vars(summary), indent=2, ensure_ascii=False)
        (partial / SUMMARY).write_text(text + "\n", encoding="utf-8")
        partial.rename(out / one.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def write_nifti(
    path: Path, array: np.ndarray, scan: Scan, *, slope: float | None = None
) -> None:
    """Write an array (z, y, x) in the order, and with the place, of the scan's file."""
    image = nibabel.Nifti1Image(scan.to_file_order(array), scan.ras)
    image.header.set_xyzt_units("mm")
    qform, sform = scan.codes
    image.header.set_qform(scan.ras, qform)
    image.header.set_sform(scan.ras, sform)
    if slope is not None:
        image.header.set_slope_inter(slope, 0)
    nibabel.save(image, path)


def clear_unfinished(out: Path) -> None:
    """Remove what a run that was killed left behind."""
    for path in out.glob(f"{UNFINISHED}*"):
        shutil.rmtree(path)


def _write_object(path, one: Input, scan: Scan, found: Found, card: Card) -> list[str]:
    present = np.bincount(found.labels.ravel(), minlength=256) > 0
    names = {v: name for v, name in card.labels.items() if v and present[v]}
    if not names:
        return ["nothing was found, so there is no DICOM SEG"]
    structures = ct_labels.LabelMap(found.labels, names, scan.volume).to_structures()
    ct_labels.write_segmentation(
        structures,
        one.source,
        path,
        algorithm=ALGORITHM,
        description="Automatic segmentation, not for clinical use",
    )
    return []


def _summary(one: Input, scan: Scan, found: Found, card: Card) -> Summary:
    counts = np.bincount(found.labels.ravel(), minlength=256)
    doubts = np.zeros(256)
    for labels, doubt in zip(found.labels, found.doubt, strict=True):
        doubts += np.bincount(labels.ravel(), doubt.ravel(), minlength=256)
    voxel_ml = float(np.prod(scan.volume.spacing_mm)) / 1000
    names = {value: name for value, name in card.labels.items() if value}
    return Summary(
        name=one.name,
        model="",
        accepted=found.accepted,
        shape=found.labels.shape,
        spacing_mm=tuple(round(mm, 4) for mm in scan.volume.spacing_mm),
        volume_ml={n: round(float(counts[v]) * voxel_ml, 2) for v, n in names.items()},
        doubt={
            n: round(float(doubts[v] / counts[v] / DOUBT_STEPS), 3)
            if counts[v]
            else None
            for v, n in names.items()
        },
        skipped_slices=found.skipped,
        unseen_share=round(found.unseen, 4),
        seconds={},
        seconds_per_slice=0.0,
        peak_gib=None,
        notes=found.notes,
        files=[],
    )
