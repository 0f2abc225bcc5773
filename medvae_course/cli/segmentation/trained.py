"""What a trained segmenter is worth, measured on test patients."""

from dataclasses import dataclass

import keras
import numpy as np

from medvae_course.cli import clusters
from medvae_course.cli.results import versions
from medvae_course.ct import views
from medvae_course.ct.datasets import Dataset
from medvae_course.ct.field_of_view import BODY_HU
from medvae_course.evaluate.bootstrap import Interval
from medvae_course.evaluate.segmentation_calibration import (
    fit_temperature,
    probabilities_of,
)
from medvae_course.models.segmenter_training import Course

from .model_folder import Card
from .rules import median_body_hu
from .spacings import training_spacings

KMEANS, SEGMENTER = "k-means on HU", "segmenter"
_BATCH = 32
_PIXELS = 200_000  # enough to fit one number


@dataclass(frozen=True, eq=False)
class Trained:
    """A segmenter and how good it is.

    Args:
        model: from images, model units, to logits.
        card: of the model.
        dataset: what it was trained and tested on.
        course: losses and validation Dice on the way.
        scores: one dict a label with `label`, and for both methods the interval of
            Dice over the test patients who have it.
        stated: mean probability of error that the model states, over the pixels of
            the test patients' bodies.
        wrong: share of these pixels that are wrong.
        maps: method → labels of the test images.
    """

    model: keras.Model
    card: Card
    dataset: Dataset
    course: Course
    scores: list[dict]
    stated: float
    wrong: float
    maps: dict[str, np.ndarray]

    @property
    def verdict(self) -> str:
        """Say in words who won, and how honest the stated uncertainty is."""
        network, baseline = (
            float(np.mean([row[method].estimate for row in self.scores]))
            for method in (SEGMENTER, KMEANS)
        )
        who = "wins against" if network > baseline else "loses to"
        if round(network, 2) == round(baseline, 2):
            who = "does no better than"
        lost = [
            row["label"]
            for row in self.scores
            if row[KMEANS].estimate > row[SEGMENTER].estimate
        ]
        loses = (
            f" It loses on {', '.join(lost)}." if network > baseline and lost else ""
        )
        return (
            f"Mean Dice over {len(self.scores)} labels of unseen patients: "
            f"{network:.2f} by the segmenter, {baseline:.2f} by k-means on HU. The "
            f"segmenter {who} k-means.{loses} It gets {self.wrong:.1%} of the body's "
            f"pixels wrong, and states {self.stated:.1%}."
        )


def classes_of(dataset: Dataset) -> dict[int, str]:
    """Label value → name, background first, for every value in the training data."""
    values = np.unique(dataset.train.labels).tolist()
    found = {v: dataset.label_names.get(v, f"label {v}") for v in values if v}
    return {0: "background", **found}


def measure_segmenter(
    model: keras.Model,
    course: Course,
    dataset: Dataset,
    names: dict[int, str],
    *,
    data: str,
    whole: Dataset,
    seed: int,
) -> Trained:
    """Measure a segmenter and its baseline on test patients, and write its card.

    Args:
        model: from images, model units, to logits.
        course: what was seen while it was trained.
        dataset: with labels.
        names: label value of each class → name, background first.
        data: name or folder from which `dataset` was loaded.
        whole: `dataset` with whole slices, on which Dice is counted: what a crop cuts
            away of a label is missed.
        seed: of the baseline.

    Returns:
        The segmenter and how good it is.
    """
    test, validation = dataset.test, dataset.validation
    some = np.random.default_rng(seed).random(validation.labels.shape)
    temperature = fit_temperature(
        logits_of(model, validation.images),
        as_classes(validation.labels, names),
        mask=some < _PIXELS / some.size,
    )
    doubts, found = [], []
    for start in range(0, len(test.images), _BATCH):
        batch = logits_of(model, test.images[start : start + _BATCH])
        probabilities = probabilities_of(batch, temperature=temperature)
        doubts.append(1 - probabilities.max(-1))
        found.append(np.array(list(names), np.uint8)[probabilities.argmax(-1)])
    maps = {KMEANS: _baseline(dataset, seed), SEGMENTER: np.concatenate(found)}
    said = {m: _on_whole_slices(found, whole) for m, found in maps.items()}
    scores = [
        {"label": name}
        | {m: clusters.dice_by_patient(said[m] == v, whole.test, v) for m in said}
        for v, name in names.items()
        if v and (whole.test.labels == v).any()
    ]
    body = dataset.to_hu(test.images) > BODY_HU
    return Trained(
        model,
        _card(dataset, names, data, whole, temperature, scores),
        dataset,
        course,
        scores,
        stated=float(np.concatenate(doubts)[body].mean()),
        wrong=float((maps[SEGMENTER] != test.labels)[body].mean()),
        maps=maps,
    )


def logits_of(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the logits of images in batches."""
    return model.predict(images, batch_size=_BATCH, verbose=0)


def interval_words(interval: Interval) -> str:
    """Return an interval of Dice in words."""
    if not np.isfinite(interval.low):
        return f"{interval.estimate:.2f} (one patient)"
    return f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _on_whole_slices(found: np.ndarray, whole: Dataset) -> np.ndarray:
    """Put labels of squares around the body back into the slices, 0 elsewhere."""
    test, side = whole.test, found.shape[1]
    corners = views.body_corners(whole.to_hu(test.images), test.patients, side)
    back = np.zeros(test.labels.shape, np.uint8)
    for one, part, (y, x) in zip(back, found, corners, strict=True):
        one[y : y + side, x : x + side] = part
    return back


def _card(dataset, names, data, whole, temperature, scores) -> Card:
    images = dataset.train.images
    seen, image_size = images.shape[1], whole.train.images.shape[1]
    pixel_mm, slice_mm = training_spacings(data, dataset, image_size)
    medians = [
        median_body_hu(dataset.to_hu(images[dataset.train.patients == patient]))
        for patient in np.unique(dataset.train.patients)
    ]
    return Card(
        labels=names,
        image_size=image_size,
        crop=None if seen == image_size else seen,
        side_mm=dataset.pixel_mm * image_size,
        level_hu=dataset.level_hu,
        width_hu=dataset.width_hu,
        pixel_mm=pixel_mm,
        slice_mm=slice_mm,
        body_hu=(min(medians), max(medians)),
        temperature=temperature,
        data=dataset.name,
        patients=len(medians),
        dice={row["label"]: _plain(row[SEGMENTER]) for row in scores},
        versions=versions(),
    )


def _baseline(dataset: Dataset, seed: int) -> np.ndarray:
    """Labels of the test images by k-means on HU, clusters named in training."""
    train = dataset.train
    rows = np.random.default_rng(seed).permutation(len(train.images))
    rows = rows[: clusters.SLICES_TO_FIT]
    found, names = clusters.cluster_pixels(
        lambda images: images,
        train.images[rows],
        train.labels[rows],
        dataset.test.images,
        seed=seed,
    )
    return names[found]


def as_classes(labels: np.ndarray, names: dict[int, str]) -> np.ndarray:
    """Class of each label value; values that were not trained on are background."""
    index = np.zeros(256, np.uint8)
    index[list(names)] = np.arange(len(names))
    return index[labels]


def _plain(interval: Interval) -> list[float | None]:
    ends = (interval.estimate, interval.low, interval.high)
    return [round(end, 4) if np.isfinite(end) else None for end in ends]
