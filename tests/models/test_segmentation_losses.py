import keras
import numpy as np
import pytest
from keras_contract import to_numpy

from medvae_course.models import segmentation_losses
from medvae_course.models.segmentation_losses import DiceCrossEntropy, soft_dice

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, (2, 5, 4)).astype("uint8")
LOGITS = RNG.normal(size=(2, 5, 4, 3)).astype("float32")


def sure(labels, n_classes, strength=40.0):
    return strength * np.eye(n_classes, dtype="float32")[labels]


def reference(labels, logits):
    """Cross-entropy per pixel and soft Dice per class, in plain NumPy."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    y = np.eye(logits.shape[-1])[labels]
    dice = 2 * (p * y).sum((0, 1, 2)) / (p.sum((0, 1, 2)) + y.sum((0, 1, 2)))
    return -np.log((p * y).sum(-1)), dice


def test_soft_dice_of_sure_logits_is_the_dice_of_masks():
    predicted = np.where(LABELS == 2, 0, LABELS)
    found = to_numpy(soft_dice(LABELS, sure(predicted, 3)))
    for c in range(3):
        a, b = LABELS == c, predicted == c
        assert found[c] == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_loss_is_cross_entropy_plus_one_minus_dice_of_organs():
    entropy, dice = reference(LABELS, LOGITS)
    expected = entropy.mean() + 1 - dice[1:].mean()
    assert float(DiceCrossEntropy()(LABELS, LOGITS)) == pytest.approx(
        expected, rel=1e-5
    )


def test_perfect_logits_cost_nothing():
    assert float(DiceCrossEntropy()(LABELS, sure(LABELS, 3))) == pytest.approx(
        0, abs=1e-6
    )


def test_absent_class_is_left_out_of_the_mean():
    labels = np.where(LABELS == 2, 0, LABELS)
    entropy, dice = reference(labels, LOGITS)
    assert float(DiceCrossEntropy()(labels, LOGITS)) == pytest.approx(
        entropy.mean() + 1 - dice[1], rel=1e-5
    )


def test_batch_without_an_organ_has_cross_entropy_alone():
    labels = np.zeros_like(LABELS)
    entropy, _ = reference(labels, LOGITS)
    assert float(DiceCrossEntropy()(labels, LOGITS)) == pytest.approx(
        entropy.mean(), rel=1e-5
    )


def test_dice_counts_over_the_batch_and_not_image_by_image():
    together = to_numpy(soft_dice(LABELS, LOGITS))
    apart = [to_numpy(soft_dice(LABELS[i : i + 1], LOGITS[i : i + 1])) for i in (0, 1)]
    assert np.abs(together - np.mean(apart, axis=0)).max() > 1e-4
    np.testing.assert_allclose(together, reference(LABELS, LOGITS)[1], rtol=1e-5)


def test_class_weights_make_a_weighted_mean():
    weights = [1.0, 0.0, 4.0]
    entropy, dice = reference(LABELS, LOGITS)
    each = np.array(weights)[LABELS]
    expected = (each * entropy).sum() / each.sum() + 1 - dice[1:].mean()
    found = DiceCrossEntropy(weights)(LABELS, LOGITS)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_unknown_pixels_count_in_no_loss():
    known = RNG.random(LABELS.shape) > 0.4
    labels = np.where(known, LABELS, segmentation_losses.UNKNOWN).astype("uint8")
    pixels = [a[known][None, None] for a in (LABELS, LOGITS)]
    np.testing.assert_allclose(
        to_numpy(soft_dice(labels, LOGITS)), to_numpy(soft_dice(*pixels)), rtol=1e-5
    )
    for loss in (DiceCrossEntropy(), DiceCrossEntropy([1, 2, 3])):
        found, expected = loss(labels, LOGITS), loss(*pixels)
        assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_large_logits_stay_finite():
    found = DiceCrossEntropy()(LABELS, sure((LABELS + 1) % 3, 3, strength=1e6))
    assert float(found) == pytest.approx(1e6 + 1, rel=1e-3)


def test_loss_comes_back_from_its_config():
    loss = DiceCrossEntropy([1, 2, 3])
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert again.get_config() == loss.get_config()
    assert float(again(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))


def test_negative_weight_is_refused():
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        segmentation_losses.DiceCrossEntropy([1, -1])
