"""What the demo measures of segmentation: clusters of HU against those of latents."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from medvae_course.ct.datasets import Dataset, Split
from medvae_course.evaluate import bootstrap, clusters, metrics
from medvae_course.models import latent_segmentation, vae

from .measure import BATCH, by_patient

N_CLUSTERS = 16
SLICES_TO_FIT = 200  # of the training patients: enough for a few clusters
PIXELS_TO_FIT = 200_000


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

    @property
    def verdict(self) -> str:
        """Say in words which pixels were the better ones to cluster."""
        if not self.dice:
            return "No labels in this data set: pictures only, nothing measured."
        hu, latents = (
            float(np.mean([row[source].estimate for row in self.dice]))
            for source in ("HU", "latents")
        )
        who = "win against" if latents > hu else "lose to"
        if round(latents, 2) == round(hu, 2):
            who = "do no better than"
        return (
            f"Mean Dice over {len(self.dice)} labels: {latents:.2f} from latents, "
            f"{hu:.2f} from HU alone. The latents {who} HU."
        )

    def to_text(self) -> str:
        """Return Dice per label for the terminal."""
        lines = [
            f"     {row['label']:<16} Dice {row['HU'].estimate:.2f} from HU alone, "
            f"{row['latents'].estimate:.2f} from latents"
            for row in self.dice
        ]
        return "\n".join([*lines, f"     {self.verdict}"])


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
        found[source], names[source] = cluster_pixels(
            describe, images, labels, test.images, seed=seed
        )
    if test.labels is None:
        return Segmentation(found, {}, [])
    maps = {source: names[source][pixels] for source, pixels in found.items()}
    scores = [
        {
            "label": name,
            **{
                source: dice_by_patient(labelled == value, test, value)
                for source, labelled in maps.items()
            },
        }
        for value, name in dataset.label_names.items()
        if value and (test.labels == value).any()
    ]
    return Segmentation(found, maps, scores)


def cluster_pixels(
    describe: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    labels: np.ndarray | None,
    test: np.ndarray,
    *,
    seed: int,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Find clusters of pixels in training images, and those of unseen pixels.

    Args:
        describe: images (n, height, width, 1) to features (n, height, width, c).
        images: of training patients, model units.
        labels: of the same, (n, height, width); None where there are none.
        test: images of unseen patients.
        seed: of the pixels that are drawn and of the clusters.

    Returns:
        The cluster of each unseen pixel, uint8 (n, height, width), and the label of
        each cluster, or None.
    """
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


def dice_by_patient(found: np.ndarray, split: Split, label: int) -> bootstrap.Interval:
    """Return Dice of whole patients, over those who have the label."""
    patients, scores = [], []
    for patient in np.unique(split.patients):
        rows = split.patients == patient
        truth = split.labels[rows] == label
        if truth.any():
            patients.append(patient)
            scores.append(metrics.dice(truth, found[rows]))
    return by_patient(np.array(scores), np.array(patients))
