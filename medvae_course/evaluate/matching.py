"""Names for clusters: one label each, by Dice or one to one, and how partitions agree.

`clusters.match_clusters` names by majority. That serves large tissues; a small organ is
never the majority of a large cluster, and gets no name at all. The rules here are for
those, and for comparing partitions without any names.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from .clusters import count_pairs


def match_by_dice(
    clusters: np.ndarray, labels: np.ndarray, *, n_clusters: int | None = None
) -> np.ndarray:
    """Name clusters so that the mean Dice over all labels is as large as can be found.

    It starts from the majority's names and renames one cluster at a time as long as the
    mean Dice of the labels that occur grows. A cluster is given to a small organ as
    soon as the organ fills more than about half the Dice that it will reach, not only
    where it is the majority.

    Args:
        clusters: array of any shape, int, cluster of each pixel of labelled *training*
            patients.
        labels: array of the same shape, int, 0 is the background, which has no Dice.
        n_clusters: number of clusters, where `clusters` may lack the last ones.

    Returns:
        (n_clusters,) int64 array: the label of each cluster, 0 where it has no pixel.

    Raises:
        ValueError: as `count_pairs`.

    Example:
        >>> clusters, labels = np.repeat([0, 1], 5), np.array([0] * 5 + [0, 0, 0, 3, 3])
        >>> match_by_dice(clusters, labels).tolist()  # the majority would say [0, 0]
        [0, 3]

    Source: Lipton, Elkan and Naryanaswamy, Optimal thresholding of classifiers to
        maximize F1 measure (2014): the threshold is half of the largest F1.
    Taught in: chapter 14.
    """
    counts = count_pairs(clusters, labels, n_clusters=n_clusters)
    names = counts.argmax(axis=1)
    total = counts.sum(axis=0)
    best = _mean_dice(counts, names, total)
    renamed = True
    while renamed:
        renamed = False
        for cluster in np.argsort(-counts.sum(axis=1)):
            for label in np.flatnonzero(counts[cluster]):
                tried = names.copy()
                tried[cluster] = label
                score = _mean_dice(counts, tried, total)
                if score > best + 1e-12:
                    names, best, renamed = tried, score, True
    return names


def _mean_dice(counts: np.ndarray, names: np.ndarray, total: np.ndarray) -> float:
    """Mean Dice over the labels from 1 that occur, if clusters had these names."""
    member = np.eye(counts.shape[1])[names]  # cluster by label
    hit = (member * counts).sum(axis=0)
    claimed = counts.sum(axis=1) @ member
    occurs = total[1:] > 0
    if not occurs.any():
        return 0.0
    return float(np.mean((2 * hit / np.maximum(claimed + total, 1))[1:][occurs]))


def match_one_to_one(
    clusters: np.ndarray, labels: np.ndarray, *, n_clusters: int | None = None
) -> np.ndarray:
    """Give each label one cluster at most, so that most pixels are right.

    The Hungarian method. Clusters that are left over are called background; with many
    more clusters than labels that wastes most of them.

    Args:
        clusters: array of any shape, int, cluster of each pixel.
        labels: array of the same shape, int, from 0 (background).
        n_clusters: number of clusters, where `clusters` may lack the last ones.

    Returns:
        (n_clusters,) int64 array: the label of each cluster.

    Raises:
        ValueError: as `count_pairs`.

    Example:
        >>> clusters, labels = np.array([0, 0, 1, 1, 1]), np.array([1, 1, 1, 1, 2])
        >>> match_one_to_one(clusters, labels).tolist()
        [1, 2]

    Source: Kuhn, The Hungarian method for the assignment problem (1955).
    Taught in: chapter 14.
    """
    counts = count_pairs(clusters, labels, n_clusters=n_clusters)
    names = np.zeros(len(counts), dtype=np.int64)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    names[rows] = columns
    return names


def adjusted_rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Say how far two partitions of the same pixels agree, whatever their numbers.

    Args:
        first: array of any shape, int.
        second: array of the same shape, int.

    Returns:
        1 for equal partitions, about 0 for independent ones; no unit.

    Raises:
        ValueError: if shapes differ or there is no pixel.

    Example:
        >>> adjusted_rand_index(np.array([0, 0, 1, 1]), np.array([7, 7, 3, 3]))
        1.0

    Source: Hubert and Arabie, Comparing partitions, J. Classification 2 (1985).
    Taught in: chapter 14.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.size == 0:
        raise ValueError(
            "both partitions must have one shape and hold pixels, got "
            f"{first.shape} and {second.shape}"
        )
    return float(adjusted_rand_score(first.ravel(), second.ravel()))
