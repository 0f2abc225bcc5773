"""Named data sets as arrays ready for `fit`, split by patient and cached on disk."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import cache, collections, hounsfield, phantom
from .field_of_view import shows_body, square
from .patients import Source, find_patients, read_label_names
from .volume import Volume

FRACTIONS = (0.7, 0.1, 0.2)
LEVEL_HU, WIDTH_HU = hounsfield.WINDOWS["model"]
_PHANTOM_SIDE_MM = 409.6
_PHANTOMS = {"phantom": "course", "phantom-tiny": "tiny", "phantom-full": "full"}
_PARTS = ("images", "labels", "patients", "position")


class DatasetError(ValueError):
    """A data set that cannot be made; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Split:
    """Slices of some patients.

    Args:
        images: float32 (n, height, width, 1), model units, 0 to 1.
        labels: uint8 (n, height, width), or None where the data have none.
        patients: str (n,), whose slice it is.
        position: float32 (n,), 0 for a patient's lowest slice, 1 for the highest.
    """

    images: np.ndarray
    labels: np.ndarray | None
    patients: np.ndarray
    position: np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of many patients, split so that no patient is in two parts.

    Args:
        name: of the data set; never a path.
        train: to fit models and baselines.
        validation: to choose between models.
        test: to report, once.
        label_names: label value → name; empty where the data have no labels.
        pixel_mm: side of a pixel, mm.
        level_hu: centre of the window that model units stand for, HU.
        width_hu: width of that window, HU.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    label_names: dict[int, str]
    pixel_mm: float
    level_hu: float = LEVEL_HU
    width_hu: float = WIDTH_HU

    def to_hu(self, images: np.ndarray) -> np.ndarray:
        """Map model units back to HU: (n, height, width, 1) to (n, height, width)."""
        return hounsfield.from_model_units(
            images[..., 0], level_hu=self.level_hu, width_hu=self.width_hu
        )


