"""Probabilistic PCA: the latent variable model whose likelihood is known exactly.

A code of k standard normal numbers is drawn, decoded by a linear map, and noise of one
standard deviation is added to each pixel. Then images are Gaussian, and what a
variational autoencoder can only bound is known exactly: the likelihood of an image, the
posterior of its code, and the parameters that fit best.
"""

import copy
import math
from typing import Self

import numpy as np
from scipy import linalg

from .baselines import Baseline


class PPCA(Baseline):
    r"""Probabilistic principal components, fitted to the highest likelihood.

    $z \sim N(0, I)$ and $x \mid z \sim N(Wz + \mu, \sigma^2 I)$, so that
    $x \sim N(\mu, WW^\top + \sigma^2 I)$. Of all $W$, $\mu$ and $\sigma$ those are
    taken that make the training images most likely: $\mu$ is their mean, $\sigma^2$ the
    mean of the covariance's eigenvalues after the k-th, and the columns of $W$ are the
    first k eigenvectors, of length $\sqrt{\lambda_i - \sigma^2}$.

    `reconstruct` decodes the mean of the posterior, which shrinks PCA's code a little.

    Args:
        k: numbers per image in the code; fewer than pixels and than training images
            less one.

    Attributes:
        mean: (pixels,) array, model units; pixels in row-major order.
        components: (k, pixels) array, orthonormal rows, largest variance first.
        variances: (k,) array, eigenvalues of the covariance (divided by n, as the
            likelihood wants it), squared model units; never below `sigma` squared.
        sigma: standard deviation of the noise in each pixel, model units.

    Example:
        >>> images = np.random.default_rng(0).random((50, 4, 4, 1))
        >>> ppca = PPCA(3).fit(images)
        >>> ppca.log_likelihood(images).shape, ppca.sample(2, seed=0).shape
        ((50,), (2, 4, 4, 1))

    Source: Tipping and Bishop, J. R. Stat. Soc. B 61 (1999) 611-622, section 3.2.
    Taught in: chapters 6 and 9.
    """

    @property
    def loadings(self) -> np.ndarray:
        """Return $W$, the matrix that decodes: (pixels, k), model units."""
        return self.components.T * np.sqrt(self.variances - self.sigma**2)

    def with_sigma(self, sigma: float) -> Self:
        """Give the model that is most likely for the training images at another sigma.

        The fitted `sigma` is that of the *training* images, too small for unseen ones.
        Take the error of `reconstruct` on validation patients instead. A component that
        varies less than the new noise has length 0 then.

        Args:
            sigma: standard deviation of the noise in each pixel, model units.

        Returns:
            A new model; this one stays as it is.

        Raises:
            ValueError: before `fit`, or unless `sigma` is positive and finite.

        Example:
            >>> images = np.random.default_rng(0).random((50, 4, 4, 1))
            >>> PPCA(3).fit(images).with_sigma(0.5).sigma
            0.5
        """
        if not hasattr(self, "sigma"):
            raise ValueError("PPCA has learnt nothing: call `fit`")
        if not 0 < sigma < math.inf:
            raise ValueError(f"`sigma` must be positive and finite, got {sigma}")
        other = copy.copy(self)
        other.sigma = float(sigma)
        other.variances = np.maximum(self.variances, sigma**2)
        return other

    def log_likelihood(self, images: np.ndarray) -> np.ndarray:
        """Give the logarithm of the density of each image, exactly.

        Args:
            images: (n, height, width, 1) array, float, model units.

        Returns:
            float64 (n,), nats per image; positive where the density exceeds 1.

        Raises:
            ValueError: before `fit`, or for images of another size than there.
        """
        centred, along = self._centred_and_along(images)
        across = (centred**2).sum(axis=1) - (along**2).sum(axis=1)
        n_across = centred.shape[1] - self.k
        log_determinant = np.log(self.variances).sum()
        log_determinant += 2 * n_across * math.log(self.sigma)
        distance = (along**2 / self.variances).sum(axis=1) + across / self.sigma**2
        constant = centred.shape[1] * math.log(2 * math.pi)
        return -0.5 * (constant + log_determinant + distance)

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the distribution of each image's code, given the image, exactly.

        It is Gaussian with independent numbers, and its variance is the same for all
        images.

        Args:
            images: (n, height, width, 1) array, float, model units.

        Returns:
            The means, float64 (n, k), and the variances, float64 (k,); no unit.

        Raises:
            ValueError: as `log_likelihood`.
        """
        _, along = self._centred_and_along(images)
        scale = np.sqrt(self.variances - self.sigma**2) / self.variances
        return along * scale, self.sigma**2 / self.variances

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Give the mean image of each code.

        Args:
            codes: (n, k) array, float, no unit.

        Returns:
            float32 (n, height, width, 1), model units; not clipped.
        """
        flat = codes @ self.loadings.T + self.mean
        return flat.reshape(-1, *self._image_shape).astype(np.float32)

    def sample(self, n: int, *, seed: int, noise: bool = True) -> np.ndarray:
        """Draw new images from the model.

        Args:
            n: how many.
            seed: seed of the draws.
            noise: whether to add the noise of the pixels, which belongs to the model,
                or to show the mean images only.

        Returns:
            float32 (n, height, width, 1), model units; not clipped.
        """
        rng = np.random.default_rng(seed)
        images = self.decode(rng.normal(size=(n, self.k)))
        if not noise:
            return images
        return images + (self.sigma * rng.normal(size=images.shape)).astype(np.float32)

    def _learn(self, images: np.ndarray) -> None:
        n, pixels = len(images), images[0].size
        if self.k >= min(n - 1, pixels):
            raise ValueError(
                "`k` must be smaller than the pixels and than the training images less "
                f"one, got k = {self.k}, {pixels} pixels and {n} images"
            )
        flat = images.reshape(n, -1).astype(np.float64)
        self.mean = flat.mean(axis=0)
        centred = flat - self.mean
        self.variances, self.components = _leading(centred, self.k)
        total = (centred**2).sum() / n
        left = total - self.variances.sum()
        if left <= 1e-12 * total:  # no more than rounding
            raise ValueError(
                f"{self.k} components leave nothing over, so that the likelihood has no"
                " bound: give a smaller `k`"
            )
        # of n images n - 1 eigenvalues are not 0, but all pixels but k share the noise
        self.sigma = math.sqrt(left / (pixels - self.k))

    def _redraw(self, images: np.ndarray) -> np.ndarray:
        return self.decode(self.posterior(images)[0])

    def _centred_and_along(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat = self._like_fitted(images).reshape(len(images), -1)
        centred = flat.astype(np.float64) - self.mean
        return centred, centred @ self.components.T


def _leading(centred: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the k largest eigenvalues of the covariance and their eigenvectors."""
    n, pixels = centred.shape
    # products of images or of pixels, whichever are fewer, have the same eigenvalues
    tall = n > pixels
    products = (centred.T @ centred if tall else centred @ centred.T) / n
    size = len(products)
    values, vectors = linalg.eigh(products, subset_by_index=[size - k, size - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    if tall:
        return values, vectors.T
    return values, vectors.T @ centred / np.sqrt(n * values)[:, None]
