"""Thresholds against closed forms, scikit-image, and a real scan of the right lung."""

import numpy as np
import pytest
from skimage.filters import threshold_multiotsu

from medvae_course.ct import itk, phantom
from medvae_course.evaluate import metrics, spatial
from medvae_course.evaluate.thresholds import (
    body_mask,
    lungs_by_threshold,
    multi_otsu,
)


def thorax() -> np.ndarray:
    """One slice: air, a body with two lungs, a table that touches no border."""
    hu = np.full((1, 40, 40), -1000.0)
    hu[0, 5:30, 5:35] = 40
    hu[0, 10:25, 8:18] = -850
    hu[0, 10:25, 22:32] = -850
    hu[0, 34:36, 10:30] = 100
    return hu


def test_body_is_the_largest_part_with_its_lungs():
    inside = body_mask(thorax())
    expected = np.zeros((1, 40, 40), bool)
    expected[0, 5:30, 5:35] = True
    corners = expected & ~inside  # rounded by the opening
    assert not (inside & ~expected).any()
    assert corners.sum() <= 4


def test_a_slice_of_air_has_no_body_and_no_lungs():
    hu = np.full((2, 12, 12), -1000.0)
    assert not body_mask(hu).any()
    assert not lungs_by_threshold(hu).any()


def test_lungs_are_light_and_touch_no_border():
    hu = thorax()
    expected = np.isclose(hu, -850)
    np.testing.assert_array_equal(lungs_by_threshold(hu), expected)


def test_a_lung_open_to_the_outside_is_lost():
    hu = thorax()
    hu[0, 12, :9] = -900  # the chest wall is cut by the field of view
    lungs = lungs_by_threshold(hu)
    assert not lungs[0, 10:25, 8:18].any()
    assert lungs[0, 10:25, 22:32].all()


def test_small_bubbles_are_left_out():
    hu = thorax()
    hu[0, 27, 20] = -900
    assert not lungs_by_threshold(hu)[0, 27, 20]
    assert lungs_by_threshold(hu, min_pixels=1)[0, 27, 20]


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_otsu_divides_as_scikit_image_does(n_classes):
    rng = np.random.default_rng(n_classes)
    means = [-1000, -850, -100, 40, 600][: n_classes + 1]
    values = rng.normal(rng.choice(means, 3000), 30)
    ours = np.digitize(values, multi_otsu(values, n_classes, n_bins=64))
    theirs = np.digitize(values, threshold_multiotsu(values, n_classes, nbins=64))
    assert np.mean(ours == theirs) > 0.99


def test_no_other_thresholds_leave_less_variance():
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, 1.0, 400)
    found = multi_otsu(values, 4, n_bins=40)

    def within(thresholds):
        classes = np.digitize(values, thresholds)
        return sum(
            ((values[classes == c] - values[classes == c].mean()) ** 2).sum()
            for c in np.unique(classes)
        )

    edges = np.histogram_bin_edges(values, 40)[1:-1]
    others = [np.sort(rng.choice(edges, 3, replace=False)) for _ in range(300)]
    # the histogram knows a value only as the centre of its bin
    assert within(found) <= 1.02 * min(within(other) for other in others)


def test_many_classes_are_found_in_order():
    values = np.repeat(np.arange(12.0), 5)
    thresholds = multi_otsu(values, 12)
    np.testing.assert_array_equal(np.digitize(values, thresholds), values.astype(int))


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match="from 2 to the 2 filled bins, got 3"):
        multi_otsu(np.array([0.0, 1.0]), 3)
    with pytest.raises(ValueError, match="finite"):
        multi_otsu(np.array([np.nan, 1.0]), 2)
    for find in (body_mask, lungs_by_threshold):
        with pytest.raises(ValueError, match="a stack of one"):
            find(np.zeros((8, 8)))


def test_the_threshold_finds_the_lungs_of_phantoms():
    patient = phantom.make_patient(60, shape=(16, 96, 96), spacing_mm=(16, 4.3, 4.3))
    found = lungs_by_threshold(patient.volume.hu)
    lung = next(k for k, name in phantom.LABELS.items() if name == "lungs")
    assert metrics.dice(patient.labels == lung, found) > 0.9


def test_a_threshold_is_enough_for_a_real_right_lung(shared_ct):
    folder = shared_ct / "elastix_right_lung"
    hu = itk.read_itk(folder / "3DCT_lung.mha").hu
    truth = itk.read_itk(folder / "3DCT_lung_baseline_mask.mha").hu > 0
    # the crop is filled by the right half of the chest: its largest light part is the
    # lung, and the air outside touches it nowhere
    light = spatial.keep_large_parts((hu < -400).astype(int), share=1.0) > 0
    assert metrics.dice(truth, light) > 0.975
    # slice by slice with cleared borders: what the crop cuts open is lost
    assert 0.93 < metrics.dice(truth, lungs_by_threshold(hu)) < 0.96
