"""Train a segmenter: an encoder without labels, then with a head on the labels."""

from collections.abc import Callable

import keras
import numpy as np

from medvae_course.cli import measure
from medvae_course.ct import datasets, views
from medvae_course.ct.datasets import Dataset
from medvae_course.models import training as seeds
from medvae_course.models import vae as vaes
from medvae_course.models.augmentation import Augmentation
from medvae_course.models.segmenter_training import Course, train_segmenter
from medvae_course.models.segmenters import latent_head

from .trained import (
    KMEANS,
    SEGMENTER,
    Trained,
    as_classes,
    classes_of,
    interval_words,
    measure_segmenter,
)

IMAGES_SEEN = 60_000  # by the encoder, of 64 x 64 pixels
STEPS = 800  # with labels
RATE = {True: 1e-2, False: 4e-2}  # with an encoder that is trained along, without
CODE_SIZE = 32
HIDDEN = (64,)
_BATCH = 32


def train(
    data: str,
    *,
    image_size: int,
    crop: int | None,
    fine_tune: bool,
    seed: int,
    say: Callable[[str], object],
) -> Trained:
    """Train on the training patients, choose on validation, report on test patients.

    Args:
        data: name of a labelled data set, or folder, as `datasets.load` takes it.
        image_size: pixels per side of a slice.
        crop: pixels per side of the square around the body that the model sees of it;
            None for the whole slice.
        fine_tune: train the encoder along with the head.
        seed: of the split, the weights and the batches.
        say: receives each line of progress.

    Returns:
        The segmenter with its card and what was measured.

    Raises:
        ValueError: if the data have no labels, or cannot be read or split.
    """
    whole = datasets.load(data, image_size=image_size, seed=seed)
    dataset = whole if crop is None else views.around_body(whole, crop)
    labels = dataset.train.labels
    if labels is None or not labels.any():
        raise ValueError(
            f"{dataset.name} must have labels to train on, the model sees none: put "
            "label files beside the CT, as `medvae-course data inspect` shows them, or "
            "give a larger --crop"
        )
    for name in ("train", "validation", "test"):
        split = getattr(dataset, name)
        n = len(np.unique(split.patients))
        say(f"     {name}: {n} patients, {len(split.images)} slices")
    names = classes_of(dataset)
    epochs = measure.epochs_for(
        len(dataset.train.images), crop or image_size, IMAGES_SEEN
    )
    say(f"1/3  Training an encoder without labels, {epochs} epochs")
    encoder = train_encoder(dataset, epochs=epochs, seed=seed)
    what = "encoder and head" if fine_tune else "the head"
    say(f"2/3  Training {what} on {len(names) - 1} labels, {STEPS} steps")
    model, course = train_head(encoder, dataset, names, fine_tune=fine_tune, seed=seed)
    say("3/3  Measuring on the test patients")
    trained = measure_segmenter(
        model, course, dataset, names, data=data, whole=whole, seed=seed
    )
    for row in trained.scores:
        say(
            f"     {row['label']:<16} Dice {row[KMEANS].estimate:.2f} by k-means on "
            f"HU, {interval_words(row[SEGMENTER])} by the segmenter"
        )
    say(f"     {trained.verdict}")
    return trained


def train_encoder(dataset: Dataset, *, epochs: int, seed: int) -> keras.Model:
    """Train a VAE on the training images, without labels, and return its encoder."""
    seeds.set_seed(seed)
    shape = dataset.train.images.shape[1:]
    model = vaes.convolutional_vae(shape, CODE_SIZE, sigma=measure.SIGMA, seed=seed)
    model.compile(optimizer=keras.optimizers.Adam(2e-3))
    model.fit(dataset.train.images, batch_size=_BATCH, epochs=epochs, verbose=0)
    return model.encoder


def train_head(
    encoder: keras.Model,
    dataset: Dataset,
    names: dict[int, str],
    *,
    fine_tune: bool,
    seed: int,
) -> tuple[keras.Model, Course]:
    """Train a head on the labels, and keep the weights best on validation patients.

    Args:
        encoder: from `train_encoder`.
        dataset: with labels.
        names: label value of each class → name, background first.
        fine_tune: train the encoder along with the head.
        seed: of weights and batches.

    Returns:
        The segmenter, and what was seen on the way.
    """
    seeds.set_seed(seed)
    model = latent_head(encoder, len(names), hidden=HIDDEN, trainable=fine_tune)
    validation = dataset.validation
    course = train_segmenter(
        model,
        dataset.train.images,
        as_classes(dataset.train.labels, names),
        validation=(validation.images, as_classes(validation.labels, names)),
        steps=STEPS,
        learning_rate=RATE[fine_tune],
        augmentation=Augmentation(),
        seed=seed,
    )
    return model, course
