"""Names for clusters: majority is not Dice, and one to one is the best assignment."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.metrics.cluster import contingency_matrix

from medvae_course.evaluate.clusters import match_clusters
from medvae_course.evaluate.matching import (
    adjusted_rand_index,
    count_pairs,
    match_by_dice,
    match_one_to_one,
)


def drawn(seed: int, n_clusters: int = 7, n_labels: int = 4):
    """Clusters and labels that have something to do with each other."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(n_labels, p=[0.7, 0.2, 0.07, 0.03], size=(6, 20, 20))
    guess = 2 * labels + rng.integers(-2, 3, size=labels.shape)
    return np.clip(guess, 0, n_clusters - 1), labels


def mean_f1(names, clusters, labels):
    return f1_score(
        labels.ravel(),
        names[clusters].ravel(),
        labels=[1, 2, 3],
        average="macro",
        zero_division=0.0,
    )


def test_pairs_are_counted_as_in_scikit_learn():
    clusters, labels = drawn(0)
    expected = contingency_matrix(clusters.ravel(), labels.ravel())
    np.testing.assert_array_equal(count_pairs(clusters, labels), expected)


def test_absent_clusters_and_labels_count_nothing():
    counts = count_pairs(np.array([0, 1]), np.array([1, 1]), n_clusters=4, n_labels=3)
    assert counts.tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_names_by_dice_beat_the_majority_in_dice_and_cannot_be_mended(seed):
    clusters, labels = drawn(seed)
    names = match_by_dice(clusters, labels)
    best = mean_f1(names, clusters, labels)
    assert best >= mean_f1(match_clusters(clusters, labels), clusters, labels)
    for cluster in range(len(names)):
        for label in range(4):
            tried = names.copy()
            tried[cluster] = label
            assert mean_f1(tried, clusters, labels) <= best + 1e-9


def test_a_small_organ_gets_a_cluster_only_by_dice():
    clusters = np.repeat([0, 1], [900, 100])
    labels = np.zeros(1000, int)
    labels[960:] = 1  # 40 of the 100 pixels of cluster 1, the majority of none
    assert match_clusters(clusters, labels).tolist() == [0, 0]
    assert match_by_dice(clusters, labels).tolist() == [0, 1]


def test_without_any_label_all_is_background():
    clusters = np.array([0, 1, 2])
    assert match_by_dice(clusters, np.zeros(3, int)).tolist() == [0, 0, 0]


def test_one_to_one_is_the_best_permutation():
    rng = np.random.default_rng(3)
    clusters, labels = rng.integers(4, size=300), rng.integers(4, size=300)
    names = match_one_to_one(clusters, labels)
    assert sorted(names) == [0, 1, 2, 3]
    best = max(np.mean(np.array(p)[clusters] == labels) for p in permutations(range(4)))
    assert np.mean(names[clusters] == labels) == best


def test_clusters_left_over_are_background():
    clusters = np.array([0, 0, 0, 1, 1, 2])
    labels = np.array([1, 1, 1, 1, 1, 0])
    assert match_one_to_one(clusters, labels, n_clusters=4).tolist() == [1, 0, 0, 0]


def test_rand_index_ignores_numbers_and_is_nought_for_chance():
    rng = np.random.default_rng(0)
    first = rng.integers(5, size=(2, 40, 40))
    assert adjusted_rand_index(first, (first + 3) % 5) == 1.0
    assert (
        abs(
            adjusted_rand_index(
                first, rng.permutation(first.ravel()).reshape(first.shape)
            )
        )
        < 0.02
    )


@pytest.mark.parametrize("match", [match_by_dice, match_one_to_one, count_pairs])
@pytest.mark.parametrize(
    ("clusters", "labels", "message"),
    [
        ([0, 1], [0, 1, 2], r"got \(2,\) and \(3,\)"),
        ([], [], r"got \(0,\) and \(0,\)"),
        ([0, -1], [0, 1], "`clusters` must be whole numbers from 0"),
        ([0, 1], [0.5, 1.0], "`labels` must be whole numbers from 0, got float64"),
        ([0, 3], [0, 1], "`clusters` must be below 3, got 3"),
    ],
)
def test_what_does_not_fit_is_refused(match, clusters, labels, message):
    with pytest.raises(ValueError, match=message):
        match(np.array(clusters), np.array(labels), n_clusters=3)


def test_partitions_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        adjusted_rand_index(np.zeros(3, int), np.zeros(4, int))