def split_by_patient(
    patients: Sequence[str],
    *,
    fractions: tuple[float, float, float] = FRACTIONS,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Deal patients, not slices, into train, validation and test.

    Args:
        patients: a patient per slice or per volume; repeats do not matter.
        fractions: shares of train, validation and test; positive, of sum 1.
        seed: of the shuffling.

    Returns:
        `"train"`, `"validation"`, `"test"` → sorted patients; each has at least one.

    Raises:
        DatasetError: if there are fewer than three patients, or the fractions are none.

    Example:
        >>> parts = split_by_patient(["a", "b", "c", "d", "a"])
        >>> {name: len(part) for name, part in parts.items()}
        {'train': 2, 'validation': 1, 'test': 1}

    Taught in: chapter 1.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DatasetError(
            f"`fractions` must be three positive numbers of sum 1, got {fractions}"
        )
    names = np.unique(np.asarray(patients, dtype=str))
    if len(names) < 3:
        raise DatasetError(
            "a split by patient needs at least three patients, one each for train, "
            f"validation and test; got {len(names)}: add patients. Slices of one "
            "patient on both sides would only measure how well it is remembered"
        )
    shuffled = np.random.default_rng(seed).permutation(names)
    n_test = min(max(1, round(len(names) * fractions[2])), len(names) - 2)
    n_held = n_test + max(1, round(len(names) * fractions[1]))
    n_train = max(1, len(names) - n_held)
    parts = np.split(shuffled, [n_train, len(names) - n_test])
    return {
        name: np.sort(part)
        for name, part in zip(("train", "validation", "test"), parts, strict=True)
    }


def load(
    name: str | Path | None = None,
    *,
    image_size: int = 64,
    patients: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set by name, or from a folder of CT.

    The first call prepares the arrays and keeps them on disk (`ct.cache`); the next
    ones read them. All patients get one field of view, the median of theirs, and so one
    pixel size; slices that show next to no body are left out.

    Args:
        name: `"phantom"`, `"phantom-tiny"` or `"phantom-full"` (`phantom.PRESETS`), a
            collection that was downloaded (`ct.collections`), such as `"openkbp"`, or a
            folder as `ct.patients` describes it; None takes the environment variable
            `MEDVAE_DATA`, and `"phantom"` where that is not set.
        image_size: pixels per side.
        patients: at most so many patients; None means the preset's, or the
            whole folder.
        seed: of the phantoms' split and of a folder's split.

    Returns:
        The data set.

    Raises:
        DatasetError, PatientError: if the folder gives no such data set.
        CollectionError: if the collection was not downloaded; the message says how to.
        DicomError, NiftiError: if a CT cannot be read.
        OSError: if the cache cannot be written.

    Taught in: chapter 1.
    """
    if image_size < 8:
        raise DatasetError(f"`image_size` must be at least 8 pixels, got {image_size}")
    name = str(name or os.environ.get("MEDVAE_DATA") or "phantom")
    if name in _PHANTOMS:
        preset = phantom.PRESETS[_PHANTOMS[name]]
        wanted = preset.patients if patients is None else patients
        split_by_patient([str(seed) for seed in range(wanted)])  # or says why not
        key, label_names = f"{name} {wanted}", dict(phantom.LABELS)
        volumes = _make_phantoms(preset, wanted, image_size)
        side_mm = _PHANTOM_SIDE_MM
    else:
        if name in collections.SCRIPTS:
            name = str(collections.find_collection(name))
        sources = _first(find_patients(name), patients)
        split_by_patient([source.patient_id for source in sources])  # or says why not
        key, label_names = _fingerprint(Path(name), patients), read_label_names(name)
        volumes = ((source.patient_id, *source.read()) for source in sources)
        side_mm = float(np.median([source.side_mm() for source in sources]))
    key = f"{key} {image_size} {cache.code_version()}"
    arrays = cache.cached(key, lambda: _slices(volumes, side_mm, image_size))
    parts = split_by_patient(arrays["patients"], seed=seed)
    return Dataset(
        Path(name).resolve().name,
        **{part: _select(arrays, chosen) for part, chosen in parts.items()},
        label_names=label_names,
        pixel_mm=side_mm / image_size,
    )


def _make_phantoms(
    preset: phantom.Preset, n: int, image_size: int
) -> Iterator[tuple[str, Volume, np.ndarray]]:
    pixels = max(preset.shape[1], image_size)  # never coarser than what is asked for
    mm = _PHANTOM_SIDE_MM / pixels
    shape, spacing_mm = (
        (preset.shape[0], pixels, pixels),
        (preset.spacing_mm[0], mm, mm),
    )
    for patient in phantom.make_patients(n, shape=shape, spacing_mm=spacing_mm):
        yield patient.patient_id, patient.volume, patient.labels


def _first(sources: list[Source], n_patients: int | None) -> list[Source]:
    chosen = sorted({source.patient_id for source in sources})[:n_patients]
    return [source for source in sources if source.patient_id in chosen]


def _slices(
    volumes: Iterable[tuple[str, Volume, np.ndarray | None]],
    side_mm: float,
    image_size: int,
) -> dict[str, np.ndarray]:
    """Turn volumes into arrays with one entry per slice that shows a body."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in _PARTS}
    for patient, volume, labels in volumes:
        hu = square(volume, side_mm, image_size)
        kept = shows_body(hu)
        if labels is None:
            labels = np.zeros((0, image_size, image_size), np.uint8)
        else:
            grid = replace(volume, hu=labels.astype(np.float32))
            labels = square(grid, side_mm, image_size, order=0)[kept].astype(np.uint8)
        parts["images"].append(hounsfield.to_model_units(hu[kept])[..., None])
        parts["labels"].append(labels)
        parts["patients"].append(np.full(kept.sum(), patient))
        parts["position"].append(np.linspace(0, 1, len(kept), dtype=np.float32)[kept])
    arrays = {name: np.concatenate(part) for name, part in parts.items()}
    if len(arrays["labels"]) not in (0, len(arrays["images"])):
        raise DatasetError(
            "labels are needed for all patients or for none: add what is missing, or "
            "move the label files away"
        )
    return arrays


def _select(arrays: dict[str, np.ndarray], chosen: np.ndarray) -> Split:
    rows = np.isin(arrays["patients"], chosen)
    labels = arrays["labels"][rows] if len(arrays["labels"]) else None
    others = {name: arrays[name][rows] for name in _PARTS if name != "labels"}
    return Split(labels=labels, **others)


def _fingerprint(folder: Path, n_patients: int | None) -> str:
    """Return what changes when a file of the folder does."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    seen = [
        (str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns)
        for p in files
    ]
    return f"{folder.resolve()} {n_patients} {seen}"
