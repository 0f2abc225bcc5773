"""Segmentation without training labels: clusters of pixel features, named afterwards.

The clusters are found without labels. A few labelled training patients then say which
tissue each cluster mostly covers; with these names unseen patients are segmented.
"""

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.mixture import GaussianMixture


def fit_clusters(features: np.ndarray, n_clusters: int, *, seed: int = 0) -> np.ndarray:
    """Find the centres of k-means clusters in the features of pixels.

    Distances mix all features as they are: bring them to one scale before.

    Args:
        features: (..., c) array, float, of any unit; one vector of c features for each
            pixel.
        n_clusters: number of clusters, at least 1, at most the number of pixels.
        seed: seed of the starts and of the batches.

    Returns:
        (n_clusters, c) float32 array of centres, unit of the features.

    Raises:
        ValueError: if features are not finite or fewer than `n_clusters`.

    Example:
        >>> features = np.array([[0.0], [1.0]] * 50)
        >>> np.sort(fit_clusters(features, 2), axis=0).tolist()
        [[0.0], [1.0]]

    Source: Sculley, Web-scale k-means clustering, WWW 2010; starts: Arthur and
        Vassilvitskii, k-means++, SODA 2007.
    Taught in: chapter 14.
    """
    flat = _flat(features)
    if not 1 <= n_clusters <= len(flat):
        raise ValueError(
            f"`n_clusters` must be from 1 to the {len(flat)} pixels, got {n_clusters}"
        )
    kmeans = MiniBatchKMeans(n_clusters, batch_size=4096, n_init=5, random_state=seed)
    return kmeans.fit(flat).cluster_centers_.astype(np.float32)


def fit_mixture(
    features: np.ndarray,
    n_clusters: int,
    *,
    covariance: str = "full",
    seed: int = 0,
) -> GaussianMixture:
    """Fit a mixture of Gaussians to the features of pixels, by EM from k-means.

    Unlike k-means each cluster has a size, a width and a direction of its own. A
    thousandth of the features' mean variance is added to each cluster's variances, so
    that none shrinks to a point.

    Args:
        features: (..., c) array, float, of any unit.
        n_clusters: number of Gaussians, at least 1, at most the number of pixels.
        covariance: `"full"`, `"diag"`, `"tied"` or `"spherical"`.
        seed: seed of the starts.

    Returns:
        scikit-learn mixture; `predict` of this module takes it, its `predict_proba`
        gives the probability of each cluster.

    Raises:
        ValueError: if features are not finite or fewer than `n_clusters`.

    Example:
        >>> features = np.random.default_rng(0).normal([[0.0], [9.0]], 1, (2, 99))
        >>> mixture = fit_mixture(features.reshape(-1, 1), 2)
        >>> np.sort(mixture.means_[:, 0]).round().tolist()
        [0.0, 9.0]

    Source: Dempster, Laird and Rubin, J. R. Stat. Soc. B 39 (1977) 1-38.
    Taught in: chapter 14.
    """
    flat = _flat(features).astype(np.float64)
    if not 1 <= n_clusters <= len(flat):
        raise ValueError(
            f"`n_clusters` must be from 1 to the {len(flat)} pixels, got {n_clusters}"
        )
    floor = 1e-3 * float(flat.var(axis=0).mean()) or 1e-6
    mixture = GaussianMixture(
        n_clusters,
        covariance_type=covariance,
        reg_covar=floor,
        tol=0.01,  # nats per pixel
        max_iter=500,
        random_state=seed,
    )
    return mixture.fit(flat)


def predict(features: np.ndarray, centres: np.ndarray | GaussianMixture) -> np.ndarray:
    """Give each pixel the number of its nearest centre, or of its likeliest Gaussian.

    Args:
        features: (..., c) array, float, on the scale used in `fit_clusters`.
        centres: (n_clusters, c) array, same unit, or a mixture from `fit_mixture`.

    Returns:
        Array of shape (...), int64, from 0 to n_clusters - 1.

    Raises:
        ValueError: if features are not finite or have not the centres' length.

    Example:
        >>> predict(np.array([[0.3], [0.9], [0.4]]), np.array([[0.0], [1.0]])).tolist()
        [0, 1, 0]

    Source: the assignment step of k-means, Lloyd, IEEE Trans. Inf. Theory 28 (1982).
    Taught in: chapter 14.
    """
    flat = _flat(features)
    if isinstance(centres, GaussianMixture):
        if flat.shape[1] != centres.n_features_in_:
            raise ValueError(
                "features and mixture must have one length, got "
                f"{flat.shape[1]} and {centres.n_features_in_}"
            )
        likeliest = centres.predict(flat.astype(np.float64))
        return likeliest.astype(np.int64).reshape(np.shape(features)[:-1])
    centres = _flat(centres)
    if flat.shape[1] != centres.shape[1]:
        raise ValueError(
            f"features and centres must have one length, got {flat.shape[1]} and "
            f"{centres.shape[1]}"
        )
    nearest = pairwise_distances_argmin(flat, centres).astype(np.int64, copy=False)
    return nearest.reshape(np.shape(features)[:-1])


