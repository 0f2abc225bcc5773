"""Votes, parts and slices: each by a case that can be counted by hand."""

import numpy as np
import pytest

from medvae_course.evaluate.spatial import (
    agreement_between_slices,
    by_patient,
    keep_large_parts,
    smooth,
    vote,
)


def blocks() -> np.ndarray:
    """A volume of two labels that meet in the middle, uint8."""
    labels = np.ones((6, 12, 12), np.uint8)
    labels[:, :, 6:] = 3
    return labels


def test_patients_do_not_see_each_other():
    stack = np.arange(10.0)[:, None]
    patients = np.array(list("abababaabb"))
    means = by_patient(lambda s: s - s.mean(), stack, patients)
    for patient in "ab":
        rows = patients == patient
        np.testing.assert_allclose(means[rows], stack[rows] - stack[rows].mean())


def test_votes_remove_specks_and_leave_straight_borders():
    labels = blocks()
    labels[2, 3, 3], labels[4, 8, 9] = 7, 1
    voted = vote(labels)
    np.testing.assert_array_equal(voted, blocks())
    assert voted.dtype == np.uint8


def test_votes_of_other_slices_count():
    labels = blocks()
    labels[3] = 5  # one slice against its two neighbours
    alone, together = vote(labels, sigma=(0, 1, 1)), vote(labels, sigma=(2, 0, 0))
    assert (alone[3] == 5).all()
    np.testing.assert_array_equal(together, blocks())


def test_no_width_changes_nothing():
    labels = np.random.default_rng(0).integers(5, size=(3, 8, 8))
    np.testing.assert_array_equal(vote(labels, sigma=(0, 0, 0)), labels)


def test_small_parts_go_and_large_ones_stay():
    labels = np.zeros((4, 10, 10), int)
    labels[:, 1:4, 1:4] = 2  # 36 pixels
    labels[:2, 6:9, 6:9] = 2  # 18
    labels[0, 9, 0] = 2  # 1
    labels[3, 9, 0] = 4  # the only part of its label
    half = keep_large_parts(labels, share=0.5)
    assert (half == 2).sum() == 54
    assert (half == 4).sum() == 1
    largest = keep_large_parts(labels, share=1, replacement=1)
    assert (largest == 2).sum() == 36
    assert (largest == 1).sum() == 19
    np.testing.assert_array_equal(keep_large_parts(labels, share=0), labels)


def test_smoothing_keeps_flat_features_and_crosses_slices_only_when_asked():
    features = np.zeros((5, 8, 8, 2))
    features[2, ..., 0] = 1
    features[..., 1] = 4
    across = smooth(features, (1, 0, 0))
    np.testing.assert_allclose(across[..., 1], 4, rtol=1e-5)
    assert across[1, 0, 0, 0] > 0.1
    np.testing.assert_allclose(smooth(features, (0, 1, 1)), features, atol=1e-6)


def test_agreement_is_counted_where_there_is_something():
    labels = np.zeros((3, 2, 2), int)
    labels[0] = [[1, 1], [2, 0]]
    labels[1] = [[1, 2], [2, 0]]
    labels[2] = [[1, 2], [2, 0]]
    assert agreement_between_slices(labels) == pytest.approx(5 / 6)
    assert np.isnan(agreement_between_slices(np.zeros((3, 2, 2), int)))


@pytest.mark.parametrize("function", [vote, keep_large_parts, agreement_between_slices])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((4, 4), int), "whole numbers of shape"),
        (np.zeros((2, 4, 4)), "got float64"),
        (np.full((2, 4, 4), -1), "from 0, got -1"),
    ],
)
def test_what_is_no_volume_of_labels_is_refused(function, labels, message):
    with pytest.raises(ValueError, match=message):
        function(labels)


def test_impossible_settings_are_refused():
    labels = blocks()
    with pytest.raises(ValueError, match="three widths"):
        vote(labels, sigma=(1, 1))
    with pytest.raises(ValueError, match="from 0 to 1, got 2"):
        keep_large_parts(labels, share=2)
    with pytest.raises(ValueError, match="at least two slices"):
        agreement_between_slices(labels[:1])
    with pytest.raises(ValueError, match="three widths"):
        smooth(labels, (1, 1, 1))
    with pytest.raises(ValueError, match="its patient"):
        by_patient(lambda s: s, labels, np.array(["a"]))
