"""Labels that a trained segmenter gives to patients whom nobody has labelled."""

import keras
import numpy as np

from .segmentation_losses import UNKNOWN


def pseudo_labels(
    model: keras.Model,
    images: np.ndarray,
    *,
    confidence: float = 0.7,
    batch_size: int = 64,
) -> np.ndarray:
    """Label images with what a segmenter says of them, where it is sure.

    A second segmenter that learns from these and from the true labels has seen more
    bodies; but it cannot correct what the first one believes of all of them.

    Args:
        model: a segmenter that was trained on the labelled patients.
        images: (n, height, width, channels), model units, of unlabelled patients.
        confidence: probability from which a pixel gets a label; the others are
            `segmentation_losses.UNKNOWN` and count in no loss.
        batch_size: images at a time.

    Returns:
        uint8 (n, height, width).

    Raises:
        ValueError: if `confidence` is not from 0 to 1.

    Example:
        >>> sure = keras.Sequential([keras.Input((2, 2, 2)), keras.layers.Rescaling(9)])
        >>> images = np.array([[[[1, 0], [0, 1]], [[0, 0], [0, 1]]]], "float32")
        >>> pseudo_labels(sure, images).tolist()
        [[[0, 1], [255, 1]]]

    Source: D.-H. Lee, Pseudo-label (2013), with a threshold as in Sohn et al., FixMatch
        (2020).
    Taught in: chapter 15.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"`confidence` must be from 0 to 1, got {confidence}")
    found = []
    for start in range(0, len(images), batch_size):
        logits = model.predict_on_batch(images[start : start + batch_size])
        probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
        labels = probabilities.argmax(axis=-1).astype(np.uint8)
        found.append(
            np.where(probabilities.max(axis=-1) >= confidence, labels, UNKNOWN)
        )
    return np.concatenate(found).astype(np.uint8)
