import numpy as np
import pytest

from medvae_course.evaluate.segmentation_calibration import (
    ensemble,
    fit_temperature,
    probabilities_of,
    reliability,
)

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=2, size=(4, 50, 50, 3))
LABELS = (LOGITS + RNG.gumbel(size=LOGITS.shape)).argmax(-1)  # drawn from the softmax


def test_labels_drawn_from_the_probabilities_are_calibrated():
    found = reliability(probabilities_of(LOGITS), LABELS)
    assert found.error < 0.02
    assert found.share.sum() == pytest.approx(1)
    assert np.isnan(found.accuracy[0])  # three classes: never below a third


def test_error_of_a_liar_is_the_gap():
    """Sure of 0.9 in each pixel, right in 0.6 of them."""
    probabilities = np.tile([0.9, 0.1], (1, 1, 10, 1))
    labels = np.array([[[0] * 6 + [1] * 4]])
    found = reliability(probabilities, labels, n_bins=10)
    assert found.error == pytest.approx(0.3)
    assert found.share[-1] == 1
    assert found.accuracy[-1] == pytest.approx(0.6)


def test_bins_are_weighted_by_their_pixels():
    probabilities = np.array([[[[1.0, 0.0]] * 3 + [[0.55, 0.45]]]])
    labels = np.array([[[0, 0, 0, 1]]])
    found = reliability(probabilities, labels, n_bins=10)
    assert found.error == pytest.approx(0.55 / 4)


def test_mask_says_which_pixels_count():
    probabilities = np.array([[[[0.9, 0.1], [0.9, 0.1]]]])
    labels = np.array([[[0, 1]]])
    found = reliability(probabilities, labels, mask=labels == 1)
    assert found.error == pytest.approx(0.9)


@pytest.mark.parametrize("factor", [0.3, 1.0, 5.0])
def test_temperature_undoes_a_factor(factor):
    assert fit_temperature(factor * LOGITS, LABELS) == pytest.approx(factor, rel=0.08)


def test_temperature_mends_the_error_and_keeps_what_is_said():
    sure = 4 * LOGITS
    t = fit_temperature(sure, LABELS)
    before, after = probabilities_of(sure), probabilities_of(sure, temperature=t)
    np.testing.assert_array_equal(before.argmax(-1), after.argmax(-1))
    assert reliability(after, LABELS).error < reliability(before, LABELS).error / 2


def test_temperature_is_the_minimum_of_cross_entropy():
    t = fit_temperature(3 * LOGITS, LABELS)

    def cost(temperature):
        p = probabilities_of(3 * LOGITS, temperature=temperature)
        return -np.log(np.take_along_axis(p, LABELS[..., None], -1)).mean()

    assert cost(t) < min(cost(0.97 * t), cost(1.03 * t))


def test_ensemble_is_the_mean_of_probabilities():
    a, b = (probabilities_of(RNG.normal(size=(2, 3, 3, 4))) for _ in range(2))
    np.testing.assert_allclose(ensemble([a, b]), (a + b) / 2)
    np.testing.assert_allclose(ensemble([a, b], weights=(3, 1)), 0.75 * a + 0.25 * b)


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="must sum to 1 over the classes"):
        reliability(LOGITS, LABELS)
    with pytest.raises(ValueError, match="shape of the images"):
        reliability(probabilities_of(LOGITS), LABELS[:2])
    with pytest.raises(ValueError, match="at least one pixel must count"):
        fit_temperature(LOGITS, LABELS, mask=LABELS > 5)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        probabilities_of(LOGITS, temperature=0)
    with pytest.raises(ValueError, match="one shape, got 2 shapes"):
        ensemble([LOGITS, LOGITS[:2]])
    with pytest.raises(ValueError, match="got 0 shapes"):
        ensemble([])
    for weights in ((1,), (-1, 2), (0, 0), (np.nan, 1), (np.inf, 1)):
        with pytest.raises(ValueError, match="`weights` must be 2 numbers"):
            ensemble([LOGITS, LOGITS], weights=weights)
