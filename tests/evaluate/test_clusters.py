"""Clusters are found, named by majority, and applied to unseen images."""

import numpy as np
import pytest

from medvae_course.evaluate.clusters import (
    fit_clusters,
    fit_mixture,
    match_clusters,
    predict,
)

CENTRES = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [4, 4, 4]], dtype=np.float32)
LABEL_OF_CENTRE = np.array([7, 0, 5, 5], dtype=np.uint8)


def pixels(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, h, w, c) of four separate kinds, and the kind of each pixel."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(len(CENTRES), size=(3, 16, 20))
    features = CENTRES[kind] + rng.normal(0, 0.3, (*kind.shape, 3))
    return features.astype(np.float32), kind


def test_clusters_of_separate_kinds_are_found():
    features, kind = pixels(0)
    centres = fit_clusters(features, 4, seed=1)
    assert centres.shape == (4, 3)
    assert centres.dtype == np.float32
    nearest = np.linalg.norm(CENTRES[:, None] - centres, axis=-1).argmin(axis=1)
    assert sorted(nearest) == [0, 1, 2, 3]
    np.testing.assert_allclose(centres[nearest], CENTRES, atol=0.15)
    np.testing.assert_array_equal(nearest[kind], predict(features, centres))


def test_prediction_is_the_nearest_centre():
    rng = np.random.default_rng(0)
    features, centres = rng.normal(size=(2, 9, 11, 5)), rng.normal(size=(6, 5))
    distances = np.linalg.norm(features[..., None, :] - centres, axis=-1)
    found = predict(features, centres)
    np.testing.assert_array_equal(found, distances.argmin(axis=-1))
    assert found.dtype == np.int64


def test_same_seed_gives_the_same_clusters():
    features = np.random.default_rng(0).normal(size=(500, 4))
    np.testing.assert_array_equal(
        fit_clusters(features, 5, seed=2), fit_clusters(features, 5, seed=2)
    )


def test_unseen_images_are_segmented_with_the_names_of_training_images():
    features, kind = pixels(0)
    centres = fit_clusters(features, 4)
    names = match_clusters(predict(features, centres), LABEL_OF_CENTRE[kind])
    unseen, kind = pixels(1)
    found = names[predict(unseen, centres)]
    np.testing.assert_array_equal(found, LABEL_OF_CENTRE[kind])
    assert found.dtype == np.uint8


def test_cluster_is_named_by_its_majority():
    clusters = np.array([[0, 0, 0], [1, 1, 1]])
    labels = np.array([[3, 3, 0], [0, 0, 3]])
    np.testing.assert_array_equal(match_clusters(clusters, labels), [3, 0])


def test_numbering_of_clusters_does_not_matter():
    rng = np.random.default_rng(0)
    clusters, labels = rng.integers(6, size=500), rng.integers(3, size=500)
    order = rng.permutation(6)
    np.testing.assert_array_equal(
        match_clusters(clusters, labels)[clusters],
        match_clusters(order[clusters], labels)[order[clusters]],
    )


def test_cluster_without_a_pixel_is_background():
    names = match_clusters(np.array([0, 2]), np.array([4, 5]), n_clusters=5)
    np.testing.assert_array_equal(names, [4, 0, 5, 0, 0])


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros(5), r"got shape \(5,\)"),
        (np.zeros((0, 3)), r"got shape \(0, 3\)"),
        (np.full((4, 3), np.nan), "must be finite"),
    ],
)
def test_features_of_another_kind_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        fit_clusters(features, 2)
    with pytest.raises(ValueError, match=message):
        predict(features, CENTRES)


def test_impossible_numbers_of_clusters_are_refused():
    for n_clusters in (0, 6):
        with pytest.raises(
            ValueError, match=f"from 1 to the 5 pixels, got {n_clusters}"
        ):
            fit_clusters(np.zeros((5, 2)), n_clusters)
    with pytest.raises(ValueError, match="one length, got 2 and 3"):
        predict(np.zeros((5, 2)), CENTRES)


@pytest.mark.parametrize(
    ("clusters", "labels", "message"),
    [
        ([0, 1], [0, 1, 2], r"got \(2,\) and \(3,\)"),
        ([], [], r"got \(0,\) and \(0,\)"),
        ([0, -1], [0, 1], "`clusters` must be whole numbers from 0"),
        ([0, 1], [0.0, 1.0], "`labels` must be whole numbers from 0, got float64"),
        ([0, 3], [0, 1], "cluster 3 is outside `n_clusters` 3"),
    ],
)
def test_clusters_and_labels_that_do_not_fit_are_refused(clusters, labels, message):
    with pytest.raises(ValueError, match=message):
        match_clusters(np.array(clusters), np.array(labels), n_clusters=3)


def test_a_mixture_finds_widths_that_k_means_cannot():
    rng = np.random.default_rng(4)
    narrow, wide = rng.normal(0, 0.1, (600, 2)), rng.normal((3, 0), 1.2, (600, 2))
    features = np.concatenate([narrow, wide]).reshape(40, 30, 2)
    truth = np.repeat([0, 1], 600).reshape(40, 30)

    def right(found):
        found = predict(features, found)
        assert found.shape == truth.shape
        return max(np.mean(found == truth), np.mean(found != truth))

    mixture = fit_mixture(features, 2, seed=1)
    assert right(mixture) > right(fit_clusters(features, 2, seed=1))
    assert right(mixture) > 0.97


def test_a_mixture_gives_the_likeliest_gaussian():
    features = np.random.default_rng(5).normal(size=(5, 6, 3))
    mixture = fit_mixture(features, 3, covariance="diag")
    shares = mixture.predict_proba(features.reshape(-1, 3))
    np.testing.assert_array_equal(
        predict(features, mixture).ravel(), shares.argmax(axis=1)
    )


def test_mixtures_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="from 1 to the 5 pixels, got 6"):
        fit_mixture(np.zeros((5, 2)), 6)
    mixture = fit_mixture(np.random.default_rng(0).normal(size=(9, 2)), 1)
    with pytest.raises(ValueError, match="one length, got 3 and 2"):
        predict(np.zeros((5, 3)), mixture)
