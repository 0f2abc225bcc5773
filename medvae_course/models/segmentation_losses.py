"""What a segmenter is trained on: overlap and cross-entropy together, on logits."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from .losses import Tensor

UNKNOWN = 255
"""Label of a pixel whose class nobody knows: it counts in no loss."""


def soft_dice(labels: Tensor, logits: Tensor) -> Tensor:
    r"""Overlap of each class, counted over a whole batch, of probabilities.

    $D_c = 2\sum_i p_{ic} y_{ic} \,/\, (\sum_i p_{ic} + \sum_i y_{ic})$, the sums over
    all pixels of all images: a class that is missing in one slice does not spoil the
    slice, as long as another slice of the batch shows it.

    Args:
        labels: (batch, height, width), whole numbers, the class of each pixel, or
            `UNKNOWN`.
        logits: (batch, height, width, n_classes).

    Returns:
        float32 (n_classes,), 0 to 1, no unit; 0 for a class that no label shows.

    Example:
        >>> import numpy as np
        >>> labels = np.array([[[0, 1]]])
        >>> dice = soft_dice(labels, np.array([[[[0.0, 0.0], [-9e9, 9e9]]]]))
        >>> [round(value, 3) for value in ops.convert_to_numpy(dice).tolist()]
        [0.667, 0.8]

    Source: Milletari, Navab and Ahmadi, V-Net (2016), section 3, without squares.
    Taught in: chapter 15.
    """
    logits = ops.cast(logits, "float32")
    target = _one_hot(labels, logits.shape[-1])
    known = ops.sum(target, axis=-1, keepdims=True)
    probabilities = ops.softmax(logits, axis=-1) * known
    pixels = tuple(range(len(logits.shape) - 1))
    common = ops.sum(probabilities * target, axis=pixels)
    sizes = ops.sum(probabilities, axis=pixels) + ops.sum(target, axis=pixels)
    return 2 * common / ops.maximum(sizes, 1e-6)


@keras.saving.register_keras_serializable(package="medvae_course")
class DiceCrossEntropy(keras.losses.Loss):
    r"""Cross-entropy plus $1 - D$, with $D$ the mean soft Dice of the organs.

    Cross-entropy, the mean over pixels in nats per pixel, teaches each pixel and has
    good gradients from the first step; but an organ of ten pixels hardly counts in it.
    Dice weighs each organ the same, however small. Class 0 is the background and does
    not count in the Dice.

    A class that no label of the batch shows has no Dice to be improved: it is left out
    of the mean, and cross-entropy alone teaches that it is absent. In a batch without
    any organ the Dice term is 0.

    Args:
        class_weights: weight of each class in the cross-entropy, background first;
            None weighs all the same. The weighted mean is divided by the sum of the
            weights of the batch's pixels.
        name: of the loss.
        **kwargs: those of `keras.losses.Loss`.

    Raises:
        ValueError: if a weight is negative.

    Example:
        >>> import numpy as np
        >>> labels, logits = np.array([[[0, 1]]]), np.zeros((1, 1, 2, 2), "float32")
        >>> round(float(DiceCrossEntropy()(labels, logits)), 3)  # log 2 + 1/2
        1.193

    Source: Isensee et al., nnU-Net, Nature Methods 18 (2021) 203-211.
    Taught in: chapter 15.
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        *,
        name: str = "dice_cross_entropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if class_weights is not None and min(class_weights) < 0:
            raise ValueError(
                f"`class_weights` must not be negative, got {min(class_weights)}: give "
                "0 to a class that shall not count"
            )
        self.class_weights = class_weights and [float(w) for w in class_weights]

    def call(self, y_true, y_pred):
        """Return the loss of a batch of labels and logits, one number."""
        logits = ops.cast(y_pred, "float32")
        target = _one_hot(y_true, logits.shape[-1])
        weighted = target
        if self.class_weights is not None:
            weighted = target * ops.convert_to_tensor(self.class_weights, "float32")
        entropy = -ops.sum(weighted * ops.log_softmax(logits, axis=-1))
        entropy /= ops.maximum(ops.sum(weighted), 1e-6)
        pixels = tuple(range(len(logits.shape) - 1))
        shown = ops.cast(ops.any(target > 0, axis=pixels), "float32")[1:]
        missing = shown * (1 - soft_dice(y_true, logits)[1:])
        return entropy + ops.sum(missing) / ops.maximum(ops.sum(shown), 1.0)

    def get_config(self):
        """Return the arguments that make an equal loss."""
        return {**super().get_config(), "class_weights": self.class_weights}


def _one_hot(labels, n_classes):
    """Ones at the class of each pixel, all zeros where it is unknown."""
    labels = ops.cast(labels, "int32")
    labels = ops.where(labels == UNKNOWN, -1, labels)
    return ops.one_hot(labels, n_classes, dtype="float32")
