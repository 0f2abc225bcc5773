import keras
import numpy as np
import pytest

from medvae_course.models.pseudo_labels import pseudo_labels
from medvae_course.models.segmentation_losses import UNKNOWN

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(5, 4, 6, 3)).astype("float32")


def echo():
    """Give a segmenter whose logits are its images."""
    return keras.Sequential([keras.Input((4, 6, 3)), keras.layers.Activation("linear")])


def test_sure_pixels_are_labelled_and_the_others_unknown():
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    found = pseudo_labels(echo(), LOGITS, confidence=0.6, batch_size=2)
    expected = np.where(p.max(-1) >= 0.6, LOGITS.argmax(-1), UNKNOWN)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8
    assert 0 < (found == UNKNOWN).mean() < 1


def test_without_a_threshold_each_pixel_gets_a_label():
    found = pseudo_labels(echo(), LOGITS, confidence=0)
    np.testing.assert_array_equal(found, LOGITS.argmax(-1))


def test_impossible_confidence_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1, got 70"):
        pseudo_labels(echo(), LOGITS, confidence=70)
