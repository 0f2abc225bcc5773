"""Does each latent stand for one factor? Two scores where the factors are known.

Both demand factors that vary independently of each other, and many images: neither
holds for organs of real patients. Both look at the axes of the code, not at what lies
in it, so turning the code changes them. Give samples of the posterior, not its means:
the mean of a latent that says nothing still moves a little.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mutual_info_score, r2_score


def mutual_information(
    codes: np.ndarray, factors: np.ndarray, *, n_bins: int = 20
) -> np.ndarray:
    """How much each latent tells about each factor, by counting in bins.

    Bins hold equally many images each, so stretching a latent changes nothing. Chance
    alone gives about (n_bins - 1)² / (2 n) nats.

    Args:
        codes: (n, k) float array, no unit.
        factors: (n, f) array, any units; a factor of at most `n_bins` different values
            is taken as it is, the others are binned.
        n_bins: bins of each latent and of each factor, at least 2.

    Returns:
        (k, f) array, nats.

    Raises:
        ValueError: if lengths differ, or `n_bins` is below 2.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(2000, 2))
        >>> mutual_information(z, z[:, :1] ** 3, n_bins=8).round(1).tolist()
        [[2.1], [0.0]]

    Source: Chen et al., Isolating sources of disentanglement in variational
        autoencoders (2018), section 4, with bins in place of their integral.
    Taught in: chapter 10.
    """
    codes, factors = _checked(codes, factors)
    if n_bins < 2:
        raise ValueError(f"`n_bins` must be at least 2, got {n_bins}")
    latents = [_binned(column, n_bins) for column in codes.T]
    known = [_binned(column, n_bins) for column in factors.T]
    return np.array([[mutual_info_score(a, b) for b in known] for a in latents])


def mig(codes: np.ndarray, factors: np.ndarray, *, n_bins: int = 20) -> float:
    """Mutual information gap: by how much the best latent of a factor leads.

    For each factor the mutual information of the best latent less that of the second
    best, as a share of the factor's entropy; the mean over factors.

    Args:
        codes: (n, k) float array with k of at least 2, samples of the posterior.
        factors: (n, f) array of independent factors, any units.
        n_bins: see `mutual_information`.

    Returns:
        0 (every factor is told by two latents alike, or by none) to 1.

    Raises:
        ValueError: if lengths differ or there is one latent only.

    Example:
        >>> factors = np.random.default_rng(0).normal(size=(4000, 2))
        >>> turned = factors @ [[1, 1], [1, -1]]
        >>> mig(factors, factors) > 0.9, mig(turned, factors) < 0.1
        (True, True)

    Source: Chen et al., Isolating sources of disentanglement in variational
        autoencoders (2018), equation 6.
    Taught in: chapter 10.
    """
    told = np.sort(mutual_information(codes, factors, n_bins=n_bins), axis=0)
    if len(told) < 2:
        raise ValueError("a gap needs at least 2 latents, got 1")
    factors = np.asarray(factors)
    entropy = [mutual_info_score(b, b) for b in (_binned(f, n_bins) for f in factors.T)]
    return float(np.mean((told[-1] - told[-2]) / entropy))


@dataclass(frozen=True)
class DCI:
    """Three scores from 0 to 1, higher is better.

    Attributes:
        disentanglement: whether a latent serves one factor only.
        completeness: whether a factor is served by one latent only.
        informativeness: R² of the factors told from the code, on images left out;
            below 0 where the mean would be better.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    codes: np.ndarray, factors: np.ndarray, *, n_trees: int = 30, seed: int = 0
) -> DCI:
    """Disentanglement, completeness and informativeness of a code.

    A random forest tells each factor from the code; how much it uses each latent is
    the importance of that latent. Three quarters of the images train it.

    Args:
        codes: (n, k) float array with k of at least 2, samples of the posterior.
        factors: (n, f) float array of at least 2 independent factors, any units.
        n_trees: trees of each forest.
        seed: of the forests and of which images are left out.

    Returns:
        The three scores.

    Raises:
        ValueError: if lengths differ, or there is one latent or one factor only.

    Example:
        >>> factors = np.random.default_rng(0).normal(size=(800, 2))
        >>> scores = dci(factors[:, ::-1], factors)
        >>> scores.disentanglement > 0.9, scores.informativeness > 0.9
        (True, True)

    Source: Eastwood and Williams, A framework for the quantitative evaluation of
        disentangled representations (2018), section 2.
    Taught in: chapter 10.
    """
    codes, factors = _checked(codes, factors)
    if codes.shape[1] < 2 or factors.shape[1] < 2:
        raise ValueError(
            "at least 2 latents and 2 factors are needed, got "
            f"{codes.shape[1]} and {factors.shape[1]}"
        )
    order = np.random.default_rng(seed).permutation(len(codes))
    test, train = np.split(order, [len(codes) // 4])
    importance, told = [], []
    for factor in factors.T:
        forest = RandomForestRegressor(
            n_trees, max_depth=10, min_samples_leaf=5, random_state=seed, n_jobs=-1
        ).fit(codes[train], factor[train])
        importance.append(forest.feature_importances_)
        forest.set_params(n_jobs=1)  # threads would add trees up in any order
        told.append(r2_score(factor[test], forest.predict(codes[test])))
    used = np.transpose(importance)
    weight = used.sum(axis=1) / used.sum()
    return DCI(
        float(weight @ _concentration(used)),
        float(_concentration(used.T).mean()),
        float(np.mean(told)),
    )


def _concentration(importance: np.ndarray) -> np.ndarray:
    """Give 1 for rows with one entry that is not zero, 0 for rows of equal entries."""
    total = importance.sum(axis=1, keepdims=True)
    share = importance / np.where(total > 0, total, 1)
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1)), axis=1)
    return 1 - entropy / np.log(importance.shape[1])


def _binned(column: np.ndarray, n_bins: int) -> np.ndarray:
    if len(np.unique(column)) <= n_bins:
        return np.unique(column, return_inverse=True)[1]
    edges = np.quantile(column, np.arange(1, n_bins) / n_bins)
    return np.searchsorted(edges, column)


def _checked(codes, factors):
    codes, factors = np.asarray(codes), np.asarray(factors)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(
            "`codes` must be (n, k) and `factors` (n, f), got "
            f"{codes.shape} and {factors.shape}"
        )
    return codes, factors
