"""Training of a segmenter: drawn slices, changed at random, chosen on validation."""

from dataclasses import dataclass

import keras
import numpy as np

from .augmentation import Augmentation
from .segmentation_losses import UNKNOWN, DiceCrossEntropy

AHEAD = 8
"""Batches that are changed at random in one go."""


@dataclass(frozen=True)
class Course:
    """What was seen while a segmenter was trained.

    Attributes:
        steps: after so many steps it was looked at.
        loss: mean training loss since the look before.
        dice: mean Dice of the organs on the validation images at each look.
        best_step: the look whose weights the model has now.
    """

    steps: list[int]
    loss: list[float]
    dice: list[float]
    best_step: int


def train_segmenter(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    validation: tuple[np.ndarray, np.ndarray],
    steps: int = 800,
    check_every: int = 100,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
    loss: keras.losses.Loss | None = None,
    augmentation: Augmentation | None = None,
    seed: int = 0,
) -> Course:
    """Train a segmenter, and keep the weights that were best on other patients.

    Half of each batch is drawn from the slices that show an organ, half from all. The
    learning rate falls to 0 along a cosine (Adam). Every `check_every` steps the mean
    Dice of the organs is measured on the validation images, all together; at the end
    the model gets the weights of the best look.

    Args:
        model: a segmenter; it is compiled anew.
        images: (n, height, width, channels), model units.
        labels: (n, height, width), whole numbers, 0 is the background; pixels that
            are `segmentation_losses.UNKNOWN` count in no loss.
        validation: images and labels of patients that are not trained on.
        steps: batches to train on.
        check_every: steps between two looks at the validation images.
        batch_size: images per step.
        learning_rate: the first one.
        loss: of labels and logits; None is `DiceCrossEntropy()`.
        augmentation: random changes of each batch; None for no change.
        seed: of the batches and the changes; initial weights come from `set_seed`.

    Returns:
        Losses and validation Dice on the way.

    Raises:
        ValueError: if shapes do not match, or no label shows an organ.

    Source: Isensee et al., nnU-Net, Nature Methods 18 (2021) 203-211.
    Taught in: chapter 15.
    """
    shown = _check(images, labels)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(keras.optimizers.Adam(schedule), loss=loss or DiceCrossEntropy())
    batches = _batches(images, labels, shown, steps, batch_size, augmentation, seed)
    course, since, best = Course([], [], [], 0), [], (-1.0, 0, None)
    for step, (x, y) in enumerate(batches, 1):
        since.append(float(model.train_on_batch(x, y)))
        if step % check_every and step < steps:
            continue
        dice = mean_dice(validation[1], predict_labels(model, validation[0]))
        course.steps.append(step)
        course.loss.append(float(np.mean(since)))
        course.dice.append(dice)
        since = []
        if dice > best[0]:
            best = (dice, step, model.get_weights())
    model.set_weights(best[2])
    return Course(course.steps, course.loss, course.dice, best[1])


def predict_labels(
    model: keras.Model, images: np.ndarray, *, batch_size: int = 64
) -> np.ndarray:
    """Return the most probable class of each pixel, uint8 (n, height, width).

    Args:
        model: a segmenter.
        images: (n, height, width, channels), model units.
        batch_size: images at a time.

    Taught in: chapter 15.
    """
    logits = model.predict(images, batch_size=batch_size, verbose=0)
    return logits.argmax(axis=-1).astype(np.uint8)


def mean_dice(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Mean over the organs that `labels` show of Dice, all images taken together.

    Args:
        labels: (n, height, width), whole numbers; 0, the background, does not count.
        predicted: the same shape.

    Returns:
        0 to 1, no unit.

    Example:
        >>> mean_dice(np.array([[[0, 1, 2, 2]]]), np.array([[[0, 1, 2, 0]]]))
        0.8333333333333333

    Source: Dice, Ecology 26 (1945) 297-302. Taught in: chapter 15.
    """
    organs = np.setdiff1d(np.unique(labels), [0])
    scores = []
    for organ in organs:
        a, b = labels == organ, predicted == organ
        scores.append(2 * int((a & b).sum()) / (int(a.sum()) + int(b.sum())))
    return float(np.mean(scores))


def _batches(images, labels, shown, steps, batch_size, augmentation, seed):
    """Draw batches, and change some at once: a call costs more than its images."""
    rng, seeds = np.random.default_rng(seed), keras.random.SeedGenerator(seed)
    for start in range(0, steps, AHEAD):
        rows = []
        for _ in range(min(AHEAD, steps - start)):
            rows.append(rng.choice(shown, batch_size - batch_size // 2))
            rows.append(rng.integers(len(images), size=batch_size // 2))
        rows = np.concatenate(rows)
        x, y = images[rows], labels[rows]
        if augmentation is not None:
            x, y = map(keras.ops.convert_to_numpy, augmentation(x, y, seeds))
        for first in range(0, len(rows), batch_size):
            yield x[first : first + batch_size], y[first : first + batch_size]


def _check(images, labels):
    """Return the rows that show an organ."""
    if images.ndim != 4 or labels.shape != images.shape[:3]:
        raise ValueError(
            "`images` and `labels` must be (n, height, width, channels) and "
            f"(n, height, width), got {images.shape} and {labels.shape}"
        )
    shown = np.flatnonzero(((labels > 0) & (labels != UNKNOWN)).any(axis=(1, 2)))
    if not len(shown):
        raise ValueError(
            "no label shows an organ, all are 0: give labelled slices to train on"
        )
    return shown
