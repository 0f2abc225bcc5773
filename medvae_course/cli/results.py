"""What the demo found out, and the same as plain types for scripts."""

import platform
from dataclasses import asdict, dataclass
from importlib import metadata

import keras
import numpy as np

from medvae_course.ct.datasets import Dataset
from medvae_course.evaluate.bootstrap import Interval
from medvae_course.models.vae import VAE

from .clusters import Segmentation
from .measure import Comparison

PACKAGES = ("medvae-course", "keras", "numpy", "scikit-learn", "pydicom")


@dataclass(frozen=True)
class Results:
    """All that the demo found out.

    Args:
        settings: what the user chose, a `demo.Settings`.
        epochs: passes over the training images.
        found: what `inspect_folder` told.
        dataset: the images, split by patient.
        vae: the trained model.
        curves: name → one value an epoch, nats per image.
        comparison: VAE and baselines on the unseen patients.
        segmentation: clusters of pixels of the unseen patients.
    """

    settings: object
    epochs: int
    found: dict
    dataset: Dataset
    vae: VAE
    curves: dict[str, list[float]]
    comparison: Comparison
    segmentation: Segmentation

    def to_summary(self) -> dict:
        """Return the numbers as plain types."""
        return {
            "data": self.dataset.name,
            "image_size": self.settings.image_size,
            "code_size": self.settings.code_size,
            "epochs": self.epochs,
            "seed": self.settings.seed,
            "patients": self.counts(),
            "comparison": [_plain(row) for row in self.comparison.rows],
            "gain_db": _plain(self.comparison.gain_db),
            "verdict": self.comparison.verdict,
            "segmentation": self.segmentation.verdict,
            "dice": [_plain(row) for row in self.segmentation.dice],
            "warnings": self.found["warnings"],
            "versions": versions(),
        }

    def counts(self) -> dict[str, int]:
        """Return how many patients each part has."""
        parts = ("train", "validation", "test")
        return {
            name: len(np.unique(getattr(self.dataset, name).patients)) for name in parts
        }

    def names(self, part: str) -> list[str]:
        """Return the patients of a part."""
        return np.unique(getattr(self.dataset, part).patients).tolist()

    def window(self) -> dict:
        """Return what the figures need to know of window and pixels."""
        return {
            "level_hu": self.dataset.level_hu,
            "width_hu": self.dataset.width_hu,
            "pixel_mm": self.dataset.pixel_mm,
        }

    def window_words(self) -> str:
        """Return the window as a sentence for captions."""
        level, width = self.dataset.level_hu, self.dataset.width_hu
        return f"Window: level {level:.0f} HU, width {width:.0f} HU."

    def test_rows(self, n: int) -> np.ndarray:
        """Return a slice each of `n` test patients, at rising heights."""
        test = self.dataset.test
        patients = np.resize(np.unique(test.patients), n)
        heights = np.linspace(0.15, 0.85, n)
        return np.array(
            [
                np.argmin(
                    np.abs(test.position - height) + 9 * (test.patients != patient)
                )
                for patient, height in zip(patients, heights, strict=True)
            ]
        )


def versions() -> dict[str, str]:
    """Return the versions that the numbers depend on."""
    found = {name: metadata.version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        **found,
        "backend": keras.backend.backend(),
    }


def _plain(value: object) -> object:
    if isinstance(value, Interval):
        return {k: v if np.isfinite(v) else None for k, v in asdict(value).items()}
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value
