"""Virtual patients as files, with a bar that shows how far they are."""

from pathlib import Path

from tqdm import tqdm

from medvae_course.ct import labels, phantom
from medvae_course.ct.phantom import files


def write_phantoms(
    out: Path, *, patients: int, preset: str, rtstruct: bool = False
) -> list[Path]:
    """Write the first patients of a preset, each into a folder of its own.

    Args:
        out: new or empty folder; gets one folder for each patient and `labels.json`.
        patients: how many.
        preset: one of `phantom.PRESETS`.
        rtstruct: write contours beside the DICOM SEG.

    Returns:
        The folders, and the table of names.

    Raises:
        ValueError: if the preset is unknown or `out` is in use.
        OSError: if a file cannot be written.
    """
    if preset not in phantom.PRESETS:
        raise ValueError(
            f"the preset must be one of {', '.join(phantom.PRESETS)}, got {preset!r}"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} must be new or empty, it is not: choose another one")
    out.mkdir(parents=True, exist_ok=True)
    chosen = phantom.PRESETS[preset]
    folders = []
    for seed in tqdm(range(patients), unit="patient", desc=f"phantoms ({preset})"):
        patient = phantom.make_patient(
            seed, shape=chosen.shape, spacing_mm=chosen.spacing_mm
        )
        folders.append(out / patient.patient_id)
        files.write_patient(patient, folders[-1], rtstruct=rtstruct)
    labels.write_names(out / "labels.json", files.NAMES)
    return [*folders, out / "labels.json"]
