import keras
import numpy as np
import pytest
from keras_contract import to_numpy

from medvae_course.models import training
from medvae_course.models.augmentation import Augmentation
from medvae_course.models.segmenter_training import (
    mean_dice,
    predict_labels,
    train_segmenter,
)

RNG = np.random.default_rng(0)


def squares(n):
    labels = np.zeros((n, 8, 8), "uint8")
    for i in range(n):
        labels[i, i % 4 : i % 4 + 3, 2:6] = i % 3 > 0
    images = labels[..., None] + 0.2 * RNG.random((n, 8, 8, 1))
    return images.astype("float32"), labels


def tiny():
    """Make the smallest segmenter: compiled fast on every backend."""
    training.set_seed(0)
    pixelwise = keras.layers.Conv2D(2, 3, padding="same")
    return keras.Sequential([keras.Input((8, 8, 1)), pixelwise])


TRAIN, OTHER = squares(12), squares(6)


def run(**options):
    model = tiny()
    settings = {"steps": 40, "check_every": 15, "batch_size": 4, "learning_rate": 0.02}
    course = train_segmenter(model, *TRAIN, validation=OTHER, **settings | options)
    return model, course


def test_training_learns_and_keeps_the_best_look():
    model, course = run()
    assert course.steps == [15, 30, 40]
    assert course.loss[-1] < course.loss[0]
    assert course.best_step == course.steps[int(np.argmax(course.dice))]
    found = mean_dice(OTHER[1], predict_labels(model, OTHER[0]))
    assert found == pytest.approx(max(course.dice))
    assert found > 0.6


def test_weights_of_an_early_look_come_back():
    """With a rate that ruins what was learned, the first look is the best one."""
    model, course = run(steps=3, check_every=1, learning_rate=5.0)
    found = mean_dice(OTHER[1], predict_labels(model, OTHER[0]))
    assert found == pytest.approx(max(course.dice))


def test_seed_repeats_the_training():
    (one, first), (other, second) = (
        run(steps=4, check_every=2, augmentation=Augmentation()) for _ in range(2)
    )
    np.testing.assert_allclose(first.loss, second.loss, rtol=1e-4)
    x = OTHER[0]
    np.testing.assert_allclose(to_numpy(one(x)), to_numpy(other(x)), atol=1e-3)


def test_loss_may_be_another():
    _, course = run(
        steps=2,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    assert course.loss[0] < 3


def test_mean_dice_counts_the_organs_that_labels_show():
    labels = np.array([[[0, 1, 1, 3]]])
    assert mean_dice(labels, np.array([[[0, 1, 0, 3]]])) == pytest.approx(
        (2 / 3 + 1) / 2
    )
    assert mean_dice(labels, np.array([[[2, 2, 2, 2]]])) == 0


def test_unusable_labels_are_refused():
    model = tiny()
    with pytest.raises(ValueError, match="no label shows an organ"):
        train_segmenter(model, TRAIN[0], 0 * TRAIN[1], validation=OTHER)
    with pytest.raises(ValueError, match=r"got \(12, 8, 8, 1\) and \(11, 8, 8\)"):
        train_segmenter(model, TRAIN[0], TRAIN[1][1:], validation=OTHER)
