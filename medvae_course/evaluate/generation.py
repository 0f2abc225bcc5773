"""How generated images compare with real ones: near, many, and not copied.

Everything here compares two sets of points: images laid in rows, or what a network made
of them, its *features*. A number of one feature space says nothing in another.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score


class PrecisionRecall(NamedTuple):
    """Shares between 0 and 1.

    Attributes:
        precision: of the generated images that lie among the real ones.
        recall: of the real images that lie among the generated ones.
    """

    precision: float
    recall: float


def frechet_distance(features: np.ndarray, reference: np.ndarray) -> float:
    r"""Squared Fréchet distance of the Gaussians with the moments of two sets.

    $|\mu_a-\mu_b|^2 + \mathrm{tr}\,(C_a + C_b - 2 (C_a C_b)^{1/2})$. With the features
    of one published network it is known as FID. From few points it is too large: two
    sets drawn from one and the same distribution are far from 0. Compare sets of equal
    size, and with what two sets of real images give.

    Args:
        features: (n, k) array, float; k features of n images, any unit.
        reference: (m, k) array, float, same unit; more points than features.

    Returns:
        The distance, squared unit of the features; not negative.

    Raises:
        ValueError: if the sets have other than two axes, different features, fewer than
            two points, or values that are not finite.

    Example:
        >>> points = np.random.default_rng(0).normal(size=(500, 3))
        >>> round(frechet_distance(points, points + [1.0, 0.0, 0.0]), 6)
        1.0

    Source: Dowson and Landau, J. Multivariate Analysis 12 (1982) 450-455; for images:
        Heusel et al., GANs trained by a two time-scale update rule (2017).
    Taught in: chapter 9.
    """
    a, b = _pair(features, reference)
    cov_a, cov_b = (np.atleast_2d(np.cov(points, rowvar=False)) for points in (a, b))
    # C_a C_b has the eigenvalues of the symmetric R C_b R with R = C_a^(1/2): no
    # complex numbers, and zeros where there are fewer points than features
    values, vectors = linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    common = np.sqrt(linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    apart = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    return max(0.0, float(apart + np.trace(cov_a) + np.trace(cov_b) - 2 * common))


def among(points: np.ndarray, reference: np.ndarray, *, k: int = 3) -> np.ndarray:
    """Say of each point whether it lies among the points of a reference set.

    Around each reference point lies a ball that reaches to its `k`-th nearest neighbour
    in the reference set; a point lies among them if it lies in one of these balls. One
    odd point in the reference has a large ball, so look at the reference first.

    Args:
        points: (n, c) array, float, any unit.
        reference: (m, c) array, float, same unit; more than `k` points.
        k: which neighbour the balls reach to, from 1.

    Returns:
        (n,) bool array.

    Raises:
        ValueError: as `frechet_distance`, or unless 1 <= k < m.

    Example:
        >>> line = np.arange(5.0)[:, None]
        >>> among(np.array([[2.5], [7.0]]), line, k=1).tolist()
        [True, False]

    Source: Kynkäänniemi et al., Improved precision and recall metric for assessing
        generative models (2019), equation 1.
    Taught in: chapter 9.
    """
    points, reference = _pair(points, reference)
    if not 1 <= k < len(reference):
        raise ValueError(
            f"`k` must be from 1 to {len(reference) - 1}, one less than the points of "
            f"the reference, got {k}"
        )
    # the nearest of a reference point is the point itself, at place 0
    radius = _by_blocks(reference, reference, lambda d: np.partition(d, k)[:, k])
    return _by_blocks(points, reference, lambda d: (d <= radius).any(axis=1))


def precision_recall(
    generated: np.ndarray, real: np.ndarray, *, k: int = 3
) -> PrecisionRecall:
    """Precision and recall of a generator, by nearest neighbours.

    Precision falls when images look like nothing real, recall when kinds of real images
    are never made. Compare with what a second set of real images gives: with few
    patients it is far from 1.

    Args:
        generated: (n, c) array, float; features of generated images, any unit.
        real: (m, c) array, float, same unit. Sets of one size are easiest compared.
        k: which neighbour the balls of `among` reach to.

    Returns:
        `PrecisionRecall`.

    Raises:
        ValueError: as `among`.

    Example:
        >>> real = np.arange(10.0)[:, None]
        >>> precision_recall(real[:5] + 0.1, real, k=1)
        PrecisionRecall(precision=1.0, recall=0.6)

    Source: Kynkäänniemi et al., Improved precision and recall metric for assessing
        generative models (2019), equation 2.
    Taught in: chapter 9.
    """
    return PrecisionRecall(
        float(among(generated, real, k=k).mean()),
        float(among(real, generated, k=k).mean()),
    )


def nearest_distance(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Euclidean distance of each point to the nearest point of a reference set.

    Args:
        points: (n, c) array, float, any unit.
        reference: (m, c) array, float, same unit.

    Returns:
        (n,) float64 array, same unit.

    Raises:
        ValueError: as `frechet_distance`.

    Example:
        >>> points, reference = np.array([[0.0], [9.0]]), np.array([[1.0], [5.0]])
        >>> nearest_distance(points, reference).tolist()
        [1.0, 4.0]

    Source: none needed. Taught in: chapter 9.
    """
    points, reference = _pair(points, reference)
    return _by_blocks(points, reference, lambda d: d.min(axis=1))


def memorisation_auc(
    train_distances: np.ndarray, held_out_distances: np.ndarray
) -> float:
    """Chance that a training image lies nearer to the samples than a held-out one.

    0.5 is no memory, 1 is a copy machine. Both kinds of image are compared with the
    same samples, so that it does not matter that there are more training images. How
    far it strays from 0.5 by chance depends on the number of *patients*: give an
    interval by patient.

    Args:
        train_distances: (n,) array, `nearest_distance` of each training image to the
            samples, any unit.
        held_out_distances: (m,) array, the same of images of patients whom the
            generator has never seen, same unit.

    Returns:
        A number from 0 to 1; equal distances count half.

    Raises:
        ValueError: if one is empty, or a distance is not finite.

    Example:
        >>> memorisation_auc(np.array([0.0, 2.0]), np.array([1.0, 3.0]))
        0.75

    Source: Chen et al., GAN-Leaks (2020), the attack with nothing but samples.
    Taught in: chapter 9.
    """
    distances = [np.ravel(d) for d in (train_distances, held_out_distances)]
    if not all(d.size and np.isfinite(d).all() for d in distances):
        raise ValueError(
            "finite distances of at least one image each are needed, got "
            f"{distances[0].size} and {distances[1].size} values"
        )
    held_out = np.repeat([0, 1], [d.size for d in distances])
    return float(roc_auc_score(held_out, np.concatenate(distances)))


def _by_blocks(points: np.ndarray, reference: np.ndarray, summary: Callable):
    """Apply a summary to the rows of all distances, some rows at a time."""
    blocks = range(0, len(points), 1024)  # bounds the memory
    return np.concatenate(
        [summary(cdist(points[i : i + 1024], reference)) for i in blocks]
    )


def _pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            "two sets of points (n, features) of the same features are needed, got "
            f"{a.shape} and {b.shape}: lay images in rows, or take their features"
        )
    if min(len(a), len(b)) < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError(
            f"at least 2 points without NaN or infinity are needed, got {len(a)} and "
            f"{len(b)} points"
        )
    return a, b
