"""What the demo measures of reconstruction: a VAE against honest baselines."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from medvae_course.ct.datasets import Dataset
from medvae_course.evaluate import baselines, bootstrap, metrics
from medvae_course.models import training, vae

BATCH = 32
SIGMA = 0.05  # model units; 70 HU at the default window of 1400 HU


@dataclass(frozen=True)
class Comparison:
    """Reconstructions of the unseen patients, and how good they are.

    Args:
        rows: one dict a method with `method`, `code_size`, and the intervals
            `psnr_db`, `mae_hu`, `ssim`, each over the test patients.
        gain_db: interval of the VAE's PSNR minus PCA's, paired by image.
        images: method → reconstructions, float32 (n, height, width, 1).
    """

    rows: list[dict]
    gain_db: bootstrap.Interval
    images: dict[str, np.ndarray] = field(repr=False)

    @property
    def verdict(self) -> str:
        """Say in words who won."""
        gain = self.gain_db
        if gain.n_patients == 1:
            return (
                f"VAE minus PCA at equal code size: {gain.estimate:+.1f} dB, on one "
                "unseen patient: too few to say who wins."
            )
        span = f"{gain.estimate:+.1f} dB [{gain.low:+.1f}, {gain.high:+.1f}]"
        if gain.low > 0:
            return f"The VAE beats PCA at equal code size: {span}."
        if gain.high < 0:
            return f"The VAE loses to PCA at equal code size: {span}."
        return f"VAE and PCA cannot be told apart at equal code size: {span}."

    def to_text(self) -> str:
        """Return the table and the verdict for the terminal."""
        lines = [
            f"     {row['method']:<12}{row['code_size']:>5} numbers   "
            f"PSNR {row['psnr_db'].estimate:5.1f} dB   "
            f"MAE {row['mae_hu'].estimate:4.0f} HU   "
            f"SSIM {row['ssim'].estimate:.3f}"
            for row in self.rows
        ]
        return "\n".join([*lines, f"     {self.verdict}"])


def epochs_for(n_images: int, image_size: int, images_seen: int) -> int:
    """Return how many epochs cost as much as `images_seen` images of 64 x 64."""
    return max(3, round(images_seen * (64 / image_size) ** 2 / max(n_images, 1)))


def train(
    dataset: Dataset,
    checkpoint: Path,
    *,
    code_size: int,
    epochs: int,
    seed: int,
) -> tuple[vae.VAE, dict[str, list[float]]]:
    """Train a convolutional VAE, keeping each finished epoch in `checkpoint`.

    Returns:
        The model, and its curves: name → one value an epoch, nats per image.
    """
    training.set_seed(seed)
    model = vae.convolutional_vae(
        dataset.train.images.shape[1:], code_size, sigma=SIGMA, seed=seed
    )
    model.compile(optimizer=keras.optimizers.Adam(2e-3))
    checkpoint.mkdir(parents=True, exist_ok=True)
    log = checkpoint / "curves.csv"
    model.fit(
        dataset.train.images,
        validation_data=(dataset.validation.images,),
        batch_size=BATCH,
        epochs=epochs,
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[
            keras.callbacks.BackupAndRestore(checkpoint, delete_checkpoint=False),
            keras.callbacks.CSVLogger(log, append=True),
        ],
    )
    table = np.genfromtxt(log, delimiter=",", names=True, ndmin=1)
    return model, {name: table[name].tolist() for name in table.dtype.names}


def compare(dataset: Dataset, model: vae.VAE, code_size: int) -> Comparison:
    """Reconstruct the unseen patients by mean image, PCA and VAE, and measure."""
    test = dataset.test
    images = {}
    for name, baseline in {
        "mean image": baselines.MeanImage(),
        "PCA": baselines.PCA(code_size),
    }.items():
        images[name] = baseline.fit(dataset.train.images).reconstruct(test.images)
    images["VAE"] = model.predict(test.images, verbose=0)["x_hat"]
    psnr = {
        name: metrics.psnr_per_image(test.images, x, data_range=1.0)
        for name, x in images.items()
    }
    original_hu = dataset.to_hu(test.images)
    rows = [
        {
            "method": name,
            "code_size": 0 if name == "mean image" else code_size,
            "psnr_db": by_patient(psnr[name], test.patients),
            "mae_hu": by_patient(
                np.abs(dataset.to_hu(x) - original_hu).mean(axis=(1, 2)), test.patients
            ),
            "ssim": by_patient(
                metrics.ssim_per_image(test.images, x, data_range=1.0), test.patients
            ),
        }
        for name, x in images.items()
    ]
    return Comparison(
        rows, by_patient(psnr["VAE"] - psnr["PCA"], test.patients), images
    )


def by_patient(values: np.ndarray, patients: np.ndarray) -> bootstrap.Interval:
    """Return mean and 95 % interval, resampling patients; none of one patient (NaN)."""
    if len(np.unique(patients)) < 2:
        return bootstrap.Interval(float(np.mean(values)), np.nan, np.nan, 0.95, 1)
    return bootstrap.interval(np.asarray(values), np.asarray(patients))
