"""The main job: inspect, split by patient, train, compare, segment, report."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from medvae_course.ct import datasets, dicom, nifti, phantom

from . import measure
from .clusters import segment
from .inspect import inspect_folder, to_text
from .pages import to_report
from .report import write_text
from .results import Results

IMAGES_SEEN = 60_000  # of 64 x 64 pixels: a minute or two of training on two cores
PHANTOM_PATIENTS = 24
UNFINISHED = "unfinished.json"


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    Args:
        data: folder of DICOM series or NIfTI volumes; None makes phantoms.
        out: folder of the result; must be new, empty, or hold the same job unfinished.
        image_size: pixels per side of the square images.
        code_size: numbers per image, for the VAE and for PCA alike.
        epochs: passes over the training images; None means `IMAGES_SEEN` images.
        seed: of the split, the weights, the sampling and the phantoms.
    """

    data: Path | None
    out: Path
    image_size: int = 64
    code_size: int = 32
    epochs: int | None = None
    seed: int = 0

    def to_json(self) -> str:
        """Return the settings that decide the result, as text."""
        chosen = asdict(self) | {
            "data": self.data and str(self.data.resolve()),
            "out": None,
        }
        return json.dumps(chosen, sort_keys=True)


def make_report(settings: Settings, *, say: Callable[[str], object]) -> Path:
    """Do the main job and write `report.html`, `model.keras` and `summary.json`.

    Args:
        settings: what the user chose.
        say: receives each line of progress.

    Returns:
        Path of the report.

    Raises:
        ValueError: if `out` is in use, or the data cannot be read or split.
        OSError: if a file cannot be written.
    """
    check_output(settings)
    if settings.data is not None:
        # Everything that can be wrong with the data is found before a file is written.
        found, dataset = read(settings.data, settings, say)
    begin_output(settings)
    if settings.data is None:
        folder = write_phantoms(settings, say)
        found, dataset = read(folder, settings, say)
    epochs = settings.epochs or measure.epochs_for(
        len(dataset.train.images), settings.image_size, IMAGES_SEEN
    )
    say(f"3/6  Training a variational autoencoder for {epochs} epochs")
    try:
        vae, curves = measure.train(
            dataset,
            settings.out / "checkpoint",
            code_size=settings.code_size,
            epochs=epochs,
            seed=settings.seed,
        )
    except KeyboardInterrupt:
        say(
            "\nInterrupted; the finished epochs are kept. Give the same command again "
            f"to go on, or delete {settings.out} to start anew."
        )
        raise
    say("4/6  Comparing with the mean image and PCA on unseen patients")
    comparison = measure.compare(dataset, vae, settings.code_size)
    say(comparison.to_text())
    say("5/6  Segmenting by clustering pixels")
    segmentation = segment(dataset, vae, seed=settings.seed)
    say(segmentation.to_text())
    say("6/6  Writing the report")
    results = Results(
        settings, epochs, found, dataset, vae, curves, comparison, segmentation
    )
    vae.save(settings.out / "model.keras")
    summary = json.dumps(results.to_summary(), indent=2)
    write_text(settings.out / "summary.json", summary + "\n")
    to_report(results).write(settings.out / "report.html")
    end_output(settings)
    say(f"Done: {settings.out / 'report.html'}")
    return settings.out / "report.html"


def read(folder: Path, settings: Settings, say: Callable[[str], object]) -> tuple:
    """Inspect a folder and load it as images split by patient."""
    say(f"1/6  Inspecting {folder}")
    found = inspect_folder(folder)
    say(to_text(found))
    say("2/6  Splitting by patient")
    dataset = datasets.load(folder, image_size=settings.image_size, seed=settings.seed)
    for name in ("train", "validation", "test"):
        split = getattr(dataset, name)
        patients = len(set(split.patients))
        say(f"     {name}: {patients} patients, {len(split.images)} slices")
    return found, dataset


def write_phantoms(settings: Settings, say: Callable[[str], object]) -> Path:
    """Write seeded phantoms as DICOM series with labels beside; keep finished ones."""
    folder = settings.out / "phantoms"
    folder.mkdir(exist_ok=True)
    say(f"0/6  Making {PHANTOM_PATIENTS} phantom patients and writing them as DICOM")
    for number in range(PHANTOM_PATIENTS):
        # far from the seeds of the course's own phantoms
        patient = phantom.make_patient(10_000 + 100 * settings.seed + number)
        target = folder / patient.patient_id
        if not (target / "labels.nii.gz").is_file():
            shutil.rmtree(target, ignore_errors=True)
            dicom.write_series(
                patient.volume,
                target,
                patient_id=patient.patient_id,
                series_description="medvae_course phantom, synthetic",
            )
            nifti.write_nifti(target / "labels.nii.gz", patient.labels, patient.volume)
    names = {str(value): name for value, name in phantom.LABELS.items()}
    write_text(folder / "labels.json", json.dumps(names))
    return folder


def check_output(settings: Settings) -> None:
    """Refuse a folder that holds anything but the same job, unfinished."""
    out = settings.out
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    marker = out / UNFINISHED
    if not marker.is_file():
        raise ValueError(
            f"the output folder must be new or empty, {out} is not: "
            "give another --out, or delete it"
        )
    if marker.read_text(encoding="utf-8") != settings.to_json():
        raise ValueError(
            f"{out} holds an unfinished job with other settings: give the same "
            "settings to resume it, another --out, or delete it"
        )


def begin_output(settings: Settings) -> None:
    """Make the output folder and mark it as unfinished."""
    settings.out.mkdir(parents=True, exist_ok=True)
    write_text(settings.out / UNFINISHED, settings.to_json())


def end_output(settings: Settings) -> None:
    """Take away what only an unfinished job needs."""
    shutil.rmtree(settings.out / "checkpoint", ignore_errors=True)
    os.unlink(settings.out / UNFINISHED)
