import numpy as np
import pytest

from medvae_course.evaluate import metrics
from medvae_course.evaluate.surface import mean_score, surface_dice

SQUARE = np.zeros((20, 20), bool)
SQUARE[5:13, 6:14] = True


def test_equal_masks_have_one_and_far_ones_zero():
    assert surface_dice(SQUARE, SQUARE, spacing_mm=(1, 1), tolerance_mm=0) == 1
    corner = np.zeros_like(SQUARE)
    corner[0, 0] = True
    assert surface_dice(SQUARE, corner, spacing_mm=(1, 1), tolerance_mm=2) == 0


def test_shifted_square_by_hand():
    """8 x 8, moved by one column: of 28 surface pixels 7 + 7 rows and columns stay."""
    moved = np.roll(SQUARE, 1, axis=1)
    found = surface_dice(SQUARE, moved, spacing_mm=(1, 1), tolerance_mm=0)
    # the upper and the lower edge share 7 pixels each, the sides nothing else
    assert found == pytest.approx(2 * 7 * 2 / (28 + 28))
    assert surface_dice(SQUARE, moved, spacing_mm=(1, 1), tolerance_mm=1) == 1


def test_spacing_is_part_of_the_distance():
    moved = np.roll(SQUARE, 2, axis=0)
    for spacing, expected in (((0.5, 3.0), True), ((2.0, 3.0), False)):
        value = surface_dice(SQUARE, moved, spacing_mm=spacing, tolerance_mm=1.0)
        assert (value == 1) is expected


def test_it_grows_with_the_tolerance_and_is_one_from_the_hausdorff_distance():
    moved = np.roll(SQUARE, (3, 2), axis=(0, 1))
    scores = [
        surface_dice(SQUARE, moved, spacing_mm=(1, 1), tolerance_mm=t) for t in range(5)
    ]
    assert scores == sorted(scores)
    assert scores[0] < 0.5
    assert scores[-1] == 1
    assert metrics.hd95_mm(SQUARE, moved, spacing_mm=(1, 1)) < 4


def test_three_dimensions_and_symmetry():
    rng = np.random.default_rng(0)
    a, b = (rng.random((2, 6, 7, 8)) > 0.5)[:2]
    options = {"spacing_mm": (3, 1, 1), "tolerance_mm": 1}
    assert surface_dice(a, b, **options) == surface_dice(b, a, **options)


def test_empty_masks():
    nothing = np.zeros_like(SQUARE)
    options = {"spacing_mm": (1, 1), "tolerance_mm": 1}
    assert surface_dice(SQUARE, nothing, **options) == 0
    assert np.isnan(surface_dice(nothing, nothing, **options))


def test_conventions_differ_where_masks_are_empty():
    scores = np.array([0.8, 0.4, np.nan, np.nan])
    assert mean_score(scores, empty="left out") == pytest.approx(0.6)
    assert mean_score(scores, empty="right") == pytest.approx(0.8)
    assert mean_score(scores, empty="wrong") == pytest.approx(0.3)
    assert np.isnan(mean_score(np.array([np.nan]), empty="left out"))


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="one of left out, right, wrong, got 'skip'"):
        mean_score(np.ones(2), empty="skip")
    with pytest.raises(ValueError, match="must not be infinite"):
        mean_score(np.array([1, np.inf]), empty="right")
    with pytest.raises(ValueError, match="2 positive numbers"):
        surface_dice(SQUARE, SQUARE, spacing_mm=(1,), tolerance_mm=1)
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        surface_dice(SQUARE, SQUARE, spacing_mm=(1, 1), tolerance_mm=-1)
    with pytest.raises(ValueError, match="one shape"):
        surface_dice(SQUARE, SQUARE[1:], spacing_mm=(1, 1), tolerance_mm=1)
