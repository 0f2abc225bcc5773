"""What the demo measures: a VAE against baselines, and clusters against labels."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from medvae_course.ct.datasets import Dataset, Split
from medvae_course.evaluate import baselines, bootstrap, clusters, metrics
from medvae_course.models import latent_segmentation, training, vae

BATCH = 32
SIGMA = 0.05  # model units; 70 HU at the default window of 1400 HU
N_CLUSTERS = 16
SLICES_TO_FIT = 200  # of the training patients: enough for a few clusters
PIXELS_TO_FIT = 200_000


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


@dataclass(frozen=True)
class Segmentation:
    """Clusters of the unseen patients' pixels from HU alone and from latents.

    Args:
        clusters: `HU` and `latents` → cluster of each pixel, uint8 (n, h, w).
        maps: the same as labels; empty where the data have none.
        dice: one dict a label with `label`, and the intervals `HU` and `latents`;
            empty where the data have no labels.
    """

    clusters: dict[str, np.ndarray] = field(repr=False)
    maps: dict[str, np.ndarray] = field(repr=False)
    dice: list[dict]

    def to_text(self) -> str:
        """Return Dice per label for the terminal."""
        if not self.dice:
            return "     no labels in this data set: pictures only, nothing measured"
        return "\n".join(
            f"     {row['label']:<16} Dice {row['HU'].estimate:.2f} from HU alone, "
            f"{row['latents'].estimate:.2f} from latents"
            for row in self.dice
        )


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


def segment(dataset: Dataset, model: vae.VAE, *, seed: int) -> Segmentation:
    """Cluster the pixels by HU alone, then by the encoder's features, and compare.

    Clusters are found on training patients and, where the data have labels, named by
    the labels of training patients; the unseen patients are then segmented and judged.
    """
    rows = np.random.default_rng(seed).permutation(len(dataset.train.images))
    rows = rows[:SLICES_TO_FIT]
    images, test = dataset.train.images[rows], dataset.test
    labels = None if dataset.train.labels is None else dataset.train.labels[rows]
    raw = latent_segmentation.pixel_features(model.encoder, images)
    statistics = latent_segmentation.feature_statistics(raw)

    def latents(images: np.ndarray) -> np.ndarray:
        return latent_segmentation.pixel_features(
            model.encoder, images, statistics=statistics
        )

    found, names = {}, {}
    for source, describe in (("HU", lambda images: images), ("latents", latents)):
        found[source], names[source] = _cluster(
            describe, images, labels, test.images, seed
        )
    if test.labels is None:
        return Segmentation(found, {}, [])
    maps = {source: names[source][pixels] for source, pixels in found.items()}
    scores = [
        {
            "label": name,
            **{
                source: _dice_by_patient(labelled == value, test, value)
                for source, labelled in maps.items()
            },
        }
        for value, name in dataset.label_names.items()
        if value and (test.labels == value).any()
    ]
    return Segmentation(found, maps, scores)


def by_patient(values: np.ndarray, patients: np.ndarray) -> bootstrap.Interval:
    """Return mean and 95 % interval, resampling patients; none of one patient (NaN)."""
    if len(np.unique(patients)) < 2:
        return bootstrap.Interval(float(np.mean(values)), np.nan, np.nan, 0.95, 1)
    return bootstrap.interval(np.asarray(values), np.asarray(patients))


def _cluster(
    describe: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    labels: np.ndarray | None,
    test: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the cluster of each unseen pixel, and the label of each cluster."""
    features = describe(images)
    pixels = features.reshape(-1, features.shape[-1])
    some = np.random.default_rng(seed).permutation(len(pixels))[:PIXELS_TO_FIT]
    centres = clusters.fit_clusters(pixels[some], N_CLUSTERS, seed=seed)
    names = None
    if labels is not None:
        known = clusters.predict(features, centres)
        names = clusters.match_clusters(known, labels, n_clusters=N_CLUSTERS)
    # the features of all test slices at once would take gigabytes
    batches = [test[i : i + BATCH] for i in range(0, len(test), BATCH)]
    found = [clusters.predict(describe(batch), centres) for batch in batches]
    return np.concatenate(found).astype(np.uint8), names


def _dice_by_patient(found: np.ndarray, split: Split, label: int) -> bootstrap.Interval:
    """Return Dice of whole patients, over those who have the label."""
    patients, scores = [], []
    for patient in np.unique(split.patients):
        rows = split.patients == patient
        truth = split.labels[rows] == label
        if truth.any():
            patients.append(patient)
            scores.append(metrics.dice(truth, found[rows]))
    return by_patient(np.array(scores), np.array(patients))