def count_pairs(
    clusters: np.ndarray,
    labels: np.ndarray,
    *,
    n_clusters: int | None = None,
    n_labels: int | None = None,
) -> np.ndarray:
    """Count how many pixels of each cluster have each label.

    Args:
        clusters: array of any shape, int, cluster of each pixel.
        labels: array of the same shape, int, from 0 (background).
        n_clusters: number of clusters, where `clusters` may lack the last ones.
        n_labels: number of labels with the background, where some may be absent.

    Returns:
        (n_clusters, n_labels) int64 array of pixels.

    Raises:
        ValueError: if shapes differ, there is no pixel, or a number is negative, not
            whole, or too large.

    Example:
        >>> count_pairs(np.array([0, 0, 1]), np.array([2, 0, 2])).tolist()
        [[1, 0, 1], [0, 0, 1]]

    Source: the contingency table of Hubert and Arabie, J. Classification 2 (1985).
    Taught in: chapter 14.
    """
    clusters, labels = np.asarray(clusters), np.asarray(labels)
    if clusters.shape != labels.shape or clusters.size == 0:
        raise ValueError(
            "`clusters` and `labels` must have one shape and hold pixels, got "
            f"{clusters.shape} and {labels.shape}"
        )
    shape = []
    for name, array, n in (
        ("clusters", clusters, n_clusters),
        ("labels", labels, n_labels),
    ):
        if array.dtype.kind not in "iu" or array.min() < 0:
            raise ValueError(
                f"`{name}` must be whole numbers from 0, got {array.dtype}"
            )
        present = int(array.max()) + 1
        shape.append(present if n is None else n)
        if present > shape[-1]:
            raise ValueError(
                f"`{name}` must be below {shape[-1]}, got {present - 1}: "
                f"{name[:-1]} {present - 1} is outside `n_{name}` {shape[-1]}; raise "
                "it or leave it out"
            )
    cells = clusters.ravel().astype(np.int64) * shape[1] + labels.ravel()
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def match_clusters(
    clusters: np.ndarray, labels: np.ndarray, *, n_clusters: int | None = None
) -> np.ndarray:
    """Name each cluster by the label that most of its pixels have.

    Use labels of training patients only: matched on the patients that are judged, even
    random clusters score well.

    Args:
        clusters: array of any shape, int, cluster of each pixel.
        labels: array of the same shape, int, from 0 (background).
        n_clusters: number of clusters, where `clusters` may lack the last ones; without
            it, one more than the largest number in `clusters`.

    Returns:
        (n_clusters,) array in the dtype of `labels`: the label of each cluster, 0 where
        a cluster has no pixel. `names[clusters]` is the segmentation.

    Raises:
        ValueError: if shapes differ, there is no pixel, a number is negative or not
            whole, or a cluster is outside `n_clusters`.

    Example:
        >>> names = match_clusters(np.array([0, 0, 0, 1, 1]), np.array([5, 5, 0, 2, 2]))
        >>> names[np.array([1, 0, 1])].tolist()
        [2, 5, 2]

    Source: the matching behind purity, Manning, Raghavan and Schütze, Introduction to
        information retrieval (2008), ch. 16.
    Taught in: chapter 14.
    """
    counts = count_pairs(clusters, labels, n_clusters=n_clusters)
    return counts.argmax(axis=1).astype(np.asarray(labels).dtype)


def _flat(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features)
    if features.ndim < 2 or features.size == 0 or not np.isfinite(features).all():
        raise ValueError(
            "features must be finite, of shape (..., c) and hold at least one pixel, "
            f"got shape {features.shape}"
        )
    return features.reshape(-1, features.shape[-1])
