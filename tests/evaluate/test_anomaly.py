import numpy as np
import pytest

from medvae_course.evaluate import anomaly

RNG = np.random.default_rng(0)


def chest():
    """A body with a lung that holds a vessel, beside it a table."""
    hu = np.full((2, 24, 24), -1000.0)
    hu[:, 4:18, 4:20] = 40
    hu[:, 7:13, 7:13] = -850
    hu[:, 9, 9] = 50
    hu[:, 21, 2:22] = 0
    return hu


def test_body_holds_lung_and_vessel_but_neither_air_nor_table():
    found = anomaly.body(chest())
    expected = np.zeros((2, 24, 24), bool)
    expected[:, 4:18, 4:20] = True
    np.testing.assert_array_equal(found, expected)


def test_body_loses_its_rim_on_request():
    assert anomaly.body(chest(), erode_px=2).sum() == 2 * 10 * 12


def test_a_slice_without_body_is_empty():
    assert not anomaly.body(np.full((1, 8, 8), -1000.0)).any()


@pytest.mark.parametrize("options", [{"erode_px": -1}, {"erode_px": 0.5}])
def test_body_refuses_half_a_pixel(options):
    with pytest.raises(ValueError, match="whole number"):
        anomaly.body(chest(), **options)


def test_a_level_above_everything_ranks_as_brightness_does():
    hu = RNG.uniform(-1000, 400, 200)
    np.testing.assert_array_equal(np.argsort(anomaly.band(hu, 500)), np.argsort(hu))


def test_band_is_highest_at_its_level():
    hu = np.arange(-100.0, 300.0)
    assert hu[anomaly.band(hu, 120).argmax()] == 120


def test_rough_tissue_is_rougher_and_a_straight_edge_is_not():
    hu = np.zeros((1, 24, 24))
    hu[:, :, 12:] = 300
    hu[:, 4:8, 2:8] += RNG.normal(0, 50, (1, 4, 6))
    score = anomaly.roughness(hu)[0]
    assert score[5:7, 4:7].min() > 10
    assert score[12:, 8:16].max() == 0


@pytest.mark.parametrize("size_px", [1, 4])
def test_roughness_refuses_windows_without_a_middle(size_px):
    with pytest.raises(ValueError, match="odd"):
        anomaly.roughness(np.zeros((1, 8, 8)), size_px=size_px)


def test_residual_is_the_same_for_too_bright_and_too_dark():
    images = RNG.random((2, 8, 8, 1))
    both = [anomaly.residual(images, images + sign * 0.2) for sign in (1, -1)]
    np.testing.assert_allclose(both[0], 0.2, rtol=1e-5)
    np.testing.assert_allclose(*both)


def test_smoothing_lets_noise_cancel_and_lesions_stay():
    noise = RNG.normal(0, 0.1, (1, 32, 32, 1))
    lesion = np.zeros((1, 32, 32, 1))
    lesion[:, 12:20, 12:20] = 0.1
    plain, smooth = (
        anomaly.residual(noise + lesion, 0 * lesion, smooth_px=s) for s in (0, 1.5)
    )
    middle, aside = np.s_[0, 15:17, 15:17], np.s_[0, 24:, 24:]
    assert plain[middle].mean() < 3 * plain[aside].mean()
    assert smooth[middle].mean() > 3 * smooth[aside].mean()


def test_smoothing_does_not_mix_slices():
    images = np.zeros((3, 8, 8, 1))
    images[1] = 1
    score = anomaly.residual(images, 0 * images, smooth_px=1)
    assert score[0].max() == 0
    assert score[1].min() == pytest.approx(1)


def test_usual_errors_are_divided_out():
    images = RNG.random((2, 8, 8, 1))
    usual = RNG.uniform(0.1, 1, (8, 8))
    score = anomaly.residual(images, images - 3 * usual[..., None], usual=usual)
    np.testing.assert_allclose(score, 3, rtol=1e-5)


def test_residual_refuses_other_shapes_and_usual_errors_of_zero():
    images = np.zeros((1, 4, 4, 1))
    with pytest.raises(ValueError, match="must both be"):
        anomaly.residual(images, images[..., 0])
    with pytest.raises(ValueError, match="positive"):
        anomaly.residual(images, images, usual=np.zeros((4, 4)))


def test_slices_are_scored_by_their_worst_pixels_inside_only():
    scores = np.zeros((2, 10, 10))
    scores[1, 3, 3:5] = [4.0, 8.0]
    scores[0, 0, 0] = 100.0  # outside
    within = np.ones(scores.shape, bool)
    within[:, 0] = False
    found = anomaly.of_slices(scores, within, share=2 / 90)
    np.testing.assert_allclose(found, [0, 6])
    assert anomaly.of_slices(scores, within, share=1e-9).tolist() == [0, 8]


def test_a_slice_without_body_is_the_least_suspicious():
    assert anomaly.of_slices(np.ones((1, 2, 2)), np.zeros((1, 2, 2), bool)) == -np.inf


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_is_above_zero_and_at_most_one(share):
    with pytest.raises(ValueError, match="`share`"):
        anomaly.of_slices(np.ones((1, 2, 2)), np.ones((1, 2, 2), bool), share=share)


def test_distance_of_codes_forgets_units_and_rotations():
    usual = RNG.normal(size=(20000, 3))
    codes = RNG.normal(size=(20, 3))
    mixing = np.array([[2.0, 0.5, 0.0], [-1.0, 1.0, 0.3], [0.0, 0.4, 0.7]])
    there, here = (
        anomaly.code_distance(codes @ m + 5, usual @ m + 5) for m in (mixing, np.eye(3))
    )
    np.testing.assert_allclose(there, here, rtol=0.05)
    np.testing.assert_allclose(here, np.linalg.norm(codes, axis=1), rtol=0.1)


def test_codes_of_other_length_are_refused():
    with pytest.raises(ValueError, match="one k"):
        anomaly.code_distance(np.zeros((2, 3)), np.zeros((5, 4)))
