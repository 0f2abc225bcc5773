import numpy as np
import pytest
from scipy import ndimage

from medvae_course.evaluate.raters import generalised_energy_distance, simulate_raters

MASK = np.zeros((24, 24), bool)
MASK[8:16, 7:17] = True
NOTHING = {"radius": 0, "shift": 0, "missing": 0.0}


def test_rater_without_faults_copies_the_mask():
    raters = simulate_raters(MASK, 3, **NOTHING)
    assert (raters == MASK).all()


def test_radius_gives_erosions_and_dilations():
    raters = simulate_raters(MASK, 40, **NOTHING | {"radius": 1})
    allowed = [
        MASK,
        ndimage.binary_erosion(MASK),
        ndimage.binary_dilation(MASK),
    ]
    found = [next(i for i, a in enumerate(allowed) if (a == r).all()) for r in raters]
    assert set(found) == {0, 1, 2}


def test_shift_moves_and_keeps_the_size():
    raters = simulate_raters(MASK, 40, **NOTHING | {"shift": 2})
    assert (raters.sum(axis=(1, 2)) == MASK.sum()).all()
    centres = np.array([ndimage.center_of_mass(r) for r in raters])
    moves = centres - ndimage.center_of_mass(MASK)
    assert np.abs(moves).max() <= 2 + 1e-9
    assert np.unique(moves.round(6), axis=0).shape[0] > 10


def test_share_of_overlooked_masks():
    raters = simulate_raters(MASK, 400, **NOTHING | {"missing": 0.25})
    share = 1 - raters.any(axis=(1, 2)).mean()
    assert share == pytest.approx(0.25, abs=0.07)


def test_seed_fixes_the_raters():
    first, again = (simulate_raters(MASK, 5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != simulate_raters(MASK, 5, seed=4)).any()


def reference(samples, raters):
    def d(a, b):
        union = (a | b).sum()
        return 1 - (a & b).sum() / union if union else 0.0

    def mean(first, second):
        return np.mean([d(a, b) for a in first for b in second])

    return 2 * mean(samples, raters) - mean(samples, samples) - mean(raters, raters)


def test_distance_is_its_definition():
    rng = np.random.default_rng(0)
    samples, raters = rng.random((4, 5, 6)) > 0.5, rng.random((3, 5, 6)) > 0.5
    samples[0] = raters[1] = False
    found = generalised_energy_distance(samples, raters)
    assert found == pytest.approx(reference(samples, raters))
    assert found == pytest.approx(generalised_energy_distance(raters, samples))


def test_same_raters_are_at_distance_zero_and_opposites_at_two():
    raters = simulate_raters(MASK, 6)
    assert generalised_energy_distance(raters, raters) == pytest.approx(0)
    assert generalised_energy_distance(MASK[None], ~MASK[None]) == pytest.approx(2)


def test_empty_masks_agree_with_each_other():
    nothing = np.zeros((2, 4, 4), bool)
    assert generalised_energy_distance(nothing, nothing) == 0


def test_differing_as_raters_do_beats_the_best_single_mask():
    raters = simulate_raters(MASK, 30, radius=2, shift=1, missing=0.3, seed=0)
    others = simulate_raters(MASK, 30, radius=2, shift=1, missing=0.3, seed=1)
    single = min(generalised_energy_distance(r[None], raters) for r in raters)
    assert generalised_energy_distance(others, raters) < single / 3


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="`n_raters` must be positive"):
        simulate_raters(MASK, 0)
    with pytest.raises(ValueError, match="masks of one image"):
        generalised_energy_distance(MASK[None], MASK[None, 1:])
