"""What an autoencoder has to beat: four reconstructions that need no network.

Each writes an image as `code_size` numbers and draws it again from these alone, beside
an autoencoder with a code of the same size. What is learnt from the training images,
such as the mean image, is like the weights of a decoder and not counted in the code.
"""

import math
from typing import Self

import numpy as np
from scipy import fft
from skimage.transform import resize
from sklearn import decomposition


class Baseline:
    """What the baselines have in common: the checks around their two verbs.

    Args:
        k: numbers per image that may be kept, at most the pixels.

    Attributes:
        code_size: numbers per image that are kept; final after `fit`.
    """

    def __init__(self, k: int) -> None:
        if k != int(k) or k < 1:
            raise ValueError(f"`k` must be a whole number of at least 1, got {k}")
        self.k = self.code_size = int(k)

    def fit(self, train_images: np.ndarray) -> Self:
        """Learn from training images whatever the method needs.

        Args:
            train_images: (n, height, width, 1) array, float, model units.

        Returns:
            The fitted baseline itself.

        Raises:
            ValueError: unless finite and of this shape, enough and large enough for k.
        """
        images = _checked(train_images)
        pixels = images[0].size
        if self.code_size > pixels:
            raise ValueError(f"`k` must be at most the {pixels} pixels, got {self.k}")
        self._learn(images)
        self._image_shape = images.shape[1:]
        return self

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Draw images again from `code_size` numbers each.

        Args:
            images: (n, height, width, 1) array, float, model units.

        Returns:
            float32 array of the same shape, model units; not clipped.

        Raises:
            ValueError: before `fit`, or for images of another size than there.
        """
        return self._redraw(self._like_fitted(images)).astype(np.float32)

    def _like_fitted(self, images: np.ndarray) -> np.ndarray:
        if not hasattr(self, "_image_shape"):
            raise ValueError(f"{type(self).__name__} has learnt nothing: call `fit`")
        images = _checked(images)
        if images.shape[1:] != self._image_shape:
            raise ValueError(
                f"`fit` saw images of {self._image_shape}, got {images.shape[1:]}"
            )
        return images


class MeanImage(Baseline):
    """The mean of the training images, whatever the image: a code of 0 numbers.

    Attributes:
        mean: (height, width, 1) float32 array, model units.

    Example:
        >>> images = np.stack([np.zeros((4, 4, 1)), np.ones((4, 4, 1))])
        >>> float(MeanImage().fit(images).reconstruct(images).max())
        0.5

    Source: no constant has a smaller squared error. Taught in: chapter 2.
    """

    def __init__(self) -> None:
        self.code_size = 0

    def _learn(self, images: np.ndarray) -> None:
        self.mean = images.mean(axis=0)

    def _redraw(self, images: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.mean, images.shape)


class PCA(Baseline):
    """Principal components: the best linear code of k numbers in the squared error.

    Args:
        k: numbers per image; fewer than training images, at most the pixels.
        seed: seed of the randomised solver.

    Attributes:
        mean: (pixels,) float32 array, model units; pixels in row-major order.
        components: (k, pixels) float32 array, orthonormal rows, largest variance first.
        explained_variance: (k,) float32 array, variance of each code over the training
            images (divided by n - 1), squared model units.

    Example:
        >>> images = np.random.default_rng(0).random((20, 4, 4, 1))
        >>> pca = PCA(3).fit(images)
        >>> pca.codes(images).shape, pca.reconstruct(images).shape
        ((20, 3), (20, 4, 4, 1))

    Source: Eckart and Young, Psychometrika 1 (1936) 211-218; solver: Halko et al.,
        SIAM Review 53 (2011) 217-288.
    Taught in: chapters 2 and 3.
    """

    def __init__(self, k: int, *, seed: int = 0) -> None:
        super().__init__(k)
        self.seed = seed

    def codes(self, images: np.ndarray) -> np.ndarray:
        """Give the code of each image: its coordinates along the components.

        Args:
            images: (n, height, width, 1) array, float, model units.

        Returns:
            (n, k) float32 array, model units, of mean 0 over the training images.

        Raises:
            ValueError: as `reconstruct`.
        """
        flat = self._like_fitted(images).reshape(len(images), -1)
        return (flat - self.mean) @ self.components.T

    def _learn(self, images: np.ndarray) -> None:
        if self.k >= len(images):
            raise ValueError(
                "`k` must be smaller than the number of training images, got k = "
                f"{self.k} and {len(images)} images"
            )
        # with so much oversampling and iteration the error is the exact solver's
        solver = decomposition.PCA(
            self.k,
            svd_solver="randomized",
            n_oversamples=self.k + 10,
            iterated_power=7,
            random_state=self.seed,
        ).fit(images.reshape(len(images), -1))
        self.mean = solver.mean_
        self.components = solver.components_
        self.explained_variance = solver.explained_variance_

    def _redraw(self, images: np.ndarray) -> np.ndarray:
        return (self.codes(images) @ self.components + self.mean).reshape(images.shape)


class DCT(Baseline):
    """The k cosine waves that vary most over the training images.

    The waves are fixed, as in JPEG; the training images, less their mean, only choose
    which to keep, the same for every image. The usual zigzag order of rising frequency
    is blind to the data: at equal k it loses 1 dB and more on CT slices.

    Attributes:
        mean: (height, width, 1) float32 array, model units.
        kept: (height, width, 1) bool array, True at the k coefficients kept.

    Example:
        >>> rows = np.random.default_rng(0).random((20, 1, 4, 1))
        >>> dct = DCT(4).fit(np.tile(rows, (1, 4, 1, 1)))
        >>> dct.kept[0, :, 0].tolist()
        [True, True, True, True]

    Source: zonal coding, Jain, Fundamentals of digital image processing (1989), ch. 11.
    Taught in: chapter 2.
    """

    def _learn(self, images: np.ndarray) -> None:
        self.mean = images.mean(axis=0)
        energy = (self._waves(images) ** 2).mean(axis=0, dtype=np.float64)
        self.kept = np.zeros(energy.shape, dtype=bool)
        self.kept.flat[np.argsort(-energy, axis=None, kind="stable")[: self.k]] = True

    def _redraw(self, images: np.ndarray) -> np.ndarray:
        kept = self._waves(images) * self.kept
        return fft.idctn(kept, axes=(1, 2), norm="ortho") + self.mean

    def _waves(self, images: np.ndarray) -> np.ndarray:
        return fft.dctn(images - self.mean, axes=(1, 2), norm="ortho")


class Downsample(Baseline):
    """A thumbnail of at most k pixels, smoothed before and interpolated afterwards.

    Only the size is learnt. The thumbnail has rows and columns in about the image's own
    proportion: 4 x 4 for k = 16, 5 x 6 (30 numbers) for k = 32.

    Attributes:
        thumbnail_shape: (rows, columns), their product is `code_size`.

    Example:
        >>> thumbnail = Downsample(32).fit(np.zeros((1, 64, 64, 1)))
        >>> thumbnail.thumbnail_shape, thumbnail.code_size
        ((5, 6), 30)

    Source: `skimage.transform.resize`, cubic splines upwards. Taught in: chapter 2.
    """

    def _learn(self, images: np.ndarray) -> None:
        height, width = images.shape[1:3]
        rows = min(height, max(1, math.isqrt(self.k * height // width)))
        columns = min(width, self.k // rows)
        self.thumbnail_shape = rows, columns
        self.code_size = rows * columns
        # both steps are linear and treat rows and columns apart: two matrices
        self._along_rows = _shrink_and_grow(height, rows)
        self._along_columns = _shrink_and_grow(width, columns)

    def _redraw(self, images: np.ndarray) -> np.ndarray:
        return (self._along_rows @ images[..., 0] @ self._along_columns.T)[..., None]


def _shrink_and_grow(n: int, n_small: int) -> np.ndarray:
    """Give the (n, n) matrix that takes a line of n pixels to n_small and back."""
    alike = {"mode": "edge", "clip": False}
    small = resize(np.eye(n), (n_small, n), order=1, anti_aliasing=True, **alike)
    return resize(small, (n, n), order=3, anti_aliasing=False, **alike)


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 1 or images.size == 0:
        raise ValueError(
            f"images must have shape (n, height, width, 1), n > 0, got {images.shape}"
        )
    if images.dtype.kind != "f" or not np.isfinite(images).all():
        raise ValueError(
            "images must be finite floats in model units, got "
            f"{'NaN or infinity' if images.dtype.kind == 'f' else images.dtype}"
        )
    return images.astype(np.float32, copy=False)
