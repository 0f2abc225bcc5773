r"""What a linear VAE must learn, computed from the data before any training.

Encoder and decoder linear, one noise $\sigma$ for all pixels, a KL weighted with
$\beta$: the optimum of this model is known in closed form, and all that it needs are
the eigenvalues $\lambda_i$ of the covariance of the training images. Only the product
$\beta\sigma^2$ matters. For a deep network $\lambda_1$ still says where a collapsed
state becomes stable.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LinearOptimum:
    """What the best linear VAE does, one value per image where nothing else is said.

    Attributes:
        kl_per_latent: (latent_dim,) nats, largest first.
        squared_error: expected sum over the pixels of (x - x_hat)^2 with z drawn from
            the posterior, squared units of the images.
        squared_error_of_mean: the same with z the posterior's mean, as `reconstruct`
            does it; smaller.
    """

    kl_per_latent: np.ndarray
    squared_error: float
    squared_error_of_mean: float

    @property
    def kl(self) -> float:
        """The rate, nats per image."""
        return float(self.kl_per_latent.sum())

    @property
    def active_units(self) -> int:
        """Number of latents that say anything about the image."""
        return int(np.count_nonzero(self.kl_per_latent))

    @property
    def collapsed(self) -> bool:
        """Whether the code says nothing at all."""
        return self.active_units == 0


def covariance_eigenvalues(images: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of the covariance of images, largest first.

    The covariance divides by the number of images, as maximum likelihood does. The sum
    of all is the squared error of the mean image, summed over its pixels.

    Args:
        images: (n, ...) array, float, n > 1; model units.

    Returns:
        float64 (min(n, pixels),), squared model units, not negative.

    Raises:
        ValueError: for fewer than two images or values that are not finite.

    Example:
        >>> covariance_eigenvalues(np.array([[0.0, 1.0], [0.0, -1.0]])).tolist()
        [1.0, 0.0]

    Source: Tipping and Bishop, Probabilistic principal component analysis (1999).
    Taught in: chapter 7.
    """
    flat = np.asarray(images, dtype=np.float64)
    if flat.ndim < 2 or len(flat) < 2 or not np.isfinite(flat).all():
        raise ValueError(
            "`images` must be two or more finite images, got an array of shape "
            f"{flat.shape}"
        )
    flat = flat.reshape(len(flat), -1)
    flat = flat - flat.mean(axis=0)
    # both products have the same eigenvalues but for zeros: take the smaller
    gram = flat @ flat.T if len(flat) < flat.shape[1] else flat.T @ flat
    return np.clip(np.linalg.eigvalsh(gram)[::-1] / len(flat), 0.0, None)


def linear_optimum(
    eigenvalues: np.ndarray, beta_sigma2: float, *, latent_dim: int
) -> LinearOptimum:
    r"""Return what the linear VAE with this $\beta\sigma^2$ has learnt at its optimum.

    With $s = \beta\sigma^2$, latent $i$ is active iff $\lambda_i > s$. It then has a
    KL of $\frac12\log(\lambda_i/s)$ and leaves an expected squared error of $s$ along
    its direction; an idle one leaves $\lambda_i$. All are idle, and the model has
    collapsed, iff $s \ge \lambda_1$.

    Args:
        eigenvalues: (m,) of the data's covariance, squared model units, in any order.
        beta_sigma2: weight of the KL times variance of the likelihood, squared model
            units; positive. `models.scaling.effective_beta` gives it for any loss.
        latent_dim: numbers in the code.

    Returns:
        `LinearOptimum`.

    Raises:
        ValueError: if an eigenvalue is negative, `beta_sigma2` not positive or
            `latent_dim` below 1.

    Example:
        >>> best = linear_optimum(np.array([4.0, 2.0, 0.5]), 1.0, latent_dim=3)
        >>> best.active_units, round(best.kl, 3), best.squared_error
        (2, 1.04, 2.5)

    Source: Lucas et al., Don't blame the ELBO (2019), section 4, for beta = 1; a beta
        divides out of the loss and leaves a variance of beta sigma^2.
    Taught in: chapter 7.
    """
    values = _checked(eigenvalues, latent_dim)
    if not beta_sigma2 > 0:
        raise ValueError(
            f"`beta_sigma2` must be positive, got {beta_sigma2}: without noise or KL "
            "the model is an autoencoder, and its rate infinite"
        )
    kept, left = values[:latent_dim], values[latent_dim:].sum()
    kl = np.zeros(latent_dim)
    kl[: len(kept)] = 0.5 * np.log(np.maximum(kept / beta_sigma2, 1.0))
    sampled = np.minimum(kept, beta_sigma2)
    of_mean = sampled**2 / np.maximum(kept, beta_sigma2)
    of_mean = np.where(kept > beta_sigma2, of_mean, kept)
    return LinearOptimum(kl, float(sampled.sum() + left), float(of_mean.sum() + left))


def linear_elbo(
    eigenvalues: np.ndarray,
    *,
    sigma: float,
    beta: float = 1.0,
    latent_dim: int,
    n_pixels: int,
) -> float:
    r"""Return the evidence lower bound that the best linear VAE reaches.

    The bound itself has no $\beta$; the model is the one that training with this
    $\beta$ finds. For $\beta = 1$ it is the exact log-likelihood of probabilistic PCA
    with this $\sigma$. Models of equal $\beta\sigma^2$ are the same but for their
    noise, and differ here.

    Args:
        eigenvalues: as for `linear_optimum`; missing ones count as zero.
        sigma: standard deviation of the likelihood, model units; positive.
        beta: weight of the KL in training; positive.
        latent_dim: numbers in the code.
        n_pixels: numbers per image.

    Returns:
        Mean over the training images, nats per image.

    Raises:
        ValueError: as `linear_optimum`; if `sigma` or `beta` is not positive, or there
            are more eigenvalues than pixels.

    Example:
        >>> round(linear_elbo(np.ones(2), sigma=1.0, latent_dim=1, n_pixels=2), 3)
        -2.838

    Source: Lucas et al., Don't blame the ELBO (2019), section 4.
    Taught in: chapter 7.
    """
    if not (sigma > 0 and beta > 0):
        raise ValueError(f"`sigma` and `beta` must be positive, got {sigma} and {beta}")
    if len(eigenvalues) > n_pixels:
        raise ValueError(
            f"an image of {n_pixels} numbers has no more eigenvalues, got "
            f"{len(eigenvalues)}: give `n_pixels` with all channels"
        )
    best = linear_optimum(eigenvalues, beta * sigma**2, latent_dim=latent_dim)
    constant = 0.5 * n_pixels * math.log(2 * math.pi * sigma**2)
    return -best.squared_error / (2 * sigma**2) - constant - best.kl


def _checked(eigenvalues: np.ndarray, latent_dim: int) -> np.ndarray:
    values = np.asarray(eigenvalues, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not (values >= 0).all():
        raise ValueError(
            "`eigenvalues` must be a list of numbers that are not negative, got shape "
            f"{values.shape}: `covariance_eigenvalues` gives them"
        )
    if latent_dim < 1:
        raise ValueError(f"`latent_dim` must be at least 1, got {latent_dim}")
    return np.sort(values)[::-1]
